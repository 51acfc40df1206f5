"""Many portraits animated one after another. Failures are reported, and finished jobs are skipped."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from liax.bounded import read_json
from liax.errors import LiaxError
from liax.files import atomic_file
from liax.option_flags import changed_options
from liax.options import MarkOptions
from liax.portrait.animate import animate_file
from liax.portrait.animator import Animator
from liax.portrait.batch_config import BatchConfig, BatchJob
from liax.portrait.motion import Driving
from liax.portrait.reenact_video import reenact_file
from liax.progress import Progress, no_progress
from liax.weights.files import fingerprint

log = logging.getLogger(__name__)
_RECORD_BYTES = 64 << 20


@dataclass(frozen=True)
class JobOutcome:
    """How a job ended.

    Args:
        frames, seconds: Of its output, 0 if it failed.
        took: Seconds of work.
        error: Why it failed.
    """

    job: BatchJob
    status: Literal["done", "skipped", "failed"]
    frames: int = 0
    seconds: float = 0.0
    took: float = 0.0
    error: LiaxError | None = None


def run_batch(
    animator: Animator,
    batch: BatchConfig,
    *,
    mark: MarkOptions = MarkOptions(),  # noqa: B008 - frozen
    progress: Progress = no_progress,
) -> Iterator[JobOutcome]:
    """Do a batch's jobs (`read_batch`) in order, and yield each one's outcome as it ends.

    A job that fails is an outcome like any other. A job is skipped if `batch.record` says that this batch
    made its output, unchanged since, from the same inputs (by size and time), options and weights. If these
    have changed, the output is made again. Any other file in its place stays and the job fails, unless it
    says `overwrite`. Missing output folders are created. Stopping at any time leaves no half-written output.

    Raises:
        LiaxError: If the record is damaged or cannot be written.
    """
    weights = fingerprint(animator.network)
    for number, job in enumerate(batch.jobs, 1):

        def tell(stage: str, count: int, total: int | None, number: int = number) -> None:
            progress(f"{number} of {len(batch.jobs)}: {stage}", count, total)

        entry = begin_job(batch, job, weights, mark)
        outcome = entry.skipped
        if outcome is None:
            try:
                outcome = do_job(animator, job, entry.ours, mark, tell)
            finally:
                end_job(batch, job, entry, outcome)
        yield outcome


@dataclass(frozen=True)
class RecordEntry:
    """What a batch's record tells of a job that begins.

    Args:
        asked: Digest of what is asked for now.
        before: What the record told before.
        ours: Whether the file at the job's output is this batch's own.
        skipped: The outcome of a job that is done as asked.
    """

    asked: str
    before: dict[str, Any]
    ours: bool
    skipped: JobOutcome | None


def begin_job(batch: BatchConfig, job: BatchJob, weights: str, mark: MarkOptions) -> RecordEntry:
    """Look a job up in the batch's record, and note there that it begins unless it is done."""
    name, asked = batch.name(job.output), _digest(batch, job, weights, mark)
    done = _read_record(batch.record).get(name, {})
    same = job.output.is_file() and done.get("output") == _content(job.output)
    # A kill may come after an output got its name, and before the record could tell.
    ours = same or (job.output.is_file() and done.get("begun") is True)
    if same and done.get("job") == asked:
        return RecordEntry(asked, done, ours, JobOutcome(job, "skipped", done["frames"], done["seconds"]))
    if ours or job.overwrite or not job.output.exists():
        begun = {"job": None, "output": None, "frames": 0, "seconds": 0.0} | done | {"begun": True}
        _note(batch.record, name, begun)
    return RecordEntry(asked, done, ours, None)


def end_job(batch: BatchConfig, job: BatchJob, entry: RecordEntry, outcome: JobOutcome | None) -> None:
    """Note in the batch's record that a job is done, or what it told before of one that is not."""
    told = entry.before
    if outcome is not None and outcome.status == "done":
        content, frames, seconds = _content(job.output), outcome.frames, outcome.seconds
        told = {"job": entry.asked, "output": content, "frames": frames, "seconds": seconds}
    _note(batch.record, batch.name(job.output), told)


def _note(path: Path, name: str, entry: dict[str, Any]) -> None:
    """Puts an output's entry into the record, or takes an empty one away."""
    # Read again: another batch of the same file may have written meanwhile.
    record = _read_record(path)
    if entry:
        _write_record(path, record | {name: entry})
    elif name in record:
        del record[name]
        _write_record(path, record)


def do_job(
    animator: Animator, job: BatchJob, ours: bool, mark: MarkOptions, progress: Progress = no_progress
) -> JobOutcome:
    """Do one job; `ours` is whether the file at its output is this batch's own."""
    begun = time.monotonic()
    try:
        if job.output.exists() and not (ours or job.overwrite):
            raise LiaxError(
                f"{job.output} exists already and is not this batch's work as it left it; "
                "set overwrite = true to replace it, or name another output."
            )
        _make_folder(job.output.parent)
        source, output, options = job.source, job.output, job.options
        overwrite = ours or job.overwrite
        if isinstance(job.driving, Path):
            written = animate_file(
                animator,
                source,
                job.driving,
                output,
                options,
                mark=mark,
                overwrite=overwrite,
                progress=progress,
            )
        else:
            faces: dict[int | None, Path | Driving] = dict(job.driving.items())
            written = reenact_file(
                animator, source, faces, output, options, mark=mark, overwrite=overwrite, progress=progress
            )
    except LiaxError as error:
        return JobOutcome(job, "failed", took=time.monotonic() - begun, error=error)
    except Exception as error:  # a full GPU, say, must not cost the night's other jobs
        log.debug("unexpected", exc_info=True)
        problem = f"{job.output} cannot be made ({type(error).__name__}: {error})."
        return JobOutcome(job, "failed", took=time.monotonic() - begun, error=LiaxError(problem))
    return JobOutcome(job, "done", written.frames, written.seconds, time.monotonic() - begun)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LiaxError(f"{folder} cannot be created ({error.strerror}); write elsewhere.") from error


def _digest(batch: BatchConfig, job: BatchJob, weights: str, mark: MarkOptions) -> str:
    """Of everything that decides what the output shows."""
    files = (job.source, *job.drivings, *([job.options.keys] if job.options.keys else []))
    inputs: list[Any] = [(batch.name(path), _stamp(path)) for path in files]
    if not isinstance(job.driving, Path):
        inputs.append([*job.driving])  # which face is whose
    told = json.dumps(
        [inputs, changed_options(job.options), changed_options(mark), weights], sort_keys=True, default=str
    )
    return hashlib.sha256(told.encode()).hexdigest()


def _stamp(path: Path) -> list[Any]:
    """A file's size and time of change, of a folder its files'; nothing of what is not there."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        facts = [(file.name, file.stat()) for file in files if file.is_file()]
    except OSError:  # which the job itself tells of
        return []
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in facts]


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_record(path: Path) -> dict[str, dict[str, Any]]:
    """Output -> digest of its job and of itself, and its length; empty if there is no record yet.

    Of a job that was being done, "begun" is true, and the digests are those of before.
    """
    try:
        record = read_json(path, _RECORD_BYTES)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    if not isinstance(record, dict) or not all(map(_is_entry, record.values())):
        raise _damaged(path)
    return record


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    frames, seconds = entry.get("frames"), entry.get("seconds")
    if type(frames) is not int or not isinstance(seconds, int | float):
        return False
    return 0 <= seconds < math.inf


def _damaged(path: Path) -> LiaxError:
    return LiaxError(f"{path} is no record of a batch; delete it, and the batch begins anew.")


def _write_record(path: Path, record: dict[str, dict[str, Any]]) -> None:
    with atomic_file(path) as file:
        file.write(json.dumps(record, indent=1).encode())
