"""What MediaPipe sees of driving and output faces, and how far the two are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.face.factors import FACTORS, measure_factors
from liax.face.landmarks import LEFT_EYE, RIGHT_EYE, Face, FaceLandmarker

NAME = "MediaPipe Face Landmarker"
# MediaPipe names 52; the one that is left out, _neutral, says nothing.
SHAPES = 51
_POINTS = 478


@dataclass(frozen=True)
class Faces:
    """The largest face of each frame; NaN throughout where none is found.

    landmarks_TP2: (T, 478, 2) in pixels. shapes_TS: (T, 51) blendshapes in [0, 1], `names` theirs.
    factors_TF: (T, F) the measures of `liax.face.factors.FACTORS`, in their order.
    """

    landmarks_TP2: NDArray[np.float32]
    shapes_TS: NDArray[np.float32]
    factors_TF: NDArray[np.float64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.factors_TF)

    @property
    def missing(self) -> int:
        """Frames without a face."""
        return int(np.isnan(self.factors_TF[:, 0]).sum())

    def first(self, count: int) -> Faces:
        """Of the first `count` frames."""
        return Faces(self.landmarks_TP2[:count], self.shapes_TS[:count], self.factors_TF[:count], self.names)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """To be kept in an npz; `faces_of` is the inverse."""
        return {
            "landmarks": self.landmarks_TP2,
            "shapes": self.shapes_TS,
            "factors": self.factors_TF,
            "names": np.array(self.names, np.str_),
        }


def faces_of(arrays: Any) -> Faces:
    """From what `Faces.arrays` gave."""
    names = tuple(str(name) for name in arrays["names"])
    return Faces(arrays["landmarks"], arrays["shapes"], arrays["factors"], names)


class FaceReader:
    """Measures the largest face of each frame that it is given. A repeated frame is free."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self._last_HW3: NDArray[np.uint8] | None = None
        self._face: Face | None = None
        self._rows: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
        self._names: tuple[str, ...] = ()

    def add(self, frame_HW3: NDArray[np.uint8]) -> None:
        """The next frame, a square RGB uint8 picture."""
        if self._last_HW3 is None or not np.array_equal(frame_HW3, self._last_HW3):
            self._face = next(iter(self._landmarker.detect(frame_HW3)), None)
            self._last_HW3 = frame_HW3
        face = self._face
        if face is None:
            blank = np.full((_POINTS, 2), np.nan), np.full(SHAPES, np.nan), np.full(len(FACTORS), np.nan)
            self._rows.append(blank)
            return
        self._names = tuple(face.blendshapes)
        shapes_S = np.array(list(face.blendshapes.values()))
        self._rows.append((face.landmarks, shapes_S, measure_factors(face, frame_HW3.shape[0])))

    def result(self) -> Faces:
        """Of all frames so far, one at least."""
        landmarks, shapes, factors = zip(*self._rows, strict=True)
        return Faces(
            np.stack(landmarks).astype(np.float32),
            np.stack(shapes).astype(np.float32),
            np.stack(factors).astype(np.float64),
            self._names,
        )


def face_errors(driving: Faces, output: Faces) -> dict[str, float]:
    """How far the output's faces are from the driving's, mean over the frames that show both; else NaN.

    akd_px, akd: mean distance of the landmarks, in pixels, and over that of the driving's eyes' centres.
    pose: mean of |Δyaw|, |Δpitch| and |Δroll|, degrees. expression: mean |Δ| of the 51 blendshapes.
    gaze: mean |Δ| of the eight among them that tell where the eyes look. Both in [0, 1].
    """
    both_T = np.isfinite(driving.factors_TF[:, 0]) & np.isfinite(output.factors_TF[:, 0])
    if not both_T.any():
        return dict.fromkeys(("akd_px", "akd", "pose", "expression", "gaze"), float("nan"))
    points_TP2, seen_TP2 = driving.landmarks_TP2[both_T], output.landmarks_TP2[both_T]
    pixels_T = np.linalg.norm(points_TP2 - seen_TP2, axis=2).mean(1)
    change_TS = np.abs(driving.shapes_TS - output.shapes_TS)[both_T]
    looks_S = np.array([name.startswith("eyeLook") for name in driving.names])
    names = list(FACTORS)
    head = [names.index(name) for name in ("yaw", "pitch", "roll")]
    return {
        "akd_px": float(pixels_T.mean()),
        "akd": float((pixels_T / _eye_distance(points_TP2)).mean()),
        "pose": float(np.abs(driving.factors_TF - output.factors_TF)[both_T][:, head].mean()),
        "expression": float(change_TS.mean()),
        "gaze": float(change_TS[:, looks_S].mean()),
    }


def _eye_distance(points_TP2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Between the centres of the eyes' outlines, at least a pixel: (T,)."""
    left_T2, right_T2 = (points_TP2[:, list(eye)].mean(1) for eye in (LEFT_EYE, RIGHT_EYE))
    distance_T: NDArray[np.float32] = np.linalg.norm(left_T2 - right_T2, axis=1)
    return distance_T.clip(1)
