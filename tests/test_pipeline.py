"""Stages side by side: order, errors, early ends, memory."""

from __future__ import annotations

import itertools
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextvars import ContextVar

import numpy as np
import pytest
import torch

from liax.pipeline import ahead, mapped


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def stages(source: Iterator[int], closed: list[str] | None = None) -> Iterator[int]:
    """Three stages, the middle one in several threads."""

    def first() -> Iterator[int]:
        try:
            yield from source
        finally:
            if closed is not None:
                closed.append("first")

    return ahead(mapped(lambda n: n + 1, ahead(first()), threads=3))


def test_order_is_kept_however_long_each_takes() -> None:
    def slow(n: int) -> int:
        time.sleep(0.003 * (n % 4 == 0))
        return n

    assert list(ahead(mapped(slow, ahead(iter(range(60))), threads=4))) == list(range(60))


def test_nothing_runs_before_the_first_is_asked_for() -> None:
    taken = []

    def source() -> Iterator[int]:
        for n in range(3):
            taken.append(n)
            yield n

    stream = stages(source())
    assert taken == []
    assert list(stream) == [1, 2, 3]
    assert list(stages(iter(()))) == []


@pytest.mark.parametrize("place", ["source", "worker"])
def test_a_stage_that_raises_ends_all(place: str) -> None:
    """What was made before the error comes out first, then the error itself, with its own traceback."""
    closed = []

    def source() -> Iterator[int]:
        try:
            for n in itertools.count():
                if place == "source" and n == 20:
                    raise ZeroDivisionError("at 20")
                yield n
        finally:
            closed.append(True)

    def work(n: int) -> int:
        if place == "worker" and n == 20:
            raise ZeroDivisionError("at 20")
        return n

    got = []

    def consume() -> None:
        for n in ahead(mapped(work, ahead(source()))):
            got.append(n)

    with pytest.raises(ZeroDivisionError, match="at 20") as caught:
        consume()
    assert got == list(range(20))
    assert closed == [True]
    assert any(entry.name in ("source", "work") for entry in caught.traceback)


def test_a_consumer_that_stops_early() -> None:
    """Every stage of an endless stream is closed, also while it waits for room."""
    closed: list[str] = []
    stream = stages(itertools.count(), closed)
    assert [next(stream) for _ in range(5)] == [1, 2, 3, 4, 5]
    time.sleep(0.05)  # all queues fill
    stream.close()
    assert closed == ["first"]


def test_a_consumer_that_is_interrupted() -> None:
    closed: list[str] = []
    stream = stages(itertools.count(), closed)
    next(stream)
    with pytest.raises(KeyboardInterrupt):
        stream.throw(KeyboardInterrupt)
    assert closed == ["first"]


def test_a_slow_stage_holds_up_those_before_it() -> None:
    """No stage runs further ahead than the queues between are long."""
    made = 0

    def source() -> Iterator[int]:
        nonlocal made
        for n in range(200):
            made += 1
            yield n

    most = 0
    for taken, _ in enumerate(ahead(mapped(lambda n: n, ahead(source(), 4), 2, 4), 4)):
        if taken < 20:
            time.sleep(0.01)
            most = max(most, made - taken)
    assert made == 200
    assert 4 < most <= 4 + 4 + 4 + 6


def test_ten_thousand_items_at_constant_memory() -> None:
    def source() -> Iterator[np.ndarray]:
        for n in range(10_000):
            yield np.full(10_000, n % 250, np.uint8)

    tracemalloc.start()
    total, early, peak = 0, 0, 0
    for count, item in enumerate(ahead(mapped(lambda a: a + 1, ahead(source())))):
        total += int(item[0])
        if count == 500:
            early = tracemalloc.get_traced_memory()[1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == sum(n % 250 + 1 for n in range(10_000))
    assert peak < early + 300_000  # thirty items of 10 kB


def test_threads_see_their_callers_context() -> None:
    """As the warnings of one visitor's work are told apart from others'."""
    whose = ContextVar("whose", default="nobody")

    def source() -> Iterator[str]:
        yield whose.get()

    whose.set("Ann")
    stream = ahead(mapped(lambda name: (name, whose.get()), ahead(source())))
    assert list(stream) == [("Ann", "Ann")]


def test_each_worker_computes_in_one_thread_and_others_in_all() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(mapped(lambda _: torch.get_num_threads(), range(6), threads=3)) == [1] * 6
        assert torch.get_num_threads() == 2
        (beside,) = ahead(torch.get_num_threads() for _ in range(1))
        assert beside == 2
    finally:
        torch.set_num_threads(before)
