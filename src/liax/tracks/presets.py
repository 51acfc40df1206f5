"""Expressions by name, and a user's own, each a few settings of controls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from liax.bounded import printable, short
from liax.errors import LiaxError
from liax.options import Amount, parse_amount
from liax.options_file import read_tables

Expression = Mapping[str, Amount]
"""Control, or motion vector as "#12" -> how much of it."""


def _expression(**amounts: float) -> Expression:
    degrees = ("yaw", "pitch", "roll")
    return {
        name.replace("_", "-"): Amount(value, "deg" if name in degrees else "")
        for name, value in amounts.items()
    }


# Directions are the viewer's. `neutral` takes back what another expression set.
PRESETS: dict[str, Expression] = {
    "neutral": {},
    "smile": _expression(smile=0.6),
    "laugh": _expression(smile=0.9, jaw=0.35, blink=0.2, pitch=-4),
    "surprise": _expression(brow=0.9, jaw=0.45, blink=-0.4),
    "wink": _expression(wink=0.4, smile=0.3),
    "doubt": _expression(brow=-0.7, pucker=0.4, roll=7, yaw=4),
    "sleepy": _expression(blink=0.55, brow=-0.2, pitch=6),
    "look-left": _expression(gaze_x=-0.8, yaw=-10),
    "look-right": _expression(gaze_x=0.8, yaw=10),
    "look-up": _expression(gaze_y=0.4, pitch=-8),
    "look-down": _expression(gaze_y=-0.2, pitch=9),
}


# Own presets that an error names.
_LISTED = 20


def find_preset(name: str, own: Mapping[str, Expression], folder: Path, where: str) -> Expression:
    """The expression of that name: one of `own`, a file such as grin.toml in the folder, or a preset.

    Args:
        where: What errors begin with.

    Raises:
        LiaxError: If there is none.
    """
    if name in own:
        return own[name]
    if name.lower().endswith((".toml", ".json")):
        if Path(name).name != name:
            raise LiaxError(f"{where}: {short(name)} is in another folder", "put it beside this file")
        return read_expression(read_tables(folder / name), str(folder / name))
    if name not in PRESETS:
        known = [printable(one[:40]) for one in [*own][:_LISTED]] + [*PRESETS]
        close = next(iter(get_close_matches(name[:100], known, 1)), None)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(known)}."
        raise LiaxError(f"{where}: there is no preset {short(name)}; {hint}")
    return PRESETS[name]


def read_expression(values: Mapping[str, Any], where: str) -> Expression:
    """Settings as a table of a file has them: yaw = "10deg", smile = 0.6, "#12" = 0.3.

    Raises:
        LiaxError: For what is no amount.
    """
    return {_name(name): read_amount(value, f"{where}: {short(name, 40)}") for name, value in values.items()}


def expression_toml(expression: Expression) -> str:
    """The lines of a file that `read_expression` reads back."""
    written = {name: f"{amount.value:.9g}" for name, amount in expression.items()}
    lines = (
        f"{json.dumps(name)} = {json.dumps(written[name] + amount.unit) if amount.unit else written[name]}"
        for name, amount in expression.items()
    )
    return "".join(f"{line}\n" for line in lines)


def read_amount(value: object, where: str) -> Amount:
    """0.6, "0.6" or "10deg"; LiaxError for others."""
    if type(value) in (int, float):
        value = f"{value:g}" if isinstance(value, int) and abs(value) < 1e15 else repr(value)
    if not isinstance(value, str):
        raise LiaxError(f'{where} must be a number or a text such as "10deg", not {short(value)}.')
    try:
        amount = parse_amount(value)
        if amount.when is None:
            return amount
        raise LiaxError("a key has its own time")
    except LiaxError:
        raise LiaxError(f'{where} must be a number or a text such as "10deg", not {short(value)}.') from None


def _name(name: str) -> str:
    name = name.strip().lower()
    return f"#{name}" if name.isascii() and name.isdecimal() else name
