"""From folders of videos to a data set to train on, resumable at every minute of video."""

from __future__ import annotations

import json
import logging
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from liax.errors import LiaxError
from liax.files import replacing
from liax.preparation.config import Cut, Limits
from liax.preparation.dataset import assemble
from liax.preparation.inputs import Input, distinct, inspect, list_inputs
from liax.preparation.unit import Unit, process
from liax.preparation.workers import each, workers

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Summary:
    """What a run made.

    kept: clips. minutes, people: of each split; videos count as people where these are not told apart.
    refused: reasons, each with how many clips, tracks or files. unfinished: minutes of video that were lost
    with their worker. seconds: of video that this run has worked through, and the wall and core_seconds that
    it took.
    """

    kept: int
    minutes: dict[str, float]
    people: dict[str, int]
    refused: dict[str, int]
    unfinished: int
    seconds: float
    wall: float
    core_seconds: float


def prepare(
    paths: Sequence[Path],
    folder: Path,
    *,
    cut: Cut = Cut(),  # noqa: B008 - frozen
    limits: Limits = Limits(),  # noqa: B008
    val: float = 0.05,
    shard_bytes: int = 256 << 20,
    count: int | None = None,
    address: str | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Summary:
    """Cut every face out of the videos at `paths` and make a data set of the good clips in `folder`.

    What an earlier run finished in `folder` is not done again. count: worker processes, by default one for
    each core. address: of a Ray cluster, whose machines see the same files. progress: gets stage, done and
    total.
    Raises LiaxError for paths that hold nothing, a folder of other settings, or a full disk.
    """
    cut.check()
    files = list_inputs(paths)
    _claim(folder, cut)
    finished = folder / "units"
    try:
        with workers(count, address):
            inputs, again = distinct(_inspected(files, count, progress))
            began = time.monotonic()
            seconds, core_seconds = _work(inputs, cut, finished, count, progress)
            wall = time.monotonic() - began
    finally:
        for half in finished.rglob(".*.part"):  # of workers that were killed, now or in an earlier run
            half.unlink(missing_ok=True)
    rows = assemble(
        folder, finished, inputs, again, cut, limits, val, shard_bytes, partial(progress, "writing clips")
    )
    return _summary(rows, seconds, wall, core_seconds)


def _claim(folder: Path, cut: Cut) -> None:
    """The folder is for clips cut in one way; remember it, or refuse another."""
    path = folder / "prepare.json"
    settings = asdict(cut)
    if path.exists():
        try:
            before = json.loads(path.read_text())
        except ValueError:
            raise LiaxError(f"{path} is damaged; name another folder, or delete this one.") from None
        other = [name for name in settings if before.get(name) != settings[name]]
        if other:
            raise LiaxError(
                f"{folder} was prepared with {other[0]} {before.get(other[0])}, not {settings[other[0]]}; "
                "name another folder, or delete this one."
            )
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LiaxError(f"{folder} holds something else; name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(json.dumps(settings, indent=2).encode())


def _inspected(files: Sequence[Path], count: int | None, progress: Progress) -> list[Input]:
    found = []
    for row in each(_inspect, [{"path": str(file)} for file in files], count):
        found.append(Input(**{**row, "path": Path(row["path"])}))
        progress("reading files", len(found), len(files))
    lost = set(files) - {item.path for item in found}
    return found + [Input(path, "", problem="ends the process that reads it") for path in lost]


def _work(
    inputs: Sequence[Input], cut: Cut, finished: Path, count: int | None, progress: Progress
) -> tuple[float, float]:
    """Process what is not finished; seconds of video, and of cores."""
    waiting = {
        unit.name: (unit, seconds)
        for item in inputs
        for unit, seconds in zip(item.units(), item.unit_seconds(), strict=True)
        if not unit.result(finished).exists()
    }
    total = round(sum(seconds for _, seconds in waiting.values()))
    done = core = 0.0
    items = [{**asdict(unit), "path": str(unit.path)} for unit, _ in waiting.values()]
    for row in each(partial(_process, cut=cut, finished=finished), items, count):
        unit, length = waiting[row["name"]]
        if row["full"] is not None:
            raise LiaxError(row["full"])
        if row["failed"] is not None:
            log.warning(f"{unit.path} could not be worked on in minute {unit.number}: {row['failed']}")
        done += length
        core += row["core"]
        progress("cutting clips", round(done), total)
    return done, core


def _inspect(item: dict[str, Any]) -> dict[str, Any]:
    """`inspect` as Ray Data wants it."""
    found = inspect(Path(item["path"]))
    return {**asdict(found), "path": item["path"]}


def _process(item: dict[str, Any], cut: Cut, finished: Path) -> dict[str, Any]:
    """`process` as Ray Data wants it.

    full: why nothing can be written any more. failed: what else went wrong, that another run may do better.
    """
    unit = Unit(item["key"], item["number"], Path(item["path"]))
    began = _core_seconds()
    full = failed = None
    try:
        process(unit, cut, finished)
    except LiaxError as error:
        full = str(error)
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    return {"name": unit.name, "core": _core_seconds() - began, "full": full, "failed": failed}


def _core_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _summary(rows: Sequence[dict[str, Any]], seconds: float, wall: float, core: float) -> Summary:
    kept = [row for row in rows if row["kept"]]
    splits = sorted({row["split"] for row in kept})
    return Summary(
        kept=len(kept),
        minutes={s: sum(r["frames"] / r["fps"] for r in kept if r["split"] == s) / 60 for s in splits},
        people={s: len({r["identity"] for r in kept if r["split"] == s}) for s in splits},
        refused=dict(Counter(r["reason"] for r in rows if not r["kept"]).most_common()),
        unfinished=sum(row["reason"] == "not finished" for row in rows),
        seconds=seconds,
        wall=wall,
        core_seconds=core,
    )
