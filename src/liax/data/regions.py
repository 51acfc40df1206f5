"""Eye and mouth regions of every training frame, how far they are open, and the face's factors.

Written once per data set by `liax regions MANIFEST`, file by file, so that an interruption costs little;
training uses it to weigh the loss towards eyes and mouth, to draw blinks and open mouths more often than they
happen, and to supervise motion vectors by measured factors.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from liax.data.frames import decode_item
from liax.data.manifest import Item, Manifest
from liax.errors import LiaxError, WrongFileError
from liax.face.factors import FACTORS, measure_factors
from liax.face.landmarks import LEFT_EYE, LIPS, RIGHT_EYE, Face, FaceLandmarker
from liax.files import atomic_file
from liax.progress import Progress, no_progress

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

    Args:
        boxes_TP4: (T, 3, 4) left, top, right, bottom as fractions of width and height; NaN without a face.
        opening_TP: (T, 3) inner height over width of each part (closed eye ≈ 0.05, open ≈ 0.3), or NaN.
        factors_TK: (T, K) the factors in the order of `liax.face.factors.FACTORS`, or NaN.
    """

    boxes_TP4: NDArray[np.float32]
    opening_TP: NDArray[np.float32]
    factors_TK: NDArray[np.float32]


def find_regions(landmarker: FaceLandmarker, frames: Iterable[NDArray[np.uint8]]) -> Regions:
    """Regions of RGB uint8 frames (H, W, 3), taking the largest face of each."""
    return _stacked(
        _measure_face(next(iter(landmarker.detect(frame_HW3)), None), *frame_HW3.shape[:2])
        for frame_HW3 in frames
    )


def regions_of(faces: Iterable[Face | None], size: int) -> Regions:
    """Regions of the faces found in square frames of `size` pixels, None where there is none."""
    return _stacked(_measure_face(face, size, size) for face in faces)


_Measured = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def _measure_face(face: Face | None, height: int, width: int) -> _Measured:
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
    with atomic_file(path) as file:
        write_regions(file, regions.items())


def write_regions(file: IO[bytes], regions: Iterable[tuple[str, Regions]]) -> None:
    """The same into an open file, one after the other: an npz like NumPy's, without holding all of them."""
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for name, r in regions:
            for kind, values in zip(_KINDS, (r.boxes_TP4, r.opening_TP, r.factors_TK), strict=True):
                with archive.open(f"{name}:{kind}.npy", "w") as member:
                    np.lib.format.write_array(member, values.astype(np.float16), allow_pickle=False)


def _with_all_factors(
    boxes_TP4: NDArray[np.float32], opening_TP: NDArray[np.float32], factors_TK: NDArray[np.float32]
) -> Regions:
    """Factors that were not yet known when they were measured are the last ones, and NaN."""
    missing = len(FACTORS) - factors_TK.shape[1]
    if missing < 0:
        raise ValueError(f"{factors_TK.shape[1]} factors, where {len(FACTORS)} are known")
    unknown = np.full((len(factors_TK), missing), np.nan, np.float32)
    return Regions(boxes_TP4, opening_TP, np.concatenate([factors_TK, unknown], 1))


def load_regions(path: Path | IO[bytes]) -> dict[str, Regions]:
    """Regions by the file's name in the manifest.

    Raises:
        WrongFileError: If `path` was not written by `liax regions`.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = [key.removesuffix(":boxes") for key in arrays.files if key.endswith(":boxes")]
            return {
                name: _with_all_factors(*(arrays[f"{name}:{kind}"].astype(np.float32) for kind in _KINDS))
                for name in names
            }
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
        name = path if isinstance(path, Path) else Path("regions.npz")
        detail = error.strerror or "" if isinstance(error, OSError) else ""
        raise WrongFileError(name, "other", "regions", detail) from None


log = logging.getLogger(__name__)

_SECONDS_BETWEEN_SAVES = 30.0


def measure_regions(
    manifest: Manifest, output: Path, *, overwrite: bool = False, progress: Progress = no_progress
) -> list[str]:
    """Writes the regions of every item to `output`; returns the files that could not be decoded.

    What `output` or an interrupted run's `partial_path(output)` already holds is not measured again, unless
    `overwrite`. Files that cannot be decoded are left out, each with a warning in the log.
    """
    partial = partial_path(output)
    known: dict[str, Regions] = {}
    if overwrite:
        partial.unlink(missing_ok=True)
    else:
        for path in (output, partial):
            known |= load_regions(path) if path.exists() else {}
    waiting = [item for item in manifest.items if item.file not in known]
    if not waiting and not partial.exists():
        return []
    total, begun = sum(item.frames for item in waiting), 0
    failed: list[str] = []
    saved = time.monotonic()
    try:
        with FaceLandmarker() as landmarker:
            for item in waiting:
                frames = _with_progress(manifest.folder, item, begun, total, progress)
                try:
                    known[item.file] = find_regions(landmarker, frames)
                except LiaxError as error:
                    log.warning(str(error))
                    failed.append(item.file)
                begun += item.frames
                if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                    save_regions(partial, known)
                    saved = time.monotonic()
    except BaseException:
        save_regions(partial, known)
        raise
    save_regions(output, known)
    partial.unlink(missing_ok=True)
    return failed


def partial_path(output: Path) -> Path:
    """Where an interrupted run keeps what it has measured."""
    return output.with_name(f"{output.stem}.unfinished{output.suffix}")


def _with_progress(
    folder: Path, item: Item, begun: int, total: int, progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    for done, frame_HW3 in enumerate(decode_item(folder, item), start=begun + 1):
        yield frame_HW3
        progress("measuring", done, total)
