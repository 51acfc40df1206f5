"""Write files completely or not at all, and check inputs and outputs before the work begins."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from liax.errors import LiaxError, OutputExistsError

_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that becomes `path` when the block ends, and is deleted if the block raises.

    It is written beside `path` under a hidden name and renamed at the end, so what was at `path` stays until
    its replacement is complete.

    Raises:
        LiaxError: If the folder is missing, the disk is full or the file cannot be written.
    """
    if not path.parent.is_dir():
        raise LiaxError(f"{path} cannot be written: there is no folder {path.parent}", "create it first")
    path = path.resolve()  # through a symbolic link: replace what it points to, not the link
    part = path.with_name(f".{path.stem[:60]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb", buffering=1 << 18) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise LiaxError(
                f"{path} cannot be completed because the disk is full", "free some space or write elsewhere"
            ) from error
        if error.filename is not None and Path(os.fsdecode(error.filename)) in (part, path):
            raise LiaxError(f"{path} cannot be written ({error.strerror})", "write elsewhere") from error
        raise
    finally:
        with suppress(OSError):
            part.unlink()


def refuse_stream(path: Path, role: str) -> None:
    """Check that `path` is no device, pipe or socket, which would be waited for or never end.

    Args:
        path: What is to be read; it may be missing, or a folder.
        role: What it is to the user, such as "source"; it appears in messages.

    Raises:
        LiaxError: If it is one, or a link to one.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise LiaxError(f"{path} is a device or a pipe", f"save the {role} as a file first")


def check_input(path: Path, role: str) -> None:
    """Check that `path` is a readable regular file and not empty; a link to one is.

    Args:
        path: The file.
        role: What the file is to the user, such as "source"; it appears in messages.

    Raises:
        LiaxError: If it is not.
    """
    try:
        if path.is_dir():
            raise LiaxError(f"{path} is a folder", f"give the {role} file itself")
        if not path.exists():
            raise LiaxError(f"{path} does not exist", f"check the {role}'s name and folder")
        refuse_stream(path, role)
        if path.stat().st_size == 0:
            raise LiaxError(f"{path} is empty (0 bytes)", f"copy or download the {role} again")
        if not os.access(path, os.R_OK):
            raise LiaxError(f"{path} may not be read", "change its permissions")
    except (OSError, ValueError) as error:  # a name too long, a null character, a folder without permission
        raise LiaxError(f"{path} cannot be opened ({error})", f"check the {role}'s name") from error


def check_output(path: Path, *, suffixes: tuple[str, ...], overwrite: bool, inputs: tuple[Path, ...]) -> None:
    """Check that a file may be written at `path`, without touching anything.

    Args:
        path: The output.
        suffixes: File name suffixes that can be written, in lower case with their dot.
        overwrite: Whether an existing file may be replaced.
        inputs: Files that the output must not replace.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If it cannot be written for another reason.
    """
    if path.suffix.lower() not in suffixes:
        raise LiaxError(f"{path} has no ending that can be written", f"name it one of {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise LiaxError(f"{path.parent} is not a folder", f"create it before writing {path.name} there")
    if path.is_dir():
        raise LiaxError(f"{path} is a folder", "name a file in it")
    if path.exists() and not overwrite:
        raise OutputExistsError(path)
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise LiaxError(f"{path} is also an input", "name another output")
    if not os.access(path.parent, os.W_OK):
        raise LiaxError(f"{path.parent} may not be written to", "choose another folder")
