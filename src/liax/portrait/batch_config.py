"""A batch as its TOML file tells it: portraits, what drives them, how; checked before anything starts."""

from __future__ import annotations

import os
import string
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from glob import glob, has_magic
from itertools import product
from pathlib import Path
from typing import Any

from liax.bounded import short
from liax.errors import LiaxError
from liax.files import check_input, check_name
from liax.media.footage import files_of
from liax.media.writer import SUFFIXES
from liax.options import Amount, AnimateOptions, parse_amount
from liax.options_file import OptionType, read_options, read_tables

_TYPES = {
    Amount: OptionType(lambda value: _amount(value), 'a text such as "15deg"', 'texts such as "15deg"'),
    Any: OptionType(lambda value: value, "a value", "values"),
}
_MOST_JOBS = 100_000
# Keys of older files -> what is said of them.
_RENAMED = {
    "edit": "set",
    "relative": "absolute (relative = false is absolute = true)",
    "best_frame": 'reference (best_frame = true is reference = "best")',
    "first_frame": 'reference (first_frame = true is reference = "first")',
}


@dataclass(frozen=True)
class BatchJob:
    """One portrait to animate, or several faces of a picture or video.

    Args:
        driving: What moves the portrait; or the drivings of several faces by their numbers, 1 the largest.
        overwrite: Whether whatever is at `output` is replaced.
    """

    source: Path
    driving: Path | Mapping[int, Path]
    output: Path
    options: AnimateOptions
    overwrite: bool = False

    @property
    def drivings(self) -> tuple[Path, ...]:
        """All files that move something."""
        return (self.driving,) if isinstance(self.driving, Path) else tuple(self.driving.values())


@dataclass(frozen=True)
class BatchConfig:
    """The jobs of the TOML file at `path`, in its order."""

    path: Path
    jobs: tuple[BatchJob, ...]

    @property
    def record(self) -> Path:
        """The file beside it that tells which jobs are done."""
        return self.path.with_name(f"{self.path.name}.done.json")

    def name(self, path: Path) -> str:
        """A path as seen from the TOML file's folder."""
        return Path(os.path.relpath(path.absolute(), self.path.parent.absolute())).as_posix()


@dataclass(frozen=True)
class _File:
    """The whole file; its tables are read one by one, so that messages name them."""

    sources: tuple[str, ...] | None = None
    drivings: tuple[str, ...] | None = None
    output: str | None = None
    defaults: Mapping[str, Any] | None = None
    job: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class _Defaults(AnimateOptions):
    """[defaults]: options of all jobs."""

    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class _Job(_Defaults):
    """A table [[job]]."""

    source: Path
    driving: Path | None = None
    faces: Mapping[str, Path] | None = None
    output: Path


@dataclass(frozen=True)
class _Matrix:
    """Every source with every driving."""

    sources: tuple[str, ...]
    drivings: tuple[str, ...]
    output: str


def read_batch(path: Path, inputs: tuple[Path, ...] = ()) -> BatchConfig:
    """The jobs of a TOML file; every path in it is relative to its folder.

    [[job]] tables have source, driving, output, the fields of `AnimateOptions`, and overwrite; in place of
    driving, faces = { 1 = "a.mp4", 2 = "b.mp4" } moves several faces, each by its own. Or, and also, a
    matrix: the lists `sources` and `drivings` of paths or patterns (faces/*.jpg), of which each pair is a
    job, and `output` with {source} and {driving} for the names. [defaults] holds options of all jobs.

    Args:
        inputs: Other files that no job's output may replace, such as the weights'.

    Raises:
        LiaxError: If a key is unknown, missing or of the wrong type, a pattern matches nothing, an output
            cannot be written, two jobs have the same one, or it is a file that is read by then. The message
            names file and key.
    """
    check_input(path, "list of jobs")
    batch = BatchConfig(path, tuple(_jobs(path, read_tables(path))))
    _check_outputs(batch)
    _check_inputs(batch, inputs)
    return batch


def _jobs(path: Path, tables: dict[str, Any]) -> Iterator[BatchJob]:
    file = read_options(_File, tables, str(path), types=_TYPES)
    defaults = dict(file.defaults or {})
    given = _read(_Defaults, defaults, f"{path}: [defaults]")
    matrix = {field.name: tables[field.name] for field in fields(_Matrix) if field.name in tables}
    if matrix:
        yield from _matrix(path, read_options(_Matrix, matrix, str(path)), given)
    elif not file.job:
        raise LiaxError(
            f"{path}: there is no job in it; add [[job]] tables, or sources, drivings and output."
        )
    for number, values in enumerate(file.job, 1):
        where = f"{path}: [[job]] {number}"
        job = _read(_Job, defaults | dict(values), where)
        yield _job(path, job, path.parent / job.source, _driving(path, job, where), path.parent / job.output)


def _matrix(path: Path, matrix: _Matrix, given: _Defaults) -> Iterator[BatchJob]:
    sources = _matching(path, "sources", matrix.sources)
    drivings = _matching(path, "drivings", matrix.drivings)
    try:
        fields_ = [(name, spec or how) for _, name, spec, how in string.Formatter().parse(matrix.output)]
    except ValueError as error:
        raise LiaxError(f"{path}: output {short(matrix.output)} is no pattern ({short(error)}).") from error
    # No conversions and widths: {source:>99999999} would make a name of that length.
    if any(extra or name not in ("source", "driving", None) for name, extra in fields_):
        raise LiaxError(
            f"{path}: output {short(matrix.output)} may name {{source}} and {{driving}}, "
            "and nothing else in braces."
        )
    if len(sources) * len(drivings) > _MOST_JOBS:
        raise LiaxError(
            f"{path}: {len(sources)} sources with {len(drivings)} drivings are more than {_MOST_JOBS} jobs; "
            "write several files."
        )
    for source, driving in product(sources, drivings):
        output = matrix.output.format(source=source.stem, driving=driving.stem)
        yield _job(path, given, source, driving, path.parent / output)


def _read(cls: type[Any], values: dict[str, Any], where: str) -> Any:
    return read_options(cls, values, where, types=_TYPES, renamed=_RENAMED)


def _driving(path: Path, job: _Job, where: str) -> Path | dict[int, Path]:
    """What moves a job's portrait, or each of its faces."""
    if (job.driving is None) == (not job.faces):
        raise LiaxError(f'{where} needs a driving, or faces such as {{ 1 = "a.mp4", 2 = "b.mp4" }}.')
    if job.driving is not None:
        return path.parent / job.driving
    drivings: dict[int, Path] = {}
    for number, driving in (job.faces or {}).items():
        if not (number.isascii() and number.isdecimal() and len(number) <= 3 and int(number) > 0):
            raise LiaxError(f"{where}: faces: {short(number)} is no number of a face; 1 is the largest.")
        if int(number) in drivings:
            raise LiaxError(f"{where}: face {int(number)} is given two drivings; give it one.")
        drivings[int(number)] = path.parent / driving
    return drivings


def _job(
    path: Path, given: _Defaults, source: Path, driving: Path | Mapping[int, Path], output: Path
) -> BatchJob:
    options = AnimateOptions(**{field.name: getattr(given, field.name) for field in fields(AnimateOptions)})
    if options.keys is not None:
        options = replace(options, keys=path.parent / options.keys)
    return BatchJob(source, driving, output, options, given.overwrite)


def _amount(value: object) -> Amount:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return parse_amount(value)


def _matching(path: Path, key: str, patterns: Collection[str]) -> list[Path]:
    """The paths that patterns match, each once: a pattern's in order; a plain name even if it is missing."""
    folder = path.parent
    found: dict[Path, None] = {}
    for pattern in patterns:
        one = folder / pattern
        check_name(one)
        if has_magic(pattern) and not one.exists():
            matches = sorted(folder / name for name in glob(pattern, root_dir=folder, recursive=True))
            if not matches:
                raise LiaxError(f"{path}: {key}: nothing matches {short(pattern)}; correct the pattern.")
            found |= dict.fromkeys(matches)
        else:
            found[one] = None
    if not found:
        raise LiaxError(f"{path}: {key} is empty; name at least one file.")
    return list(found)


def _check_outputs(batch: BatchConfig) -> None:
    numbers: dict[Path, int] = {}
    for number, job in enumerate(batch.jobs, 1):
        for name in (job.source, *job.drivings, job.output):
            check_name(name)
        if job.output.suffix.lower() not in SUFFIXES:
            raise LiaxError(
                f"{batch.path}: output {batch.name(job.output)} has no ending that can be written; "
                f"name it one of {', '.join(SUFFIXES)}."
            )
        first = numbers.setdefault(job.output.resolve(), number)
        if first != number:
            raise LiaxError(
                f"{batch.path}: jobs {first} and {number} have the same output {batch.name(job.output)}; "
                "name them apart, in a matrix with {source} and {driving}."
            )


def _check_inputs(batch: BatchConfig, others: tuple[Path, ...]) -> None:
    """Raise LiaxError for an output that is read by the batch, unless a later job is what reads it."""
    read = {_identity(path) for path in (batch.path, batch.record, *others)}
    for number, job in enumerate(batch.jobs, 1):
        read |= {_identity(job.source)}
        read |= {_identity(file) for driving in job.drivings for file in files_of(driving)}
        identity = _identity(job.output)
        if identity is not None and identity in read:
            raise LiaxError(
                f"{batch.path}: the output {batch.name(job.output)} of job {number} is also an input",
                "name another output",
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from all others; None where there is none."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return stat.st_dev, stat.st_ino
