"""Long work in a thread of its own: it tells how far it is, and stops when nobody waits for it any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from liax.app.hearing import heard
from liax.errors import LiaxError
from liax.portrait.clip import Progress

Work = Callable[[Progress], Any]
"""Does something long, calls its argument at every frame, and returns what came of it."""

# Seconds between two looks at how far the work is.
_INTERVAL = 0.25


@dataclass(frozen=True)
class Told:
    """How far work is: what is being done, frames done and in all, and seconds since that stage began."""

    stage: str = "starting"
    done: int = 0
    total: int | None = None
    seconds: float = 0.0

    @property
    def share(self) -> float | None:
        """The part of the stage that is done, 0 to 1; None while that is unknown."""
        return min(1.0, self.done / self.total) if self.total else None

    def __str__(self) -> str:
        """ "Animating: 34 of 125 frames, about 40 s left"."""
        stage = self.stage.capitalize()
        if not self.done:
            return f"{stage} …"
        if not self.total or self.total < self.done:
            return f"{stage}: {self.done} frames"
        left = self.seconds / self.done * (self.total - self.done)
        return f"{stage}: {self.done} of {self.total} frames, about {_duration(left)} left"


class Job:
    """`work`, running from the first `next` on; iterate to hear how far it is, then take `result`
    and the library's `warnings`.

    most_frames: beyond these the work ends with a LiaxError.
    Iterating raises what the work raises. When the iteration is given up (`close`, or the generator is
    dropped), the work is stopped at its next frame by an exception, so that files half written are removed.
    """

    def __init__(self, work: Work, most_frames: int) -> None:
        self._work, self._most = work, most_frames
        self._told, self._stop = Told(), threading.Event()
        self._began = time.monotonic()
        self._error: BaseException | None = None
        self.result: Any = None
        self.warnings: list[str] = []

    def __iter__(self) -> Iterator[Told]:
        thread = threading.Thread(target=self._run, name="liax-job", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                yield self._told
                thread.join(_INTERVAL)
        finally:
            self._stop.set()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with heard() as self.warnings:
                self.result = self._work(self._progress)
        except BaseException as error:
            self._error = error

    def _progress(self, stage: str, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise _StoppedError
        if done > self._most:
            raise LiaxError(
                f"This is longer than the {self._most} frames that are made at once; cut it shorter."
            )
        now = time.monotonic()
        if stage != self._told.stage:
            self._began = now
        self._told = Told(stage, done, total, now - self._began)


class _StoppedError(Exception):
    """Nobody waits for the work any more."""


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
