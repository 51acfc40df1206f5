"""What settings such as yaw=15deg add to the coefficients: v of equations (10) and (11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.bounded import short
from liax.errors import LiaxError, OutOfRangeError
from liax.options import Amount, EditSettings
from liax.weights.controls import CoefficientLimits, Control, Controls

# Real faces stay well within ±1 (the paper edits by at most 1); beyond this, pictures fall apart.
LARGEST_EDIT = 2.0
# Ranges are shown rounded; what is shown must be allowed.
_SLACK = 1e-5
_ABSURD = 1e6


@dataclass(frozen=True)
class Edit:
    """What settings ask for, checked; v of equations (10) and (11) once it is known of which portrait.

    Args:
        exact_M: Change of the coefficients by the head's controls, which are degrees and positions, and by
            motion vectors by number.
        expression_M: By all other controls.
        limits: Where expressions stop, if anywhere.
    """

    exact_M: NDArray[np.floating]
    expression_M: NDArray[np.floating]
    limits: CoefficientLimits | None

    @classmethod
    def of(cls, settings: EditSettings, controls: Controls, force: bool = False) -> Edit:
        """Check settings; those that share motion vectors add up.

        Args:
            force: Allow what is out of a control's range, beyond ±LARGEST_EDIT of a single vector, or further
                than faces go.

        Raises:
            LiaxError: For unknown names, units that are not the control's, values out of range, and always
                for what is no finite number that float32 can compute with.
        """
        exact_M, expression_M = np.zeros(controls.count), np.zeros(controls.count)
        for name, amount in settings.items():
            value, unit = amount if isinstance(amount, tuple) else Amount(amount)
            if not abs(value) <= _ABSURD:
                told = _cut(name) if isinstance(name, str) else name
                raise LiaxError(f"{told}={value:g} is no amount; give a finite number, at most {_ABSURD:g}.")
            if isinstance(name, int) or name.startswith("#") or name.isdecimal():
                exact_M[_vector(name, value, unit, controls.count, force)] += value
                continue
            control = controls[name]
            _check(control, value, unit, force)
            for index, per_unit in control.vectors.items():
                (exact_M if control.group == "head" else expression_M)[index] += value * per_unit
        return cls(exact_M, expression_M, None if force else controls.limits)

    def vector_for(self, alpha_M: NDArray[np.float32]) -> NDArray[np.float32]:
        """v on a portrait with these coefficients (M,), or on each of several (B, M).

        Expressions stop at the coefficient limits: a portrait that smiles already can smile little more.
        """
        turned_M = alpha_M + self.exact_M
        expression_M = self.expression_M
        if self.limits is not None:
            expression_M = self.limits.clamp(turned_M + expression_M, turned_M) - turned_M
        return np.broadcast_to(self.exact_M + expression_M, alpha_M.shape).astype(np.float32)


def edit_vector(settings: EditSettings, controls: Controls, force: bool = False) -> NDArray[np.float32]:
    """What `settings` ask for, on no portrait in particular: (M,) float32. Otherwise as `Edit.of`."""
    edit = Edit.of(settings, controls, force)
    return (edit.exact_M + edit.expression_M).astype(np.float32)


def _check(control: Control, value: float, unit: str, force: bool) -> None:
    if unit not in ("", control.unit):
        known = f"in {control.unit}" if control.unit else "a bare number"
        raise LiaxError(f"{control.name} is {known}, not in {unit}; give {control.name}={value:g}.")
    slack = _SLACK * (control.high - control.low)
    if not (force or control.low - slack <= value <= control.high + slack):
        exact = f" (verified to {control.verified_text})" if control.verified else ""
        raise OutOfRangeError(f"{control.name}={value:g}{control.unit}", f"{control.range}{exact}")


def _vector(name: str | int, value: float, unit: str, count: int, force: bool) -> int:
    text = name if isinstance(name, str) else str(max(-1, min(name, 10**9)))
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) < count):
        raise LiaxError(f"There is no motion vector {_cut(text)}; these weights have #0 to #{count - 1}.")
    if unit:
        raise LiaxError(f"Motion vectors have no unit; give #{digits}={value:g}.")
    if not (force or abs(value) <= LARGEST_EDIT):
        raise OutOfRangeError(f"#{digits}={value:g}", f"-{LARGEST_EDIT:g} to {LARGEST_EDIT:g}")
    return int(digits)


def _cut(name: str) -> str:
    return short(name, 20)[1:-1]
