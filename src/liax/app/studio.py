"""What all tabs of the page share: the model, open portraits, the queue of jobs, and a folder of files."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from liax.app.folder import StudioFolder
from liax.app.jobs import Job, JobFunction, JobQueue, Pace, capture_warnings
from liax.app.uploads import VisitorLimits, check_picture
from liax.errors import LiaxError, LiaxWarning
from liax.face.crop import Box
from liax.face.find import find_faces
from liax.face.landmarks import FaceLandmarker
from liax.media.images import read_image
from liax.options import AnimateOptions, EditOptions, EditSettings, LiveOptions, SourceOptions
from liax.portrait import Animator, edit_image, open_driving, open_portrait
from liax.portrait.edit import PictureEditor
from liax.portrait.edit_vector import Edit
from liax.portrait.motion import Driving
from liax.portrait.source import Portrait
from liax.progress import Progress
from liax.weights.controls import Controls

log = logging.getLogger(__name__)

T = TypeVar("T")

DEMO_PORTRAIT = Path(str(files("liax.assets") / "demo_portrait.jpg"))
# How many portraits are kept encoded, and of how many videos it is kept where the face is.
_OPEN_PORTRAITS, _OPEN_DRIVINGS = 8, 4
# How many results are kept where one replaces the other on the page, and for how many open pages.
_RESULTS_PER_VIEW, _VIEWS = 2, 1000
# How many pictures one visitor may ask for at once.
_QUICK_PER_VISITOR = 4


class Studio:
    """What the tabs share.

    Use it as a context manager: at its end jobs are stopped and the folder is removed.

    Args:
        animator: The model.
        weights_name: What visitors write after `--weights` to use the same model.
        limits: What uploads may be.
        live: How the tab "Live" is set when the page opens, and whether there is a virtual camera.
        first_portrait: Picture that is given on all tabs when the page opens.

    Attributes:
        files: All uploads and results.
        folder: Where they are.
    """

    def __init__(
        self,
        animator: Animator,
        weights_name: str = "small",
        limits: VisitorLimits | None = None,
        live: LiveOptions = LiveOptions(),  # noqa: B008 - frozen
        first_portrait: Path = DEMO_PORTRAIT,
    ) -> None:
        self.live, self.first_portrait = live, first_portrait
        self.animator, self.weights_name, self.limits = animator, weights_name, limits or VisitorLimits()
        self.files = StudioFolder()
        self.folder = self.files.path
        self._queue = JobQueue(self.limits.waiting, self.limits.visitor_jobs)
        self._quick, self._pace = ThreadPoolExecutor(1, "liax-quick"), Pace()
        self._portraits = LRUCache[Portrait](_OPEN_PORTRAITS)
        self._faces = LRUCache[list[Box]](_OPEN_PORTRAITS)
        self._drivings = LRUCache[Driving](_OPEN_DRIVINGS)
        self._editors = LRUCache[PictureEditor](_OPEN_PORTRAITS)
        self._landmarker: FaceLandmarker | None = None
        # Open page -> folders of its last results; see `new_result_path`.
        self._results: OrderedDict[str, list[Path]] = OrderedDict()
        # Visitor -> how many pictures are to be drawn at once.
        self._quick_of: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.files.remove()

    def stop(self) -> None:
        """End all work: the running job at its next frame, those that wait at once. None can start again."""
        self._queue.close()
        self._quick.shutdown(cancel_futures=True)
        if self._landmarker is not None:
            self._landmarker.close()

    @property
    def controls(self) -> Controls:
        """The weights' controls."""
        return self.animator.controls

    @property
    def landmarker(self) -> FaceLandmarker:
        """Finds the largest face; for the work of `run_quick` only, and open until `stop`."""
        if self._landmarker is None:  # opening it takes twice as long as looking for a face
            self._landmarker = FaceLandmarker(max_faces=1)
        return self._landmarker

    def portrait(self, path: Path, options: SourceOptions = SourceOptions()) -> Portrait:  # noqa: B008 - frozen
        """The portrait at `path` as `open_portrait` gives it; the last ones stay encoded.

        Raises:
            LiaxError: If it is beyond the limits, or shows no such face.
        """
        check_picture(path, self.limits)
        key = (path, options.face, options.crop)
        return self._portraits.get(key, lambda: open_portrait(self.animator, path, options))

    def faces(self, path: Path) -> list[Box]:
        """Where in the portrait at `path` faces are, largest first, as boxes in its pixels.

        Raises:
            LiaxError: If it is beyond the limits.
        """
        check_picture(path, self.limits)

        def find() -> list[Box]:
            with FaceLandmarker() as landmarker:
                return [face.box for face in find_faces(landmarker, read_image(path, "portrait"))]

        return self._faces.get(path, find)

    def driving(self, path: Path, options: AnimateOptions, progress: Progress) -> Driving:
        """What `open_driving` makes of `path`; the last ones stay open for the job that follows a preview.

        Raises:
            LiaxError: If it cannot drive.
        """
        key = (path, options.driving_face, options.crop, options.rate)
        return self._drivings.get(key, lambda: open_driving(self.animator, path, options, progress=progress))

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

    def unedited(self, path: Path, options: EditOptions) -> NDArray[np.uint8]:
        """What `edit_portrait` starts from, with the same crop."""
        portrait = self.portrait(path, options)
        if options.paste and options.crop:
            return portrait.picture_HW3
        return portrait.from_square(portrait.square_RR3)

    def new_result_path(self, name: str, view: str | None = None) -> Path:
        """Where a result called `name`, such as "orbit.mp4", may be written: in a new folder of its own.

        Args:
            view: The open page on which this result replaces the last one, if it does. All but the last two
                of a page are removed here.

        Raises:
            LiaxError: If there is no room for results.
        """
        if self.files.free_bytes(self.limits.total_megabytes) <= 0:
            raise LiaxError("There is no room for results at the moment; try again in a few minutes.")
        folder = self.folder / "results" / secrets.token_hex(16)
        folder.mkdir(parents=True)
        if view is not None:
            with self._lock:
                own = self._results.setdefault(view, [])
                own.append(folder)
                old, own[:] = own[:-_RESULTS_PER_VIEW], own[-_RESULTS_PER_VIEW:]
                while len(self._results) > _VIEWS:
                    self._results.popitem(last=False)
            for place in old:
                shutil.rmtree(place, ignore_errors=True)
        return folder / name

    def remove_old_files(self) -> None:
        """Remove everybody's uploads and results that are older than the limits allow."""
        self.files.remove_old(60 * self.limits.kept_minutes)

    def job(
        self,
        work: JobFunction[T],
        visitor: str = "",
        stop: threading.Event | None = None,
        stages: Sequence[str] = (),
    ) -> Job[T]:
        """Long work, to be done in its turn and within the limits; the other arguments are as in `Job`."""
        return Job(work, self._queue, self.limits.frames, visitor, stop, stages, self._pace)

    def run_quick(self, work: Callable[[], T], visitor: str = "") -> T:
        """The result of `work`, done at once in a thread beside that of the jobs.

        Args:
            visitor: Who wants it.

        Raises:
            BusyError: If so much of theirs is to be done already that others would wait for it.
        """
        with self._lock:
            if self._quick_of[visitor] >= _QUICK_PER_VISITOR:
                raise BusyError("You ask for too many pictures at once; wait for those that are coming.")
            self._quick_of[visitor] += 1
        try:
            return self._quick.submit(work).result()
        finally:
            with self._lock:
                self._quick_of[visitor] -= 1
                self._quick_of += Counter()  # forgets who waits for nothing


class BusyError(LiaxError):
    """Too much is to be done for one visitor already."""


class LRUCache(Generic[T]):
    """The `capacity` things that were asked for last.

    It makes what it lacks, one thing at a time. What was warned of while a thing was made is told again each
    time that it is asked for.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity, self._lock = capacity, threading.Lock()
        self._items: OrderedDict[Hashable, tuple[T, list[LiaxWarning | str]]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of `make` for this key, from the cache if it is there."""
        with self._lock:
            known = key in self._items
            if not known:
                with capture_warnings() as warnings:
                    self._items[key] = make(), warnings
            self._items.move_to_end(key)
            while len(self._items) > self._capacity:
                self._items.popitem(last=False)
            item, warnings = self._items[key]
        for warning in warnings if known else ():
            log.warning(warning)
        return item
