"""One mutated file, read in a process of its own, which it may end."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
import torch
from catalogue import FORMATS, prepare
from formats import check_message

from liax.errors import LiaxError

LONGEST = 10.0  # seconds of a processor that a file may take
_WAITED = 30  # times as many seconds on the clock, for a busy machine
MOST_MEMORY = 2048  # MB that it may need
_STARTED = 600.0  # seconds in which a process is ready

Kind = Literal["fine", "refused", "traceback", "leftover", "memory", "crash", "hang"]
GOOD: tuple[Kind, ...] = ("fine", "refused")


class Outcome(NamedTuple):
    """What became of a file.

    Attributes:
        kind: "fine": it was taken. "refused": in a clear sentence. All others are faults: another exception,
            a file or descriptor left behind, too much memory, the death of the process, no end.
        detail: The message, or where the exception came from.
    """

    kind: Kind
    detail: str = ""


ReadFile = Callable[[str, bytes, Path], Outcome]


class Reader:
    """Reads files in a child process, and starts another when a file has ended it.

    Args:
        read: What the child does with a format's name, a file's bytes and a folder; by default `try_file`.
        longest: Seconds of a processor that a file may take.
        most_memory: MB that it may need.

    Attributes:
        memory: The most that a child has needed so far, in MB.
    """

    def __init__(
        self, read: ReadFile | None = None, *, longest: float = LONGEST, most_memory: int = MOST_MEMORY
    ) -> None:
        self._read, self._longest, self._most_memory = read or try_file, longest, most_memory
        self._process: multiprocessing.process.BaseProcess | None = None
        self._temporary = tempfile.TemporaryDirectory(prefix="fuzz-")
        self.memory = 0

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._temporary.cleanup()

    def read(self, kind: str, raw: bytes) -> Outcome:
        """What becomes of a file of format `kind` with these bytes."""
        if self._process is None:
            self._start()
        self._pipe.send((kind, raw))
        try:
            if not self._answers():
                self._end()
                return Outcome("hang", f"more than {self._longest:g} s")
            outcome, self.memory = self._pipe.recv()
        except (EOFError, ConnectionError):
            assert self._process is not None
            self._process.join()
            code = self._process.exitcode
            self._end()
            return Outcome("crash", f"exit code {code}")
        if outcome.kind not in GOOD:
            self._end()  # what it left is no fault of the next file
        return outcome

    def _answers(self) -> bool:
        """Wait for the child's answer, or until it has taken too long."""
        assert self._process is not None
        begun = time.monotonic()
        try:
            child = psutil.Process(self._process.pid)
            used = sum(child.cpu_times()[:2])
            while not self._pipe.poll(min(1.0, self._longest)):
                waited = time.monotonic() - begun > _WAITED * self._longest
                if waited or sum(child.cpu_times()[:2]) - used > self._longest:
                    return False
        except psutil.Error:  # it has just died, which reading from it tells
            pass
        return True

    def _start(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["trial"])
        self._pipe, theirs = context.Pipe()
        folder = tempfile.mkdtemp(dir=self._temporary.name)
        self._process = context.Process(
            target=_serve, args=(theirs, folder, self._read, self._most_memory), daemon=True
        )
        self._process.start()
        theirs.close()
        assert self._pipe.poll(_STARTED), "the reading process does not start"
        self._pipe.recv()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None


def try_file(kind: str, raw: bytes, folder: Path) -> Outcome:
    """Read a file of format `kind` in this process; `folder` has what it names."""
    form = FORMATS[kind]
    path = folder / form.name
    path.write_bytes(raw)
    before = _there(folder, path)
    outcome = Outcome("fine")
    try:
        form.read(path)
    except LiaxError as error:
        try:
            check_message(error)
            outcome = Outcome("refused", str(error))
        except Exception:
            outcome = Outcome("traceback", traceback.format_exc()[-2000:])
    except Exception:
        outcome = Outcome("traceback", traceback.format_exc()[-2000:])
    path.unlink(missing_ok=True)
    left = _there(folder, path) ^ before
    if outcome.kind in GOOD and left:
        return Outcome("leftover", f"{sorted(map(str, left))}")
    return outcome


def _there(folder: Path, path: Path) -> set[tuple[Path, int]]:
    """Files with their sizes, and how many descriptors are open."""
    files = {(found, found.stat().st_size) for found in folder.rglob("*") if found != path}
    if sys.platform == "linux":
        files.add((Path("/proc/self/fd"), len(os.listdir("/proc/self/fd"))))
    return files


def _serve(pipe: Connection, name: str, read: ReadFile, most_memory: int) -> None:
    """Answer the parent until it is gone."""
    torch.set_num_threads(1)
    logging.getLogger("liax").addHandler(logging.NullHandler())
    folder = Path(name)
    prepare(folder)
    pipe.send(sorted(FORMATS))
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            kind, raw = pipe.recv()
            before = _peak()
            outcome = read(kind, raw, folder)
            if outcome.kind in GOOD and _peak() - before > most_memory:
                outcome = Outcome("memory", f"{_peak() - before} MB")
            pipe.send((outcome, _peak()))


def _peak() -> int:
    """The most memory that this process has had, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)
