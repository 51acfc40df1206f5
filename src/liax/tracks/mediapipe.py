"""JSON of MediaPipe's Face Landmarker, as its results look in JavaScript and Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.bounded import short
from liax.options import to_rate
from liax.tracks.shapes import SHAPES, ShapeTrack, head_angles
from liax.tracks.timing import LEAST_RATE, MOST_RATE, Timing

_SHAPE_KEYS = ("faceBlendshapes", "face_blendshapes", "blendshapes")
_MATRIX_KEYS = ("facialTransformationMatrixes", "facial_transformation_matrixes", "matrix")
# Key of a frame's time -> seconds of its unit.
_TIME_KEYS = {
    "time": 1.0, "timestamp": 1.0, "time_ms": 1e-3, "timeMs": 1e-3, "timestamp_ms": 1e-3, "timestampMs": 1e-3,
}  # fmt: skip
_RATE_KEYS = ("rate", "fps", "frameRate", "frame_rate")
_MOST_FRAMES = 1_000_000


def face_from_json(values: object, rate: float | None = None) -> ShapeTrack:
    """The face in a list of results, one a frame, or in a table that has them under the key `frames`.

    A result has the scores of the shapes: as a table, as a list of categories with their names, or as the
    list of faces that MediaPipe gives, of which the first counts. It may have the face's matrix and a time.
    Frames without a face keep the last one's.

    Args:
        values: As JSON has it.
        rate: Frames a second, where neither the frames have times nor the table a rate; by default 30.

    Raises:
        ValueError: If it is nothing of that kind.
    """
    table: Mapping[str, Any] = values if isinstance(values, dict) else {"frames": values}
    frames = table.get("frames")
    if not isinstance(frames, list) or not 0 < len(frames) <= _MOST_FRAMES:
        raise ValueError("it has no list of frames with blendshapes")
    faces = [_scores(frame) for frame in frames]
    first = next((face for face in faces if face), None)
    if first is None:
        raise ValueError("no frame has blendshapes")
    shapes = [name for name in SHAPES if name in first]
    kept, current = [], first
    for number, face in enumerate(faces, 1):
        if face and any(name not in face for name in shapes):
            raise ValueError(f"frame {number} lacks some of the shapes that others have")
        current = face or current
        kept.append([current[name] for name in shapes])
    values_TC = np.array(kept, np.float64)
    if not np.abs(values_TC).max(initial=0.0) <= 100:
        raise ValueError("it has scores beyond 100")
    head_T3 = _heads(frames)
    return ShapeTrack(_timing(frames, table, rate), dict(zip(shapes, values_TC.T, strict=True)), head_T3)


def _scores(frame: object) -> dict[str, float]:
    """Names of shapes -> scores of the first face of a frame; empty if there is none."""
    if isinstance(frame, dict):
        frame = next((frame[key] for key in _SHAPE_KEYS if key in frame), frame)
    if isinstance(frame, list) and frame and isinstance(frame[0], list):
        frame = frame[0]
    if isinstance(frame, list) and frame and isinstance(frame[0], dict) and "categories" in frame[0]:
        frame = frame[0]["categories"]
    if isinstance(frame, dict) and "categories" in frame:
        frame = frame["categories"]
    if isinstance(frame, list):
        frame = {_name(category): category.get("score") for category in frame if isinstance(category, dict)}
    if not isinstance(frame, dict):
        raise ValueError(f"{short(frame, 40)} is no frame with blendshapes")
    found = {name: frame[name] for name in SHAPES if name in frame}
    wrong = [name for name, score in found.items() if type(score) not in (int, float)]
    if wrong:
        raise ValueError(f"the score of {wrong[0]} is {short(found[wrong[0]], 20)} and no number")
    return found


def _name(category: Mapping[str, Any]) -> object:
    name = category.get("categoryName", category.get("category_name"))
    return name if isinstance(name, str) else None


def _heads(frames: list[Any]) -> NDArray[np.float64] | None:
    """Yaw, pitch and roll (T, 3) in degrees of the frames' matrices; None if there is none."""
    heads: list[NDArray[np.float64] | None] = []
    for frame in frames:
        matrix = (
            next((frame[key] for key in _MATRIX_KEYS if key in frame), None)
            if isinstance(frame, dict)
            else None
        )
        heads.append(_yaw_pitch_roll(matrix))
    current = next((head for head in heads if head is not None), None)
    if current is None:
        return None
    kept = []
    for head in heads:
        current = current if head is None else head
        kept.append(current)
    return np.stack(kept)


def _yaw_pitch_roll(matrix: Any) -> NDArray[np.float64] | None:
    """The rotation (3,) of a 4×4 matrix in degrees, or of the first of a list of such; None without one."""
    if isinstance(matrix, dict):
        matrix = matrix.get("data")
    if isinstance(matrix, list) and matrix and isinstance(matrix[0], dict):
        matrix = matrix[0].get("data")
    if isinstance(matrix, list) and len(matrix) == 1:
        matrix = matrix[0]
    if not matrix:
        return None
    try:
        flat_16 = np.array(matrix, np.float64).reshape(16)
    except (ValueError, TypeError):
        raise ValueError(f"{short(matrix, 40)} is no matrix of four lines and columns") from None
    pose_44 = flat_16.reshape(4, 4)
    if not np.isfinite(flat_16).all() or np.abs(flat_16).max() > 1e6:
        raise ValueError("a matrix has impossible values")
    # JavaScript's data goes column by column: the last line, 0 0 0 1, is then the last column.
    if np.allclose(pose_44[:3, 3], 0) and not np.allclose(pose_44[3, :3], 0):
        pose_44 = pose_44.T
    lengths_3 = np.linalg.norm(pose_44[:3, :3], axis=0)
    if lengths_3.min() < 1e-6:
        raise ValueError("a matrix does not rotate")
    return head_angles(pose_44[:3, :3] / lengths_3)


def _timing(frames: list[Any], table: Mapping[str, Any], rate: float | None) -> Timing:
    for key, unit in _TIME_KEYS.items():
        if all(isinstance(frame, dict) and type(frame.get(key)) in (int, float) for frame in frames):
            times = np.array([frame[key] for frame in frames], np.float64)
            return Timing.of_seconds(times * unit)
    given = next((table[key] for key in _RATE_KEYS if key in table), rate if rate is not None else 30)
    if type(given) not in (int, float) or not LEAST_RATE <= given <= MOST_RATE:
        raise ValueError(f"{short(given, 20)} is no frame rate")
    return Timing.steady(len(frames), to_rate(float(given)))
