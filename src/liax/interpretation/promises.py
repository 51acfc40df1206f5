"""What a control promises: the range in which as much arrives as is asked for, within a tolerance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product, takewhile

import numpy as np
from numpy.typing import NDArray

from liax.interpretation.curves import Curve
from liax.interpretation.instrument import Quantity
from liax.weights.controls import Control, Promise

# What a control of the head may miss what was asked by, root mean square over people: so many degrees, or
# this part of a usual deviation.
TOLERANCE_DEG, _TOLERANCE = 4.0, 1 / 3
# A range may end at so many places between two amounts that were measured; in between curves are straight.
_PARTS = 8


def tolerance(quantity: Quantity) -> float:
    """What a calibrated control may miss the amount asked by, in the factor's units."""
    return TOLERANCE_DEG if quantity.unit == "deg" else _TOLERANCE * quantity.usual


def best_line(curve: Curve, factor: str, quantity: Quantity) -> tuple[float, Promise | None]:
    """How many of the factor's units one of the curve's is, and what can be promised in them.

    That is the slope of the line that tells every portrait's change within the tolerance over the widest
    range, to both sides if that can be; where there is none, of the mean from end to end. The promise's share
    is that of these portraits.
    """
    asked_B, got_PB = _finer(curve.asked_A, curve.of(factor))
    zero = int(np.flatnonzero(asked_B == 0)[0])
    best: tuple[float, Promise] | None = None
    for low, high in product(range(zero + 1), range(zero, len(asked_B))):
        part = slice(low, high + 1)
        unit = _slope(asked_B[part], got_PB[:, part])
        wanted_B = unit * asked_B[part]
        off_PB = got_PB[:, part] - wanted_B
        if unit <= 0 or not (_root_mean_square(off_PB) <= tolerance(quantity)).all():
            continue
        if best is None or _reach(wanted_B[0], wanted_B[-1]) > _reach(best[1].low, best[1].high):
            share = _share(off_PB[:, wanted_B != 0], tolerance(quantity))
            best = unit, Promise(wanted_B[0], wanted_B[-1], tolerance(quantity), share)
    return best or (curve.travel(factor) / float(np.ptp(curve.asked_A)), None)


def confirmed(control: Control, curve: Curve) -> Control:
    """The control with as much of its promise as other people keep, and the share of them that do.

    curve: of the control on people who did not take part in its calibration, the promise's ends among the
    amounts. The range comes in to the last amounts that are met within the tolerance, root mean square.
    """
    promise, asked_A = control.promise, curve.asked_A
    if promise is None:
        return control
    met_A = _root_mean_square(curve.of(control.name) - asked_A) <= promise.tolerance

    def last_met(amounts: Iterable[float]) -> float:
        return max(takewhile(lambda amount: met_A[asked_A == amount].all(), amounts), key=abs, default=0.0)

    low = last_met(asked_A[(asked_A < 0) & (asked_A >= promise.low)][::-1].tolist())
    high = last_met(asked_A[(asked_A > 0) & (asked_A <= promise.high)].tolist())
    if low == high:
        return replace(control, promise=None)
    kept = replace(promise, low=low, high=high)
    return replace(control, promise=replace(kept, share=kept_by(kept, control.name, curve)[1]))


def kept_by(promise: Promise, factor: str, curve: Curve) -> tuple[float, float]:
    """Root mean square of got less asked in the promise's range, and the share of tries within its tolerance.

    NaN for both where no face was seen.
    """
    inside_A = (curve.asked_A != 0) & (curve.asked_A >= promise.low) & (curve.asked_A <= promise.high)
    off_PA = curve.of(factor)[:, inside_A] - curve.asked_A[inside_A]
    return float(_root_mean_square(off_PA.reshape(-1, 1))[0]), _share(off_PA, promise.tolerance)


def _finer(
    asked_A: NDArray[np.float64], got_PA: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A curve with the places between its amounts, on straight lines."""
    place_B = np.arange((len(asked_A) - 1) * _PARTS + 1) / _PARTS
    left_B, right_B = np.floor(place_B).astype(int), np.ceil(place_B).astype(int)
    part_B = place_B - left_B

    def between(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[..., left_B] * (1 - part_B) + values[..., right_B] * part_B

    return between(asked_A), between(got_PA)


def _slope(asked_A: NDArray[np.float64], got_PA: NDArray[np.float64]) -> float:
    """Of the least-squares line through 0; 0 where nothing is known."""
    known_PA = np.isfinite(got_PA)
    weight = float((known_PA * asked_A**2).sum())
    return float((np.where(known_PA, got_PA, 0.0) * asked_A).sum()) / weight if weight else 0.0


def _root_mean_square(off_PA: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the portraits that show a face: (A,); NaN where none does."""
    known_A = np.isfinite(off_PA).sum(0)
    with np.errstate(invalid="ignore"):
        return np.where(known_A > 0, np.sqrt(np.nansum(off_PA**2, 0) / known_A), np.nan)


def _share(off_PA: NDArray[np.float64], allowed: float) -> float:
    known_N = off_PA[np.isfinite(off_PA)]
    return float(np.mean(np.abs(known_N) <= allowed)) if known_N.size else np.nan


def _reach(low: float, high: float) -> tuple[float, float]:
    """How far a range goes either way, and in all: what both directions have counts first."""
    return min(-low, high), high - low
