"""Stages of long work side by side, in threads: decoding, cropping, the network, pasting, encoding.

Each stage is a generator over the one before. Order is kept, and queues between stages are bounded, so that
memory does not depend on the length. An error in a stage is raised in the stages after it. A consumer that
fails or stops early closes the stages before it (`contextlib.closing`); no thread is left then. Threads see
the context variables of whoever asks for the first item.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")

_DEPTH = 4  # items that wait between two stages
_MOST_WORKERS = 8
_LOOK_S = 0.1  # how often a stage that waits for room looks whether it is still wanted


class _End:
    """What follows the last item."""


_END = _End()


def usable_cores() -> int:
    """How many cores this process may use, as far as the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ahead(items: Iterable[T], depth: int = _DEPTH) -> Generator[T]:
    """The items, made in a thread of their own, at most `depth` more than are taken.

    The thread starts when the first item is asked for.
    """
    queue: Queue[tuple[T] | BaseException | None] = Queue(depth)
    unwanted = Event()
    work = (_fill, items, queue, unwanted)
    thread = Thread(target=copy_context().run, args=work, name="liax stage", daemon=True)
    thread.start()
    try:
        while (entry := queue.get()) is not None:
            if isinstance(entry, BaseException):
                raise entry
            yield entry[0]
    finally:
        unwanted.set()
        thread.join()


def _fill(items: Iterable[T], queue: Queue[tuple[T] | BaseException | None], unwanted: Event) -> None:
    def put(entry: tuple[T] | BaseException | None) -> None:
        waiting = True
        while waiting and not unwanted.is_set():
            try:
                queue.put(entry, timeout=_LOOK_S)
                waiting = False
            except Full:
                pass

    try:
        for item in items:
            put((item,))
            if unwanted.is_set():
                break
        _close(items)
        put(None)
    except BaseException as error:
        put(error)


def mapped(
    function: Callable[[T], R], items: Iterable[T], threads: int | None = None, depth: int | None = None
) -> Generator[R]:
    """function(item) of each item in order, computed in several threads.

    Args:
        function: Runs in threads; of use where it leaves Python's lock to others, as work on arrays does.
            PyTorch uses one thread in each.
        items: Taken in the consumer's thread.
        threads: One per core by default, eight at most.
        depth: Items that are computed or wait at once, twice as many as threads by default.
    """
    threads = threads or min(_MOST_WORKERS, usable_cores())
    depth = depth or 2 * threads
    pool = ThreadPoolExecutor(threads, "liax worker", _compute_alone)
    waiting: deque[Future[R]] = deque()
    failed: Exception | None = None
    source = iter(items)
    try:
        while True:
            try:
                item = next(source, _END)
            except Exception as error:  # what came before it is still given out
                failed = error
                break
            if isinstance(item, _End):
                break
            waiting.append(pool.submit(copy_context().run, function, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if failed is not None:
            raise failed
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown()
        _close(items)


def _compute_alone() -> None:
    """Keep what this thread computes with PyTorch in it: the other cores have threads of their own.

    Else each worker's operations are spread over all cores, and wait there for those of the others.
    """
    torch.get_num_threads()  # the number for all threads, which a thread's first operation would set
    _openmp().limit(limits=1, user_api="openmp")  # that of the calling thread


@cache
def _openmp() -> ThreadpoolController:
    return ThreadpoolController()


def _close(items: object) -> None:
    """Close a generator, and with it the stages before it."""
    close = getattr(items, "close", None)
    if close is not None:
        close()
