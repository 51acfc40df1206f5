"""Metrics of faces: errors and motion by MediaPipe's landmarks, identity by dlib's embedding."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.bounded import read_arrays
from liax.data.manifest import is_within_shard
from liax.evaluation.clip_scan import ClipScan
from liax.evaluation.clips import EvaluationClip, select_frames
from liax.evaluation.metrics import FrameBatch, MetricAccumulator, MetricResult
from liax.evaluation.motion_metrics import compare_motion
from liax.face.embed import FaceEmbedder
from liax.face.factors import FACTORS, measure_factors
from liax.face.landmarks import LEFT_EYE, RIGHT_EYE, Face, FaceLandmarker
from liax.files import atomic_file


@dataclass(frozen=True)
class FaceSimilarity:
    """How near two embeddings are; NaN where no face is seen.

    Args:
        cosine: Similarity, at most 1, higher is better. All faces are alike to dlib: on the validation clips
            it is .97 (5 to 95 %: .94 to .99) for one person in two clips, and .83 (.77 to .89) for two
            people.
        distance: Euclidean, ≥ 0, lower is better. There .36 (.21 to .49) and .85 (.69 to .99).
    """

    cosine: float
    distance: float


def face_similarity(a_128: NDArray[np.float64], b_128: NDArray[np.float64]) -> FaceSimilarity:
    """Of two embeddings (128,)."""
    product = np.linalg.norm(a_128) * np.linalg.norm(b_128)
    return FaceSimilarity(float(a_128 @ b_128 / product), float(np.linalg.norm(a_128 - b_128)))


class SourceFaceComparer:
    """Compares faces with that of one source picture."""

    name = "dlib ResNet (128-d)"

    def __init__(self, embedder: FaceEmbedder, source_HW3: NDArray[np.uint8], face: Face) -> None:
        """Args:
        face: As `FaceLandmarker` found it in the RGB uint8 source (H, W, 3).
        """
        self._embedder = embedder
        self._source_128 = embedder.embed(source_HW3, face)

    def compare(self, image_HW3: NDArray[np.uint8], face: Face | None) -> FaceSimilarity:
        """Of an RGB uint8 image (H, W, 3) with the face found in it, if any."""
        if face is None:
            return FaceSimilarity(nan, nan)
        return face_similarity(self._source_128, self._embedder.embed(image_HW3, face))


LANDMARKER_NAME = "MediaPipe Face Landmarker"
# MediaPipe names 52; the one that is left out, _neutral, says nothing.
BLENDSHAPES = 51
_POINTS = 478


@dataclass(frozen=True)
class FaceTrajectory:
    """The largest face of each frame; NaN throughout where none is found.

    Args:
        landmarks_TP2: (T, 478, 2) in pixels.
        shapes_TS: (T, 51) blendshapes in [0, 1], `names` theirs.
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

    def first(self, count: int) -> FaceTrajectory:
        """Of the first `count` frames."""
        return FaceTrajectory(
            self.landmarks_TP2[:count], self.shapes_TS[:count], self.factors_TF[:count], self.names
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """To be kept in an npz; `face_trajectory_of` is the inverse."""
        return {
            "landmarks": self.landmarks_TP2,
            "shapes": self.shapes_TS,
            "factors": self.factors_TF,
            "names": np.array(self.names, np.str_),
        }


def face_trajectory_of(arrays: Any) -> FaceTrajectory:
    """From what `FaceTrajectory.arrays` gave."""
    names = tuple(str(name) for name in arrays["names"])
    return FaceTrajectory(arrays["landmarks"], arrays["shapes"], arrays["factors"], names)


class FaceTrajectoryReader:
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
            blank = np.full((_POINTS, 2), np.nan), np.full(BLENDSHAPES, np.nan), np.full(len(FACTORS), np.nan)
            self._rows.append(blank)
            return
        self._names = tuple(face.blendshapes)
        shapes_S = np.array(list(face.blendshapes.values()))
        self._rows.append((face.landmarks, shapes_S, measure_factors(face, frame_HW3.shape[0])))

    def result(self) -> FaceTrajectory:
        """Of all frames so far, one at least."""
        landmarks, shapes, factors = zip(*self._rows, strict=True)
        return FaceTrajectory(
            np.stack(landmarks).astype(np.float32),
            np.stack(shapes).astype(np.float32),
            np.stack(factors).astype(np.float64),
            self._names,
        )


def face_errors(driving: FaceTrajectory, output: FaceTrajectory) -> dict[str, float]:
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


@dataclass(frozen=True)
class FaceMetrics:
    """Errors (where paired) and following over the first `most` frames.

    Args:
        cache: A folder that keeps what is measured of driving clips, for other runs.
    """

    most: int
    paired: bool
    landmarker: FaceLandmarker
    cache: Path
    name: str = "faces"
    backbone: str = LANDMARKER_NAME

    def frames(self, count: int) -> NDArray[np.int64]:
        return np.arange(min(count, self.most))

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        return _FaceAccumulator(self, driving, scan)

    def read_cached(self, driving: EvaluationClip, scan: ClipScan) -> FaceTrajectory | None:
        """The driving clip's faces, if these frames of this very file were measured before."""
        path = self.cache / f"{driving.name}.npz"
        if not path.exists():
            return None
        try:
            arrays = read_arrays(path)
            if str(arrays["of"]) != _cache_key(driving, scan):
                return None
            faces = face_trajectory_of(arrays)
        except (OSError, ValueError, KeyError):  # damaged: measured anew
            return None
        count = len(self.frames(scan.count))
        return faces.first(count) if len(faces) >= count else None

    def write_cached(self, driving: EvaluationClip, scan: ClipScan, faces: FaceTrajectory) -> None:
        """Keep the driving clip's faces for other runs."""
        self.cache.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        arrays: dict[str, Any] = {"of": np.array(_cache_key(driving, scan)), **faces.arrays()}
        np.savez_compressed(packed, **arrays)
        with atomic_file(self.cache / f"{driving.name}.npz") as file:
            file.write(packed.getbuffer())


class _FaceAccumulator:
    def __init__(self, measure: FaceMetrics, driving: EvaluationClip, scan: ClipScan) -> None:
        self._measure, self._driving, self._scan = measure, driving, scan
        self._cached = measure.read_cached(driving, scan)
        self._driving_reader = FaceTrajectoryReader(measure.landmarker)
        self._reader = FaceTrajectoryReader(measure.landmarker)

    def add(self, batch: FrameBatch) -> None:
        for output_RR3 in batch.output_BRR3:
            self._reader.add(output_RR3)
        if self._cached is None:
            for driving_RR3 in batch.driving_BRR3:
                self._driving_reader.add(driving_RR3)

    def result(self) -> MetricResult:
        driving, output = self._cached, self._reader.result()
        if driving is None:
            driving = self._driving_reader.result()
            self._measure.write_cached(self._driving, self._scan, driving)
        numbers = face_errors(driving, output) if self._measure.paired else {}
        for factor, values in compare_motion(driving.factors_TF, output.factors_TF).items():
            numbers |= {f"{factor} {key}": value for key, value in values.items()}
        numbers |= {"faceless": output.missing / len(output)}
        return MetricResult(numbers, {"driving": driving.factors_TF, "output": output.factors_TF})


def _cache_key(driving: EvaluationClip, scan: ClipScan) -> str:
    """What changes whenever the clip's faces could."""
    path = driving.path
    if is_within_shard(path):
        content = path.name  # a shard's name changes with what is in it
    else:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        content = f"{sum(file.stat().st_size for file in files)} bytes"
    return f"{content}, {scan.count} frames, {scan.framing}, {','.join(FACTORS)}"


@dataclass(frozen=True)
class IdentityMetrics:
    """Likeness of output faces to the source's, on the frames that are compared."""

    most: int | None
    landmarker: FaceLandmarker
    embedder: FaceEmbedder
    name: str = "identity"
    backbone: str = SourceFaceComparer.name

    def frames(self, count: int) -> NDArray[np.int64]:
        return select_frames(count, self.most)

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        return _IdentityAccumulator(self, source_RR3)


class _IdentityAccumulator:
    def __init__(self, measure: IdentityMetrics, source_RR3: NDArray[np.uint8]) -> None:
        self._landmarker = measure.landmarker
        found = measure.landmarker.detect(source_RR3)
        self._same = SourceFaceComparer(measure.embedder, source_RR3, found[0]) if found else None
        self._last_RR3: NDArray[np.uint8] | None = None
        self._rows: list[tuple[float, float]] = []

    def add(self, batch: FrameBatch) -> None:
        for output_RR3 in batch.output_BRR3:
            if self._last_RR3 is not None and np.array_equal(output_RR3, self._last_RR3):
                self._rows.append(self._rows[-1])
                continue
            self._last_RR3 = output_RR3
            face = next(iter(self._landmarker.detect(output_RR3)), None)
            if self._same is None:
                self._rows.append((np.nan, np.nan))
            else:
                like = self._same.compare(output_RR3, face)
                self._rows.append((like.cosine, like.distance))

    def result(self) -> MetricResult:
        rows_T2 = np.array(self._rows)
        known = rows_T2[np.isfinite(rows_T2[:, 0])]
        cosine, distance = known.mean(0).tolist() if len(known) else (np.nan, np.nan)
        return MetricResult({"identity_cosine": cosine, "identity_distance": distance}, {"likeness": rows_T2})
