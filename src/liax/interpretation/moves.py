"""Portraits moved by changes of their coefficients, and measured: the one place that draws and looks.

What was measured of a portrait is kept in a file, so that an interrupted run loses one portrait at most.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from liax.face.embed import FaceEmbedder
from liax.face.landmarks import FaceLandmarker
from liax.files import replacing
from liax.interpretation.instrument import Instrument
from liax.model import Encoded
from liax.portrait.animator import Animator
from liax.portrait.still import Source, Still, open_still
from liax.weights.identity import fingerprint

Progress = Callable[[str, int, int | None], None]


class Moved(NamedTuple):
    """What the same N changes of coefficients give on P portraits.

    factors_PNF: as measured; NaN where no face was seen. identity_PN: embedding distance (Euclidean) to the
    portrait's first; NaN likewise, and throughout without an embedder. flow_PN: mean length of the last
    level's flow beyond the portrait's first one, in per cent of the side.
    """

    factors_PNF: NDArray[np.float64]
    identity_PN: NDArray[np.float64]
    flow_PN: NDArray[np.float64]


def measure_moves(
    animator: Animator,
    portraits: Mapping[str, Source],
    moves_NM: NDArray[np.floating],
    instrument: Instrument,
    *,
    crop: bool = False,
    identity: FaceEmbedder | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    stage: str = "moving portraits",
) -> Moved:
    """Draws G(z_sr + Q (a_s + v)) for every portrait and change v of `moves_NM`, and measures it.

    moves_NM: changes of the coefficients, the first of them 0: what identity and flow are compared with.
    portraits, crop: as in `open_still`. cache: a folder for a file a portrait. progress: told `stage` and
    pictures drawn. Memory is that of a batch of pictures.
    """
    moves_NM = np.asarray(moves_NM, np.float32)
    if moves_NM[0].any():
        raise ValueError("the first move must be none")
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
    shapes = (len(moves_NM), len(instrument.factors)), (len(moves_NM),), (len(moves_NM),)
    work = _key(animator, moves_NM, instrument, identity is not None, crop)
    rows: list[tuple[NDArray[np.float64], ...]] = []
    for number, (name, source) in enumerate(portraits.items()):
        path = cache / _file(name, source, work) if cache is not None else None
        row = _read(path) if path is not None else None
        if row is None or tuple(array.shape for array in row) != shapes:

            def drawn(count: int, before: int = number * len(moves_NM)) -> None:
                if progress is not None:
                    progress(stage, before + count, len(portraits) * len(moves_NM))

            encoded = open_still(animator, source, crop=crop).encoded
            row = _measured(animator, encoded, moves_NM, instrument, identity, drawn)
            if path is not None:
                with replacing(path) as file:
                    np.savez(file, **dict(zip(Moved._fields, row, strict=True)))  # type: ignore[arg-type]
        rows.append(row)
    return Moved(*(np.stack(arrays) for arrays in zip(*rows, strict=True)))


def _measured(
    animator: Animator,
    source: Encoded,
    moves_NM: NDArray[np.float32],
    instrument: Instrument,
    identity: FaceEmbedder | None,
    drawn: Callable[[int], None],
) -> tuple[NDArray[np.float64], ...]:
    """One portrait's rows of `Moved`."""
    flows: list[float] = []
    likeness = _Likeness(identity) if identity is not None else None

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for image_RR3, flow in _drawn(animator, source, moves_NM):
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
    return factors_NF, np.array(distances), np.array(flows)


@torch.inference_mode()
def _drawn(
    animator: Animator, source: Encoded, moves_NM: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Each move's picture (R, R, 3), and its flow's mean distance from the first move's in per cent."""
    network, first_RR2 = animator.network, None
    for start in range(0, len(moves_NM), animator.batch):
        moves_BM = torch.from_numpy(moves_NM[start : start + animator.batch])
        code_BD = network.reenact(source.code_BD, source.alpha_BM + moves_BM.to(animator.device))
        features = tuple(map_1CHW.expand(len(code_BD), -1, -1, -1) for map_1CHW in source.features)
        state = network.render(code_BD, features)[-1]
        first_RR2 = state.grid[0] if first_RR2 is None else first_RR2
        # The picture's side is 2 in the grid's units.
        flow_B = (state.grid - first_RR2).norm(dim=-1).mean((1, 2)) * 50
        levels_B3RR = ((state.image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        yield from zip(levels_B3RR.permute(0, 2, 3, 1).cpu().numpy(), flow_B.tolist(), strict=True)


class _Likeness:
    """Distances of faces' embeddings from the first picture's face; close it."""

    def __init__(self, embedder: FaceEmbedder) -> None:
        self._embedder, self._landmarker = embedder, FaceLandmarker(max_faces=1)
        self._first_128 = np.full(128, np.nan)
        self.distances: list[float] = []

    def add(self, image_RR3: NDArray[np.uint8]) -> None:
        face = next(iter(self._landmarker.detect(image_RR3)), None)
        embedding_128 = np.full(128, np.nan) if face is None else self._embedder.embed(image_RR3, face)
        if not self.distances:
            self._first_128 = embedding_128
        self.distances.append(float(np.linalg.norm(embedding_128 - self._first_128)))

    def close(self) -> None:
        self._landmarker.close()


def _key(
    animator: Animator, moves_NM: NDArray[np.float32], instrument: Instrument, identity: bool, crop: bool
) -> bytes:
    """Differs whenever what would be measured of a portrait differs."""
    facts = fingerprint(animator.network), instrument.name, list(instrument.factors), identity, crop
    return repr(facts).encode() + moves_NM.tobytes()


def _file(name: str, source: Source, work: bytes) -> str:
    """The name of the file that keeps a portrait's measures: readable, and different for different work."""
    if isinstance(source, Path):
        picture = source.read_bytes() if source.exists() else b""
    else:
        picture = (source.picture_HW3 if isinstance(source, Still) else source).tobytes()
    digest = hashlib.sha256(work + picture).hexdigest()[:16]
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', Path(name).stem)[:40]}-{digest}.npz"


def _read(path: Path) -> tuple[NDArray[np.float64], ...] | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(arrays[name] for name in Moved._fields)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
