"""Suppress what native libraries write to the process's standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Discard everything that this process writes to file descriptor 2 within the block.

    Python exceptions are unaffected. Keep the block short: messages of other threads are lost too.
    """
    try:
        saved = os.dup(2)
    except OSError:  # started without a standard error
        yield
        return
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
