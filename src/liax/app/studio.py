"""What all tabs of the page share: the model, loaded once, the open portraits, and a place for files."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from liax.app.folder import TemporaryFolder
from liax.app.limits import Limits
from liax.app.recent import Recent
from liax.app.uploads import check_picture
from liax.app.work import Job, Line, Work
from liax.portrait import Animator, edit_image, open_still
from liax.portrait.edit import Pasting
from liax.portrait.edits import Edit, Settings
from liax.portrait.still import Still
from liax.weights.controls import Controls

T = TypeVar("T")

# Portraits that are kept encoded.
_STILLS = 8
# Results that a visitor may be looking at while the next one is made.
_SHOWN = 2


class Studio:
    """The model, its name for `--weights`, what uploads may be, and the folder of all temporary files.

    Use as a context manager: at its end work is stopped and the folder removed, with all that visitors left.
    """

    def __init__(self, animator: Animator, weights_name: str = "small", limits: Limits | None = None) -> None:
        self.animator, self.weights_name, self.limits = animator, weights_name, limits or Limits()
        self._temporary = TemporaryFolder()
        self.folder = self._temporary.path
        self._line, self._quick = Line(self.limits.waiting), ThreadPoolExecutor(1, "liax-quick")
        self._stills, self._pastings = Recent[Still](_STILLS), Recent[Pasting](_STILLS)
        # Folder, visitor (see `output`) and time of what was made.
        self._results: list[tuple[Path, str | None, float]] = []
        self._making = threading.Lock()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._temporary.remove()

    def stop(self) -> None:
        """End all work: what runs at its next frame, what waits at once. None can be begun any more."""
        self._line.close()
        self._quick.shutdown(cancel_futures=True)

    @property
    def controls(self) -> Controls:
        """What the weights let one steer."""
        return self.animator.controls

    def still(self, path: Path, face: int | None = None, crop: bool = True) -> Still:
        """The portrait at `path` as `open_still` gives it; the last ones stay encoded.

        Raises LiaxError also for what is beyond the limits.
        """
        check_picture(path, self.limits)
        key = (path, face, crop)
        return self._stills.get(key, lambda: open_still(self.animator, path, crop=crop, face=face))

    def edited(
        self,
        path: Path,
        settings: Settings,
        *,
        face: int | None = None,
        crop: bool = True,
        paste: bool = False,
    ) -> NDArray[np.uint8]:
        """What `edit_image` makes of the portrait at `path`, RGB uint8, in one drawing of the network.

        All but that is kept from the last time. Raises LiaxError also for what is beyond the limits.
        """
        still = self.still(path, face, crop)
        if paste and crop:
            alpha_M = still.alpha_M + Edit.of(settings, self.controls).on(still.alpha_M)
            pasting = self._pastings.get((path, face), lambda: Pasting(self.animator, still))
            return pasting(alpha_M)
        return edit_image(self.animator, still, settings, crop=crop, paste=paste).picture_HW3

    def output(self, name: str, visitor: str | None = None) -> Path:
        """Where a result called `name` ("orbit.mp4") may be written: in a new folder of its own.

        visitor: who sees one result replace the other; all but the last one of theirs are removed here, and
            everybody's that are older than the limits' `kept_minutes`.
        """
        folder = self.folder / "results" / secrets.token_hex(16)
        with self._making:
            folder.mkdir(parents=True)
            self._results.append((folder, visitor, time.monotonic()))
            oldest = time.monotonic() - 60 * self.limits.kept_minutes
            own = [place for place, theirs, _ in self._results if visitor and theirs == visitor]
            old = {place for place, _, made in self._results if made < oldest} | set(own[:-_SHOWN])
            self._results = [result for result in self._results if result[0] not in old]
        for place in old:
            shutil.rmtree(place, ignore_errors=True)
        return folder / name

    def job(self, work: Work) -> Job:
        """Long work, to be done in turn and within the limits; see `Job`."""
        return Job(work, self._line, self.limits.frames)

    def quickly(self, work: Callable[[], T]) -> T:
        """What `work` returns, done in a thread beside the long work, so that it need not wait for it."""
        return self._quick.submit(work).result()
