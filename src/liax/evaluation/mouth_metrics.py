"""Metrics of mouths, which fidelity hardly notices: how they look, and how far their teeth fill them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.evaluation.clip_scan import ClipScan
from liax.evaluation.clips import EvaluationClip, select_frames
from liax.evaluation.face_metrics import LANDMARKER_NAME
from liax.evaluation.metrics import FrameBatch, MetricAccumulator, MetricResult
from liax.evaluation.perceptual import PerceptualDistance
from liax.evaluation.reenactors import unit_pictures
from liax.face.crop import Crop, crop_and_resize
from liax.face.landmarks import LIPS, Face, FaceLandmarker

# Side of the compared crop, as a share of the face's longer side, and in pixels once it is scaled.
_CROP, _CROP_SIZE = 0.4, 128
# MediaPipe's points along the inner edge of each lip, from corner to corner.
_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_CHEEKS = (50, 280)
# Where between the corners teeth are looked for, and at how many places across and down.
_ACROSS = np.linspace(0.25, 0.75, 25)
_DOWN = (np.arange(24) + 0.5) / 24
# An open mouth is at least this high between the lips, as a share of the face's longer side.
_OPEN = 0.04
# Teeth are hardly coloured, and at least half as bright as the cheeks; tongues are redder, throats darker.
_MOST_SATURATION, _LEAST_BRIGHTNESS = 0.35, 0.5


def mouth_crop(face: Face) -> Crop:
    """The square around the lips that is compared."""
    x, y = face.landmarks[list(LIPS)].mean(0)
    side = _CROP * _longer_side(face)
    return Crop(float(x) - side / 2, float(y) - side / 2, side)


def teeth_share(picture_HW3: NDArray[np.uint8], face: Face) -> float:
    """How much of the height between the lips shows teeth, 0 to 1; NaN if the mouth is not open.

    Heights are measured at right angles to the line between the inner corners of the lips, over its middle
    half; higher places count more.

    Args:
        picture_HW3: RGB uint8.
        face: As it was found there.
    """
    left_2, right_2 = face.landmarks[_UPPER[0]], face.landmarks[_UPPER[-1]]
    width = float(np.linalg.norm(right_2 - left_2))
    if width < 1:
        return float("nan")
    along_2 = (right_2 - left_2) / width
    down_2 = np.array([-along_2[1], along_2[0]])

    def edge(points: tuple[int, ...]) -> NDArray[np.floating]:
        """Depth of a lip's edge below the line between the corners, across the middle half."""
        from_left_P2 = face.landmarks[list(points)] - left_2
        return np.interp(
            _ACROSS * width, np.maximum.accumulate(from_left_P2 @ along_2), from_left_P2 @ down_2
        )

    upper_A, lower_A = edge(_UPPER), edge(_LOWER)
    height_A = (lower_A - upper_A).clip(0)
    if height_A.mean() < _OPEN * _longer_side(face):
        return float("nan")
    depth_DA = upper_A + height_A * _DOWN[:, None]
    places_DA2 = left_2 + (_ACROSS * width)[:, None] * along_2 + depth_DA[..., None] * down_2
    inside_DA3 = _pixels(picture_HW3, places_DA2)
    cheeks = _pixels(picture_HW3, face.landmarks[list(_CHEEKS)])
    most_DA = inside_DA3.max(-1)
    saturation_DA = 1 - inside_DA3.min(-1) / most_DA.clip(1)
    teeth_DA = (saturation_DA <= _MOST_SATURATION) & (most_DA >= _LEAST_BRIGHTNESS * cheeks.max(-1).mean())
    return float(teeth_DA.mean(0) @ height_A / height_A.sum())


def _longer_side(face: Face) -> float:
    left, top, right, bottom = face.box
    return max(right - left, bottom - top)


def _pixels(picture_HW3: NDArray[np.uint8], places_X2: NDArray[np.floating]) -> NDArray[np.float64]:
    """The nearest pixels of places (..., 2), (x, y)."""
    height, width = picture_HW3.shape[:2]
    x, y = (places_X2[..., k].astype(int).clip(0, end - 1) for k, end in ((0, width), (1, height)))
    return picture_HW3[y, x].astype(np.float64)


@dataclass(frozen=True)
class MouthMetrics:
    """Mouths of output and driving face, on the frames that are compared; `most` of them, None for all."""

    most: int | None
    landmarker: FaceLandmarker
    distance: PerceptualDistance | None
    name: str = "mouths"

    @property
    def backbone(self) -> str:
        return f"{LANDMARKER_NAME}; {self.distance.name}" if self.distance else LANDMARKER_NAME

    def frames(self, count: int) -> NDArray[np.int64]:
        return select_frames(count, self.most)

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        return _MouthAccumulator(self)


@dataclass
class _MouthAccumulator:
    measure: MouthMetrics
    _distances: list[Tensor] = field(default_factory=list)
    _shares: list[tuple[float, float]] = field(default_factory=list)

    @torch.inference_mode()
    def add(self, batch: FrameBatch) -> None:
        drivings = [self._face(driving_RR3) for driving_RR3 in batch.driving_BRR3]
        for driving, driving_RR3, output_RR3 in zip(
            drivings, batch.driving_BRR3, batch.output_BRR3, strict=True
        ):
            share = float("nan") if driving is None else teeth_share(driving_RR3, driving)
            # Where the driving's mouth is shut, the output's is not asked about.
            output = None if np.isnan(share) else self._face(output_RR3)
            self._shares.append((share, float("nan") if output is None else teeth_share(output_RR3, output)))
        crops = [None if face is None else mouth_crop(face) for face in drivings]
        if self.measure.distance is not None and any(crops):
            output_N3CC, driving_N3CC = (
                unit_pictures(
                    np.stack(
                        [crop_and_resize(p, c, _CROP_SIZE) for p, c in zip(many, crops, strict=True) if c]
                    )
                )
                for many in (batch.output_BRR3, batch.driving_BRR3)
            )
            self._distances.append(self.measure.distance(output_N3CC, driving_N3CC))

    def result(self) -> MetricResult:
        shares_T2 = np.array(self._shares).reshape(-1, 2)
        both_N2 = shares_T2[np.isfinite(shares_T2).all(1)]
        numbers = {"teeth_error": float("nan"), "teeth_gain": float("nan"), "mouth_perceptual": float("nan")}
        if len(both_N2):
            driving, output = both_N2.mean(0)
            numbers["teeth_error"] = float(np.abs(both_N2[:, 1] - both_N2[:, 0]).mean())
            numbers["teeth_gain"] = float(output / driving) if driving > 0 else float("nan")
        if self._distances:
            numbers["mouth_perceptual"] = float(torch.cat(self._distances).mean())
        return MetricResult(numbers, {"teeth": shares_T2})

    def _face(self, picture_RR3: NDArray[np.uint8]) -> Face | None:
        return next(iter(self.measure.landmarker.detect(picture_RR3)), None)
