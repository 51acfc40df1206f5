"""The private folder of a running studio: uploads and results, removed in time and at its end."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: what a crash leaves stays until the system clears its temporary files
    fcntl = None  # type: ignore[assignment]

# Names of the folder, and of the file in it that a running studio has locked.
_PREFIX = "liax-studio-"
_LOCK = ".alive"
# How Gradio calls a file while it is uploaded.
_UNFINISHED = "tmp*"
# What stays free on the disk, whatever the limits allow.
_SPARE_BYTES = 500_000_000


class StudioFolder:
    """A new folder that only this user can enter; those of studios that were killed are removed.

    A running studio holds a lock on a file in its folder. The system releases it however the process ends.

    Attributes:
        path: Where it is.
    """

    def __init__(self) -> None:
        for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
            dead = _lock_file(lock)
            if dead is not None:
                with dead:
                    shutil.rmtree(lock.parent, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        unheld = self.path / f"{_LOCK}.new"
        unheld.touch()
        self._held = _lock_file(unheld)
        unheld.rename(self.path / _LOCK)
        self._kept = {self.path / _LOCK}

    def keep_what_is_here(self) -> None:
        """Let the files that are in it now, such as the examples, never get old nor count as uploads."""
        self._kept |= set(self._files())

    def remove_old(self, seconds: float) -> None:
        """Remove the files that were written longer ago than this, and the folders that this empties."""
        self._remove_written_before(time.time() - seconds, self._files())

    def remove_unfinished(self, before: float) -> None:
        """Remove what uploads that ended early have left, as far as it was written before this time."""
        self._remove_written_before(before, self.path.glob(_UNFINISHED))

    def free_bytes(self, megabytes: int) -> int:
        """How much more may be written if uploads and results may have so many megabytes; may be negative."""
        used = sum(_size(path) for path in self._files() if path not in self._kept)
        on_disk = shutil.disk_usage(self.path).free - _SPARE_BYTES
        return min(1_000_000 * megabytes - used, on_disk)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._held is not None:
            self._held.close()

    def _files(self) -> Iterator[Path]:
        # Unlike Path.rglob, os.walk takes it when a folder is removed in the meantime.
        return (Path(folder, name) for folder, _, names in os.walk(self.path) for name in names)

    def _remove_written_before(self, time_: float, files: Iterable[Path]) -> None:
        for path in list(files):
            # Whatever else removes a file at the same time, all others shall go.
            with suppress(OSError):
                if path not in self._kept and path.stat().st_mtime < time_:
                    path.unlink()
                    path.parent.rmdir()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # removed in the meantime
        return 0


def _lock_file(path: Path) -> IO[bytes] | None:
    """The file, locked until it is closed; None if another process has locked it, or another user owns it."""
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
