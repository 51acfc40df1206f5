"""A batch as its TOML file tells it: portraits, what drives them, how; checked before anything starts."""

from __future__ import annotations

import inspect
import os
import string
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from glob import glob, has_magic
from itertools import product
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from liax.errors import LiaxError
from liax.files import check_input
from liax.media.writer import SUFFIXES
from liax.portrait.animate import animate
from liax.portrait.edit import Amount, parse_settings

_PATHS = ("source", "driving", "output")
_MATRIX = ("sources", "drivings", "output")
_PLACES = ("source", "driving")
# What a user is told to write: one, and several in a list or table.
_WORDS: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    Fraction: ("a number", "numbers"),
    str: ("a text", "texts"),
    Amount: ('a text such as "15deg"', 'texts such as "15deg"'),
}


@dataclass(frozen=True)
class BatchJob:
    """One portrait to animate.

    Args:
        options: Of `animate`, those given.
        overwrite: Whatever is at `output`.
    """

    source: Path
    driving: Path
    output: Path
    options: Mapping[str, Any]
    overwrite: bool = False


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


def option_types() -> dict[str, Any]:
    """The options that a job may have, those of `animate` and "overwrite", with their types."""
    hints = get_type_hints(animate)
    parameters = inspect.signature(animate).parameters.values()
    names = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.name != "progress"]
    return {name: hints[name] for name in names} | {"overwrite": bool}


def read_batch(path: Path) -> BatchConfig:
    """The jobs of a TOML file; every path in it is relative to its folder.

    [[job]] tables have source, driving, output and any of `option_types`. Or, and also, a matrix: the lists
    `sources` and `drivings` of paths or patterns (faces/*.jpg), of which each pair is a job, and `output`
    with {source} and {driving} for the names. [defaults] holds options of all jobs.

    Raises:
        LiaxError: That names file and key for what is unknown, missing or of the wrong type, patterns that
            match nothing, outputs that cannot be written, and two jobs with the same one.
    """
    check_input(path, "list of jobs")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        jobs = tuple(_jobs(tables, path.parent))
    except _WrongError as error:
        raise LiaxError(f"{path}: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LiaxError(f"{path} is no TOML ({error}); correct it there.") from error
    batch = BatchConfig(path, jobs)
    _check_outputs(batch)
    return batch


class _WrongError(Exception):
    """What is wrong, without the file's name."""


def _jobs(tables: dict[str, Any], folder: Path) -> Iterable[BatchJob]:
    _check_keys("the file", tables, (*_MATRIX, "defaults", "job"))
    defaults, listed = tables.get("defaults", {}), tables.get("job", [])
    if not isinstance(defaults, dict):
        raise _WrongError("defaults must be a table, [defaults].")
    if not (isinstance(listed, list) and all(isinstance(values, dict) for values in listed)):
        raise _WrongError("job must be tables, [[job]].")
    defaults = _options("[defaults]", defaults)
    if any(key in tables for key in _MATRIX):
        yield from _matrix(tables, defaults, folder)
    elif not listed:
        raise _WrongError("there is no job in it; add [[job]] tables, or sources, drivings and output.")
    for number, values in enumerate(listed, 1):
        where = f"[[job]] {number}"
        _check_keys(where, values, (*_PATHS, *option_types()))
        source, driving, output = (folder / _required(where, values, key, str) for key in _PATHS)
        options = {key: value for key, value in values.items() if key not in _PATHS}
        yield _job(source, driving, output, defaults | _options(where, options))


def _matrix(tables: dict[str, Any], defaults: dict[str, Any], folder: Path) -> Iterable[BatchJob]:
    where = "the matrix of sources and drivings"
    sources = _matching(folder, "sources", _required(where, tables, "sources", Collection[str]))
    drivings = _matching(folder, "drivings", _required(where, tables, "drivings", Collection[str]))
    output = _required(where, tables, "output", str)
    try:
        places = {name for _, name, _, _ in string.Formatter().parse(output) if name is not None}
    except ValueError as error:
        raise _WrongError(f"output {output!r} is no pattern ({error}).") from error
    if not places.issubset(_PLACES):
        raise _WrongError(
            f"output {output!r} may name {{source}} and {{driving}}, and nothing else in braces."
        )
    for source, driving in product(sources, drivings):
        name = output.format(source=source.stem, driving=driving.stem)
        yield _job(source, driving, folder / name, defaults)


def _job(source: Path, driving: Path, output: Path, options: dict[str, Any]) -> BatchJob:
    given = {key: value for key, value in options.items() if key != "overwrite"}
    return BatchJob(source, driving, output, given, options.get("overwrite", False))


def _matching(folder: Path, key: str, patterns: Collection[str]) -> list[Path]:
    """The paths that patterns match, each once: a pattern's in order; a plain name even if it is missing."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = folder / pattern
        if has_magic(pattern) and not path.exists():
            matches = sorted(folder / name for name in glob(pattern, root_dir=folder, recursive=True))
            if not matches:
                raise _WrongError(f"{key}: nothing matches {pattern!r}; correct the pattern.")
            found |= dict.fromkeys(matches)
        else:
            found[path] = None
    if not found:
        raise _WrongError(f"{key} is empty; name at least one file.")
    return list(found)


def _options(where: str, values: dict[str, Any]) -> dict[str, Any]:
    types = option_types()
    _check_keys(where, values, types)
    return {key: _read(where, key, value, types[key]) for key, value in values.items()}


def _required(where: str, values: dict[str, Any], key: str, hint: Any) -> Any:
    if key not in values:
        raise _WrongError(f"{where} lacks {key}; add it.")
    return _read(where, key, values[key], hint)


def _check_keys(where: str, values: Mapping[str, Any], known: Collection[str]) -> None:
    for key in values:
        if key not in known:
            close = get_close_matches(key, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}."
            raise _WrongError(f"{where} has the unknown key {key!r}; {hint}")


def _read(where: str, key: str, value: Any, hint: Any) -> Any:
    try:
        return _as(value, hint)
    except (TypeError, OverflowError, ValueError, LiaxError) as error:
        raise _WrongError(f"{where}: {key} must be {_words(hint)}, not {value!r}.") from error


def _as(value: Any, hint: Any) -> Any:
    """A TOML value as the type `hint`; raises TypeError, or what making it one raises."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        for part in parts:
            try:
                return _as(value, part)
            except TypeError:
                continue
    elif origin is Literal and value in parts:
        return value
    elif origin is Mapping and isinstance(value, dict):
        return {key: _as(one, parts[1]) for key, one in value.items()}
    elif origin is Collection and isinstance(value, list):
        return tuple(_as(one, parts[0]) for one in value)
    elif hint is Amount and isinstance(value, str):
        return parse_settings((f"x={value}",))["x"]
    elif hint is Fraction and type(value) in (int, float):
        return Fraction(value).limit_denominator(1001)
    elif (hint is float and type(value) in (int, float)) or hint is type(value):
        return value
    raise TypeError(f"{value!r} is not {hint}")


def _words(hint: Any, many: bool = False) -> str:
    """What a user is told to write for a type."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_words(part, many) for part in parts if part is not NoneType)
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is not None:
        return f"a {'table' if origin is Mapping else 'list'} of {_words(parts[-1], many=True)}"
    return _WORDS[hint][many]


def _check_outputs(batch: BatchConfig) -> None:
    numbers: dict[Path, int] = {}
    for number, job in enumerate(batch.jobs, 1):
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
