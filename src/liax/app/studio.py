"""What all tabs of the page share: the model, loaded once, the open portraits, and a private temporary
folder.

The folder is removed at the end, or after a crash by the next studio."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

from liax.app.jobs import Job, JobFunction, JobQueue
from liax.app.lru import LRUCache
from liax.app.uploads import VisitorLimits, check_picture
from liax.portrait import Animator, edit_image, open_portrait
from liax.portrait.edit import Edit, EditSettings, PictureEditor
from liax.portrait.source import Portrait
from liax.weights.controls import Controls

T = TypeVar("T")

# Portraits that are kept encoded.
_OPEN_PORTRAITS = 8
# Results that a visitor may be looking at while the next one is made.
_RESULTS_PER_VISITOR = 2


class Studio:
    """The model, its name for `--weights`, what uploads may be, and the folder of all temporary files.

    Use as a context manager: at its end work is stopped and the folder removed, with all that visitors left.
    """

    def __init__(
        self, animator: Animator, weights_name: str = "small", limits: VisitorLimits | None = None
    ) -> None:
        self.animator, self.weights_name, self.limits = animator, weights_name, limits or VisitorLimits()
        self._temporary = TemporaryFolder()
        self.folder = self._temporary.path
        self._queue, self._quick = JobQueue(self.limits.waiting), ThreadPoolExecutor(1, "liax-quick")
        self._open_portraits, self._editors = (
            LRUCache[Portrait](_OPEN_PORTRAITS),
            LRUCache[PictureEditor](_OPEN_PORTRAITS),
        )
        # Folder, visitor (see `new_result_path`) and time of what was made.
        self._results: list[tuple[Path, str | None, float]] = []
        self._results_lock = threading.Lock()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._temporary.remove()

    def stop(self) -> None:
        """End all work: what runs at its next frame, what waits at once. None can be begun any more."""
        self._queue.close()
        self._quick.shutdown(cancel_futures=True)

    @property
    def controls(self) -> Controls:
        """What the weights let one steer."""
        return self.animator.controls

    def portrait(self, path: Path, face: int | None = None, crop: bool = True) -> Portrait:
        """The portrait at `path` as `open_portrait` gives it; the last ones stay encoded.

        Raises:
            LiaxError: Also for what is beyond the limits.
        """
        check_picture(path, self.limits)
        key = (path, face, crop)
        return self._open_portraits.get(key, lambda: open_portrait(self.animator, path, crop=crop, face=face))

    def edit_portrait(
        self,
        path: Path,
        settings: EditSettings,
        *,
        face: int | None = None,
        crop: bool = True,
        paste: bool = False,
    ) -> NDArray[np.uint8]:
        """What `edit_image` makes of the portrait at `path`, RGB uint8, in one drawing of the network.

        All but that is kept from the last time.

        Raises:
            LiaxError: Also for what is beyond the limits.
        """
        portrait = self.portrait(path, face, crop)
        if paste and crop:
            alpha_M = portrait.alpha_M + Edit.of(settings, self.controls).vector_for(portrait.alpha_M)
            editor = self._editors.get((path, face), lambda: PictureEditor(self.animator, portrait))
            return editor(alpha_M)
        return edit_image(self.animator, portrait, settings, crop=crop, paste=paste).picture_HW3

    def new_result_path(self, name: str, visitor: str | None = None) -> Path:
        """Where a result called `name` ("orbit.mp4") may be written: in a new folder of its own.

        Args:
            visitor: Who sees one result replace the other; all but the last one of theirs are removed here,
                and everybody's that are older than the limits' `kept_minutes`.
        """
        folder = self.folder / "results" / secrets.token_hex(16)
        with self._results_lock:
            folder.mkdir(parents=True)
            self._results.append((folder, visitor, time.monotonic()))
            oldest = time.monotonic() - 60 * self.limits.kept_minutes
            own = [place for place, theirs, _ in self._results if visitor and theirs == visitor]
            old = {place for place, _, made in self._results if made < oldest} | set(
                own[:-_RESULTS_PER_VISITOR]
            )
            self._results = [result for result in self._results if result[0] not in old]
        for place in old:
            shutil.rmtree(place, ignore_errors=True)
        return folder / name

    def job(self, work: JobFunction) -> Job:
        """Long work, to be done in turn and within the limits; see `Job`."""
        return Job(work, self._queue, self.limits.frames)

    def run_quick(self, work: Callable[[], T]) -> T:
        """What `work` returns, done in a thread beside the long work, so that it need not wait for it."""
        return self._quick.submit(work).result()


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
            dead = _lock_file(lock)
            if dead is not None:
                with dead:
                    shutil.rmtree(lock.parent, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        unheld = self.path / f"{_LOCK}.new"
        unheld.touch()
        self._held = _lock_file(unheld)
        unheld.rename(self.path / _LOCK)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._held is not None:
            self._held.close()


def _lock_file(path: Path) -> IO[bytes] | None:
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
