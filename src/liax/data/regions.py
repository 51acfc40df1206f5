"""Where eyes and mouth are in every training frame, how far they are open, and what the face does.

Written once per data set by `liax regions MANIFEST`; training uses it to weigh the loss towards eyes and
mouth, to draw blinks and open mouths more often than they happen, and to tie motion vectors to what they are
to mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

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
    return _stacked(
        _measured(next(iter(landmarker.detect(frame_HW3)), None), *frame_HW3.shape[:2])
        for frame_HW3 in frames
    )


def regions_of(faces: Iterable[Face | None], size: int) -> Regions:
    """Regions of the faces found in square frames of `size` pixels, None where there is none."""
    return _stacked(_measured(face, size, size) for face in faces)


_Measured = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def _measured(face: Face | None, height: int, width: int) -> _Measured:
    """boxes_P4, opening_P and factors_K of one frame."""
    if face is None:
        unknown = ((len(PARTS), 4), (len(PARTS),), (len(FACTORS),))
        return tuple(np.full(shape, np.nan, np.float32) for shape in unknown)  # type: ignore[return-value]
    return _boxes(face, height, width), _openings(face), measure_factors(face, max(height, width))


def _stacked(frames: Iterable[_Measured]) -> Regions:
    boxes_TP4, opening_TP, factors_TK = map(np.stack, zip(*frames, strict=True))
    return Regions(boxes_TP4, opening_TP, factors_TK)


def _boxes(face: Face, height: int, width: int) -> NDArray[np.float32]:
    points = [face.landmarks[list(outline)] for outline in _OUTLINES]
    low_P2 = np.stack([p.min(0) for p in points])
    high_P2 = np.stack([p.max(0) for p in points])
    centre_P2, half_P2 = (low_P2 + high_P2) / 2, (high_P2 - low_P2) / 2
    # A closed lid has almost no height: a part is at least a third (eye) as high as it is wide.
    half_P2[:, 1] = np.maximum(half_P2[:, 1], half_P2[:, 0] / 3)
    half_P2 *= _GROWTH
    size = np.array([width, height], np.float32)
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
    with replacing(path) as file:
        write_regions(file, regions.items())


def write_regions(file: IO[bytes], regions: Iterable[tuple[str, Regions]]) -> None:
    """The same into an open file, one after the other: an npz like NumPy's, without holding all of them."""
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, r in regions:
            for kind, values in zip(_KINDS, (r.boxes_TP4, r.opening_TP, r.factors_TK), strict=True):
                with archive.open(f"{name}:{kind}.npy", "w") as member:
                    np.lib.format.write_array(member, values.astype(np.float16), allow_pickle=False)


def load_regions(path: Path | IO[bytes]) -> dict[str, Regions]:
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
