"""Long work: one after the other, told, stopped, limited."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from liax.app.jobs import Job, JobProgress, JobQueue, Pace
from liax.errors import LiaxError, SeveralFaces
from liax.files import atomic_file
from liax.portrait.clip import RenderedClip, write_clip
from liax.progress import Progress


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    queue = JobQueue(2, 9)
    yield queue
    queue.close()


def _until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def _frames(progress: Progress, end: threading.Event) -> None:
    for done in range(1, 10_000):
        progress("animating", done, 10_000)
        if end.wait(0.005):
            return


def test_work_is_told_while_it_goes_on_and_its_result_comes_last(queue: JobQueue) -> None:
    end = threading.Event()

    def work(progress: Progress) -> str:
        _frames(progress, end)
        return "done"

    job = Job(work, queue, 10_000)
    told = []
    for now in job:
        told.append(now)
        if now.done > 60:
            end.set()
    assert job.result == "done"
    done = [now.done for now in told]
    assert done == sorted(done)
    assert len(set(done)) >= 2
    assert told[-1].stage == "animating"
    assert told[-1].total == 10_000


def test_work_that_is_given_up_stops_and_leaves_no_file(queue: JobQueue, tmp_path: Path) -> None:
    stopped = threading.Event()

    def work(progress: Progress) -> None:
        try:
            with atomic_file(tmp_path / "out.mp4") as file:
                file.write(b"half")
                _frames(progress, threading.Event())
        finally:
            stopped.set()

    watching = iter(Job(work, queue, 10_000))
    while not any(tmp_path.iterdir()):
        next(watching)
    watching.close()  # type: ignore[attr-defined]
    assert stopped.wait(1)
    assert not any(tmp_path.iterdir())


def test_others_wait_in_line_and_know_how_many_are_before_them(queue: JobQueue) -> None:
    ends = [threading.Event() for _ in range(3)]
    order = []

    def work(number: int) -> Callable[[Progress], None]:
        def run(progress: Progress) -> None:
            order.append(number)
            _frames(progress, ends[number])

        return run

    watching = [iter(Job(work(number), queue, 10_000)) for number in range(3)]
    next(watching[0])
    _until(lambda: order == [0])
    assert [next(watching[number]).ahead for number in (1, 2)] == [1, 2]
    with pytest.raises(LiaxError, match="waiting already"):
        next(iter(Job(work(0), queue, 10_000)))
    watching[1].close()  # type: ignore[attr-defined]
    assert next(watching[2]).ahead == 1
    ends[0].set()
    _until(lambda: order == [0, 2])  # who gave up is never begun
    ends[2].set()
    assert all(told.ahead == 0 for told in watching[2])


def test_one_visitor_has_a_few_jobs_and_leaves_room_for_others() -> None:
    queue, end = JobQueue(20, 2), threading.Event()

    def job(visitor: str) -> Iterator[JobProgress]:
        return iter(Job(lambda progress: _frames(progress, end), queue, 10_000, visitor))

    watching = [job("one"), job("one"), job("two")]
    for told in watching:
        next(told)
    with pytest.raises(LiaxError, match="2 jobs of yours run or wait"):
        next(job("one"))
    watching[1].close()  # type: ignore[attr-defined]
    assert next(job("one")).ahead == 2
    end.set()
    queue.close()


def test_the_newest_frame_is_told_while_a_clip_is_made(queue: JobQueue, tmp_path: Path) -> None:
    frames = [np.full((16, 32, 3), level, np.uint8) for level in range(0, 250, 10)]

    def made() -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
        for number, frame_HW3 in enumerate(frames):
            time.sleep(0.05)
            yield Fraction(number, 25), frame_HW3

    def work(job: Job) -> int:
        clip = RenderedClip(made(), Fraction(25), 32, 16, len(frames))
        return write_clip(job.with_preview(clip), tmp_path / "clip.mp4", progress=job).frames

    job = Job(work, queue, 100)
    seen = [(told.done, told.picture_HW3) for told in job if told.picture_HW3 is not None]
    assert job.result == len(frames)
    assert seen
    assert all(np.array_equal(picture_HW3, frames[done - 1]) for done, picture_HW3 in seen)


def test_the_estimate_counts_the_time_before_a_stage_tells_its_first_frame(queue: JobQueue) -> None:
    def work(job: Job) -> None:
        job("finding the face", 1, 1)
        time.sleep(0.4)  # the first batch of four
        job("animating", 4, 40)
        time.sleep(0.6)

    last = list(Job(work, queue, 100))[-1]
    assert last.stage == "animating"
    assert last.left is not None
    assert 9 * 0.4 <= last.left < 9 * 0.6  # 36 frames are left, and 4 took that long


def test_what_is_left_counts_all_stages_as_soon_as_they_are_known(queue: JobQueue) -> None:
    pace, stages, told = Pace(), ["finding the face", "animating"], []

    def work(job: Job) -> None:
        for stage, seconds in zip(stages, (0.2, 0.6), strict=True):
            time.sleep(seconds)
            job(stage, 2, 4)
            told.append(job._progress)
            time.sleep(seconds)
            job(stage, 4, 4)

    list(Job(work, queue, 100, stages=stages, pace=pace))
    assert told[0].left is None  # how long the second takes is not known yet
    assert told[0].share is None
    assert "left" not in str(told[0])
    assert 0.5 < told[1].left < 0.9
    told.clear()
    list(Job(work, queue, 100, stages=stages, pace=pace))
    assert 1.3 < told[0].left < 1.9  # 0.2 s of this, and 1.2 s of the next
    assert 0.05 < told[0].share < told[1].share < 1


def test_work_longer_than_the_limit_ends(queue: JobQueue) -> None:
    job = Job(lambda progress: _frames(progress, threading.Event()), queue, 20)
    with pytest.raises(LiaxError, match="longer than the 20 frames"):
        list(job)


def test_warnings_of_the_work_are_heard_and_no_one_else_s(queue: JobQueue) -> None:
    def work(progress: Progress) -> None:
        logging.getLogger("liax.face").warning("two faces")
        other = threading.Thread(target=logging.getLogger("liax").warning, args=("of another visitor",))
        other.start()
        other.join()

    job = Job(work, queue, 10)
    list(job)
    assert job.warnings == ["two faces"]


def test_typed_warnings_keep_their_fields(queue: JobQueue) -> None:
    warning = SeveralFaces(Path("a.png"), 2, "face")
    job = Job(lambda progress: logging.getLogger("liax.face").warning(warning), queue, 10)
    list(job)
    assert job.warnings == [warning]


def test_closing_ends_what_runs_and_forgets_what_waits() -> None:
    queue = JobQueue(2, 9)
    begun, other = threading.Event(), threading.Event()

    def work(progress: Progress) -> None:
        begun.set()
        _frames(progress, threading.Event())

    running = iter(Job(work, queue, 10_000))
    next(running)
    waiting = iter(Job(lambda progress: other.set(), queue, 10_000))
    next(waiting)
    assert begun.wait(1)
    queue.close()
    assert not other.is_set()
    for watching in (running, waiting):
        with pytest.raises(LiaxError, match="being closed"):
            list(watching)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (JobProgress(), "Starting …"),
        (JobProgress(ahead=2), "Waiting for others: 2 before you"),
        (
            JobProgress("animating", 30, 120, 10.0, 30.0),
            "Animating: 30 of 120 frames, about 30 s left",
        ),
        (
            JobProgress("animating", 30, 1230, 10.0, 400.0),
            "Animating: 30 of 1230 frames, about 7 min left",
        ),
        (JobProgress("finding the face", 30, None, 10.0), "Finding the face: 30 frames"),
    ],
)
def test_how_far_it_is_in_words(told: JobProgress, words: str) -> None:
    assert str(told) == words
