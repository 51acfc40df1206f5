"""What moving single coefficients does to portraits, measured; kept portrait by portrait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.face.embed import FaceEmbedder
from liax.interpretation.instrument import Instrument
from liax.portrait.animator import Animator
from liax.portrait.still import Source
from liax.weights.controls import Control

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Effects:
    """What P portraits measure with coefficient m of M changed by each of its V values; F factors.

    values_MV: changes from the portrait's own coefficient, ascending, with one 0 each.
    factors_PMVF: as measured, not differences; NaN where no face was seen or the vector was left out.
    identity_PMV: dlib's embedding distance (Euclidean) to the unmoved reconstruction; NaN likewise.
    flow_PMV: mean length of the change of the last level's flow, in per cent of the side.
    portraits, factors: their names. instrument: what measured. weights: the network's fingerprint.
    """

    values_MV: NDArray[np.float64]
    factors_PMVF: NDArray[np.float64]
    identity_PMV: NDArray[np.float64]
    flow_PMV: NDArray[np.float64]
    portraits: tuple[str, ...]
    factors: tuple[str, ...]
    instrument: str
    weights: str

    def save(self, path: Path) -> None:
        """As an npz file."""
        raise NotImplementedError

    @staticmethod
    def load(path: Path) -> Effects:
        """What `save` wrote; raises LiaxError for anything else."""
        raise NotImplementedError


def observed_values(alpha_NM: NDArray[np.floating], count: int = 5) -> NDArray[np.float64]:
    """Changes (M, V) that span each coefficient's 1-99 % range about its median, evenly, 0 among them."""
    raise NotImplementedError


def measure_effects(
    animator: Animator,
    portraits: Mapping[str, Source],
    values_MV: NDArray[np.floating],
    instrument: Instrument,
    *,
    crop: bool = False,
    vectors: Sequence[int] | None = None,
    identity: FaceEmbedder | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Effects:
    """Moves every coefficient (or those of `vectors`) to every value on every portrait.

    portraits: name -> file or RGB uint8 picture. crop: find the face first; else they are squares already.
    cache: a folder for one file a portrait; what it holds of these weights, values and instrument is not
        measured anew. progress: told of pictures drawn.
    """
    raise NotImplementedError


def render_strip(
    animator: Animator, portrait: Source, control: Control, values: Sequence[float], *, crop: bool = False
) -> list[NDArray[np.uint8]]:
    """The portrait with the control at each value (in its units): RGB uint8 (R, R, 3) each."""
    raise NotImplementedError
