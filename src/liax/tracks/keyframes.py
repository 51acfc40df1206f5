"""Keyframes: what a portrait is to do and when, written by hand as TOML or JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.bounded import short
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.options import Amount, EditSettings, parse_seconds, to_rate
from liax.options_file import read_tables
from liax.tracks.presets import Expression, find_preset, read_amount, read_expression
from liax.tracks.timing import Timing
from liax.tracks.track import Track

DEFAULT_RATE = Fraction(25)
_MOST_KEYS, _MOST_SECONDS, _MOST_FRAMES = 10_000, 6 * 3600, 1_000_000
_NAME = re.compile(r"[a-z][a-z0-9._+-]{0,99}|#[0-9]{1,5}")
_FADE = 0.3  # seconds in which a setting that holds for some time comes, and goes
_KEY_WORDS = ("at", "ease", "preset", "amount")

# From 0 to 1 on the way to a key, by the share of the time that has passed.
EASES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": lambda t: t,
    "in": lambda t: t**2,
    "out": lambda t: 1 - (1 - t) ** 2,
    "in-out": lambda t: t * t * (3 - 2 * t),
    "hold": lambda t: np.where(t < 1, 0.0, 1.0),
}


class _Point(NamedTuple):
    """A control's amount at a time, and how it gets there from the one before."""

    at: float
    amount: float
    ease: str


@dataclass(frozen=True)
class Keyframes:
    """Changes of a portrait over time: a curve for every control and motion vector that a key names.

    Attributes:
        curves: Control or motion vector ("#12") -> its points in order of time; it keeps the first
            one's amount until then, and the last one's from then on.
        units: The same -> "deg" or "", as far as a key said it.
        length: Seconds.
        rate: Frames a second when nothing else sets it.
    """

    curves: Mapping[str, tuple[_Point, ...]]
    units: Mapping[str, str]
    length: float
    rate: Fraction

    def amounts(self, seconds_T: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much there is of each curve at these times: (T, K)."""
        amounts_TK = np.empty((len(seconds_T), len(self.curves)))
        for k, points in enumerate(self.curves.values()):
            at_P = np.array([point.at for point in points])
            amount_P = np.array([point.amount for point in points])
            end_T = np.searchsorted(at_P, seconds_T, "right").clip(0, len(points) - 1)
            start_T = np.maximum(end_T - 1, 0)
            share_T = (seconds_T - at_P[start_T]) / np.where(end_T > start_T, at_P[end_T] - at_P[start_T], 1)
            share_T = share_T.clip(0, 1)
            for ease in {point.ease for point in points}:
                eases_T = np.array([point.ease == ease for point in points])[end_T]
                share_T[eases_T] = EASES[ease](share_T[eases_T])
            amounts_TK[:, k] = amount_P[start_T] + share_T * (amount_P[end_T] - amount_P[start_T])
        return amounts_TK

    def to_track(self) -> Track:
        """The curves, frame by frame."""
        count = max(1, round(self.length * self.rate))
        return self.track_at(Timing.steady(count, self.rate))

    def track_at(self, timing: Timing) -> Track:
        """The curves at these times."""
        names = list(self.curves)
        controls = [k for k, name in enumerate(names) if not name.startswith("#")]
        vectors = [k for k, name in enumerate(names) if name.startswith("#")]
        amounts_TK = self.amounts(timing.seconds_T)
        return Track(
            timing,
            tuple(names[k] for k in controls),
            amounts_TK[:, controls],
            tuple(int(names[k][1:]) for k in vectors),
            amounts_TK[:, vectors],
            changes=True,
            units=self.units,
        )


def is_keyframes(values: object) -> bool:
    """Whether a file's tables are keyframes."""
    return isinstance(values, dict) and "key" in values


def read_keyframes(path: Path) -> Keyframes:
    """The keyframes in a TOML or JSON file; docs/motion.md describes it.

    Raises:
        LiaxError: If it cannot be read, or says what is not understood. The message names file and key.
    """
    return keyframes_from(read_tables(path), path)


def keyframes_from(tables: Mapping[str, Any], path: Path) -> Keyframes:
    """The keyframes in the tables of the file `path`; otherwise as `read_keyframes`."""
    for name in tables:
        if name not in ("key", "preset", "rate", "length"):
            raise LiaxError(
                f"{path} has the unknown key {short(name, 40)}; known are key, preset, rate, length."
            )
    own = _presets(tables.get("preset", {}), path)
    given = tables.get("key")
    if not isinstance(given, list) or not given or not all(isinstance(key, dict) for key in given):
        raise LiaxError(f"{path} has no keys; write tables [[key]] with a time at.")
    if len(given) > _MOST_KEYS:
        raise LiaxError(f"{path} has more than {_MOST_KEYS:,} keys; write several files.")
    keys = [_key(values, own, path, f"{path}: key {number}") for number, values in enumerate(given, 1)]
    _check_times(keys, path)
    length = _seconds(tables["length"], f"{path}: length") if "length" in tables else 0.0
    last = max(key.at for key in keys)
    if "length" in tables and length < last:
        raise LiaxError(f"{path} is {length:g} s long, and its last key is at {last:g} s; make it longer.")
    rate = _rate(tables.get("rate", float(DEFAULT_RATE)), path)
    length = max(length, last + float(1 / rate)) if "length" not in tables else length
    if not 0 < length * rate <= _MOST_FRAMES:
        raise LiaxError(f"{path} has no frame or more than {_MOST_FRAMES:,}; change its length or rate.")
    curves, units = _curves(keys, path)
    return Keyframes(curves, units, length, rate)


def untimed_settings(settings: EditSettings) -> EditSettings:
    """The settings that always hold."""
    return {
        name: amount
        for name, amount in settings.items()
        if not (isinstance(amount, Amount) and amount.when is not None)
    }


def timed_settings(settings: EditSettings) -> Keyframes | None:
    """The settings that hold for some time only, as curves that fade in and out; None without any."""
    timed = {
        str(name): amount
        for name, amount in settings.items()
        if isinstance(amount, Amount) and amount.when is not None
    }
    if not timed:
        return None
    curves: dict[str, tuple[_Point, ...]] = {}
    units: dict[str, str] = {}
    length = 0.0
    for name, (value, unit, when) in timed.items():
        assert when is not None
        name = f"#{name}" if name.isdecimal() else name
        end = when.end if when.end is not None else when.start + 2 * _FADE
        fade = min(_FADE, (end - when.start) / 2)
        points = [_Point(when.start, 0.0, "hold"), _Point(when.start + fade, value, "in-out")]
        if when.end is not None:
            points += [
                _Point(max(end - fade, when.start + fade), value, "linear"),
                _Point(end, 0.0, "in-out"),
            ]
        curves[name] = tuple(points)
        if unit:
            units[name] = unit
        length = max(length, end)
    if not length <= _MOST_SECONDS:
        raise LiaxError(
            f"A setting holds until {length:g} s; give times up to {_MOST_SECONDS // 3600} hours."
        )
    return Keyframes(curves, units, length, DEFAULT_RATE)


class _Key(NamedTuple):
    """A table [[key]]: a whole expression, whatever it names besides, or both."""

    at: float
    ease: str
    expression: Expression | None
    named: Expression


def _key(values: Mapping[str, Any], own: Mapping[str, Expression], path: Path, where: str) -> _Key:
    if "at" not in values:
        raise LiaxError(f"{where} lacks at; add its time.")
    ease = values.get("ease", "in-out")
    if not isinstance(ease, str) or ease not in EASES:
        raise LiaxError(f"{where}: ease must be one of {', '.join(EASES)}, not {short(ease)}.")
    expression = None
    if "preset" in values:
        if not isinstance(values["preset"], str):
            raise LiaxError(f"{where}: preset must be a name, not {short(values['preset'])}.")
        amount, unit, _ = read_amount(values.get("amount", 1), f"{where}: amount")
        if unit:
            raise LiaxError(f"{where}: amount is a factor such as 0.5, and has no unit.")
        preset = find_preset(values["preset"], own, path.parent, where)
        expression = {name: Amount(amount * value, unit) for name, (value, unit, _) in preset.items()}
    elif "amount" in values:
        raise LiaxError(f"{where} has an amount but no preset; name the preset too.")
    named = read_expression({k: v for k, v in values.items() if k not in _KEY_WORDS}, where)
    if expression is None and not named:
        raise LiaxError(f"{where} changes nothing; name a preset or controls.")
    for name in (*named, *(expression or ())):
        if _NAME.fullmatch(name) is None:
            raise LiaxError(
                f"{where}: {short(name, 40)} is neither a control nor a motion vector such as #12."
            )
    return _Key(_seconds(values["at"], f"{where}: at"), ease, expression, named)


def _curves(keys: list[_Key], path: Path) -> tuple[dict[str, tuple[_Point, ...]], dict[str, str]]:
    # An expression takes back what was in the face before, or a smile would stay in a surprised one.
    expressive = [name for key in keys for name in key.expression or ()]
    expressive += [name for key in keys for name in key.named if not _moves_head(name)]
    points: dict[str, list[_Point]] = {}
    units: dict[str, str] = {}
    before = 0.0
    for key in sorted(keys, key=lambda key: key.at):
        settings = dict(key.named)
        if key.expression is not None:
            settings = {**dict.fromkeys(expressive, Amount(0.0)), **key.expression, **key.named}
        for name, (amount, unit, _) in settings.items():
            if not abs(amount) <= 1e6:
                raise LiaxError(f"{path}: {name} = {amount:g} is no amount; give one of at most 1e6.")
            begun = [] if key.at == 0 else [_Point(before, 0.0, "hold")]
            points.setdefault(name, begun).append(_Point(key.at, amount, key.ease))
            if unit and units.setdefault(name, unit) != unit:
                raise LiaxError(f"{path}: {name} is in {units[name]} and in {unit}; write one unit.")
        before = key.at
    return {name: tuple(curve) for name, curve in points.items()}, units


def _moves_head(name: str) -> bool:
    return name in FACTORS and FACTORS[name].group == "head"


def _presets(tables: object, path: Path) -> dict[str, Expression]:
    if not isinstance(tables, dict):
        raise LiaxError(f"{path}: preset must be tables [preset.NAME], not {short(tables)}.")
    own = {}
    for name, values in tables.items():
        if not isinstance(values, dict):
            raise LiaxError(f"{path}: preset.{short(name, 40)} must be a table of settings.")
        own[name] = read_expression(values, f"{path}: preset.{name[:40]}")
    return own


def _check_times(keys: list[_Key], path: Path) -> None:
    times = sorted(key.at for key in keys)
    same = next((a for a, b in pairwise(times) if b - a < 1e-6), None)
    if same is not None:
        raise LiaxError(f"{path} has two keys at {same:g} s; put their settings into one.")


def _seconds(value: object, where: str) -> float:
    if type(value) in (int, float):
        value = f"{value}"
    if not isinstance(value, str):
        raise LiaxError(f'{where} must be a time such as 1.2 or "1.2s", not {short(value)}.')
    try:
        seconds = parse_seconds(value)
    except LiaxError as error:
        raise LiaxError(f"{where}: {error}") from None
    if not 0 <= seconds <= _MOST_SECONDS:
        raise LiaxError(f"{where} is {seconds:g} s; give a time up to {_MOST_SECONDS // 3600} hours.")
    return seconds


def _rate(value: object, path: Path) -> Fraction:
    # So slow a rate would be a fraction of nothing.
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.01 <= value <= 1000:
        raise LiaxError(f"{path}: rate must be frames a second from .01 to 1000, not {short(value)}.")
    return to_rate(float(value))
