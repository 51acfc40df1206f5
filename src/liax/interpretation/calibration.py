"""Controls from measured effects: names and directions first, then units and ranges.

`name_vectors` finds which vectors move which factor, whatever training intended; `calibrate_controls` makes
`yaw=15deg` turn a head by 15 degrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.interpretation.effects import EffectStatistics, mean_of_known
from liax.interpretation.guaranteed_range import fit_unit_and_range
from liax.interpretation.instrument import Quantity
from liax.interpretation.probe import ControlCurve
from liax.weights.controls import Control, Controls

# Most vectors that a control moves, and how much better a further one has to make it.
LARGEST_SET = 4
_BETTER = 1.1
# How far a coefficient is tried: as a multiple of its observed range, because networks read less than faces
# do, and at most. A control may go farther than was tried by the last factor, if what is measured there
# allows it.
_BEYOND_OBSERVED, _FARTHEST, _BEYOND_TRIED = 3.0, 1.0, 1.5
# Vectors whose coefficient varies less than this share of the liveliest one's are not tried.
_IDLE = 0.05
# A factor is offered if it travels at least this many usual deviations from end to end, moves the same way on
# this share of people, and nothing else moves this many times as much. (The last is above 1 because factors
# overlap: a closed lid reads as a downward look, on people too.) Less travel is measured, but hardly seen.
LEAST_TRAVEL, _LEAST_AGREEMENT, LARGEST_LEAK = 1.5, 0.8, 1.5
# Weight of moving vectors far, against leaking: small, to choose among directions that leak alike.
_RIDGE = 0.02


def trial_values(observed_MV: NDArray[np.float64]) -> NDArray[np.float64]:
    """Three values (M, 3) of each coefficient, the middle one 0, that show what it does as a control.

    They go beyond what real frames show, because effects there are too small to tell apart.

    Args:
        observed_MV: What real frames show (`observed_values`).
    """
    low_M, high_M = _BEYOND_OBSERVED * observed_MV.min(1), _BEYOND_OBSERVED * observed_MV.max(1)
    return np.stack([low_M, np.zeros_like(low_M), high_M], 1).clip(-_FARTHEST, _FARTHEST)


def active_vectors(observed_MV: NDArray[np.float64]) -> list[int]:
    """The vectors that real frames use enough to be worth trying."""
    range_M = np.ptp(observed_MV, axis=1)
    return np.flatnonzero(range_M > _IDLE * range_M.max()).tolist()


def name_vectors(
    statistics: EffectStatistics,
    values_MV: NDArray[np.float64],
    quantities: Mapping[str, Quantity],
    largest_set: int = LARGEST_SET,
) -> Controls:
    """A control for every factor that can be moved, in usual deviations by the linear effect matrix.

    The worth of a set of vectors is how far it can move the factor, times the share of the factor in all that
    it moves. A control begins with the single vector of most worth, and takes up the one that raises its
    worth most, by a tenth at least. Its weights are the least-squares solution that moves the factor by 1
    and, on the portraits measured, everything else and people's differences by as little as possible. Factors
    are not offered if they hardly move, move different ways on different people, or follow another factor
    that the same vectors move more.

    Ranges and units are provisional: `calibrate_controls` sets them by what is measured.

    Args:
        statistics: Of effects at `values_MV`.
        values_MV: As `trial_values` gives them; they also say how far a vector may go.
        quantities: The factors, which give controls their groups and meanings.
        largest_set: Most vectors of a control.
    """
    ends_M2 = _BEYOND_TRIED * np.stack([values_MV.min(1), values_MV.max(1)], 1)
    known_M = np.isfinite(statistics.effect_MF).all(1) & (ends_M2[:, 1] > ends_M2[:, 0])
    found = []
    for f, factor in enumerate(statistics.factors):
        direction = _best(statistics, f, np.flatnonzero(known_M).tolist(), ends_M2, largest_set)
        if direction is None or not _worth_offering(statistics, f, direction):
            continue
        vectors = {int(m): float(direction.change_M[m]) for m in np.flatnonzero(direction.change_M)}
        quantity = quantities[factor]
        found.append(
            Control(factor, quantity.group, vectors, direction.low, direction.high, "", quantity.meaning)
        )
    return Controls(len(values_MV), tuple(found))


@dataclass(frozen=True)
class _Direction:
    """A way to move one factor, by the linear effect matrix.

    Args:
        change_M: Of the coefficients, for one usual deviation of the factor.
        low, high: How far it can go, in usual deviations.
        moved_F: What one usual deviation of it moves, its own factor by 1.
    """

    change_M: NDArray[np.float64]
    low: float
    high: float
    moved_F: NDArray[np.float64]

    @property
    def worth(self) -> float:
        return (self.high - self.low) / float(np.abs(self.moved_F).sum())


def _best(
    statistics: EffectStatistics,
    f: int,
    vectors: list[int],
    ends_M2: NDArray[np.float64],
    largest_set: int,
) -> _Direction | None:
    best: _Direction | None = None
    chosen: list[int] = []
    while len(chosen) < largest_set:
        tried = [([*chosen, m], _solved(statistics, f, [*chosen, m], ends_M2)) for m in vectors]
        grown = [(group, way) for group, way in tried if way is not None and len({*group}) == len(group)]
        if not grown:
            break
        group, way = max(grown, key=lambda pair: pair[1].worth)
        if best is not None and way.worth < _BETTER * best.worth:
            break
        best, chosen = way, group
    return best


def _solved(
    statistics: EffectStatistics, f: int, vectors: list[int], ends_M2: NDArray[np.float64]
) -> _Direction | None:
    """The purest direction of factor f within some vectors: min ‖leaks‖² + ridge, own effect 1."""
    slopes_PKF = statistics.slopes_PMF[:, vectors]
    slopes_PKF = slopes_PKF[np.isfinite(slopes_PKF).all((1, 2))]
    effect_KF = statistics.effect_MF[vectors]
    # Of its own factor, what differs from the mean person is a leak.
    others_PKF = slopes_PKF - np.where(np.arange(slopes_PKF.shape[2]) == f, effect_KF, 0.0)
    leak_KK = np.einsum("pkf,plf->kl", others_PKF, others_PKF) / max(len(slopes_PKF), 1)
    reach_K = np.abs(ends_M2[vectors]).max(1)
    solved_K = np.linalg.solve(leak_KK + _RIDGE * np.diag(1 / reach_K**2), effect_KF[:, f])
    gain = float(solved_K @ effect_KF[:, f])
    if gain <= 0:
        return None
    change_M = np.zeros(len(ends_M2))
    change_M[vectors] = solved_K / gain
    moved_K = change_M[vectors] != 0
    bounds_K2 = np.sort(ends_M2[vectors][moved_K] / change_M[vectors][moved_K, None], 1)
    low, high = float(bounds_K2[:, 0].max()), float(bounds_K2[:, 1].min())
    return _Direction(change_M, low, high, change_M[vectors] @ effect_KF)


def _worth_offering(statistics: EffectStatistics, f: int, direction: _Direction) -> bool:
    slopes_PM = np.nan_to_num(statistics.slopes_PMF[:, :, f])
    agreement = float(np.mean(slopes_PM @ direction.change_M > 0))
    return (
        direction.low < 0 < direction.high
        and direction.high - direction.low >= LEAST_TRAVEL
        and bool(np.delete(np.abs(direction.moved_F), f).max(initial=0.0) < LARGEST_LEAK)
        and agreement >= _LEAST_AGREEMENT
    )


# Pictures hold as long as this share of the people still show a face, which embeddings take for the same
# person's, and which is this much as sharp as the unmoved one,
_MOST_PEOPLE, _SAME_PERSON, _LEAST_SHARPNESS = 0.9, 0.6, 0.6
# and identity has drifted less far on average: embeddings of one person in different clips are about .30
# apart, and what looks smeared is beyond this,
LARGEST_DRIFT = 0.45
# and the factor does not turn back by this part of its steepest slope. It answers as long as it moves that
# much.
_RESPONDS = 0.2
# Leaks from this share are mentioned in a control's meaning.
_MENTIONED_LEAK = 0.1
# Controls are alike whose directions have this cosine; one is an alias of the other if it moves the other's
# factor by more than this, in usual deviations, for each of its own.
_ALIKE, _ALIAS_MOVES = 0.9, 0.5
# The group whose controls are in measured units; expressions saturate, and are 1 at their end.
_MEASURED_GROUP = "head"


class _UsableRange(NamedTuple):
    """Indices of a curve's amounts: where the factor stops answering, and where pictures stop holding."""

    first: int
    last: int
    first_held: int
    last_held: int


def calibrate_controls(
    controls: Controls, curves: Mapping[str, ControlCurve], quantities: Mapping[str, Quantity]
) -> Controls:
    """The controls in units of what they measure, as far as pictures hold; others are left out.

    Pictures hold as long as nine of ten portraits show the same person about as sharp, identity has not
    drifted far on average, and the factor does not turn back. A control is left out if its factor hardly
    moves until then, if something else moves much more, or if it is another control by another name.

    Controls of the head are in the factor's own units (degrees, or parts of the square) by a straight line,
    and go as far as the factor answers. Their verified range is where every amount is met within 4 degrees or
    a third of a usual deviation, root mean square over the portraits, because networks do not turn all heads
    alike. Other controls are 1 where the factor stops answering, on the side where that is later. The other
    side goes as far, if pictures hold: a face at rest cannot close its mouth, but another may be open.

    Args:
        controls: Named after the factor that they move (`name_vectors`).
        curves: Of each over its whole range, by one instrument.
        quantities: That instrument's factors.
    """
    found = []
    for control in controls:
        curve, quantity = curves[control.name], quantities[control.name]
        usable = _usable_range(curve, control.name)
        answering = curve.part(usable.first, usable.last)
        if usable.first == usable.last or not _worth_having(answering, control.name, quantities):
            continue
        verified = None
        if control.group == _MEASURED_GROUP:
            unit, verified = fit_unit_and_range(answering, control.name, quantity)
            low, high = unit * answering.asked_A[[0, -1]]
        else:
            unit = 1 / float(np.abs(answering.asked_A).max())
            low, high = (unit * curve.asked_A[[usable.first_held, usable.last_held]]).clip(-1, 1)
        if verified is not None:
            verified = replace(verified, low=_round_inwards(verified.low), high=_round_inwards(verified.high))
        found.append(
            Control(
                control.name,
                control.group,
                {m: amount / unit for m, amount in control.vectors.items()},
                _round_inwards(low),
                _round_inwards(high),
                quantity.unit if control.group == _MEASURED_GROUP else "",
                quantity.meaning + _leak_text(control.name, answering.moved(control.name, quantities)),
                verified,
            )
        )
    return Controls(controls.count, _without_aliases(found, curves, quantities))


def _without_aliases(
    controls: list[Control], curves: Mapping[str, ControlCurve], quantities: Mapping[str, Quantity]
) -> tuple[Control, ...]:
    """The controls less those that move the coefficients as another does and move its factor, too.

    Such is an upward look that only opens the eyes: instruments see the lids. Of two that move each other's
    factors, the one that does so less stays.
    """
    count = 1 + max((m for control in controls for m in control.vectors), default=0)
    unit_MK = Controls(count, tuple(controls)).directions_MK
    unit_MK = unit_MK / np.linalg.norm(unit_MK, axis=0).clip(1e-12)
    alike_KK = np.abs(unit_MK.T @ unit_MK) > _ALIKE

    def moves(k: int, i: int) -> float:
        """How far control k moves the factor of i, for 1 of its own."""
        return abs(curves[controls[k].name].moved(controls[k].name, quantities)[controls[i].name])

    def is_alias(k: int) -> bool:
        others = (i for i in range(len(controls)) if alike_KK[k, i] and i != k)
        return any(moves(k, i) > max(_ALIAS_MOVES, moves(i, k)) for i in others)

    return tuple(control for k, control in enumerate(controls) if not is_alias(k))


def _usable_range(curve: ControlCurve, factor: str) -> _UsableRange:
    own_PA = curve.of(factor)
    zero = int(np.flatnonzero(curve.asked_A == 0)[0])
    begun_P = np.isfinite(own_PA[:, zero])
    # Without an embedder every face counts as the same person's.
    whole_PA = np.isfinite(own_PA) & ~(curve.identity_PA > _SAME_PERSON)
    whole_PA &= ~(curve.sharpness_PA < _LEAST_SHARPNESS)
    whole_A = whole_PA[begun_P].mean(0) >= _MOST_PEOPLE if begun_P.any() else np.zeros(len(own_PA[0]), bool)
    whole_A &= ~(mean_of_known(curve.identity_PA) > LARGEST_DRIFT)
    mean_A = np.nanmean(np.where(np.isfinite(own_PA).any(0), own_PA, 0.0), 0)
    slope_B = np.diff(mean_A) / np.diff(curve.asked_A)
    slope_B = slope_B / max(float(slope_B.max()), 1e-12)
    # Outwards from 0, what each step leads to; its slope is that of the interval between.
    below, below_held = _steps_that_hold(whole_A[:zero][::-1], slope_B[:zero][::-1])
    above, above_held = _steps_that_hold(whole_A[zero + 1 :], slope_B[zero:])
    return _UsableRange(zero - below, zero + above, zero - below_held, zero + above_held)


def _steps_that_hold(whole_S: NDArray[np.bool_], slope_S: NDArray[np.float64]) -> tuple[int, int]:
    """How many steps the factor answers, and how many steps pictures hold.

    An eye that hardly answers at first and then closes counts as answering; a mouth that is wide open does
    not open further.
    """
    answers = held = 0
    for step, (whole, slope) in enumerate(zip(whole_S, slope_S, strict=True), start=1):
        if not whole or slope < -_RESPONDS:
            break
        held = step
        answers = step if slope > _RESPONDS else answers
    return answers, held


def _worth_having(curve: ControlCurve, factor: str, quantities: Mapping[str, Quantity]) -> bool:
    """Whether the factor moves far enough, and nothing else much more."""
    moved = curve.moved(factor, quantities)
    others = [abs(amount) for name, amount in moved.items() if name != factor]
    far = curve.travel(factor) >= LEAST_TRAVEL * quantities[factor].usual
    return far and max(others, default=0.0) < LARGEST_LEAK


def _leak_text(factor: str, moved: Mapping[str, float]) -> str:
    """ "; leaks 12 % into roll", or "" if no leak is worth mentioning."""
    shares = {name: abs(amount) / sum(map(abs, moved.values())) for name, amount in moved.items()}
    del shares[factor]
    other = max(shares, key=shares.__getitem__, default=None)
    if other is None or shares[other] < _MENTIONED_LEAK:
        return ""
    return f"; leaks {100 * shares[other]:.0f} % into {other}"


def _round_inwards(value: float) -> float:
    """Two figures, towards 0."""
    if value == 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{np.trunc(value / step + np.sign(value) * 1e-9) * step:.6g}")
