"""What the fuzzer has to notice, done on purpose."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from trial import Outcome

from liax.errors import LiaxError

_kept: list[Any] = []


def refuse(path: Path) -> None:
    raise LiaxError(path.read_text())


def divide(path: Path) -> None:
    raise ZeroDivisionError(path)


def leave_a_file(path: Path) -> None:
    path.with_name("left.part").touch()


def leave_a_file_open(path: Path) -> None:
    _kept.append(path.open())


def end_the_process(kind: str, raw: bytes, folder: Path) -> Outcome:
    """For a `Reader`: dies, stays or grows as the kind says."""
    match kind:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            while True:
                pass
        case "wait":
            time.sleep(100)
        case "memory":
            _kept.append(b"x" * (200 << 20))
            _kept.clear()
    return Outcome("fine")
