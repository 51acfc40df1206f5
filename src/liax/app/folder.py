"""The folder of all that is temporary: private, removed at the end, or after a crash by the next studio."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: what a crash leaves stays until the system clears its temporary files
    fcntl = None  # type: ignore[assignment]

_PREFIX = "liax-studio-"
_LOCK = ".alive"


class TemporaryFolder:
    """A new folder that only this user can enter, at `path`; folders of studios that were killed are removed.

    A living studio holds a lock on a file in its folder, which the system releases however the process ends.
    """

    def __init__(self) -> None:
        for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
            dead = _lock(lock)
            if dead is not None:
                with dead:
                    shutil.rmtree(lock.parent, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        unheld = self.path / f"{_LOCK}.new"
        unheld.touch()
        self._held = _lock(unheld)
        unheld.rename(self.path / _LOCK)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._held is not None:
            self._held.close()


def _lock(path: Path) -> IO[bytes] | None:
    """The file, locked until it is closed; None where another process has it, or it is another user's."""
    if fcntl is None:
        return None
    try:
        file = path.open("rb+")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
