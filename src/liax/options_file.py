"""Options of a command as they stand in a TOML or JSON file: tables in, dataclasses out.

`cattrs` does the reading. Here are the rules that make it strict, and the sentences that name file, key and
remedy when a value does not fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from cattrs import ClassValidationError, Converter, ForbiddenExtraKeysError

from liax.bounded import parse_json, parse_toml, read_bytes, short
from liax.errors import LiaxError
from liax.options import Seconds, Square, parse_seconds, parse_square, to_rate

T = TypeVar("T")
_MOST_BYTES = 4 << 20  # of a file of options


class OptionType(NamedTuple):
    """How values of one type stand in a file.

    Attributes:
        read: Makes one of what the file holds, and raises TypeError, ValueError or LiaxError if it cannot.
        word: What a user is told to write, such as "a number".
        words: The same for several, such as "numbers".
    """

    read: Callable[[Any], Any]
    word: str
    words: str


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, or of a JSON file if its name ends in .json.

    Raises:
        LiaxError: If there is no such file, it cannot be read, or its syntax is wrong.
    """
    try:
        text = read_bytes(path, _MOST_BYTES).decode("utf-8-sig")
        tables = parse_json(text) if path.suffix == ".json" else parse_toml(text.replace("\r\n", "\n"))
    except OSError as error:
        raise LiaxError(f"cannot read {path}: {error.strerror}", "check the path") from None
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise LiaxError(f"{path} is no {kind} ({short(error, 200)})", "correct it there") from None
    if not isinstance(tables, dict):
        raise LiaxError(f"{path} must be a table of keys, not {short(tables)}.")
    return tables


def read_options(
    cls: type[T],
    values: object,
    where: str,
    *,
    types: Mapping[Any, OptionType] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> T:
    """A dataclass from a table of a file; fields that the table leaves out keep their defaults.

    Fields may be numbers, texts, paths, fractions, dataclasses (tables of their own), `Literal`s, tuples,
    collections (they become tuples), mappings, unions of these, and whatever `types` adds. Whole numbers are
    taken for numbers; nothing else is converted.

    Args:
        cls: A dataclass.
        values: What TOML or JSON gave.
        where: What errors begin with: the file, and the table in it if it has several.
        types: How values of further types are read.
        renamed: Keys that are refused, such as "data.far", each with its present name.

    Raises:
        LiaxError: If a key is unknown, missing or renamed, or a value is of the wrong type.
    """
    known = _TYPES | dict(types or {})
    if not isinstance(values, dict):
        raise LiaxError(f"{where} must be a table of keys, not {short(values)}.")
    for old, new in (renamed or {}).items():
        if has_key(values, old):
            raise LiaxError(f"{where}: {old} is called {new} now", "rename it")
    try:
        return _converter(known).structure(values, cls)
    except ClassValidationError as error:
        raise _named_error(error, values, where, (), known) from error


def has_key(values: Mapping[str, Any], key: str) -> bool:
    """Whether there is a value at a dotted key such as "data.far"."""
    table, dot, rest = key.partition(".")
    if not dot:
        return key in values
    return isinstance(values.get(table), dict) and has_key(values[table], rest)


def _strict(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind}")
    return value


def _number(make: Callable[[Any], T], value: Any) -> T:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is not a number")
    return make(value)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    return float(value)


def _path(value: Any) -> Path:
    if "\0" in _strict(str, value):
        raise ValueError("a null character")
    return Path(value)


def _seconds(value: Any) -> Seconds:
    seconds = parse_seconds(value) if isinstance(value, str) else _number(_finite, value)
    if seconds < 0:
        raise ValueError(f"{seconds} is before the beginning")
    return Seconds(seconds)


def _square(value: Any) -> Square:
    if isinstance(value, str):
        return parse_square(value)
    left, top, side = (_number(_finite, part) for part in _strict(list, value))
    return Square(left, top, side)


_TYPES: dict[Any, OptionType] = {
    Seconds: OptionType(_seconds, 'a time such as "3.2s"', 'times such as "3.2s"'),
    Square: OptionType(_square, "a list of left, top and side", "lists of left, top and side"),
    bool: OptionType(partial(_strict, bool), "true or false", "true or false"),
    int: OptionType(partial(_strict, int), "a whole number", "whole numbers"),
    float: OptionType(partial(_number, _finite), "a number", "numbers"),
    # Such as the frame rate 29.97.
    Fraction: OptionType(partial(_number, to_rate), "a number", "numbers"),
    str: OptionType(partial(_strict, str), "a text", "texts"),
    Path: OptionType(_path, "a path", "paths"),
}


def _converter(types: Mapping[Any, OptionType]) -> Converter:
    """`cattrs` with our rules: by itself it makes "3" a number and "ab" a list of texts."""
    converter = Converter(forbid_extra_keys=True)

    def is_union(kind: Any) -> bool:
        return get_origin(kind) in (Union, UnionType)

    def union(kind: Any) -> Callable[[Any, Any], Any]:
        members = [member for member in get_args(kind) if member is not NoneType]

        def read(value: Any, _: Any) -> Any:
            if value is None and NoneType in get_args(kind):
                return None
            for member in members[:-1]:
                try:
                    return converter.structure(value, member)
                except Exception:  # it may be of the next one
                    continue
            return converter.structure(value, members[-1])

        return read

    def is_list(kind: Any) -> bool:
        return get_origin(kind) in (tuple, list, Collection, Sequence)

    def elements(kind: Any) -> Callable[[Any, Any], Any]:
        members = get_args(kind)
        fixed = get_origin(kind) is tuple and members[-1:] != (...,)

        def read(value: Any, _: Any) -> Any:
            if not isinstance(value, list | tuple) or (fixed and len(value) != len(members)):
                raise TypeError(f"{value!r} is not {kind}")
            kinds = members if fixed else [members[0]] * len(value)
            read_all = (converter.structure(one, of) for one, of in zip(value, kinds, strict=True))
            return list(read_all) if get_origin(kind) is list else tuple(read_all)

        return read

    def is_mapping(kind: Any) -> bool:
        return get_origin(kind) in (dict, Mapping)

    def mapping(kind: Any) -> Callable[[Any, Any], Any]:
        of_key, of_value = get_args(kind)

        def read(value: Any, _: Any) -> Any:
            return {
                converter.structure(key, of_key): converter.structure(one, of_value)
                for key, one in _strict(dict, value).items()
            }

        return read

    converter.register_structure_hook_factory(is_union, union)
    converter.register_structure_hook_factory(is_list, elements)
    converter.register_structure_hook_factory(is_mapping, mapping)
    for kind, option in types.items():
        converter.register_structure_hook(kind, _hook(option))
    return converter


def _hook(option: OptionType) -> Callable[[Any, Any], Any]:
    return lambda value, _: option.read(value)


def _named_error(
    error: ClassValidationError,
    values: dict[str, Any],
    where: str,
    tables: tuple[str, ...],
    types: Mapping[Any, OptionType],
) -> LiaxError:
    """The sentence for the first thing that is wrong in `values`, the table at the keys `tables`.

    An unknown key comes first: it explains why another is missing.
    """
    unknown = [one for one in error.exceptions if isinstance(one, ForbiddenExtraKeysError)]
    if unknown:
        key = sorted(unknown[0].extra_fields)[0]
        known = [field.name for field in fields(error.cl)]
        close = get_close_matches(key[:100], known, 1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}."
        return LiaxError(f"{where} has the unknown key {short('.'.join((*tables, key)))}; {hint}")
    ((wrong, note), *_), _ = error.group_exceptions()
    key = ".".join((*tables, note.name))
    if note.name not in values:
        return LiaxError(f"{where} lacks {key}; add it.")
    value = values[note.name]
    if isinstance(wrong, ClassValidationError) and isinstance(value, dict):
        return _named_error(wrong, value, where, (*tables, note.name), types)
    return LiaxError(f"{where}: {key} must be {_words(note.type, types)}, not {short(value)}.")


def _words(kind: Any, types: Mapping[Any, OptionType], many: bool = False) -> str:
    """What a user is told to write for a type."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        words = [_words(part, types, many) for part in parts if part is not NoneType]
        return " or ".join(dict.fromkeys(words))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is tuple and parts[-1] is not ...:
        return f"a list of {len(parts)} {_words(parts[0], types, many=True)}"
    if origin is not None:
        of = parts[0] if origin is tuple else parts[-1]
        return f"a {'table' if origin in (dict, Mapping) else 'list'} of {_words(of, types, many=True)}"
    if is_dataclass(kind):
        return "a table of keys"
    return types[kind].words if many else types[kind].word
