"""Long work, one piece after the other: it tells how far it is, and stops when nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liax.app.hearing import heard
from liax.errors import LiaxError
from liax.portrait.clip import Clip

Work: TypeAlias = "Callable[[Job], Any]"
"""Does something long, calls its argument at every frame as a `Progress`, and returns what came of it."""

# Seconds between two looks at how far the work is.
_INTERVAL = 0.25


@dataclass(frozen=True)
class Told:
    """How far work is: what is being done, frames done and in all, and seconds since that stage began.

    ahead: how many others have to end before this begins. picture_HW3: the newest frame, RGB uint8.
    """

    stage: str = "starting"
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    ahead: int = 0
    picture_HW3: NDArray[np.uint8] | None = None

    @property
    def share(self) -> float | None:
        """The part of the stage that is done, 0 to 1; None while that is unknown."""
        return min(1.0, self.done / self.total) if self.total else None

    def __str__(self) -> str:
        """ "Animating: 34 of 125 frames, about 40 s left"."""
        if self.ahead:
            return f"Waiting for others: {self.ahead} before you"
        stage = self.stage.capitalize()
        if not self.done:
            return f"{stage} …"
        if not self.total or self.total < self.done:
            return f"{stage}: {self.done} frames"
        left = self.seconds / self.done * (self.total - self.done)
        return f"{stage}: {self.done} of {self.total} frames, about {_duration(left)} left"


class Line:
    """One thread that does long work in the order in which it comes.

    longest: how many may wait. One thread, because each that computes keeps memory and helpers of its own.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._thread = ThreadPoolExecutor(1, "liax-long")
        self._places: list[Future[Any]] = []
        self._lock = threading.Lock()
        self.closed = threading.Event()

    def join(self, run: Callable[[], Any]) -> Future[Any]:
        """A place at the end of the line; raises LiaxError when too many wait."""
        with self._lock:
            self._places = [place for place in self._places if not place.done()]
            if len(self._places) > self._longest:
                raise LiaxError("Too many people are waiting already; try again in some minutes.")
            self._places.append(self._thread.submit(run))
            return self._places[-1]

    def ahead(self, place: Future[Any]) -> int:
        """How many have to end before that place's work begins."""
        with self._lock:
            return sum(not p.done() for p in self._places[: self._places.index(place)])

    def close(self) -> None:
        """End what runs at its next frame, and forget what waits."""
        self.closed.set()
        self._thread.shutdown(cancel_futures=True)


class Job:
    """`work`, in line from the first `next` on; iterate to hear how far it is, then take its `result`.

    To the work it is a `liax.portrait.clip.Progress`, to be called at every frame.

    most_frames: beyond these the work ends with a LiaxError.
    Iterating raises what the work raises. When the iteration is given up (`close`, or the generator is
    dropped), the work is stopped at its next frame by an exception, so that files half written are removed.
    `warnings` are the library's.
    """

    def __init__(self, work: Work, line: Line, most_frames: int) -> None:
        self._work, self._line, self._most = work, line, most_frames
        self._told, self._given_up = Told(), threading.Event()
        self._began = self._last = 0.0
        self._picture_HW3: NDArray[np.uint8] | None = None
        self.result: Any = None
        self.warnings: list[str] = []

    def __iter__(self) -> Iterator[Told]:
        place = self._line.join(self._run)
        try:
            while not place.done():
                waiting = not place.running()
                yield Told(ahead=self._line.ahead(place)) if waiting else self._told
                wait([place], _INTERVAL)
        finally:
            self._given_up.set()
            place.cancel()
        if self._line.closed.is_set():
            raise LiaxError("The studio is being closed; nothing was kept of this.")
        self.result = place.result()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Note how far the work is, and end it here if it is to end."""
        if self._given_up.is_set() or self._line.closed.is_set():
            raise _StoppedError
        if done > self._most:
            raise LiaxError(f"This is longer than the {self._most} frames that are made at once; shorten it.")
        now = time.monotonic()
        if stage != self._told.stage:
            self._began = self._last  # a first batch takes its time before its frames are told
        self._last = now
        self._told = Told(stage, done, total, now - self._began, picture_HW3=self._picture_HW3)

    def watched(self, clip: Clip) -> Clip:
        """The same clip, whose newest frame is told with how far the work is."""

        def frames() -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
            for time_, self._picture_HW3 in clip.frames:
                yield time_, self._picture_HW3

        return replace(clip, frames=frames())

    def _run(self) -> Any:
        self._last = time.monotonic()
        with heard() as self.warnings:
            return self._work(self)


class _StoppedError(Exception):
    """Nobody waits for the work any more."""


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
