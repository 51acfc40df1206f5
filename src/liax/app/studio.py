"""What all tabs of the page share: the model, open portraits, the queue of jobs, and a temporary folder.

The folder is private, and removed at the end; after a crash the next studio removes it.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from liax.app.jobs import Job, JobFunction, JobQueue
from liax.app.uploads import VisitorLimits, check_picture
from liax.options import EditOptions, EditSettings, SourceOptions
from liax.portrait import Animator, edit_image, open_portrait
from liax.portrait.edit import PictureEditor
from liax.portrait.edit_vector import Edit
from liax.portrait.source import Portrait
from liax.weights.controls import Controls

try:
    import fcntl
except ImportError:  # Windows: what a crash leaves stays until the system clears its temporary files
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

T = TypeVar("T")

# How many portraits are kept encoded.
_OPEN_PORTRAITS = 8
# How many of a visitor's results are kept where one replaces the other on the page.
_RESULTS_PER_VISITOR = 2
# Names of the temporary folder, and of the file in it that a running studio has locked.
_PREFIX = "liax-studio-"
_LOCK = ".alive"


class Studio:
    """What the tabs share.

    Use it as a context manager: at its end jobs are stopped and the folder is removed.

    Args:
        animator: The model.
        weights_name: What visitors write after `--weights` to use the same model.
        limits: What uploads may be.

    Attributes:
        folder: All uploads and results.
    """

    def __init__(
        self, animator: Animator, weights_name: str = "small", limits: VisitorLimits | None = None
    ) -> None:
        self.animator, self.weights_name, self.limits = animator, weights_name, limits or VisitorLimits()
        self._temporary = TemporaryFolder()
        self.folder = self._temporary.path
        self._queue, self._quick = JobQueue(self.limits.waiting), ThreadPoolExecutor(1, "liax-quick")
        self._portraits = LRUCache[Portrait](_OPEN_PORTRAITS)
        self._editors = LRUCache[PictureEditor](_OPEN_PORTRAITS)
        # Folder, visitor (see `new_result_path`) and time of each result.
        self._results: list[tuple[Path, str | None, float]] = []
        self._results_lock = threading.Lock()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._temporary.remove()

    def stop(self) -> None:
        """End all work: the running job at its next frame, those that wait at once. None can start again."""
        self._queue.close()
        self._quick.shutdown(cancel_futures=True)

    @property
    def controls(self) -> Controls:
        """The weights' controls."""
        return self.animator.controls

    def portrait(self, path: Path, options: SourceOptions = SourceOptions()) -> Portrait:  # noqa: B008 - frozen
        """The portrait at `path` as `open_portrait` gives it; the last ones stay encoded.

        Raises:
            LiaxError: If it is beyond the limits, or shows no such face.
        """
        check_picture(path, self.limits)
        key = (path, options.face, options.crop)
        return self._portraits.get(key, lambda: open_portrait(self.animator, path, options))

    def edit_portrait(
        self,
        path: Path,
        settings: EditSettings,
        options: EditOptions = EditOptions(),  # noqa: B008 - frozen
    ) -> NDArray[np.uint8]:
        """The picture that `edit_image` makes of the portrait at `path`, RGB uint8.

        The network draws once; all else is kept from the last time.

        Raises:
            LiaxError: If the portrait is beyond the limits, or the edit does not work.
        """
        portrait = self.portrait(path, options)
        if options.paste and options.crop:
            edit = Edit.of(settings, self.controls, options.force)
            pose = portrait.pose if edit.turns else {}
            edit_M = edit.vector_for(portrait.alpha_M, pose)
            if sentence := edit.held_back(pose):
                log.warning(sentence)
            key = (path, options.face)
            editor = self._editors.get(key, lambda: PictureEditor(self.animator, portrait))
            return editor(portrait.alpha_M + edit_M)
        return edit_image(self.animator, portrait, settings, options).picture_HW3

    def new_result_path(self, name: str, visitor: str | None = None) -> Path:
        """Where a result called `name`, such as "orbit.mp4", may be written: in a new folder of its own.

        Everybody's results that are older than the limits' `kept_minutes` are removed here.

        Args:
            visitor: Whose result this is, if it replaces their last one on the page. All but their last two
                are removed here.
        """
        folder = self.folder / "results" / secrets.token_hex(16)
        with self._results_lock:
            folder.mkdir(parents=True)
            self._results.append((folder, visitor, time.monotonic()))
            oldest = time.monotonic() - 60 * self.limits.kept_minutes
            own = [place for place, theirs, _ in self._results if visitor and theirs == visitor]
            old = {place for place, _, made in self._results if made < oldest}
            old |= set(own[:-_RESULTS_PER_VISITOR])
            self._results = [result for result in self._results if result[0] not in old]
        for place in old:
            shutil.rmtree(place, ignore_errors=True)
        return folder / name

    def job(self, work: JobFunction[T]) -> Job[T]:
        """Long work, to be done in its turn and within the limits."""
        return Job(work, self._queue, self.limits.frames)

    def run_quick(self, work: Callable[[], T]) -> T:
        """The result of `work`, done at once in a thread beside that of the jobs."""
        return self._quick.submit(work).result()


class LRUCache(Generic[T]):
    """The `capacity` things that were asked for last.

    It makes what it lacks, one thing at a time.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity, self._lock = capacity, threading.Lock()
        self._items: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of `make` for this key, from the cache if it is there."""
        with self._lock:
            if key not in self._items:
                self._items[key] = make()
            self._items.move_to_end(key)
            while len(self._items) > self._capacity:
                self._items.popitem(last=False)
            return self._items[key]


class TemporaryFolder:
    """A new folder that only this user can enter, at `path`; those of studios that were killed are removed.

    A running studio holds a lock on a file in its folder. The system releases it however the process ends.
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
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._held is not None:
            self._held.close()


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
