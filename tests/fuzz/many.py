"""Mutations by the number or for long, each read in a child process; counts of what became of them.

    python tests/fuzz/many.py --minutes 30                           # what `make fuzz` does
    python tests/fuzz/many.py --count 100000 -o benchmarks/results/fuzz.json

A file that was neither taken nor refused in a sentence is kept in tests/fuzz/finds, which every later test
reads again. Exits with 1 if there was one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from catalogue import FORMATS  # noqa: E402
from trial import GOOD, Outcome, Reader  # noqa: E402

FINDS = Path(__file__).parent / "finds"


def whole(kind: str) -> bytes:
    """A sound file of a format."""
    with tempfile.TemporaryDirectory() as folder:
        return FORMATS[kind].make(Path(folder))


def mutation(kind: str, sound: bytes, seed: int) -> bytes:
    """The mutation of that number."""
    return FORMATS[kind].mutate(Random(f"{kind} {seed}"), sound)


def keep(kind: str, raw: bytes) -> Path:
    """Keep a file that fell, for the tests."""
    FINDS.mkdir(exist_ok=True)
    path = FINDS / f"{kind}.{hashlib.sha256(raw).hexdigest()[:12]}"
    path.write_bytes(raw)
    return path


def run(kind: str, first: int, most: int | None, seconds: float | None) -> dict[str, object]:
    """Mutations of one format; how many became what, and the faults."""
    sound, counts, faults = whole(kind), Counter[str](), []
    began = time.monotonic()
    with Reader() as reader:
        taken = reader.read(kind, sound)
        assert taken.kind == "fine", taken
        for seed in count(first):
            if seed - first == most or (seconds is not None and time.monotonic() - began > seconds):
                break
            raw = mutation(kind, sound, seed)
            outcome = reader.read(kind, raw)
            counts[outcome.kind] += 1
            if outcome.kind not in GOOD:
                faults.append(_fault(kind, seed, raw, outcome))
        told = {"mutations": sum(counts.values()), **counts, "peak_mb": reader.memory}
    took = time.monotonic() - began
    print(f"{kind}: {told} in {took:.0f} s", flush=True)
    return told | {"seconds": round(took, 1), "faults": faults}


def _fault(kind: str, seed: int, raw: bytes, outcome: Outcome) -> dict[str, object]:
    path = keep(kind, raw)
    print(f"{kind}, seed {seed}: {outcome.kind}, kept as {path.name}\n{outcome.detail}", flush=True)
    return {"seed": seed, "kind": outcome.kind, "find": path.name, "detail": outcome.detail[-300:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, help="mutations of all formats together")
    parser.add_argument("--minutes", type=float, help="how long for all formats together")
    parser.add_argument("--seed", type=int, default=0, help="number of the first mutation of each format")
    parser.add_argument("--only", nargs="*", default=list(FORMATS), help="formats")
    parser.add_argument("--processes", type=int, default=1, help="formats at a time")
    parser.add_argument("-o", "--output", type=Path, help="a JSON file for the counts")
    options = parser.parse_args()
    each = None if options.count is None else -(-options.count // len(options.only))
    rounds = -(-len(options.only) // options.processes)
    seconds = None if options.minutes is None else 60 * options.minutes / rounds
    if each is None and seconds is None:
        parser.error("give --count or --minutes")
    with ThreadPoolExecutor(options.processes) as pool:
        results = pool.map(lambda kind: run(kind, options.seed, each, seconds), options.only)
        found = dict(zip(options.only, results, strict=True))
    if options.output is not None:
        options.output.write_text(json.dumps({"seed": options.seed, "formats": found}, indent=1) + "\n")
    sys.exit(any(form["faults"] for form in found.values()))


if __name__ == "__main__":
    main()
