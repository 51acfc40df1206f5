"""What moving single coefficients does to portraits, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.face.embed import FaceEmbedder
from liax.files import replacing
from liax.interpretation.instrument import Instrument
from liax.interpretation.moves import Progress, measure_moves
from liax.interpretation.together import columns
from liax.portrait.animator import Animator
from liax.portrait.still import Source
from liax.weights.identity import fingerprint

_OBSERVED = (0.01, 0.99)


@dataclass(frozen=True)
class Effects:
    """What P portraits measure with coefficient m of M changed by each of its V values; F factors.

    values_MV: changes from the portrait's own coefficient, ascending, 0 among them.
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

    @property
    def change_PMVF(self) -> NDArray[np.float64]:
        """Factors less those of the unmoved portrait."""
        unmoved_M = np.abs(self.values_MV).argmin(1)
        vectors_M = np.arange(len(unmoved_M))
        return self.factors_PMVF - self.factors_PMVF[:, vectors_M, unmoved_M][:, :, None]

    def seen_by(self, instrument: str) -> Effects:
        """Of what several instruments measured (`Together`), that which the one called so did."""
        found, names = columns(self.factors, instrument)
        return replace(self, factors_PMVF=self.factors_PMVF[..., found], factors=names, instrument=instrument)

    def save(self, path: Path) -> None:
        """As an npz file."""
        with replacing(path) as file:
            arrays = {name: np.asarray(value) for name, value in asdict(self).items()}
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @staticmethod
    def load(path: Path) -> Effects:
        """What `save` wrote; raises LiaxError for anything else."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                return Effects(**{k.name: _value(stored[k.name]) for k in fields(Effects)})
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
            raise LiaxError(f"{path} holds no measured effects ({error}); measure them anew.") from None


def _value(stored: NDArray[Any]) -> Any:
    """What an array was in `Effects`: numbers, names, or one name."""
    if stored.dtype.kind != "U":
        return stored
    return str(stored) if stored.ndim == 0 else tuple(stored.tolist())


def observed_values(alpha_NM: NDArray[np.floating], count: int = 5) -> NDArray[np.float64]:
    """Changes (M, V) that lead a coefficient from its median through its observed 1-99 % range.

    alpha_NM: of N frames. count: V, odd; half of them evenly from the 1 % quantile to 0, half from 0 to the
    99 % quantile. A coefficient that never varies has zeros only.
    """
    if count < 3 or count % 2 == 0:
        raise ValueError("count must be odd and at least 3")
    low_M, high_M = np.quantile(alpha_NM, _OBSERVED, axis=0) - np.median(alpha_NM, axis=0)
    steps_H = np.arange(1, count // 2 + 1) / (count // 2)
    down_MH, up_MH = low_M[:, None] * steps_H[::-1], high_M[:, None] * steps_H
    return np.concatenate([down_MH, np.zeros((len(low_M), 1)), up_MH], 1)


def measure_effects(
    animator: Animator,
    portraits: Mapping[str, Source],
    values_MV: NDArray[np.float64],
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
    chosen = range(len(values_MV)) if vectors is None else vectors
    # The unmoved picture is drawn once, whatever the number of vectors.
    places = [(m, v) for m in chosen for v in np.flatnonzero(values_MV[m])]
    moves_NM = np.zeros((1 + len(places), len(values_MV)), np.float32)
    # Of each vector and value, which move it is; -1 of none.
    move_MV = np.full(values_MV.shape, -1)
    move_MV[list(chosen)] = 0
    for number, (m, v) in enumerate(places, start=1):
        moves_NM[number, m] = values_MV[m, v]
        move_MV[m, v] = number
    moved = measure_moves(
        animator,
        portraits,
        moves_NM,
        instrument,
        crop=crop,
        identity=identity,
        cache=cache,
        progress=progress,
        stage="moving vectors",
    )
    left_out_MV = move_MV < 0
    factors_PMVF, identity_PMV, flow_PMV = (array[:, move_MV] for array in moved)
    for array in (factors_PMVF, identity_PMV, flow_PMV):
        array[:, left_out_MV] = np.nan
    return Effects(
        values_MV,
        factors_PMVF,
        identity_PMV,
        flow_PMV,
        tuple(portraits),
        tuple(instrument.factors),
        instrument.name,
        fingerprint(animator.network),
    )
