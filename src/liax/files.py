"""Write files completely or not at all, and check inputs and outputs before the work begins."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import IO

from liax.bounded import short
from liax.errors import LiaxError, OutputExistsError

_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
# In bytes: what common file systems allow, and how much of a name an unfinished file's keeps.
_LONGEST_NAME, _LONGEST_PATH, _LONGEST_STEM = 255, 4000, 120
# Seconds after which another machine's unfinished file is taken for left behind.
_STALE_S = 24 * 3600


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = True) -> Iterator[IO[bytes]]:
    """Open a binary file that becomes `path` when the block ends, and is deleted if the block raises.

    It is written beside `path` under a hidden name and renamed at the end, so what was at `path` stays until
    its replacement is complete. What runs that were killed have left in that folder is deleted.

    Args:
        path: A link is followed, and what it points to is replaced.
        overwrite: Whether a file that is at `path` when the block ends is replaced.

    Raises:
        OutputExistsError: If the file exists at the end, and `overwrite` is false.
        LiaxError: If the name cannot be one of a file, the folder is missing, something other than a file is
            at `path`, the disk is full or the file cannot be written.
    """
    check_name(path)
    if not path.parent.is_dir():
        raise LiaxError(f"{path} cannot be written: there is no folder {path.parent}", "create it first")
    named, path = path, path.resolve()  # through a symbolic link: replace what it points to, not the link
    _check_replaceable(path)
    _sweep(path.parent)
    part = path.with_name(_part_name(path))
    try:
        with part.open("x+b", buffering=1 << 18) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _check_replaceable(path)
        if overwrite:
            os.replace(part, path)
        elif not _rename_to_new(part, path):
            raise OutputExistsError(named)
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


@contextmanager
def atomic_files(folder: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """A hidden folder whose files are moved into `folder` when the block ends, and deleted if it raises.

    Args:
        overwrite: Whether files of their names are replaced.

    Raises:
        OutputExistsError: If there is one at the end, and `overwrite` is false; those before it stay.
    """
    _sweep(folder.resolve())
    part = folder / _part_name(folder / "pictures")
    part.mkdir()
    try:
        yield part
        for file in sorted(part.iterdir()):
            _check_replaceable(folder / file.name)
            if overwrite:
                os.replace(file, folder / file.name)
            elif not _rename_to_new(file, folder / file.name):
                raise OutputExistsError(folder / file.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def scratch_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file beside `path` for the block, which writes and reads it; it is deleted at the end.

    Args:
        path: What is made of it; its name and folder have been checked.
    """
    path = path.resolve()
    part = path.with_name(_part_name(path))
    try:
        with part.open("x+b", buffering=1 << 18) as file:
            yield file
    finally:
        with suppress(OSError):
            part.unlink()


def _rename_to_new(part: Path, path: Path) -> bool:
    """Give the finished file its name, unless another has it; whether it got it."""
    try:
        if os.name == "nt":
            part.rename(path)  # which replaces nothing there
        else:
            os.link(part, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if path.exists():
            return False
        os.replace(part, path)
    return True


def check_name(path: Path) -> None:
    """Raise LiaxError for a name that no file can have: it has a null character, or is too long."""
    if "\0" in str(path):
        raise LiaxError(f"{short(str(path))} has a null character in its name", "name another file")
    too_long = any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts)
    if too_long or len(os.fsencode(path.absolute())) > _LONGEST_PATH:
        raise LiaxError(f"{short(str(path))} has a name that is too long", "name another file")


def _check_replaceable(path: Path) -> None:
    """Raise LiaxError if something other than a regular file is there; links are followed."""
    if path.exists() and not path.is_file():
        what = "folder" if path.is_dir() else "device or a pipe"
        raise LiaxError(f"{path} is a {what}, which is not replaced", "name a file")


def _part_name(path: Path) -> str:
    """A hidden name for an unfinished file, which says on which machine what process writes it."""
    stem = os.fsencode(path.stem)[:_LONGEST_STEM].decode("utf-8", "ignore")
    return f".{stem}.{_machine()}-{os.getpid()}.{secrets.token_hex(4)}.part"


_PART = re.compile(r"\..*?\.(?:([0-9a-f]{8})-([0-9]+)\.)?[0-9a-f]{8}\.part", re.DOTALL)


@cache
def _machine() -> str:
    """What tells apart machines, their starts, and containers, each of which counts its own processes."""
    facts = [platform.node()]
    with suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        facts.append(str(os.stat("/proc/self/ns/pid").st_ino))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:8]


@lru_cache(maxsize=1000)
def _sweep(folder: Path) -> None:
    """Delete unfinished files of processes that are gone; once for each folder and process.

    Those of this machine go as soon as their process has ended, others when nothing was written to them for
    a day.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _PART.fullmatch(entry.name)
            if match is None or entry.is_symlink():
                continue
            machine, process = match.groups()
            if machine == _machine() and os.name != "nt":
                stale = not _is_running(int(process))
            else:
                stale = time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_S
            if stale and entry.is_dir():
                shutil.rmtree(entry.path, ignore_errors=True)
            elif stale and entry.is_file():
                with suppress(OSError):
                    os.unlink(entry.path)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


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
        inputs: All files that are read, none of which the output may replace.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If it cannot be written for another reason.
    """
    check_name(path)
    if path.suffix.lower() not in suffixes:
        raise LiaxError(f"{path} has no ending that can be written", f"name it one of {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise LiaxError(f"{path.parent} is not a folder", f"create it before writing {path.name} there")
    _check_replaceable(path)
    if path.exists() and not overwrite:
        raise OutputExistsError(path)
    for source in inputs:
        if _is_same(path, source):
            raise LiaxError(f"{path} is also an input", "name another output")
    if not os.access(path.parent, os.W_OK):
        raise LiaxError(f"{path.parent} may not be written to", "choose another folder")


def check_folder_output(folder: Path, earlier: set[str], *, overwrite: bool) -> list[str]:
    """Check that a folder of files may be written, without touching anything.

    Args:
        folder: It may be missing or empty, or hold what was written before.
        earlier: What may have been written there before; empty if nothing was.
        overwrite: Whether that may be replaced.

    Returns:
        The names of what is there.

    Raises:
        OutputExistsError: If there is something that was written before, and `overwrite` is false.
        LiaxError: If there is something else.
    """
    check_name(folder)
    if not folder.exists():
        return []
    if not folder.is_dir():
        raise LiaxError(f"{folder} is not a folder", "name a new one")
    # Hidden files may be of one whose writing was killed.
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if others := names - earlier:
        raise LiaxError(f"{folder} has something else in it ({min(others)})", "name a new folder")
    if names and not overwrite:
        raise OutputExistsError(folder)
    return sorted(names)


def _is_same(path: Path, source: Path) -> bool:
    """Whether both are there, and one file."""
    try:
        return path.exists() and source.exists() and path.samefile(source)
    except (OSError, ValueError):  # a source with an impossible name is refused where it is read
        return False
