"""What settings such as yaw=15deg add to the coefficients: v of equations (10) and (11)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liax.bounded import short
from liax.errors import LiaxError, OutOfRangeError
from liax.options import Amount, EditSettings
from liax.portrait.pose import Pose, allowed_change, measured_controls
from liax.weights.controls import CoefficientLimits, Control, Controls

# Real faces stay well within ±1 (the paper edits by at most 1); beyond this, pictures fall apart.
LARGEST_EDIT = 2.0
# Ranges are shown rounded; what is shown must be allowed.
_SLACK = 1e-5
_ABSURD = 1e6
_ANY_POSE: Pose = {}


@dataclass(frozen=True)
class Edit:
    """What settings ask for, checked; v of equations (10) and (11) once it is known of which portrait.

    Args:
        exact_M: Change of the coefficients by motion vectors by number, and by controls of the head that are
            in no unit.
        expression_M: By all controls that are not of the head.
        limits: Where expressions stop, if anywhere.
        turns: Controls of the head that are degrees and positions, and how much of each.
        held: Whether these stop where the resulting pose leaves their ranges.
    """

    exact_M: NDArray[np.floating]
    expression_M: NDArray[np.floating]
    limits: CoefficientLimits | None
    turns: tuple[tuple[Control, float], ...] = ()
    held: bool = True

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
        measured, turns = measured_controls(controls), []
        for name, amount in settings.items():
            value, unit, when = Amount(*amount) if isinstance(amount, tuple) else Amount(amount)
            if not abs(value) <= _ABSURD:
                told = _cut(name) if isinstance(name, str) else name
                raise LiaxError(f"{told}={value:g} is no amount; give a finite number, at most {_ABSURD:g}.")
            if when is not None:
                raise LiaxError(f"{name} cannot change with time here", "leave out its times")
            if isinstance(name, int) or name.startswith("#") or name.isdecimal():
                exact_M[_vector(name, value, unit, controls.count, force)] += value
                continue
            control = controls[name]
            _check(control, value, unit, force)
            if control in measured:
                turns.append((control, value))
                continue
            for index, per_unit in control.vectors.items():
                (exact_M if control.group == "head" else expression_M)[index] += value * per_unit
        return cls(exact_M, expression_M, None if force else controls.limits, tuple(turns), not force)

    def vector_for(self, alpha_M: NDArray[np.float32], pose: Pose = _ANY_POSE) -> NDArray[np.float32]:
        """v on a portrait with these coefficients (M,), or on each of several (B, M).

        Expressions stop at the coefficient limits: a portrait that smiles already can smile little more. A
        head stops where its pose leaves the range: one that is turned already can turn little more.

        Args:
            pose: Of the portrait, to which the head's movement is added.
        """
        exact_M = self.exact_M
        for control, value in self.turns:
            direction_M = np.zeros(len(self.exact_M))
            direction_M[list(control.vectors)] = list(control.vectors.values())
            exact_M = exact_M + self._allowed(control, value, pose) * direction_M
        turned_M = alpha_M + exact_M
        expression_M = self.expression_M
        if self.limits is not None:
            expression_M = self.limits.clamp(turned_M + expression_M, turned_M) - turned_M
        return np.broadcast_to(exact_M + expression_M, alpha_M.shape).astype(np.float32)

    def beyond(self, pose: Pose) -> tuple[str, ...]:
        """The controls of the head that the pose of one portrait holds back."""
        return tuple(
            control.name for control, value in self.turns if self._allowed(control, value, pose) != value
        )

    def held_back(self, pose: Pose) -> str:
        """A sentence about what the pose of one portrait holds back; "" where nothing is."""
        told = []
        for control, value in self.turns:
            allowed = self._allowed(control, value, pose)
            if allowed != value:
                own, unit = float(pose[control.name]), f" {control.unit}".rstrip()
                told.append(
                    f"{control.name} is at {own:.2g}{unit} already, so it goes no further than "
                    f"{own + allowed:.2g}{unit}"
                )
        return f"The portrait's {', and '.join(told)}, where pictures hold." if told else ""

    def _allowed(self, control: Control, value: float, pose: Pose) -> float:
        """How much of a control one portrait gets."""
        if not self.held:
            return value
        low, high = allowed_change(control, pose)
        held = min(max(value, low), high)
        return value if abs(held - value) <= _slack(control) else held


def edit_vector(settings: EditSettings, controls: Controls, force: bool = False) -> NDArray[np.float32]:
    """What `settings` ask for, on no portrait in particular: (M,) float32. Otherwise as `Edit.of`."""
    edit = replace(Edit.of(settings, controls, force), limits=None, held=False)
    return edit.vector_for(np.zeros(controls.count, np.float32))


def _check(control: Control, value: float, unit: str, force: bool) -> None:
    if unit not in ("", control.unit):
        known = f"in {control.unit}" if control.unit else "a bare number"
        raise LiaxError(f"{control.name} is {known}, not in {unit}; give {control.name}={value:g}.")
    if not (force or control.low - _slack(control) <= value <= control.high + _slack(control)):
        exact = f" (verified to {control.verified_text})" if control.verified else ""
        raise OutOfRangeError(f"{control.name}={value:g}{control.unit}", f"{control.range}{exact}")


def _slack(control: Control) -> float:
    return _SLACK * (control.high - control.low)


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
