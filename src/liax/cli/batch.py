"""`liax batch`: many portraits with many videos, as a TOML file lists them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from liax.bounded import printable
from liax.cli.messages import sentence
from liax.cli.model_options import DEFAULT_DEVICE, Flat, ModelOptions
from liax.cli.output import show
from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError, OptionError
from liax.options import MarkOptions, Names

if TYPE_CHECKING:
    from liax.portrait.batch import JobOutcome
    from liax.portrait.batch_config import BatchConfig


def batch(
    jobs: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="JOBS.TOML")],
    *,
    devices: Names = (),
    address: str | None = None,
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008 - frozen
    marking: Flat[MarkOptions] = MarkOptions(),  # noqa: B008
) -> None:
    """Animate many portraits with one load of the weights; report jobs that fail, and go on with the others.

    The file has a [[job]] table for each, with source, driving, output and any option of animate by its
    Python name (absolute = true, align = "pose", strength = 1.3, set = {yaw = 15}); or, for every pair,
    sources = ["faces/*.jpg"], drivings = ["a.mp4", "b.mp4"] and output = "out/{source}_{driving}.mp4".
    In place of driving, faces = { 1 = "a.mp4", 2 = "b.mp4" } moves several faces, each by its own driving.
    Options of all jobs are in [defaults]. Paths are relative to the file.

    Run it again after a stop, a failure or a change: jobs that are done as asked are skipped, by the record
    JOBS.TOML.done.json. Files that it has not made are not replaced unless a job has overwrite = true.

    Args:
        jobs: The TOML file that lists what to do.
        devices: Devices of this machine that work side by side: all (every GPU), or names such as
            cuda:0,cuda:1.
        address: Address of a Ray cluster whose machines see the same files. Each of its GPUs works, or each
            of its machines if it has none.
    """
    # Imported here, so that --help and wrong arguments do not wait for PyTorch.
    from liax.portrait.batch import run_batch
    from liax.portrait.batch_config import read_batch

    listed = read_batch(jobs, model.files)
    numbers = {job.output: number for number, job in enumerate(listed.jobs, 1)}
    outcomes: dict[int, JobOutcome] = {}
    progress = ProgressDisplay({"jobs": "jobs"})
    if devices or address:
        ended = _spread(devices, address, listed, model, marking, progress)
    else:
        ended = run_batch(model.open(), listed, mark=marking, progress=progress)
    try:
        with progress:
            for outcome in ended:
                number = numbers[outcome.job.output]
                outcomes[number] = outcome
                if outcome.error is not None:
                    told = printable(sentence(outcome.error, "batch"))
                    print(f"liax: job {number}: {told}", file=sys.stderr)
    finally:
        done = [
            {
                "output": outcome.job.output,
                "status": outcome.status,
                "frames": outcome.frames,
                "seconds": outcome.seconds,
                "took": outcome.took,
                "error": None if outcome.error is None else sentence(outcome.error, "batch"),
            }
            for _, outcome in sorted(outcomes.items())
        ]
        show(lambda: _print_summary(listed, outcomes), total=len(listed.jobs), jobs=done)
    failed = sum(outcome.status == "failed" for outcome in outcomes.values())
    if failed:
        raise LiaxError(
            f"{failed} of {len(outcomes)} jobs failed; correct them and run the same command again, "
            "which skips those that are done."
        )


def _spread(
    devices: tuple[str, ...],
    address: str | None,
    listed: BatchConfig,
    model: ModelOptions,
    marking: MarkOptions,
    progress: ProgressDisplay,
) -> Iterator[JobOutcome]:
    """The jobs on several devices, or on a cluster."""
    from liax.portrait.batch_workers import WorkerOptions, run_batch_on

    if devices and address:
        raise OptionError({"devices": devices, "address": address}, "A cluster chooses its own devices")
    if model.device not in (None, DEFAULT_DEVICE):
        several = "devices" if devices else "address"
        options = {"device": model.device, several: devices or address}
        raise OptionError(options, "One device is not several")
    workers = WorkerOptions(model.weights, model.size, model.backend)
    return run_batch_on(devices, address, listed, workers, mark=marking, progress=progress)


def _print_summary(listed: BatchConfig, outcomes: Mapping[int, JobOutcome]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("job", justify="right")
    table.add_column("output", overflow="fold")
    table.add_column("status")
    for column in ("frames", "length", "took"):
        table.add_column(column, justify="right")
    first_left = min(set(range(1, len(listed.jobs) + 1)) - set(outcomes), default=0)
    for number, job in enumerate(listed.jobs, 1):
        # Text: what stands in brackets in a name is no markup.
        cells: list[str | Text] = [str(number), Text(printable(listed.name(job.output)))]
        if number not in outcomes:
            table.add_row(*cells, "stopped" if number == first_left else "to do")
            continue
        ended = outcomes[number]
        failed = ended.status == "failed"
        cells.append("[red]failed[/red]" if failed else ended.status)
        cells += ["", ""] if failed else [str(ended.frames), f"{ended.seconds:.1f} s"]
        table.add_row(*cells, "" if ended.status == "skipped" else f"{ended.took:.1f} s")
    Console().print(table)
