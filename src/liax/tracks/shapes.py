"""Faces as other programs measure them, by ARKit's shapes and the head's rotation, as named controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import FACE_CENTRE, FACE_SIZE
from liax.face.factors import FACTORS
from liax.face.landmarks import Face
from liax.tracks.timing import Timing
from liax.tracks.track import Track

# A control of an expression is 1 at its end, which is so many usual deviations of its factor.
FULL_DEVIATIONS = 3.75
# ARKit's shapes in the order of Live Link Face.
SHAPES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
    "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight", "jawForward", "jawRight",
    "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight",
    "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip


@dataclass(frozen=True)
class ShapeTrack:
    """A face over T moments, as ARKit and MediaPipe measure it.

    Args:
        shapes: Names of ARKit's shapes -> values (T,) from 0 to 1; some may be missing.
        head_T3: Yaw, pitch and roll (T, 3) in degrees, as `Face.yaw_pitch_roll` has them; None if unknown.
    """

    timing: Timing
    shapes: Mapping[str, NDArray[np.float64]]
    head_T3: NDArray[np.float64] | None

    def to_track(self) -> Track:
        """The named controls, by the definitions of the factors that are measured (`liax.face.factors`)."""
        amounts: dict[str, NDArray[np.float64]] = {}
        if self.head_T3 is not None:
            amounts |= dict(zip(("yaw", "pitch", "roll"), self.head_T3.T, strict=True))
        # Factors are sums of shapes, of which each may as well be a row of numbers.
        face = Face(_LANDMARKS, dict(self.shapes), np.eye(4, dtype=np.float32))  # type: ignore[arg-type]
        for name, factor in FACTORS.items():
            if factor.group == "head":
                continue
            try:
                amounts[name] = np.asarray(factor.measure(face, 1.0)) / full_value(name)
            except KeyError:  # a shape that it is made of is missing
                continue
        if not amounts:
            raise ValueError("it has no shape that a control is made of")
        return Track(self.timing, tuple(amounts), np.stack(list(amounts.values()), 1))


def full_value(name: str) -> float:
    """The value of a factor at the amount 1 of its control."""
    factor = FACTORS[name]
    return 1.0 if factor.group == "head" else FULL_DEVIATIONS * factor.usual


# In the place and size in which the factors of both are 0.
_LANDMARKS = np.array(
    [np.subtract(FACE_CENTRE, FACE_SIZE / 2), np.add(FACE_CENTRE, FACE_SIZE / 2)], np.float32
)


def shapes_of(track: Track) -> ShapeTrack:
    """The face that a track describes, with both sides alike where a control does not tell them apart.

    What no control says (the tongue, the cheeks) is 0. Controls that are no factors are left out.
    """
    known = {
        name: amounts_T * full_value(name)
        for name, amounts_T in zip(track.controls, track.amounts_TK.T, strict=True)
        if name in FACTORS
    }
    zero_T = np.zeros(len(track.timing))

    def factor(name: str, sign: float = 1.0) -> NDArray[np.float64]:
        return (sign * known.get(name, zero_T)).clip(0, 1)

    blink_T, wink_T = known.get("blink", zero_T), known.get("wink", zero_T)
    # Two of the four shapes of a gaze are at work at a time, so each is twice the mean.
    right_T, left_T, up_T, down_T = (
        (2 * factor(name, sign)).clip(0, 1)
        for name, sign in (("gaze-x", 1), ("gaze-x", -1), ("gaze-y", 1), ("gaze-y", -1))
    )
    shapes = dict.fromkeys(SHAPES, zero_T) | {
        "jawOpen": factor("jaw"),
        "mouthPucker": factor("pucker"),
        "browInnerUp": factor("brow"),
        # The face's left is the viewer's right.
        "eyeBlinkLeft": (blink_T + wink_T).clip(0, 1),
        "eyeBlinkRight": (blink_T - wink_T).clip(0, 1),
        "eyeLookOutLeft": right_T,
        "eyeLookInRight": right_T,
        "eyeLookInLeft": left_T,
        "eyeLookOutRight": left_T,
    }
    for side in ("Left", "Right"):
        shapes[f"mouthSmile{side}"] = factor("smile")
        shapes[f"browOuterUp{side}"] = factor("brow")
        shapes[f"browDown{side}"] = factor("brow", -1)
        shapes[f"eyeLookUp{side}"], shapes[f"eyeLookDown{side}"] = up_T, down_T
    head_T3 = np.stack([known.get(name, zero_T) for name in ("yaw", "pitch", "roll")], 1)
    return ShapeTrack(track.timing, shapes, head_T3)


def head_angles(rotation_33: NDArray[np.float64]) -> NDArray[np.float64]:
    """Yaw, pitch and roll (3,) in degrees of a rotation; `rotation` is the inverse."""
    pose_44 = np.eye(4, dtype=np.float32)
    pose_44[:3, :3] = rotation_33
    return np.asarray(Face(_LANDMARKS, {}, pose_44).yaw_pitch_roll, np.float64)


def rotation(yaw_pitch_roll: NDArray[np.float64]) -> NDArray[np.float64]:
    """R_y(yaw) R_x(pitch) R_z(roll), (3, 3), of degrees; x to the viewer's right, y up, z to the viewer."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(np.radians(yaw_pitch_roll)), np.sin(np.radians(yaw_pitch_roll))
    y_33 = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    x_33 = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    z_33 = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return y_33 @ x_33 @ z_33
