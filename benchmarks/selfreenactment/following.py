"""How well the output follows the driving face: pose, mouth, eyes and brows, as MediaPipe measures them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.face.landmarks import Face, FaceLandmarker

# Fewest frames on which both faces were found for a correlation to count.
FEWEST_FRAMES = 10


@dataclass(frozen=True)
class Factor:
    """One measured movement.

    spread: how much a clip moves, "std" or "range" (max - min). least: a clip counts when its driving face's
    spread exceeds it. unit: of `least`.
    """

    measure: Callable[[Face], float]
    spread: str
    least: float
    unit: str = ""

    def moves(self, values_T: NDArray[np.float64]) -> bool:
        known = values_T[np.isfinite(values_T)]
        if len(known) < FEWEST_FRAMES:
            return False
        return bool((known.std() if self.spread == "std" else np.ptp(known)) > self.least)


def _shapes(*names: str) -> Callable[[Face], float]:
    """Mean of blendshapes; a leading minus subtracts."""

    def measure(face: Face) -> float:
        return sum(
            -face.blendshapes[name[1:]] if name.startswith("-") else face.blendshapes[name] for name in names
        ) / len(names)

    return measure


FACTORS: dict[str, Factor] = {
    "yaw": Factor(lambda face: face.yaw_pitch_roll[0], "std", 2.0, "°"),
    "pitch": Factor(lambda face: face.yaw_pitch_roll[1], "std", 2.0, "°"),
    "roll": Factor(lambda face: face.yaw_pitch_roll[2], "std", 1.5, "°"),
    "jaw open": Factor(_shapes("jawOpen"), "std", 0.03),
    "blink": Factor(_shapes("eyeBlinkLeft", "eyeBlinkRight"), "range", 0.3),
    "smile": Factor(_shapes("mouthSmileLeft", "mouthSmileRight"), "std", 0.05),
    "brow up": Factor(_shapes("browInnerUp"), "std", 0.05),
    # Towards the person's left; half of what both eyes say, so that it runs from -1 to 1.
    "gaze": Factor(
        lambda face: (
            2 * _shapes("eyeLookOutLeft", "-eyeLookInLeft", "eyeLookInRight", "-eyeLookOutRight")(face)
        ),
        "std",
        0.1,
    ),
}
POSE = ("yaw", "pitch", "roll")


def measure_faces(landmarker: FaceLandmarker, frames: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """(T, factors): each frame's largest face; a row of NaN where none is found. A repeated frame is free."""
    rows: list[list[float]] = []
    last = None
    for frame_HW3 in frames:
        if last is None or not np.array_equal(frame_HW3, last):
            faces = landmarker.detect(frame_HW3)
            row = [f.measure(faces[0]) if faces else np.nan for f in FACTORS.values()]
        rows.append(row)
        last = frame_HW3
    return np.array(rows, np.float64).reshape(-1, len(FACTORS))


def pearson(x_T: NDArray[np.float64], y_T: NDArray[np.float64]) -> float:
    """Correlation Σ(x-x̄)(y-ȳ) / √(Σ(x-x̄)² Σ(y-ȳ)²) where both are finite; 0 when either stands still.

    Also 0 with fewer than FEWEST_FRAMES pairs: an output without a face follows nothing.
    """
    known = np.isfinite(x_T) & np.isfinite(y_T)
    if known.sum() < FEWEST_FRAMES:
        return 0.0
    x, y = x_T[known] - x_T[known].mean(), y_T[known] - y_T[known].mean()
    scale = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / scale) if scale > 1e-9 else 0.0


def gain(x_T: NDArray[np.float64], y_T: NDArray[np.float64]) -> float:
    """How much of the movement arrives: slope Σ(x-x̄)(y-ȳ) / Σ(x-x̄)² of the output y on the driving x."""
    known = np.isfinite(x_T) & np.isfinite(y_T)
    if known.sum() < FEWEST_FRAMES:
        return 0.0
    x, y = x_T[known] - x_T[known].mean(), y_T[known] - y_T[known].mean()
    return float(x @ y / (x @ x)) if x @ x > 1e-12 else 0.0


def beyond(values_T: NDArray[np.float64], pose_T3: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a straight line in yaw, pitch and roll does not explain of the values (least squares)."""
    known = np.isfinite(values_T) & np.isfinite(pose_T3).all(1)
    rest = np.full_like(values_T, np.nan)
    if known.sum() >= FEWEST_FRAMES:
        terms = np.column_stack([pose_T3[known], np.ones(known.sum())])
        rest[known] = values_T[known] - terms @ np.linalg.lstsq(terms, values_T[known], rcond=None)[0]
    return rest


def follow(driving_TF: NDArray[np.float64], output_TF: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Per factor that moves in this clip: correlation, gain, and correlation beyond the driving head's pose.

    The last, for all but the pose itself, guards against a measure that follows the head: a network that
    turns the head and leaves the eyes alone seems to move them.
    """
    names = list(FACTORS)
    pose_T3 = driving_TF[:, [names.index(n) for n in POSE]]
    result = {}
    for i, (name, factor) in enumerate(FACTORS.items()):
        x, y = driving_TF[:, i], output_TF[:, i]
        if not factor.moves(x):
            continue
        result[name] = {"correlation": pearson(x, y), "gain": gain(x, y)}
        if name not in POSE:
            result[name]["beyond_pose"] = pearson(beyond(x, pose_T3), beyond(y, pose_T3))
    return result
