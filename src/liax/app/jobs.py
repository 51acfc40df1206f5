"""Long jobs, one after the other: each reports its progress, and is cancelled when nobody waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError, LiaxWarning
from liax.portrait.clip import RenderedClip

T = TypeVar("T")

JobFunction: TypeAlias = "Callable[[Job[T]], T]"
"""Does something long, calls its argument at every frame as a `Progress`, and returns the result."""

# Seconds between two looks at the progress.
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class JobProgress:
    """How far a job is.

    Attributes:
        stage: What is being done, such as "animating".
        done: Frames done in this stage.
        total: Frames of this stage; None if unknown.
        elapsed: Seconds since the job began.
        left: Seconds until the whole job ends; None if unknown.
        ahead: How many other jobs have to end before this one begins.
        picture_HW3: The newest frame, RGB uint8.
    """

    stage: str = "starting"
    done: int = 0
    total: int | None = None
    elapsed: float = 0.0
    left: float | None = None
    ahead: int = 0
    picture_HW3: NDArray[np.uint8] | None = None

    @property
    def share(self) -> float | None:
        """The part of the job that is done, 0 to 1; None if unknown."""
        return None if self.left is None else self.elapsed / ((self.elapsed + self.left) or 1.0)

    def __str__(self) -> str:
        """The progress in words, such as "Animating: 34 of 125 frames, about 40 s left"."""
        if self.ahead:
            return f"Waiting for others: {self.ahead} before you"
        stage = self.stage.capitalize()
        if not self.done:
            return f"{stage} …"
        if not self.total or self.total < self.done:
            return f"{stage}: {self.done} frames"
        left = "" if self.left is None else f", about {_duration(self.left)} left"
        return f"{stage}: {self.done} of {self.total} frames{left}"


class Pace:
    """How long a frame of each stage took in the jobs so far, to tell what is left of a job."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def note(self, stage: str, seconds: float, frames: int) -> None:
        """So many frames of the stage took so long; the last job counts."""
        self._seconds[stage] = seconds / frames

    def left(self, stages: Sequence[str], frames: int) -> float | None:
        """How long so many frames will take in all of these stages; None if one of them is new."""
        known = [self._seconds.get(stage) for stage in stages]
        return None if None in known else frames * sum(filter(None, known))


class JobQueue:
    """One thread that does jobs in the order in which they come.

    There is only one, because each thread that computes keeps memory and helper threads of its own.

    Args:
        max_waiting: How many jobs may wait.
        max_per_visitor: How many one visitor may have in it, with the one that runs.
    """

    def __init__(self, max_waiting: int, max_per_visitor: int) -> None:
        self._max_waiting, self._max_per_visitor = max_waiting, max_per_visitor
        self._thread = ThreadPoolExecutor(1, "liax-long")
        # Each job that is not done -> its visitor, in the order in which they came.
        self._visitors: dict[Future[Any], str] = {}
        self._lock = threading.Lock()
        self.closed = threading.Event()

    def submit(self, run: Callable[[], T], visitor: str = "") -> Future[T]:
        """Put `run` at the end of the queue.

        Raises:
            LiaxError: If too many jobs wait already, of all or of this visitor.
        """
        with self._lock:
            self._visitors = {job: whose for job, whose in self._visitors.items() if not job.done()}
            if list(self._visitors.values()).count(visitor) >= self._max_per_visitor:
                raise LiaxError(
                    f"{self._max_per_visitor} jobs of yours run or wait already; stop one, or let one end."
                )
            if len(self._visitors) > self._max_waiting:
                raise LiaxError("Too many people are waiting already; try again in a few minutes.")
            future = self._thread.submit(run)
            self._visitors[future] = visitor
            return future

    def ahead(self, future: Future[Any]) -> int:
        """How many jobs have to end before that of `future` begins."""
        with self._lock:
            before = takewhile(lambda job: job is not future, self._visitors)
            return sum(not job.done() for job in before)

    def close(self) -> None:
        """End the running job at its next frame, and drop those that wait."""
        self.closed.set()
        self._thread.shutdown(cancel_futures=True)


class Job(Generic[T]):
    """One long piece of work: iterate it for its progress, then take its `result`.

    The first `next` puts it into the queue. Iterating raises what the work raises. When the iteration is
    given up (by `close`, or because the generator is dropped), an exception ends the work at its next frame,
    so that no half-written file stays. The work calls the job as a `liax.portrait.clip.Progress`.

    Args:
        work: What is to be done.
        queue: Where it waits for its turn.
        max_frames: Work of more frames ends with a LiaxError.
        visitor: Who wants it.
        stop: Ends the work when it is set; iterating raises StoppedError then.
        stages: What is done with every frame, in this order, as far as it is known.
        pace: How long frames of the stages take.

    Attributes:
        result: What the work returned, once the iteration is through.
        warnings: What the library warned of in the meantime.
    """

    result: T

    def __init__(
        self,
        work: JobFunction[T],
        queue: JobQueue,
        max_frames: int,
        visitor: str = "",
        stop: threading.Event | None = None,
        stages: Sequence[str] = (),
        pace: Pace | None = None,
    ) -> None:
        self._stages, self._pace = stages, pace or Pace()
        self._stop = stop or threading.Event()
        self._work, self._queue, self._max_frames, self._visitor = work, queue, max_frames, visitor
        self._progress, self._cancelled = JobProgress(), threading.Event()
        self._started = self._stage_started = self._last_call = 0.0
        self._drawn: deque[tuple[int, NDArray[np.uint8]]] = deque()  # frames by number, not written yet
        self._picture_HW3: NDArray[np.uint8] | None = None
        self.warnings: list[LiaxWarning | str] = []

    def __iter__(self) -> Iterator[JobProgress]:
        future = self._queue.submit(self._run, self._visitor)
        try:
            while not future.done():
                if self._stop.is_set():
                    raise StoppedError
                waiting = not future.running()
                yield JobProgress(ahead=self._queue.ahead(future)) if waiting else self._progress
                wait([future], _POLL_SECONDS)
        finally:
            self._cancelled.set()
            future.cancel()
        if self._queue.closed.is_set():
            raise LiaxError("The studio is being closed; nothing of this was kept.")
        self.result = future.result()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Note the progress, or end the work here if it was cancelled or is too long."""
        if self._cancelled.is_set() or self._queue.closed.is_set():
            raise _CancelledError
        if done > self._max_frames:
            raise LiaxError(
                f"This is longer than the {self._max_frames} frames that can be made at once; shorten it."
            )
        now = time.monotonic()
        if stage != self._progress.stage:
            # The time before the first call of a stage belongs to it: a batch is computed until then.
            self._stage_started = self._last_call
        self._last_call = now
        elapsed, left = now - self._started, None
        if done and total and done <= total:
            seconds = now - self._stage_started
            self._pace.note(stage, seconds, done)
            later = self._stages[self._stages.index(stage) + 1 :] if stage in self._stages else ()
            then = self._pace.left(later, total)
            left = None if then is None else seconds / done * (total - done) + then
        while self._drawn and self._drawn[0][0] <= done:
            _, self._picture_HW3 = self._drawn.popleft()
        self._progress = JobProgress(stage, done, total, elapsed, left, picture_HW3=self._picture_HW3)

    def with_preview(self, clip: RenderedClip) -> RenderedClip:
        """The same clip; the newest frame of it that is written becomes part of the progress."""

        def frames() -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
            self._drawn.clear()
            for number, (time_, picture_HW3) in enumerate(clip.frames, 1):
                self._drawn.append((number, picture_HW3))
                yield time_, picture_HW3

        return replace(clip, frames=frames())

    def _run(self) -> T:
        self._started = self._last_call = time.monotonic()
        with capture_warnings() as self.warnings:
            return self._work(self)


class StoppedError(Exception):
    """The visitor stopped the work."""


class _CancelledError(Exception):
    """Nobody waits for the work any more."""


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@contextmanager
def capture_warnings() -> Iterator[list[LiaxWarning | str]]:
    """Collect the library's warnings while the block runs; the list grows as they come.

    Those of this thread and of the threads that work for it (`liax.pipeline`), not of other visitors' work.
    """
    handler = _CapturingHandler()
    logger = logging.getLogger("liax")
    logger.addHandler(handler)
    token = _CAPTURING.set((*_CAPTURING.get(), handler))
    try:
        yield handler.messages
    finally:
        _CAPTURING.reset(token)
        logger.removeHandler(handler)


class _CapturingHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[LiaxWarning | str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if self in _CAPTURING.get():
            message: object = record.msg
            self.messages.append(message if isinstance(message, LiaxWarning) else record.getMessage())


_CAPTURING: ContextVar[tuple[_CapturingHandler, ...]] = ContextVar("_CAPTURING", default=())
