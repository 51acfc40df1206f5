"""Suppress what native libraries write to the process's standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_LOCK = Lock()
# How many threads are in such a block, and what file descriptor 2 was before the first of them.
_inside = 0
_saved: int | None = None


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Discard everything that this process writes to file descriptor 2 within the block.

    Several threads may be in such a block; it comes back with the last of them. Python exceptions are
    unaffected. Keep the block short: messages of other threads are lost too.
    """
    global _inside, _saved
    with _LOCK:
        if not _inside:
            _saved = _redirected()
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if not _inside and _saved is not None:
                os.dup2(_saved, 2)
                os.close(_saved)


def _redirected() -> int | None:
    """Another descriptor of what 2 was, which leads nowhere now; None if there was nothing."""
    try:
        saved = os.dup(2)
    except OSError:  # started without a standard error
        return None
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        null = os.open(os.devnull, os.O_WRONLY)
    except BaseException:
        os.close(saved)
        raise
    os.dup2(null, 2)
    os.close(null)
    return saved
