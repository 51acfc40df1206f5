"""Long jobs, one after the other: each reports its progress, and is cancelled when nobody waits for it."""

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

from liax.app.log_capture import capture_warnings
from liax.errors import LiaxError
from liax.portrait.clip import RenderedClip

JobFunction: TypeAlias = "Callable[[Job], Any]"
"""Does something long, calls its argument at every frame as a `Progress`, and returns what came of it."""

# Seconds between two looks at how far the work is.
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class JobProgress:
    """How far work is: what is being done, frames done and in all, and seconds since that stage began.

    Args:
        ahead: How many others have to end before this begins.
        picture_HW3: The newest frame, RGB uint8.
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


class JobQueue:
    """One thread that does long work in the order in which it comes.

    Args:
        max_waiting: How many may wait. One thread, because each that computes keeps memory and helpers of its
            own.
    """

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._thread = ThreadPoolExecutor(1, "liax-long")
        self._futures: list[Future[Any]] = []
        self._lock = threading.Lock()
        self.closed = threading.Event()

    def submit(self, run: Callable[[], Any]) -> Future[Any]:
        """The future of `run` at the end of the queue; raises LiaxError when too many wait."""
        with self._lock:
            self._futures = [future for future in self._futures if not future.done()]
            if len(self._futures) > self._max_waiting:
                raise LiaxError("Too many people are waiting already; try again in some minutes.")
            self._futures.append(self._thread.submit(run))
            return self._futures[-1]

    def ahead(self, future: Future[Any]) -> int:
        """How many have to end before that future's work begins."""
        with self._lock:
            return sum(not p.done() for p in self._futures[: self._futures.index(future)])

    def close(self) -> None:
        """End what runs at its next frame, and forget what waits."""
        self.closed.set()
        self._thread.shutdown(cancel_futures=True)


class Job:
    """`work`, queued from the first `next` on; iterate for its progress, then take its `result`.

    To the work it is a `liax.portrait.clip.Progress`, to be called at every frame.

    Args:
        most_frames: Beyond these the work ends with a LiaxError. Iterating raises what the work raises. When
            the iteration is given up (`close`, or the generator is dropped), the work is stopped at its next
            frame by an exception, so that files half written are removed. `warnings` are the library's.
    """

    def __init__(self, work: JobFunction, queue: JobQueue, most_frames: int) -> None:
        self._work, self._queue, self._most_frames = work, queue, most_frames
        self._progress, self._cancelled = JobProgress(), threading.Event()
        self._stage_started = self._last_call = 0.0
        self._picture_HW3: NDArray[np.uint8] | None = None
        self.result: Any = None
        self.warnings: list[str] = []

    def __iter__(self) -> Iterator[JobProgress]:
        future = self._queue.submit(self._run)
        try:
            while not future.done():
                waiting = not future.running()
                yield JobProgress(ahead=self._queue.ahead(future)) if waiting else self._progress
                wait([future], _POLL_SECONDS)
        finally:
            self._cancelled.set()
            future.cancel()
        if self._queue.closed.is_set():
            raise LiaxError("The studio is being closed; nothing was kept of this.")
        self.result = future.result()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Note how far the work is, and end it here if it is to end."""
        if self._cancelled.is_set() or self._queue.closed.is_set():
            raise _CancelledError
        if done > self._most_frames:
            raise LiaxError(
                f"This is longer than the {self._most_frames} frames that are made at once; shorten it."
            )
        now = time.monotonic()
        if stage != self._progress.stage:
            self._stage_started = self._last_call  # a first batch takes its time before its frames are told
        self._last_call = now
        self._progress = JobProgress(
            stage, done, total, now - self._stage_started, picture_HW3=self._picture_HW3
        )

    def with_preview(self, clip: RenderedClip) -> RenderedClip:
        """The same clip, whose newest frame is told with how far the work is."""

        def frames() -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
            for time_, self._picture_HW3 in clip.frames:
                yield time_, self._picture_HW3

        return replace(clip, frames=frames())

    def _run(self) -> Any:
        self._last_call = time.monotonic()
        with capture_warnings() as self.warnings:
            return self._work(self)


class _CancelledError(Exception):
    """Nobody waits for the work any more."""


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
