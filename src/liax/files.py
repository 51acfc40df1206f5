"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from liax.errors import LiaxError

_NO_SPACE = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that becomes `path` when the block ends well, and vanishes when it does not.

    It is written beside `path` under a hidden name and renamed at the end, so what was at `path` stays until
    its replacement is complete. Raises LiaxError when the folder is missing or the disk is full.
    """
    if not path.parent.is_dir():
        raise LiaxError(f"{path} cannot be written: there is no folder {path.parent}; create it first.")
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
                f"{path} cannot be completed because the disk is full; free some space or write elsewhere."
            ) from error
        if error.filename is not None and Path(os.fsdecode(error.filename)) in (part, path):
            raise LiaxError(f"{path} cannot be written ({error.strerror}); write elsewhere.") from error
        raise
    finally:
        with suppress(OSError):
            part.unlink()
