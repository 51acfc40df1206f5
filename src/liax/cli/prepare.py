"""`liax prepare`: raw videos to training shards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from liax.cli.output import show
from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError
from liax.preparation.config import CutOptions, QualityLimits, Selection

if TYPE_CHECKING:
    from liax.preparation.prepare import PreparationSummary

_UNITS = {
    "reading files": "files",
    "cutting clips": "seconds of video",
    "writing clips": "clips",
    "measuring known people": "people",
}


def prepare(
    videos: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="VIDEOS")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    cut: Annotated[CutOptions, tyro.conf.arg(name=""), tyro.conf.FlagCreatePairsOff] = CutOptions(),  # noqa: B008 - frozen
    limits: QualityLimits = QualityLimits(),  # noqa: B008
    selection: Annotated[Selection, tyro.conf.arg(name="")] = Selection(),  # noqa: B008
    shard_megabytes: int = 256,
    plain: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    workers: int | None = None,
    address: str | None = None,
) -> None:
    """Cut every face out of raw videos and make a data set of the good clips for `liax train`.

    Writes shards of clips, their regions, and manifest.parquet, which lists what was kept, what was refused
    and why, with all measured values. Started again after an interruption, with more videos or with other
    limits, it resumes. docs/preparing.md describes the measures.

    Args:
        videos: Videos, or folders that are searched with all folders in them.
        output: Folder of the data set: a new one, or one to resume.
        shard_megabytes: Approximate size of a shard.
        plain: Write a file for each clip and a manifest.csv, instead of shards.
        workers: Processes at a time; by default one per core.
        address: Address of a Ray cluster to work on (auto: the cluster that this machine belongs to), whose
            machines see the same files by the same paths. By default this machine works alone.
    """
    # Imported here, so that --help does not wait.
    from liax.preparation.dataset import Layout
    from liax.preparation.prepare import prepare as run

    with ProgressDisplay(_UNITS) as progress:
        summary = run(
            videos,
            output,
            cut=cut,
            limits=limits,
            selection=selection,
            layout=Layout(shard_megabytes << 20, plain),
            count=workers,
            address=address,
            progress=progress,
        )
    show(_summary_text(summary, output), path=output, **vars(summary))
    if summary.unfinished:
        raise LiaxError(
            f"{summary.unfinished} minutes of video were not finished because their worker ended; "
            "the same command tries them again."
        )
    if not summary.kept:
        raise LiaxError(f"{output} has no clip in it; its manifest.parquet says why each was refused.")


def _summary_text(summary: PreparationSummary, output: Path) -> str:
    lines = [f"{output}: {summary.kept} clips"]
    lines += [
        f"  {split}: {summary.minutes[split]:.1f} min, {people} {'person' if people == 1 else 'people'}"
        for split, people in summary.people.items()
    ]
    if summary.refused:
        lines.append("refused:")
        lines += [f"{count:6d}  {reason}" for reason, count in summary.refused.items()]
    if summary.core_seconds:
        lines.append(
            f"{summary.seconds:.0f} seconds of video in {summary.wall:.0f} s, "
            f"{summary.seconds / summary.core_seconds:.1f} in each second of a core"
        )
    if summary.kept:
        no_val = "" if "val" in summary.people else " --data.validation None"
        lines.append(f"liax train --data.manifest {output} --data.regions {output / 'regions.npz'}{no_val}")
    return "\n".join(lines)
