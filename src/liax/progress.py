"""How far long work is: one callback for all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Progress = Callable[[str, int, int | None], None]
"""Called with the stage, how many of its frames are done, and how many there are (None: unknown)."""


def no_progress(stage: str, done: int, total: int | None) -> None:
    """A Progress that reports nothing."""


def with_progress(items: Iterable[T], stage: str, total: int | None, progress: Progress) -> Iterator[T]:
    """The same items, each reported to `progress` as it is handed on."""
    for count, item in enumerate(items, 1):
        progress(stage, count, total)
        yield item
