"""What all tabs of the page share: the model, loaded once, the open portraits, and a place for files."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from pathlib import Path

from liax.app.limits import Limits
from liax.app.uploads import check_picture
from liax.app.work import Job, Work
from liax.portrait import Animator, open_still
from liax.portrait.still import Still
from liax.weights.controls import Controls

# Queues of Gradio: long work goes one after the other, and so do quick edits, which need not wait for it.
LONG, QUICK = "long", "quick"
# Portraits that are kept encoded.
_STILLS = 8


class Studio:
    """The model, its name for `--weights`, what uploads may be, and the folder of all temporary files.

    Use as a context manager: at its end the folder is removed, with all that visitors left there.
    """

    def __init__(self, animator: Animator, weights_name: str = "small", limits: Limits | None = None) -> None:
        self.animator, self.weights_name, self.limits = animator, weights_name, limits or Limits()
        self.folder = Path(tempfile.mkdtemp(prefix="liax-studio-"))
        self._stills: OrderedDict[tuple[Path, int | None, bool], Still] = OrderedDict()
        self._lock = threading.Lock()

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

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
        with self._lock:
            if key not in self._stills:
                self._stills[key] = open_still(self.animator, path, crop=crop, face=face)
            self._stills.move_to_end(key)
            while len(self._stills) > _STILLS:
                self._stills.popitem(last=False)
            return self._stills[key]

    def output(self, name: str) -> Path:
        """Where a result called `name` ("orbit.mp4") may be written: in a new folder of its own.

        Results that are older than the limits keep them are removed here.
        """
        oldest = time.time() - 60 * self.limits.kept_minutes
        results = self.folder / "results"
        for folder in results.glob("*"):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
        folder = results / secrets.token_hex(16)
        folder.mkdir(parents=True)
        return folder / name

    def forget(self, path: Path) -> None:
        """Remove a result, and its folder."""
        shutil.rmtree(path.parent, ignore_errors=True)

    def job(self, work: Work) -> Job:
        """Long work within the limits; see `Job`."""
        return Job(work, self.limits.frames)
