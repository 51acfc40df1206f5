"""Kills each long command at random moments, and runs it again: is anything lost, and is anything left?

    python benchmarks/kill/run.py [--moments 17] [--only animate train …] [-o benchmarks/results/kill.json]

Every trial has a folder of its own. The command is ended by SIGKILL at a moment between its start and its
end. Then the same command runs to its end. Counted are trials in which

- harmed: a finished output is not what an undisturbed run makes, after the kill or at the end
- failed: the second run does not succeed
- left: there are unfinished files, locks, temporary files or processes after the second run

Networks are small, with random weights, and videos short: the moments are what matters. Commands are forked
from a process that has imported what they need, so that no moment is spent on imports. `studio` is killed
while it works for a visitor. Exits with 1 if anything was counted. Needs the extras `studio`, `prepare` and
`train`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from commands import (
    CASES,
    Case,
    Content,
    content,
    content_of,
    differing,
    finish,
    left,
    start,
    told,
    write_inputs,
)
from visitor import Visitor

_IMPORTED = [
    "liax.cli.main",
    "liax.portrait",
    "liax.face.landmarks",
    "liax.training.trainer",
    "torch.utils.tensorboard",
    "liax.app.server",
    "ray",
]


class Trial(NamedTuple):
    """What a kill and the run after it came to; each is a list of what is wrong."""

    harmed: list[str]
    failed: list[str]
    left: list[str]
    unfinished: int  # unfinished files that the kill left, for the next run to clear away


def try_once(case: Case, folder: Path, seconds: float, wanted: dict[str, Content]) -> Trial | None:
    """Kill the command `seconds` after its start, and run it again; None if it was through by then."""
    process = start(case.arguments, folder)
    process.join(seconds)
    if process.exitcode is not None:
        return None
    process.kill()
    process.join()
    there = content(folder, case)
    harmed = [] if case.grows else differing(there, {name: wanted.get(name, "") for name in there})
    unfinished = len(list(folder.rglob("*.part")))
    code, _ = finish(case, folder)
    there = content(folder, case)
    harmed += differing(there, wanted)
    failed = [] if code == 0 else [told(folder)[-500:]]
    return Trial(harmed, failed, left(folder), unfinished)


def try_studio(case: Case, folder: Path, seconds: float, wanted: dict[str, Content]) -> Trial | None:
    """Kill the studio `seconds` after its start, while it works for a visitor, and serve another one.

    None if the work was through by then.
    """
    process = start(case.arguments, folder)
    first = threading.Thread(target=suppressed, args=(visit, folder, process))
    first.start()
    process.join(seconds)
    ended = not first.is_alive()
    process.kill()
    process.join()
    first.join()
    if ended:
        return None
    unfinished = len(list((folder / "tmp").glob("liax-studio-*")))
    (folder / "told.txt").unlink(missing_ok=True)
    found, failed = serve_once(case, folder)
    harmed = differing(found, wanted)
    return Trial(harmed, failed, left(folder), unfinished)


def serve_once(case: Case, folder: Path) -> tuple[dict[str, Content], list[str]]:
    """Start the studio, make a video as a visitor, close it: its content, and what went wrong."""
    process = start(case.arguments, folder)
    failed: list[str] = []
    found: dict[str, Content] = {}
    try:
        found = visit(folder, process)
        if len(list((folder / "tmp").glob("liax-studio-*"))) != 1:
            failed.append("a killed studio's folder is still there")
    except Exception as error:
        failed.append(f"{type(error).__name__}: {error}")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join(30)
    if process.exitcode != 128 + signal.SIGINT:
        failed.append(f"exit code {process.exitcode}")
        process.kill()
    return found, failed


def visit(folder: Path, process: BaseProcess) -> dict[str, Content]:
    """Edit a video on the page; its content."""
    while "is at http" not in (words := told(folder)):
        if not process.is_alive():
            raise ConnectionError(words)
        time.sleep(0.05)
    visitor = Visitor(words.partition("is at ")[2].split()[0])
    upload = visitor.upload(folder / "short.mp4")
    settings = {"Already_cropped_to_the_face": True, "Yaw_(°)": 10}
    *_, last = visitor.press("Edit the video", Your_video=upload, **settings)
    video = last["output"]["data"][1]["value"]["path"]
    return {"edited.mp4": content_of(Path(video))}


def suppressed(function: Callable[..., object], *arguments: object) -> None:
    """Call it, whatever happens: its server is being killed."""
    with suppress(Exception):
        function(*arguments)


def run_case(name: str, moments: int, inputs: Path, chance: random.Random) -> dict[str, object]:
    """All trials of a command."""
    case, counts, faults = CASES[name], Counter[str](), []
    with tempfile.TemporaryDirectory(prefix="kill-") as scratch:
        seconds, wanted = _undisturbed(name, case, inputs, Path(scratch))
        while counts["trials"] < moments:
            folder = _copy(inputs, Path(scratch) / "trial")
            moment = chance.uniform(0.0, seconds)
            trial = (try_studio if name == "studio" else try_once)(case, folder, moment, wanted)
            if trial is None:  # the machine is faster now
                seconds = moment
                shutil.rmtree(folder)
                continue
            counts.update(
                trials=1,
                with_unfinished_files=int(trial.unfinished > 0),
                harmed=int(bool(trial.harmed)),
                failed=int(bool(trial.failed)),
                left=int(bool(trial.left)),
            )
            if trial.harmed or trial.failed or trial.left:
                faults.append({"moment": round(moment, 3), **trial._asdict()})
                print(f"{name}, {moment:.2f} s: {trial}", flush=True)
            shutil.rmtree(folder)
    found = {"seconds": round(seconds, 1), "files": len(wanted), **counts}
    print(f"{name}: {found}", flush=True)
    return found | {"faults": faults}


def _undisturbed(name: str, case: Case, inputs: Path, scratch: Path) -> tuple[float, dict[str, Content]]:
    """Seconds and content of a run that nobody kills; of two, which must agree."""
    contents, took = [], 0.0
    for number in range(2):  # the first also warms the caches of the file system
        folder = _copy(inputs, scratch / f"undisturbed-{number}")
        if name == "studio":
            began = time.monotonic()
            found, failed = serve_once(case, folder)
            took = time.monotonic() - began
            assert not failed, failed
        else:
            code, took = finish(case, folder)
            assert code == 0, told(folder)
            found = content(folder, case)
        assert found
        contents.append(found)
    assert not differing(*contents), f"two undisturbed runs differ in {differing(*contents)}"
    return took, contents[0]


def _copy(inputs: Path, folder: Path) -> Path:
    shutil.copytree(inputs, folder)  # with times, by which a batch knows its inputs
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=17, help="of each command")
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES), help="commands")
    parser.add_argument("-o", "--output", type=Path, help="a JSON file, whose other commands' counts stay")
    options = parser.parse_args()
    # What runs in the background ignores Ctrl-C, and so would the commands that are interrupted here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.get_context("forkserver").set_forkserver_preload(_IMPORTED)
    with tempfile.TemporaryDirectory(prefix="kill-") as inputs:
        write_inputs(Path(inputs))
        found = {}
        for name in options.only:
            found[name] = run_case(name, options.moments, Path(inputs), random.Random(name))
            if options.output is not None:
                _add(options.output, {name: found[name]})
    sys.exit(any(case["faults"] for case in found.values()))


def _add(path: Path, found: dict[str, object]) -> None:
    """Put results into a file that may have those of other commands."""
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
