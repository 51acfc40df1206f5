"""Which vectors are which control: names and directions from measured effects, whatever training intended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.interpretation.effect_statistics import EffectStatistics
from liax.interpretation.instrument import Quantity
from liax.weights.controls import Control, Controls

# A control moves at most so many vectors, and a further one only where it makes the control so much better.
LARGEST_SET = 4
_BETTER = 1.1
# How far a coefficient is tried: so many times as far as it was seen to go, because networks read less than
# faces do, and at most so far. A control may then go farther, if what is measured there allows it.
_BEYOND_OBSERVED, _FARTHEST, _BEYOND_TRIED = 3.0, 1.0, 1.5
# Vectors whose coefficient varies less than this share of the liveliest one's are not tried.
_STILL = 0.05
# A factor is offered when it can be moved by so many usual deviations from end to end, when it moves the
# same way on this share of people, and when nothing else moves so many times as much. (That is above 1
# because factors overlap: a closed lid reads as a downward look, on people too.)
LEAST_TRAVEL, _LEAST_AGREEMENT, LARGEST_LEAK = 0.75, 0.8, 1.5
# Of moving vectors far, against leaking: small, only to choose among directions that leak alike.
_RIDGE = 0.02


def trial_values(observed_MV: NDArray[np.float64]) -> NDArray[np.float64]:
    """Three values (M, 3) of each coefficient, 0 the middle one, that show what it does as a control.

    observed_MV: what is seen in real frames (`observed_values`); effects there are too small to tell apart.
    """
    low_M, high_M = _BEYOND_OBSERVED * observed_MV.min(1), _BEYOND_OBSERVED * observed_MV.max(1)
    return np.stack([low_M, np.zeros_like(low_M), high_M], 1).clip(-_FARTHEST, _FARTHEST)


def lively_vectors(observed_MV: NDArray[np.float64]) -> list[int]:
    """The vectors that real frames use enough to be worth trying."""
    range_M = np.ptp(observed_MV, axis=1)
    return np.flatnonzero(range_M > _STILL * range_M.max()).tolist()


def name_vectors(
    statistics: EffectStatistics,
    values_MV: NDArray[np.float64],
    quantities: Mapping[str, Quantity],
    largest_set: int = LARGEST_SET,
) -> Controls:
    """A control for every factor that can be moved, in usual deviations by the linear effect matrix.

    What a set of vectors is worth is how far it can move the factor times how pure it is (travel × own).
    A control begins with the single vector that is worth most and takes up the one that raises its worth
    most, by a tenth at least. Its weights are the least-squares solution that moves the factor by 1 and, on
    the portraits measured, everything else by as little as possible; what differs among people counts, too.
    Not offered are factors that hardly move, that move different ways on different people, or that only go
    along with another factor which the same vectors move more.

    statistics: of effects at `values_MV` (`trial_values`), which also say how far a vector may go.
    quantities: the factors, which give controls their groups and meanings. largest_set: 1 for single vectors.
    Ranges and units are provisional: `calibrated` sets them by what is measured.
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

    change_M: of the coefficients, for one usual deviation of the factor. low, high: how far it can go, in
    usual deviations. moved_F: what one usual deviation of it moves, its own factor by 1.
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
