"""Mutated files and texts are taken or refused in a sentence: no other exception, no hang, nothing left.

Each is read in a child process, so that one that ends it is counted like any other fault. `make test` spends
about 15 seconds on it, always with the same mutations; `make fuzz MINUTES=30` goes on with others and keeps
what falls in `finds/`, which is read again here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random

import faults
import pytest
from catalogue import FORMATS
from documents import BATCH
from formats import Format
from many import FINDS, mutation, whole
from mutations import NASTY_TEXTS, mutate_bytes, mutate_text
from trial import GOOD, Outcome, Reader, try_file

from liax.portrait import Animator
from liax.weights import load

SECONDS = 15.0


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


@pytest.mark.parametrize("kind", FORMATS)
def test_mutations(reader: Reader, kind: str) -> None:
    sound = whole(kind)
    assert reader.read(kind, sound) == Outcome("fine")
    end = time.monotonic() + SECONDS / len(FORMATS)
    for seed in count():
        outcome = reader.read(kind, mutation(kind, sound, seed))
        assert outcome.kind in GOOD, f"{kind}, seed {seed}: {outcome.kind}\n{outcome.detail}"
        if time.monotonic() > end:
            break


@pytest.mark.parametrize("find", sorted(FINDS.glob("*.*")), ids=lambda path: path.name)
def test_what_was_found_once(reader: Reader, find: Path) -> None:
    outcome = reader.read(find.name.partition(".")[0], find.read_bytes())
    assert outcome.kind in GOOD, outcome.detail


def test_mutations_are_the_seeds() -> None:
    assert mutate_text(Random("1"), BATCH) == mutate_text(Random("1"), BATCH)
    assert len(set(NASTY_TEXTS)) == len(NASTY_TEXTS)
    sound = whole("mp4")
    assert mutation("mp4", sound, 7) == mutation("mp4", sound, 7) != mutation("mp4", sound, 8)


def test_a_mutated_png_is_read_beyond_its_checksums() -> None:
    sound = whole("png")
    changed = [mutation("png", sound, seed) for seed in range(200)]
    with Reader() as reader:
        kinds = [reader.read("png", raw).kind for raw in changed if raw != sound]
    assert kinds.count("fine") > 10
    assert kinds.count("refused") > 50


@pytest.mark.parametrize(
    ("read", "text", "kind"),
    [
        (str, "", "fine"),
        (faults.refuse, "a clear sentence", "refused"),
        (faults.refuse, "endless" * 1000, "traceback"),
        (faults.divide, "", "traceback"),
        (faults.leave_a_file, "", "leftover"),
        (faults.leave_a_file_open, "", "leftover"),
    ],
)
def test_a_fault_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object], text: str, kind: str
) -> None:
    own = Format("own.txt", lambda folder: b"", mutate_bytes, read)
    monkeypatch.setitem(FORMATS, "own", own)
    assert try_file("own", text.encode(), tmp_path).kind == kind


def test_a_file_that_ends_its_process_is_counted_and_the_next_one_read() -> None:
    with Reader(faults.end_the_process, longest=0.3, most_memory=100) as reader:
        found = [reader.read(kind, b"").kind for kind in ("fine", "crash", "hang", "wait", "memory", "fine")]
    assert found == ["fine", "crash", "hang", "hang", "memory", "fine"]


def test_animators_take_what_was_checked(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(whole("weights"))
    assert [control.name for control in Animator(load(tmp_path / "w.safetensors"), "cpu").controls] == ["yaw"]
