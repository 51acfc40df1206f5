"""Keeps native libraries, which write to the process's standard error, from burying a user's messages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Within the block, what anything in this process writes to file descriptor 2 is lost.

    Python exceptions are unaffected. Keep the block short: other threads' messages are lost too.
    """
    try:
        kept = os.dup(2)
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
        os.dup2(kept, 2)
        os.close(kept)
