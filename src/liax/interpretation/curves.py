"""What controls measure at the amounts that are asked of them, portrait by portrait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.face.embed import FaceEmbedder
from liax.interpretation.instrument import Instrument, Quantity
from liax.interpretation.moves import Progress, measure_moves
from liax.interpretation.together import columns
from liax.portrait.animator import Animator
from liax.portrait.still import Source
from liax.weights.controls import Control, Controls


@dataclass(frozen=True)
class Curve:
    """P portraits with a control at each of A amounts.

    asked_A: ascending, in the control's units, 0 among them. change_PAF: of the factors, in their own units,
    since 0; NaN where no face was seen. identity_PA: embedding distance to the unmoved picture; NaN likewise.
    """

    asked_A: NDArray[np.float64]
    change_PAF: NDArray[np.float64]
    identity_PA: NDArray[np.float64]
    factors: tuple[str, ...]

    def seen_by(self, instrument: str) -> Curve:
        """Of what several instruments measured (`Together`), that which the one called so did."""
        found, names = columns(self.factors, instrument)
        return replace(self, change_PAF=self.change_PAF[..., found], factors=names)

    def of(self, factor: str) -> NDArray[np.float64]:
        """One factor's change (P, A)."""
        return self.change_PAF[..., self.factors.index(factor)]

    def between(self, first: int, last: int) -> Curve:
        """The part of it from one amount's place to another's."""
        part = slice(first, last + 1)
        return replace(
            self,
            asked_A=self.asked_A[part],
            change_PAF=self.change_PAF[:, part],
            identity_PA=self.identity_PA[:, part],
        )

    def travel(self, factor: str) -> float:
        """What the factor changes by from end to end, in its own units; see `moved`."""
        return float(self._travel_F()[self.factors.index(factor)])

    def moved(self, factor: str, quantities: Mapping[str, Quantity]) -> dict[str, float]:
        """What all factors change by from end to end while `factor` changes by 1; in usual deviations.

        Mean over the portraits that show a face at both ends; NaN without any.
        """
        travel_F = self._travel_F() / [quantities[name].usual for name in self.factors]
        with np.errstate(invalid="ignore", divide="ignore"):
            moved_F = travel_F / travel_F[self.factors.index(factor)]
        return dict(zip(self.factors, moved_F.tolist(), strict=True))

    def _travel_F(self) -> NDArray[np.float64]:
        travel_PF = self.change_PAF[:, -1] - self.change_PAF[:, 0]
        travel_PF = travel_PF[np.isfinite(travel_PF).all(1)]
        return travel_PF.mean(0) if len(travel_PF) else np.full(len(self.factors), np.nan)


def leakage(moved: Mapping[str, float]) -> float:
    """The share of all that is moved (`Curve.moved`) which is not the factor itself, 0 to 1."""
    return 1 - 1 / sum(map(abs, moved.values()))


def even_amounts(control: Control, steps: int) -> list[float]:
    """So many amounts on either side of 0, evenly up to the ends of the control's range."""
    down = [control.low * k / steps for k in range(steps, 0, -1)] if control.low < 0 else []
    up = [control.high * k / steps for k in range(1, steps + 1)] if control.high > 0 else []
    return [*down, 0.0, *up]


def measure_curves(
    animator: Animator,
    portraits: Mapping[str, Source],
    controls: Iterable[Control],
    asked: Mapping[str, Sequence[float]],
    instrument: Instrument,
    *,
    crop: bool = False,
    identity: FaceEmbedder | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    stage: str = "trying controls",
) -> dict[str, Curve]:
    """Every control at every amount `asked` by its name (ascending, 0 among them), on every portrait.

    The rest is as in `measure_moves`.
    """
    chosen = Controls(animator.network.config.vectors, tuple(controls))
    moves = [np.zeros(chosen.count)]
    places: dict[str, list[int]] = {}
    for control, direction_M in zip(chosen, chosen.directions_MK.T, strict=True):
        places[control.name] = []
        for amount in asked[control.name]:
            places[control.name].append(len(moves) if amount else 0)
            if amount:
                moves.append(amount * direction_M)
    moved = measure_moves(
        animator,
        portraits,
        np.stack(moves),
        instrument,
        crop=crop,
        identity=identity,
        cache=cache,
        progress=progress,
        stage=stage,
    )
    change_PNF = moved.factors_PNF - moved.factors_PNF[:, :1]
    return {
        name: Curve(
            np.array(asked[name], np.float64),
            change_PNF[:, where],
            moved.identity_PN[:, where],
            tuple(instrument.factors),
        )
        for name, where in places.items()
    }
