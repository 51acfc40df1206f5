"""Motion tracks as files of our own: CSV for people and spreadsheets, JSON for programs; docs/motion.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.bounded import csv_header, parse_csv_numbers, parse_fraction, short
from liax.files import atomic_file
from liax.tracks.timing import LEAST_RATE, MOST_RATE, Timing
from liax.tracks.track import Track

VERSION = 1
# Largest numbers of moments, and of columns of one.
_MOST_MOMENTS, _MOST_COLUMNS = 1_000_000, 1000
# Beyond this no number can be meant.
_LARGEST = 1e6
# What a column is called: a control or #13, perhaps with a unit: yaw [deg].
_COLUMN = re.compile(r"(?:([a-z][a-z0-9._+-]{0,99})|#([0-9]{1,5}))(?: *\[ *([a-z°]*) *\])?")
_KIND = re.compile(r"track ([0-9]{1,9}) (pose|changes)(?: of ([0-9a-f]{1,64}))?")


def is_track_csv(header: Sequence[str]) -> bool:
    """Whether these are the columns of a track."""
    return "time" in map(_plain, header)


def is_track_json(values: object) -> bool:
    """Whether this is a track."""
    return isinstance(values, dict) and "liax" in values


def write_track(track: Track, path: Path, *, overwrite: bool = True) -> None:
    """Write a track as .csv or .json, complete or not at all.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If it cannot be written.
    """
    lines = _json_lines(track) if path.suffix.lower() == ".json" else _csv_lines(track)
    with atomic_file(path, overwrite=overwrite) as file:
        for line in lines:
            file.write(line.encode())


def parse_track_csv(raw: bytes) -> Track:
    """The track in a CSV; empty cells between others lie on the straight line between them.

    Without a column `liax` it says changes of the portrait, by the controls that the columns name.

    Raises:
        ValueError: If it is none.
    """
    header = csv_header(raw)
    names = [_plain(name) for name in header]
    if len(names) > _MOST_COLUMNS:
        raise ValueError(f"it has more than {_MOST_COLUMNS:,} columns")
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"it has two columns {short(twice, 40)}")
    special = {name: names.index(name) for name in ("time", "shot", "liax") if name in names}
    rest = [at for at, name in enumerate(names) if name and name not in special]
    for at in rest:
        if _column(header[at]) is None:
            raise ValueError(f"{short(header[at], 40)} is neither a control nor a motion vector such as #13")
    numbers = [special["time"], *([special["shot"]] if "shot" in special else []), *rest]
    units = {names[at]: match[3] for at in rest if (match := _column(header[at])) and match[3] is not None}
    values_TC, texts = parse_csv_numbers(raw, numbers, [special["liax"]] if "liax" in special else [])
    kinds = {kind for kind in (texts[0] if texts else []) if kind}
    if len(kinds) > 1:
        raise ValueError("its column liax does not say the same everywhere")
    if not len(values_TC):
        raise ValueError("it has no line but the names of its columns")
    shots_T = values_TC[:, 1] if "shot" in special else None
    return _track(
        Timing.of_seconds(values_TC[:, 0], shots_T),
        {names[at]: values_TC[:, numbers.index(at)] for at in rest},
        kinds.pop() if kinds else f"track {VERSION} changes",
        units,
    )


def track_from_json(values: Mapping[str, Any]) -> Track:
    """The track that a JSON file holds, as it was read.

    Raises:
        ValueError: If it is none.
    """
    known = {"liax", "rate", "time", "shot", "columns"}
    if unknown := sorted(values.keys() - known):
        raise ValueError(f"it has the unknown key {short(unknown[0], 40)}")
    kind, columns = values["liax"], values.get("columns")
    if not isinstance(kind, str) or not isinstance(columns, dict) or len(columns) > _MOST_COLUMNS:
        raise ValueError("liax must be a text, and columns a table of lists")
    series = {str(name).lower(): _series(values_T, name) for name, values_T in columns.items()}
    shots_T = _series(values["shot"], "shot") if "shot" in values else None
    if "time" in values:
        timing = Timing.of_seconds(_series(values["time"], "time"), shots_T)
    elif series and isinstance(values.get("rate"), str | int):
        rate = parse_fraction(str(values["rate"]))
        if not LEAST_RATE <= rate <= MOST_RATE:
            raise ValueError(f"{short(values['rate'], 20)} is no frame rate")
        count = len(next(iter(series.values())))
        steady = Timing.of_seconds(np.arange(count) / float(rate), shots_T)
        timing = Timing(steady.ticks_T, 1 / rate, rate, steady.starts_shot_T)
    else:
        raise ValueError("it has neither times nor a rate")
    for name, values_T in {**series, **({} if shots_T is None else {"shot": shots_T})}.items():
        if len(values_T) != len(timing):
            raise ValueError(f"{short(name, 40)} has {len(values_T)} values for {len(timing)} moments")
        if name != "shot" and _COLUMN.fullmatch(name) is None:
            raise ValueError(f"{short(name, 40)} is neither a control nor a motion vector such as #13")
    return _track(timing, series, kind)


def _track(
    timing: Timing,
    series: Mapping[str, NDArray[np.float64]],
    kind: str,
    units: Mapping[str, str] | None = None,
) -> Track:
    match = _KIND.fullmatch(kind)
    if match is None:
        raise ValueError(f"{short(kind, 60)} is no kind of track")
    version, meaning, weights = match.groups()
    if int(version) != VERSION:
        raise ValueError(f"it is a track of version {version}, and this liax reads {VERSION}")
    filled = {name: _filled(values_T, timing.seconds_T) for name, values_T in series.items()}
    for name, values_T in filled.items():
        if not np.abs(values_T).max() <= _LARGEST:
            raise ValueError(f"{name} has a value beyond {_LARGEST:,g}")
    controls = tuple(name for name in filled if not name.startswith("#"))
    vectors = tuple(name for name in filled if name.startswith("#"))
    if len({int(name[1:]) for name in vectors}) < len(vectors):
        raise ValueError("it has two columns of one motion vector")

    def stacked(names: Sequence[str]) -> NDArray[np.float64]:
        empty = np.zeros((len(timing), 0))
        return np.stack([filled[name] for name in names], 1) if names else empty

    return Track(
        timing,
        controls,
        stacked(controls),
        tuple(int(name[1:]) for name in vectors),
        stacked(vectors),
        meaning == "changes",
        weights or "",
        {name: "deg" if unit == "°" else unit for name, unit in (units or {}).items()},
    )


def _filled(values_T: NDArray[np.float64], seconds_T: NDArray[np.float64]) -> NDArray[np.float64]:
    known_T = np.isfinite(values_T)
    if not known_T.any():
        return np.zeros(len(values_T))
    return np.interp(seconds_T, seconds_T[known_T], values_T[known_T])


def _series(values: object, name: str) -> NDArray[np.float64]:
    if not isinstance(values, list) or not 0 < len(values) <= _MOST_MOMENTS:
        raise ValueError(f"{short(name, 40)} must be a list of 1 to {_MOST_MOMENTS:,} numbers")
    if not all(value is None or type(value) in (int, float) for value in values):
        raise ValueError(f"{short(name, 40)} has a value that is no number")
    series_T = np.array([np.nan if value is None else value for value in values], np.float64)
    if np.isinf(series_T).any():
        raise ValueError(f"{short(name, 40)} has a value that is not finite")
    return series_T


def _column(name: str) -> re.Match[str] | None:
    return _COLUMN.fullmatch(name.strip().lower())


def _plain(name: str) -> str:
    """A column's name without its unit."""
    match = _column(name)
    if match is None:
        return name.strip().lower()
    return match[1] or f"#{int(match[2])}"


def _columns(track: Track) -> dict[str, NDArray[np.float64]]:
    columns = dict(zip(track.controls, track.amounts_TK.T, strict=True))
    return columns | {f"#{m}": c_T for m, c_T in zip(track.vectors, track.free_TV.T, strict=True)}


def _kind(track: Track) -> str:
    of = f" of {track.weights}" if track.weights else ""
    return f"track {VERSION} {'changes' if track.changes else 'pose'}{of}"


def _shots_T(track: Track) -> NDArray[np.int64] | None:
    """The number of every moment's shot, None for a single one that begins with the track."""
    starts_shot_T = track.timing.starts_shot_T
    return None if starts_shot_T[0] and starts_shot_T.sum() == 1 else np.cumsum(starts_shot_T)


def _csv_lines(track: Track) -> Iterable[str]:
    columns, shots_T, kind = _columns(track), _shots_T(track), _kind(track)
    yield ",".join(["time", *([] if shots_T is None else ["shot"]), *columns, "liax"]) + "\r\n"
    series = [values_T.tolist() for values_T in columns.values()]
    for t, seconds in enumerate(track.timing.seconds_T.tolist()):
        shot = [] if shots_T is None else [str(shots_T[t])]
        cells = [f"{seconds:.6f}", *shot, *(_number(values[t]) for values in series), kind]
        yield ",".join(cells) + "\r\n"


def _json_lines(track: Track) -> Iterable[str]:
    timing, shots_T = track.timing, _shots_T(track)
    head: dict[str, Any] = {"liax": _kind(track), "rate": str(timing.rate)}
    if timing.tick != 1 / timing.rate or (np.diff(timing.ticks_T) != 1).any():
        head["time"] = timing.seconds_T.round(6).tolist()
    if shots_T is not None:
        head["shot"] = shots_T.tolist()
    yield "{\n" + "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
    yield '  "columns": {'
    for at, (name, values_T) in enumerate(_columns(track).items()):
        values = ", ".join(map(_number, values_T.tolist()))
        yield f"{',' if at else ''}\n    {json.dumps(name)}: [{values}]"
    yield "\n  }\n}\n"


def _number(value: float) -> str:
    """Enough digits for a float32."""
    return f"{value:.9g}"
