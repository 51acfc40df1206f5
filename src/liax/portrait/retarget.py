"""Which of the driving's motion becomes the source's, and how strongly: a linear map of coefficients."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.weights.controls import GROUPS, Control, Controls

# Among strengths by name, the one of everything that is not named.
ALL = "all"
LARGEST_STRENGTH = 4.0
# Controls of which a vector is as large a part, but for this share, have it in common.
_ALIKE = 0.98


def group_gains(controls: Controls, gains: Mapping[str, float], others: float) -> NDArray[np.float64]:
    """The linear map (M, M) of the coefficients' change that scales named motion by its gain.

    gains: a group's name (or a single control's, which goes before its group's) -> gain. A name that is both
        means the group. others: gain of all other motion.

    G is diagonal: a vector's motion has the gain of the control of which it is the largest part, and of
    `others` if it is part of none. Controls of which it is equally large a part share it. That is not the
    inverse of what controls do: to draw their factor alone they also move other vectors a little, and what
    the network reads in a driving face has no such corrections in it.

    Raises LiaxError for a name of which these weights have no control.
    """
    _check(controls, gains)
    return _map(controls, [_named(control, gains, others) for control in controls], others)


def retarget(
    controls: Controls,
    only: Collection[str] = (),
    without: Collection[str] = (),
    strength: float | Mapping[str, float] = 1.0,
) -> NDArray[np.float64] | None:
    """The linear map (M, M) of the coefficients' change that a user asks for; None where all stays as it is.

    only: groups and controls whose motion is carried over, by name; nothing else is. Empty: everything.
    without: groups and controls whose motion is not.
    strength: gain of what is carried over, from 0 to LARGEST_STRENGTH; or group or control -> gain, with ALL
        for everything else (1 if left out).

    Raises LiaxError for a name of which these weights have no control, a name in both `only` and `without`,
    and a strength beyond its range.
    """
    strengths = dict(strength) if isinstance(strength, Mapping) else {ALL: float(strength)}
    for name, amount in strengths.items():
        if not (math.isfinite(amount) and 0 <= amount <= LARGEST_STRENGTH):
            raise LiaxError(f"{amount:g} is no strength for {name}; give 0 to {LARGEST_STRENGTH:g}.")
    rest = strengths.pop(ALL, 1.0)
    for name in only:
        if name in without:
            raise LiaxError(f"{name} cannot be both the only motion and left out; name it once.")
    _check(controls, [*only, *without, *strengths])

    def gain(control: Control) -> float:
        kept = not only or _named(control, dict.fromkeys(only, 1.0), 0.0) > 0
        kept = kept and _named(control, dict.fromkeys(without, 0.0), 1.0) > 0
        return _named(control, strengths, rest) if kept else 0.0

    gains_K = [gain(control) for control in controls]
    others = 0.0 if only else rest
    if all(value == 1 for value in (*gains_K, others)):
        return None
    return _map(controls, gains_K, others)


def parse_strength(text: str) -> dict[str, float]:
    """Strengths by name: "1.2,mouth=1.5" -> {"all": 1.2, "mouth": 1.5}; raises LiaxError for others."""
    strengths: dict[str, float] = {}
    for part in text.split(","):
        name, separator, amount = part.rpartition("=")
        try:
            strengths[name.strip().lower() if separator else ALL] = float(amount)
        except ValueError as error:
            raise LiaxError(
                f"{text!r} is no strength; write a factor such as 1.3, or one for each of several groups, "
                "such as head=0.8,mouth=1.5."
            ) from error
    return strengths


def parse_names(text: str) -> tuple[str, ...]:
    """Names in a list: "mouth,eyes" -> ("mouth", "eyes")."""
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def _named(control: Control, values: Mapping[str, float], otherwise: float) -> float:
    """The control's own value, else its group's, else `otherwise`."""
    if control.name in values and control.name not in GROUPS:
        return values[control.name]
    return values.get(control.group, otherwise)


def _check(controls: Controls, names: Collection[str]) -> None:
    groups = {control.group for control in controls}
    known = groups | {control.name for control in controls if control.name not in GROUPS}
    for name in names:
        if name in known:
            continue
        if not known:
            raise LiaxError(
                f"These weights name no motion, so {name!r} cannot be told from the rest; use others."
            )
        groups_text = ", ".join(group for group in GROUPS if group in groups)
        controls_text = ", ".join(control.name for control in controls)
        raise LiaxError(
            f"These weights have no motion called {name!r}; they have the groups {groups_text} "
            f"and the controls {controls_text}."
        )


def _map(controls: Controls, gains_K: list[float], others: float) -> NDArray[np.float64]:
    directions_MK = controls.directions_MK
    # Unit lengths, so that a vector's part does not depend on the control's unit.
    parts_MK = np.abs(directions_MK) / np.linalg.norm(directions_MK, axis=0).clip(1e-12)
    largest_M1 = parts_MK.max(1, keepdims=True, initial=0.0)
    owners_MK = (parts_MK >= _ALIKE * largest_M1) & (largest_M1 > 0)
    count_M = owners_MK.sum(1)
    return np.diag(np.where(count_M > 0, owners_MK @ np.array(gains_K) / count_M.clip(1), others))
