"""From folders of videos to a data set for training, resumable at every minute of video."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from liax.bounded import read_json
from liax.errors import LiaxError
from liax.files import atomic_file
from liax.preparation.config import CutOptions, QualityLimits, Selection
from liax.preparation.dataset import Layout, assemble_dataset
from liax.preparation.inputs import InputVideo, inspect_video, list_videos, split_duplicates
from liax.preparation.people import other_people
from liax.preparation.segment import Segment, process_segment
from liax.preparation.workers import parallel_map
from liax.progress import Progress, no_progress
from liax.ray_session import ray_session

log = logging.getLogger(__name__)
_MOST_WORKERS, _LARGEST_SHARD = 4096, 1 << 40


@dataclass(frozen=True)
class PreparationSummary:
    """What a run made.

    Args:
        kept: Clips in the data set.
        minutes, people: Minutes of clips and people of each split; without identities, each video counts as a
            person.
        refused: Reason -> how many clips, tracks or files were refused for it.
        unfinished: Minutes of video that were lost with their worker.
        seconds: Seconds of video that this run processed.
        wall, core_seconds: Time that it took, on the clock and of all cores together.
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
    cut: CutOptions = CutOptions(),  # noqa: B008 - frozen
    limits: QualityLimits = QualityLimits(),  # noqa: B008
    selection: Selection = Selection(),  # noqa: B008
    layout: Layout = Layout(),  # noqa: B008
    count: int | None = None,
    address: str | None = None,
    progress: Progress = no_progress,
) -> PreparationSummary:
    """Cut every face out of the videos at `paths` and make a data set of the good clips in `folder`.

    What an earlier run finished in `folder` is not done again.

    Args:
        paths: Videos, or folders that are searched with all folders in them.
        folder: A new folder, or one of an earlier run.
        cut, limits, selection, layout: How clips are cut, which are good, which of these are taken, and how
            the files lie in the folder.
        count: Worker processes, by default one per core.
        address: Address of a Ray cluster whose machines see the same files; by default this machine works
            alone.
        progress: Gets stage, done and total.

    Raises:
        LiaxError: If there is no video, the folder holds something else or was prepared with other settings,
            or the disk is full.
    """
    cut.check()
    selection.check(cut)
    if count is not None and not 1 <= count <= _MOST_WORKERS:
        raise LiaxError(f"{count} workers cannot be started", f"choose 1 to {_MOST_WORKERS}")
    if not 1 <= layout.shard_bytes <= _LARGEST_SHARD:
        raise LiaxError(f"a shard cannot have {layout.shard_bytes} bytes", "choose 1 MB to 1 TB")
    files = list_videos(paths)
    _lock_settings(folder, cut)
    others = other_people(selection, folder / "known", progress)
    finished = folder / "units"
    try:
        with ray_session(count, address):
            inputs, duplicates = split_duplicates(_inspected(files, count, progress))
            began = time.monotonic()
            seconds, core_seconds = _process_segments(
                inputs, cut, selection.minutes, finished, count, progress
            )
            wall = time.monotonic() - began
    finally:
        for half in finished.rglob(".*.part"):  # of workers that were killed, now or in an earlier run
            half.unlink(missing_ok=True)
    rows = assemble_dataset(
        folder,
        finished,
        inputs,
        duplicates,
        cut,
        limits,
        selection,
        others,
        layout,
        progress,
    )
    return _summary(rows, seconds, wall, core_seconds)


def _lock_settings(folder: Path, cut: CutOptions) -> None:
    """Record how the folder's clips are cut, or refuse settings other than the recorded ones."""
    path = folder / "prepare.json"
    settings, usual = asdict(cut), asdict(CutOptions())
    if path.exists():
        try:
            before = dict(read_json(path))
        except (ValueError, TypeError):
            raise LiaxError(f"{path} is damaged; name another folder, or delete this one.") from None
        before = usual | before  # options that it does not know yet
        other = [name for name in settings if before[name] != settings[name]]
        if other:
            raise LiaxError(
                f"{folder} was prepared with {other[0]} {before[other[0]]}, not {settings[other[0]]}; "
                "name another folder, or delete this one."
            )
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LiaxError(f"{folder} holds something else; name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(json.dumps(settings, indent=2).encode())


def _inspected(files: Sequence[Path], count: int | None, progress: Progress) -> list[InputVideo]:
    found = []
    for row in parallel_map(_inspect_item, [{"path": str(file)} for file in files], count):
        found.append(InputVideo(**{**row, "path": Path(row["path"])}))
        progress("reading files", len(found), len(files))
    lost = set(files) - {item.path for item in found}
    return found + [InputVideo(path, "", problem="ends the process that reads it") for path in lost]


def _process_segments(
    inputs: Sequence[InputVideo],
    cut: CutOptions,
    minutes: int | None,
    finished: Path,
    count: int | None,
    progress: Progress,
) -> tuple[float, float]:
    """Process what is not finished; returns seconds of video, and of cores."""
    waiting = {
        segment.name: (segment, item.seconds_of(segment))
        for item in inputs
        for segment in item.segments(minutes)
        if not segment.result(finished).exists()
    }
    total = round(sum(seconds for _, seconds in waiting.values()))
    done = core = 0.0
    items = [{**asdict(segment), "path": str(segment.path)} for segment, _ in waiting.values()]
    for row in parallel_map(partial(_process_item, cut=cut, finished=finished), items, count):
        segment, length = waiting[row["name"]]
        if row["full"] is not None:
            raise LiaxError(row["full"])
        if row["failed"] is not None:
            log.warning(f"{segment.path} could not be worked on in minute {segment.number}: {row['failed']}")
        done += length
        core += row["core"]
        progress("cutting clips", round(done), total)
    return done, core


def _inspect_item(item: dict[str, Any]) -> dict[str, Any]:
    """`inspect_video` from row to row, for Ray."""
    found = inspect_video(Path(item["path"]))
    return {**asdict(found), "path": item["path"]}


def _process_item(item: dict[str, Any], cut: CutOptions, finished: Path) -> dict[str, Any]:
    """`process_segment` from row to row, for Ray.

    In the result, "full" says why nothing can be written any more, and "failed" what else went wrong, which
    another run may do better.
    """
    segment = Segment(item["key"], item["number"], Path(item["path"]))
    began = time.process_time()
    full = failed = None
    try:
        process_segment(segment, cut, finished)
    except LiaxError as error:
        full = str(error)
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    return {"name": segment.name, "core": time.process_time() - began, "full": full, "failed": failed}


def _summary(rows: Sequence[dict[str, Any]], seconds: float, wall: float, core: float) -> PreparationSummary:
    kept = [row for row in rows if row["kept"]]
    splits = sorted({row["split"] for row in kept})
    return PreparationSummary(
        kept=len(kept),
        minutes={s: sum(r["frames"] / r["fps"] for r in kept if r["split"] == s) / 60 for s in splits},
        people={s: len({r["identity"] for r in kept if r["split"] == s}) for s in splits},
        refused=dict(Counter(r["reason"] for r in rows if not r["kept"]).most_common()),
        unfinished=sum(row["reason"] == "not finished" for row in rows),
        seconds=seconds,
        wall=wall,
        core_seconds=core,
    )
