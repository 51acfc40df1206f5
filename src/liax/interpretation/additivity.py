"""Do edits add up? Two controls at once, against the sum of what each does alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from liax.interpretation.instrument import Instrument
from liax.interpretation.probe import Progress, probe_portraits
from liax.portrait.animator import Animator
from liax.portrait.source import Source
from liax.weights.controls import Controls

# Of a range's farther end: far enough to be seen, near enough for both at once.
_SHARE_OF_RANGE = 0.5


@dataclass(frozen=True)
class PairAdditivity:
    """Two controls, each at half of its range's farther end.

    Args:
        first, second: Their names.
        miss: How far the effect of both is from the sum of the single effects, over the summed sizes of
            these: 0 where edits add up, 1 where one undoes the other. Euclidean over all factors in usual
            deviations; means over portraits. The instrument's noise counts as miss.
    """

    first: str
    second: str
    miss: float


def measure_additivity(
    animator: Animator,
    portraits: Mapping[str, Source],
    controls: Controls,
    instrument: Instrument,
    *,
    crop: bool = False,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> list[PairAdditivity]:
    """Of every pair of controls; the pair that adds up worst first. The rest is as in `probe_portraits`."""
    ends_K = np.array([max(control.high, control.low, key=abs) for control in controls])
    single_KM = (_SHARE_OF_RANGE * ends_K * controls.directions_MK).T
    pairs = list(combinations(range(len(controls)), 2))
    if not pairs:
        return []
    both_RM = [single_KM[i] + single_KM[j] for i, j in pairs]
    moved = probe_portraits(
        animator,
        portraits,
        np.concatenate([np.zeros((1, controls.count)), single_KM, both_RM]),
        instrument,
        crop=crop,
        cache=cache,
        progress=progress,
        stage="adding edits",
    )
    usual_F = np.array([quantity.usual for quantity in instrument.factors.values()])
    change_PNF = (moved.factors_PNF - moved.factors_PNF[:, :1])[:, 1:] / usual_F
    sums = []
    for row, (i, j) in enumerate(pairs, start=len(controls)):
        one_PF, other_PF, both_PF = change_PNF[:, i], change_PNF[:, j], change_PNF[:, row]
        off_P = np.linalg.norm(both_PF - one_PF - other_PF, axis=1)
        size_P = np.linalg.norm(one_PF, axis=1) + np.linalg.norm(other_PF, axis=1)
        known_P = np.isfinite(off_P)
        miss = float(off_P[known_P].mean() / size_P[known_P].mean()) if known_P.any() else np.nan
        sums.append(PairAdditivity(controls.items[i].name, controls.items[j].name, miss))
    return sorted(sums, key=lambda each: -np.nan_to_num(each.miss))
