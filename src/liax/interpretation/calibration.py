"""Controls whose units and ranges are what was measured: `yaw=15deg` turns a head by 15 degrees."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.face.embed import SAME_PERSON
from liax.interpretation.curves import Curve
from liax.interpretation.instrument import Quantity
from liax.interpretation.naming import LARGEST_LEAK, LEAST_TRAVEL
from liax.weights.controls import Control, Controls

# What a control of the head may miss what was asked by, root mean square over people: so many degrees, or
# this part of a usual deviation.
TOLERANCE_DEG, _TOLERANCE = 4.0, 1 / 3
# A control goes as far as so many of the people still show a face, and the same person's.
_MOST_PEOPLE = 0.9
# ... and as far as the factor still answers with this part of its steepest slope, and never turns back by it.
_ANSWERS = 0.2
# A leak of this share is told with the control.
_TOLD = 0.1
# The group whose controls go by what is measured; expressions saturate, and go from 0 to their ends at 1.
_MEASURED_GROUP = "head"


class _Extent(NamedTuple):
    """Places of a range's ends among the amounts, and the control's units for one of the curve's."""

    first: int
    last: int
    unit: float


def calibrated(
    controls: Controls, curves: Mapping[str, Curve], quantities: Mapping[str, Quantity]
) -> Controls:
    """The controls in units of what they measure, with ranges in which that holds; others are left out.

    controls: named after the factor that they move (`name_vectors`). curves: of each over its whole range,
    by one instrument, whose factors `quantities` are.

    A range ends where a face is lost or becomes another person's on more than a tenth of the portraits, or
    where the factor stops answering; what then moves little, or something else much more, is no control.

    Controls of the head are in the factor's own units (degrees, or parts of the square) by the best straight
    line. Its range is the widest, to both sides if that can be, in which every amount is met within 4 degrees
    or a third of a usual deviation, root mean square over the portraits: networks do not turn all heads
    alike. Other controls are 1 at the farther end of their range.
    """
    found = []
    for control in controls:
        curve, quantity = curves[control.name], quantities[control.name]
        if control.group == _MEASURED_GROUP:
            extent = _by_measure(curve, control.name, quantity)
        else:
            extent = _by_range(curve, control.name)
        if extent is None:
            continue
        curve = curve.between(extent.first, extent.last)
        moved = curve.moved(control.name, quantities)
        if not _worth_having(curve, control.name, quantity, moved):
            continue
        low, high = curve.asked_A[[0, -1]] * extent.unit
        found.append(
            Control(
                control.name,
                control.group,
                {m: amount / extent.unit for m, amount in control.vectors.items()},
                _inwards(low),
                _inwards(high),
                quantity.unit if control.group == _MEASURED_GROUP else "",
                quantity.meaning + _leak_told(control.name, moved),
            )
        )
    return Controls(controls.count, tuple(found))


def tolerance(quantity: Quantity) -> float:
    """What a calibrated control may miss the amount asked by, in the factor's units."""
    return TOLERANCE_DEG if quantity.unit == "deg" else _TOLERANCE * quantity.usual


def _usable(curve: Curve, factor: str) -> tuple[int, int]:
    """The amounts around 0 at which faces hold together and the factor answers: first and last place."""
    own_PA = curve.of(factor)
    zero = int(np.flatnonzero(curve.asked_A == 0)[0])
    begun_P = np.isfinite(own_PA[:, zero])
    # Without an embedder every face counts as the same person's.
    whole_PA = np.isfinite(own_PA) & ~(curve.identity_PA >= SAME_PERSON)
    whole_A = whole_PA[begun_P].mean(0) >= _MOST_PEOPLE if begun_P.any() else np.zeros(len(own_PA[0]), bool)
    mean_A = np.nanmean(np.where(np.isfinite(own_PA).any(0), own_PA, 0.0), 0)
    slope_B = np.diff(mean_A) / np.diff(curve.asked_A)
    slope_B = slope_B / max(float(slope_B.max()), 1e-12)
    # Outwards from 0, what each step leads to; its slope is that of the interval between.
    below = _farthest(whole_A[:zero][::-1], slope_B[:zero][::-1])
    above = _farthest(whole_A[zero + 1 :], slope_B[zero:])
    return zero - below, zero + above


def _farthest(whole_S: NDArray[np.bool_], slope_S: NDArray[np.float64]) -> int:
    """How many steps to go: while faces are whole and nothing turns back, and to the last that answers.

    An eye that hardly answers at first and then closes is closed; a mouth that is wide open is not opened on.
    """
    farthest = 0
    for step, (whole, slope) in enumerate(zip(whole_S, slope_S, strict=True), start=1):
        if not whole or slope < -_ANSWERS:
            break
        farthest = step if slope > _ANSWERS else farthest
    return farthest


def _by_range(curve: Curve, factor: str) -> _Extent | None:
    first, last = _usable(curve, factor)
    if first == last:
        return None
    return _Extent(first, last, 1 / float(np.abs(curve.asked_A[[first, last]]).max()))


def _by_measure(curve: Curve, factor: str, quantity: Quantity) -> _Extent | None:
    """The widest range in which one straight line tells every portrait's change well enough."""
    own_PA, (first, last) = curve.of(factor), _usable(curve, factor)
    zero = int(np.flatnonzero(curve.asked_A == 0)[0])
    best: _Extent | None = None
    for low, high in product(range(first, zero + 1), range(zero, last + 1)):
        asked_A, got_PA = curve.asked_A[low : high + 1], own_PA[:, low : high + 1]
        known_PA = np.isfinite(got_PA)
        got_PA = np.where(known_PA, got_PA, 0.0)
        weight = float((known_PA * asked_A**2).sum())
        unit = float((got_PA * asked_A).sum()) / weight if weight else 0.0
        if unit <= 0:
            continue
        off_PA = np.where(known_PA, got_PA - unit * asked_A, 0.0)
        error_A = np.sqrt((off_PA**2).sum(0) / known_PA.sum(0).clip(1))
        if (error_A > tolerance(quantity)).any():
            continue
        found = _Extent(low, high, unit)
        if best is None or _reach(curve.asked_A, found) > _reach(curve.asked_A, best):
            best = found
    return best


def _reach(asked_A: NDArray[np.float64], extent: _Extent) -> tuple[float, float]:
    """How far a range goes either way, and in all: what both directions have counts first."""
    down, up = -asked_A[extent.first] * extent.unit, asked_A[extent.last] * extent.unit
    return min(down, up), down + up


def _worth_having(curve: Curve, factor: str, quantity: Quantity, moved: Mapping[str, float]) -> bool:
    """Whether the factor moves far enough, and nothing else much more."""
    others = [abs(amount) for name, amount in moved.items() if name != factor]
    far = curve.travel(factor) >= LEAST_TRAVEL * quantity.usual
    return far and max(others, default=0.0) < LARGEST_LEAK


def _leak_told(factor: str, moved: Mapping[str, float]) -> str:
    """ "; leaks 12 % into roll", where the largest leak is worth telling."""
    shares = {name: abs(amount) / sum(map(abs, moved.values())) for name, amount in moved.items()}
    del shares[factor]
    other = max(shares, key=shares.__getitem__, default=None)
    if other is None or shares[other] < _TOLD:
        return ""
    return f"; leaks {100 * shares[other]:.0f} % into {other}"


def _inwards(value: float) -> float:
    """Two figures, towards 0."""
    if value == 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{np.trunc(value / step + np.sign(value) * 1e-9) * step:.6g}")
