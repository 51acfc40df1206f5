"""Portraits with their coefficients changed, drawn and measured.

Everything that interpretation draws goes through `draw_states`, the decoder of `Animator.render`. What was
measured of a portrait is kept in a file, so that an interrupted run loses one portrait at most.
`measure_curves` measures controls at given amounts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from liax.bounded import read_arrays
from liax.face.embed import FaceEmbedder
from liax.face.landmarks import FaceLandmarker
from liax.files import atomic_file
from liax.interpretation.instrument import Instrument, Quantity, instrument_columns
from liax.model import Encoded
from liax.model.decoder import State
from liax.model.pixels import to_uint8
from liax.options import SourceOptions
from liax.portrait.animator import Animator
from liax.portrait.source import Portrait, Source, open_portrait
from liax.preparation.quality import sharpness
from liax.progress import Progress, no_progress
from liax.weights.controls import Control, Controls
from liax.weights.files import fingerprint


class ProbeResult(NamedTuple):
    """What the same N changes of coefficients give on P portraits.

    Args:
        factors_PNF: As measured; NaN where no face was seen.
        identity_PN: Embedding distance (Euclidean) to the portrait's first; NaN likewise, and throughout
            without an embedder.
        flow_PN: Mean length of the last level's flow beyond the portrait's first one, in per cent of the
            side.
        sharpness_PN: Of the face (`liax.preparation.quality.sharpness`) over that of the portrait's first;
            NaN as identity is.
    """

    factors_PNF: NDArray[np.float64]
    identity_PN: NDArray[np.float64]
    flow_PN: NDArray[np.float64]
    sharpness_PN: NDArray[np.float64]


def probe_portraits(
    animator: Animator,
    portraits: Mapping[str, Source],
    changes_NM: NDArray[np.floating],
    instrument: Instrument,
    *,
    crop: bool = False,
    identity: FaceEmbedder | None = None,
    cache: Path | None = None,
    progress: Progress = no_progress,
    stage: str = "moving portraits",
) -> ProbeResult:
    """Draw G(z_sr + Q (a_s + v)) for every portrait and change v, and measure it.

    Pictures are those that users get: in the animator's precision, rounded to 8 bits. Coefficient limits are
    not applied, because what a vector does is measured, wherever it leads. Memory is that of a batch of
    pictures.

    Args:
        portraits: Name -> portrait.
        changes_NM: Changes of the coefficients; the first is 0, what identity and flow are compared with.
        crop: Whether to find the faces first.
        identity: Measures identity drift; None leaves it out.
        cache: A folder that keeps what was measured, a file for each portrait.
        progress: Called with `stage` and the number of pictures drawn.
    """
    changes_NM = np.asarray(changes_NM, np.float32)
    if changes_NM[0].any():
        raise ValueError("the first change must be none")
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
    one_each = (len(changes_NM),)
    shapes = (len(changes_NM), len(instrument.factors)), one_each, one_each, one_each
    work = _probe_key(animator, changes_NM, instrument, identity is not None, crop)
    rows: list[tuple[NDArray[np.float64], ...]] = []
    for number, (name, source) in enumerate(portraits.items()):
        path = cache / _cache_name(name, source, work) if cache is not None else None
        row = _read_cached(path) if path is not None else None
        if row is None or tuple(array.shape for array in row) != shapes:

            def drawn(count: int, before: int = number * len(changes_NM)) -> None:
                progress(stage, before + count, len(portraits) * len(changes_NM))

            encoded = open_portrait(animator, source, SourceOptions(crop=crop)).encoded
            row = _probe_portrait(animator, encoded, changes_NM, instrument, identity, drawn)
            if path is not None:
                arrays: dict[str, Any] = dict(zip(ProbeResult._fields, row, strict=True))
                with atomic_file(path) as file:
                    np.savez(file, **arrays)
        rows.append(row)
    return ProbeResult(*(np.stack(arrays) for arrays in zip(*rows, strict=True)))


def _probe_portrait(
    animator: Animator,
    source: Encoded,
    changes_NM: NDArray[np.float32],
    instrument: Instrument,
    identity: FaceEmbedder | None,
    drawn: Callable[[int], None],
) -> tuple[NDArray[np.float64], ...]:
    """One portrait's rows of `ProbeResult`."""
    flows: list[float] = []
    likeness = _Likeness(identity) if identity is not None else None

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for image_RR3, flow in _pictures_and_flow(animator, source, changes_NM):
            flows.append(flow)
            if likeness is not None:
                likeness.add(image_RR3)
            drawn(len(flows))
            yield image_RR3

    try:
        factors_NF = instrument.measure(pictures())
    finally:
        if likeness is not None:
            likeness.close()
    distances = likeness.distances if likeness is not None else [np.nan] * len(flows)
    sharpness = likeness.sharpness if likeness is not None else [np.nan] * len(flows)
    return factors_NF, np.array(distances), np.array(flows), np.array(sharpness)


@torch.inference_mode()
def draw_states(animator: Animator, source: Encoded, alphas_NM: NDArray[np.floating]) -> Iterator[State]:
    """The decoder's last state of G(z_sr + Q a), with its flow and unrounded image, a batch at a time.

    Args:
        source: Of one portrait (batch 1), whose features decide the precision.
        alphas_NM: Coefficients.
    """
    for start in range(0, len(alphas_NM), animator.batch_size):
        alpha_BM = torch.from_numpy(alphas_NM[start : start + animator.batch_size]).to(animator.device)
        code_BD = animator.network.reenact(source.code_BD, alpha_BM.float())
        yield animator.network.render(code_BD, source.features)[-1]


def _pictures_and_flow(
    animator: Animator, source: Encoded, changes_NM: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Each picture (R, R, 3), and its flow's mean distance from the first one's in per cent of the side."""
    first_RR2 = None
    for state in draw_states(animator, source, source.alpha_BM.cpu().numpy() + changes_NM):
        first_RR2 = state.grid[0] if first_RR2 is None else first_RR2
        # The picture's side is 2 in the grid's units.
        flow_B = (state.grid - first_RR2).norm(dim=-1).mean((1, 2)) * 50
        yield from zip(to_uint8(state.image).permute(0, 2, 3, 1).cpu().numpy(), flow_B.tolist(), strict=True)


class _Likeness:
    """How far faces are from the first picture's: their embeddings' distances, and their sharpness over its.

    Close it.
    """

    def __init__(self, embedder: FaceEmbedder) -> None:
        self._embedder, self._landmarker = embedder, FaceLandmarker(max_faces=1)
        self._first_128, self._first_sharpness = np.full(128, np.nan), np.nan
        self.distances: list[float] = []
        self.sharpness: list[float] = []

    def add(self, image_RR3: NDArray[np.uint8]) -> None:
        face = next(iter(self._landmarker.detect(image_RR3)), None)
        embedding_128 = np.full(128, np.nan) if face is None else self._embedder.embed(image_RR3, face)
        sharp = np.nan if face is None else sharpness(image_RR3, face.box)
        if not self.distances:
            self._first_128, self._first_sharpness = embedding_128, max(sharp, 1e-6)
        self.distances.append(float(np.linalg.norm(embedding_128 - self._first_128)))
        self.sharpness.append(sharp / self._first_sharpness)

    def close(self) -> None:
        self._landmarker.close()


def _probe_key(
    animator: Animator, changes_NM: NDArray[np.float32], instrument: Instrument, identity: bool, crop: bool
) -> bytes:
    """Differs whenever what would be measured of a portrait differs."""
    facts = (
        fingerprint(animator.network),
        str(animator.dtype),
        instrument.name,
        list(instrument.factors),
        identity,
        crop,
    )
    return repr(facts).encode() + changes_NM.tobytes()


def _cache_name(name: str, source: Source, work: bytes) -> str:
    """The name of the file that keeps a portrait's measures: readable, and different for different work."""
    if isinstance(source, Path):
        picture = source.read_bytes() if source.exists() else b""
    else:
        picture = (source.picture_HW3 if isinstance(source, Portrait) else source).tobytes()
    digest = hashlib.sha256(work + picture).hexdigest()[:16]
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', Path(name).stem)[:40]}-{digest}.npz"


def _read_cached(path: Path) -> tuple[NDArray[np.float64], ...] | None:
    try:
        arrays = read_arrays(path)
        return tuple(arrays[name] for name in ProbeResult._fields)
    except (OSError, ValueError, KeyError):
        return None


@dataclass(frozen=True)
class ControlCurve:
    """P portraits with a control at each of A amounts.

    Args:
        asked_A: Ascending, in the control's units, 0 among them.
        change_PAF: Of the factors, in their own units, since 0; NaN where no face was seen.
        identity_PA: Embedding distance to the unmoved picture; NaN likewise.
        sharpness_PA: Of the face over the unmoved picture's; NaN likewise.
    """

    asked_A: NDArray[np.float64]
    change_PAF: NDArray[np.float64]
    identity_PA: NDArray[np.float64]
    sharpness_PA: NDArray[np.float64]
    factors: tuple[str, ...]

    def by_instrument(self, instrument: str) -> ControlCurve:
        """Of what several instruments measured (`CompositeInstrument`), that which the one called so did."""
        found, names = instrument_columns(self.factors, instrument)
        return replace(self, change_PAF=self.change_PAF[..., found], factors=names)

    def of(self, factor: str) -> NDArray[np.float64]:
        """One factor's change (P, A)."""
        return self.change_PAF[..., self.factors.index(factor)]

    def part(self, first: int, last: int) -> ControlCurve:
        """The curve from the amount of index `first` to that of index `last`."""
        chosen = slice(first, last + 1)
        return replace(
            self,
            asked_A=self.asked_A[chosen],
            change_PAF=self.change_PAF[:, chosen],
            identity_PA=self.identity_PA[:, chosen],
            sharpness_PA=self.sharpness_PA[:, chosen],
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
    """The share of all that is moved (`ControlCurve.moved`) which is not the factor itself, 0 to 1."""
    return 1 - 1 / sum(map(abs, moved.values()))


def evenly_spaced_amounts(control: Control, steps: int) -> list[float]:
    """Amounts from end to end of the control's range: 0, and `steps` evenly spaced on either side."""
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
    progress: Progress = no_progress,
    stage: str = "trying controls",
) -> dict[str, ControlCurve]:
    """Every control at every amount `asked` by its name (ascending, 0 among them), on every portrait.

    The rest is as in `probe_portraits`.
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
    moved = probe_portraits(
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
        name: ControlCurve(
            np.array(asked[name], np.float64),
            change_PNF[:, where],
            moved.identity_PN[:, where],
            moved.sharpness_PN[:, where],
            tuple(instrument.factors),
        )
        for name, where in places.items()
    }
