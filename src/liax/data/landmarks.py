"""Landmarks of training frames, measured once per data set: where a face's places are in two frames.

Training compares them with the flow (`liax.training.losses`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.bounded import read_arrays
from liax.data.frames import decode_item
from liax.data.manifest import Manifest
from liax.errors import WrongFileError
from liax.face.landmarks import OUTLINES, FaceLandmarker
from liax.files import atomic_file
from liax.progress import Progress, no_progress

_KINDS = ("times", "points")


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of T frames of one file.

    Args:
        times_T: The frames' numbers, ascending.
        points_TP2: (T, P, 2) as fractions of width and height; P is the same for all files.
    """

    times_T: NDArray[np.int64]
    points_TP2: NDArray[np.float32]

    def nearest(self, time: int) -> int:
        """Which of the T frames is nearest to frame `time`; the earlier one of two."""
        return int(np.abs(self.times_T - time).argmin())


def measure_landmarks(
    manifest: Manifest, output: Path, *, every: int = 2, progress: Progress = no_progress
) -> None:
    """Writes the outlines (`liax.face.landmarks.OUTLINES`) of the largest face in every n-th frame.

    Frames without a face are left out.
    """
    arrays: dict[str, NDArray[np.float16] | NDArray[np.int32]] = {}
    total, done = sum(item.frames for item in manifest.items), 0
    with FaceLandmarker() as landmarker:
        for item in manifest.items:
            times, points = [], []
            frames = islice(enumerate(decode_item(manifest.folder, item)), 0, None, every)
            for time, frame_HW3 in frames:
                for face in landmarker.detect(frame_HW3)[:1]:
                    times.append(time)
                    points.append(face.landmarks[list(OUTLINES)] / frame_HW3.shape[1::-1])
                progress("measuring", done + time + 1, total)
            arrays[f"{item.file}:times"] = np.array(times, np.int32)
            arrays[f"{item.file}:points"] = np.array(points, np.float16).reshape(-1, len(OUTLINES), 2)
            done += item.frames
    with atomic_file(output) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_landmarks(path: Path) -> dict[str, Landmarks]:
    """Landmarks by the file's name in the manifest, of files with any.

    Raises:
        WrongFileError: If `path` was not written by `measure_landmarks`.
    """
    try:
        arrays = read_arrays(path)
        names = [key.removesuffix(":times") for key in arrays if key.endswith(":times")]
        found = {name: _landmarks(*(arrays[f"{name}:{kind}"] for kind in _KINDS)) for name in names}
        if len({each.points_TP2.shape[1] for each in found.values()}) != 1:
            raise ValueError("files with different landmarks, or none")
        return {name: each for name, each in found.items() if len(each.times_T)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        detail = error.strerror or "" if isinstance(error, OSError) else ""
        raise WrongFileError(path, "other", "landmarks", detail) from None


def _landmarks(times_T: NDArray[np.int64], points_TP2: NDArray[np.float32]) -> Landmarks:
    if times_T.ndim != 1 or points_TP2.ndim != 3 or points_TP2.shape[::2] != (len(times_T), 2):
        raise ValueError("points of other frames")
    if (np.diff(times_T) <= 0).any():
        raise ValueError("frames that do not ascend")
    return Landmarks(times_T.astype(np.int64), points_TP2.astype(np.float32))
