"""How much faster whole commands are than with the code of a git revision, on this machine, in one run.

    python benchmarks/revision_speed.py REVISION --driving talk.mp4 [--only animate] [--rounds 3] [--json OUT]

Runs `liax animate` and `liax edit-video`, from the shell to a written file, by turns with the revision's code
and with the working tree. Compares the medians of their time, and of their processor time, which other
programs change less. Results are not marked, as old revisions mark none. Of the pictures that both write,
the largest and the mean difference in levels are measured too, as they are decoded: where what is encoded
differs in a single pixel, the encoder may choose otherwise for all around it.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import av
import numpy as np
import tyro

ROOT = Path(__file__).parents[1]
COMMANDS = {
    "animate": "animate {portrait} {driving} -o {out} --overwrite --device cpu",
    "edit-video": "edit-video {driving} --set yaw=8 -o {out} --overwrite --device cpu",
}


@dataclass(frozen=True)
class Options:
    """Compare the speed of two versions of the code.

    Args:
        revision: The git revision to compare the working tree with.
        driving: A video that drives, and is edited.
        weights: Name or file, which both versions read.
        only: Commands to run, all by default.
        rounds: How often each runs; the median counts.
        json: Where results are written.
    """

    revision: tyro.conf.Positional[str]
    driving: Path
    weights: str = "small"
    only: tuple[str, ...] = ()
    rounds: int = 3
    json: Path | None = None


def main(options: Options) -> None:
    results: dict[str, Any] = {"cores": os.cpu_count(), "revision": options.revision, "commands": {}}
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "code"
        add = ["git", "worktree", "add", "--quiet", "--detach", str(before), options.revision]
        subprocess.run(add, cwd=ROOT, check=True)
        try:
            for name in options.only or COMMANDS:
                results["commands"][name] = _compared(
                    name, {"before": before, "now": ROOT}, options, Path(folder)
                )
                print(f"{name}: {json.dumps(results['commands'][name])}", flush=True)
                if options.json is not None:
                    options.json.write_text(json.dumps(results, indent=1) + "\n")
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(before)], cwd=ROOT, check=True)


def _compared(name: str, trees: dict[str, Path], options: Options, folder: Path) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {which: [] for which in trees}
    processor_s: dict[str, list[float]] = {which: [] for which in trees}
    written = {which: folder / f"{which}.mp4" for which in trees}
    for _ in range(options.rounds):
        for which, tree in trees.items():
            begun, used = time.perf_counter(), _processor_seconds()
            _run(name, tree, options, written[which])
            seconds[which].append(round(time.perf_counter() - begun, 2))
            processor_s[which].append(round(_processor_seconds() - used, 2))
    frames, largest, total = 0, 0, 0.0
    with av.open(str(written["before"])) as first, av.open(str(written["now"])) as second:
        for pair in zip(first.decode(video=0), second.decode(video=0), strict=True):
            one, other = (frame.to_ndarray(format="rgb24").astype(np.int16) for frame in pair)
            apart = np.abs(one - other)
            frames, largest, total = frames + 1, max(largest, int(apart.max())), total + float(apart.mean())
    return {
        "frames": frames,
        "seconds": seconds,
        "times_faster": _ratio(seconds),
        "processor_s": processor_s,
        "times_less_processor_time": _ratio(processor_s),
        "levels_apart": {"largest": largest, "mean": round(total / frames, 4)},
    }


def _processor_seconds() -> float:
    """Of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ratio(seconds: dict[str, list[float]]) -> float:
    return round(statistics.median(seconds["before"]) / statistics.median(seconds["now"]), 3)


def _run(name: str, tree: Path, options: Options, out: Path) -> None:
    portrait = files("liax.assets") / "demo_portrait.jpg"
    command = COMMANDS[name].format(portrait=portrait, driving=options.driving.resolve(), out=out).split()
    command += ["--weights", options.weights]
    command += ["--no-mark"] if (tree / "src/liax/marking").is_dir() else []
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "liax", *command], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{name} with {tree}: {done.stderr.strip()[-2000:]}")


if __name__ == "__main__":
    main(tyro.cli(Options))
