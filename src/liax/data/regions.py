"""Where eyes and mouth are in every training frame, how far they are open, and what the face does.

Written once per data set by `liax regions MANIFEST`; training uses it to weigh the loss towards eyes and
mouth, to draw blinks and open mouths more often than they happen, and to tie motion vectors to what they are
to mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.face.factors import FACTORS, measure_factors
from liax.face.landmarks import LEFT_EYE, LIPS, RIGHT_EYE, Face, FaceLandmarker
from liax.files import replacing

# The parts in the order of every array's part axis P.
PARTS = ("left_eye", "right_eye", "mouth")
_OUTLINES = (LEFT_EYE, RIGHT_EYE, LIPS)
# Upper and lower point, then the two corners, whose distances' ratio is a part's opening.
_OPENINGS = ((386, 374, 362, 263), (159, 145, 33, 133), (13, 14, 61, 291))
# Each box is grown about its centre by this factor in width and height; eyes get their brows' lower edge.
_GROWTH = np.array([(1.5, 2.4), (1.5, 2.4), (1.3, 1.5)], np.float32)

_KINDS = ("boxes", "opening", "factors")


@dataclass(frozen=True)
class Regions:
    """Regions of the T frames of one file.

    boxes_TP4: (T, 3, 4) left, top, right, bottom as fractions of width and height; NaN without a face.
    opening_TP: (T, 3) inner height over width of each part (closed eye ≈ 0.05, open ≈ 0.3); NaN likewise.
    factors_TK: (T, K) what `liax.face.factors` measures, in the order of FACTORS; NaN likewise.
    """

    boxes_TP4: NDArray[np.float32]
    opening_TP: NDArray[np.float32]
    factors_TK: NDArray[np.float32]


def find_regions(landmarker: FaceLandmarker, frames: Iterable[NDArray[np.uint8]]) -> Regions:
    """Regions of RGB uint8 frames (H, W, 3), taking the largest face of each."""
    boxes, openings, factors = [], [], []
    for frame_HW3 in frames:
        face = next(iter(landmarker.detect(frame_HW3)), None)
        side = max(frame_HW3.shape[:2])
        boxes.append(_boxes(face, frame_HW3.shape) if face else np.full((3, 4), np.nan, np.float32))
        openings.append(_openings(face) if face else np.full(3, np.nan, np.float32))
        factors.append(measure_factors(face, side) if face else np.full(len(FACTORS), np.nan, np.float32))
    return Regions(np.stack(boxes), np.stack(openings), np.stack(factors))


def _boxes(face: Face, shape: tuple[int, ...]) -> NDArray[np.float32]:
    points = [face.landmarks[list(outline)] for outline in _OUTLINES]
    low_P2 = np.stack([p.min(0) for p in points])
    high_P2 = np.stack([p.max(0) for p in points])
    centre_P2, half_P2 = (low_P2 + high_P2) / 2, (high_P2 - low_P2) / 2
    # A closed lid has almost no height: a part is at least a third (eye) as high as it is wide.
    half_P2[:, 1] = np.maximum(half_P2[:, 1], half_P2[:, 0] / 3)
    half_P2 *= _GROWTH
    size = np.array([shape[1], shape[0]], np.float32)
    return np.concatenate([(centre_P2 - half_P2) / size, (centre_P2 + half_P2) / size], 1).astype(np.float32)


def _openings(face: Face) -> NDArray[np.float32]:
    p = face.landmarks
    return np.array(
        [
            np.linalg.norm(p[up] - p[low]) / max(float(np.linalg.norm(p[a] - p[b])), 1e-3)
            for up, low, a, b in _OPENINGS
        ],
        np.float32,
    )


def save_regions(path: Path, regions: dict[str, Regions]) -> None:
    """Writes the regions of a data set's files, half precision, compressed; replaces `path` at once."""
    arrays = {
        f"{name}:{kind}": values.astype(np.float16)
        for name, r in regions.items()
        for kind, values in zip(_KINDS, (r.boxes_TP4, r.opening_TP, r.factors_TK), strict=True)
    }
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_regions(path: Path) -> dict[str, Regions]:
    """Regions by the file's name in the manifest.

    Raises LiaxError if `path` was not written by `liax regions`.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = [key.removesuffix(":boxes") for key in arrays.files if key.endswith(":boxes")]
            return {
                name: Regions(*(arrays[f"{name}:{kind}"].astype(np.float32) for kind in _KINDS))
                for name in names
            }
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
        raise LiaxError(f"cannot read regions from {path} ({error}); write it with `liax regions`") from None
