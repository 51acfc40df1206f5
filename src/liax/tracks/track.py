"""A motion track: how much of every named control there is, moment by moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from liax.tracks.timing import Timing


@dataclass(frozen=True)
class Track:
    """Motion as a table.

    Args:
        timing: The times of its T moments.
        controls: Names of K controls.
        amounts_TK: How much of each (T, K) float64, in its unit.
        vectors: Numbers of V motion vectors, whose coefficients no control explains.
        coefficients_TV: Their coefficients (T, V) float64; what controls do to the same vectors comes on top.
        changes: Whether the amounts are changes of the portrait (keyframes, idle life) or a face's own pose
            and expression, of which a portrait takes over the change since the first moment.
        weights: Fingerprint of the weights whose motion vectors these are; "" where that was not said.
        units: Control -> its unit, as far as the file says it: "deg" or "".
    """

    timing: Timing
    controls: tuple[str, ...]
    amounts_TK: NDArray[np.float64]
    vectors: tuple[int, ...] = ()
    coefficients_TV: NDArray[np.float64] | None = None
    changes: bool = False
    weights: str = ""
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def free_TV(self) -> NDArray[np.float64]:
        """The coefficients of `vectors` (T, V), also when there are none."""
        return np.zeros((len(self.timing), 0)) if self.coefficients_TV is None else self.coefficients_TV

    def between(self, since: float | None, until: float | None) -> Track:
        """The part from `since` seconds on and before `until`; ValueError if there is none."""
        part, timing = self.timing.between(since, until)
        free_TV = None if self.coefficients_TV is None else self.coefficients_TV[part]
        return replace(self, timing=timing, amounts_TK=self.amounts_TK[part], coefficients_TV=free_TV)

    def only_controls(self) -> Track:
        """The track without its motion vectors, which any weights can follow."""
        return replace(self, vectors=(), coefficients_TV=None, weights="")

    def without_controls(self, names: Collection[str]) -> Track:
        """The track without some of its controls."""
        kept_K = [name not in names for name in self.controls]
        controls = tuple(name for name in self.controls if name not in names)
        return replace(self, controls=controls, amounts_TK=self.amounts_TK[:, kept_K])
