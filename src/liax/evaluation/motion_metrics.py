"""How well the output's motion follows the driving's: correlation and gain of each factor over a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.face.factors import FACTORS

# Fewest frames on which both faces were found for a correlation to count.
FEWEST_FRAMES = 10
POSE = ("yaw", "pitch", "roll")


@dataclass(frozen=True)
class MotionThreshold:
    """When a clip counts: its driving face's spread, "std" or "range" (max - min), exceeds `least`."""

    spread: str
    least: float

    def __call__(self, values_T: NDArray[np.float64]) -> bool:
        known = values_T[np.isfinite(values_T)]
        if len(known) < FEWEST_FRAMES:
            return False
        return bool((known.std() if self.spread == "std" else np.ptp(known)) > self.least)


MOTION_THRESHOLDS = {
    "yaw": MotionThreshold("std", 2.0),
    "pitch": MotionThreshold("std", 2.0),
    "roll": MotionThreshold("std", 1.5),
    "x": MotionThreshold("std", 0.01),
    "y": MotionThreshold("std", 0.01),
    "size": MotionThreshold("std", 0.02),
    "jaw": MotionThreshold("std", 0.03),
    "smile": MotionThreshold("std", 0.05),
    "pucker": MotionThreshold("std", 0.05),
    "blink": MotionThreshold("range", 0.3),
    "brow": MotionThreshold("std", 0.05),
    "gaze-x": MotionThreshold("std", 0.05),
    "gaze-y": MotionThreshold("std", 0.05),
    "wink": MotionThreshold("range", 0.15),
}


def compare_motion(
    driving_TF: NDArray[np.float64], output_TF: NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """Per factor that moves in this clip: correlation, gain, and correlation beyond the driving head's pose.

    The last, for all but the pose itself, guards against a measure that follows the head: a network that
    turns the head and leaves the eyes alone seems to move them.

    Args:
        driving_TF, output_TF: (T, F) of `liax.face.factors.FACTORS`, NaN where no face is found.
    """
    names = list(FACTORS)
    pose_T3 = driving_TF[:, [names.index(n) for n in POSE]]
    result = {}
    for i, name in enumerate(names):
        x, y = driving_TF[:, i], output_TF[:, i]
        if not MOTION_THRESHOLDS[name](x):
            continue
        result[name] = {"correlation": pearson(x, y), "gain": gain(x, y)}
        if name not in POSE:
            result[name]["beyond_pose"] = pearson(
                residual_beyond_pose(x, pose_T3), residual_beyond_pose(y, pose_T3)
            )
    return result


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


def residual_beyond_pose(values_T: NDArray[np.float64], pose_T3: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a straight line in yaw, pitch and roll does not explain of the values (least squares)."""
    known = np.isfinite(values_T) & np.isfinite(pose_T3).all(1)
    rest = np.full_like(values_T, np.nan)
    if known.sum() >= FEWEST_FRAMES:
        terms = np.column_stack([pose_T3[known], np.ones(known.sum())])
        rest[known] = values_T[known] - terms @ np.linalg.lstsq(terms, values_T[known], rcond=None)[0]
    return rest
