"""Measured factors of a face: head pose and position, mouth, eyes, brows and gaze, one number each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import FACE_CENTRE, FACE_SIZE
from liax.face.landmarks import Face


@dataclass(frozen=True)
class Factor:
    """One number that is measured on a face in a square picture.

    Args:
        group: "head", "mouth", "eyes", "brows" or "gaze".
        measure: Function of a face and the square's side in pixels.
        usual: About one standard deviation over frames of talking heads.
        meaning: What increasing values look like.
        unit: "deg" for degrees, "" for a bare number.
        mirrored: Whether flipping the picture left to right negates the value.
    """

    group: str
    measure: Callable[[Face, float], float]
    usual: float
    meaning: str
    unit: str = ""
    mirrored: bool = False


def _shapes(*names: str) -> Callable[[Face, float], float]:
    """The mean of some blendshapes; those with a leading minus are subtracted."""

    def measure(face: Face, side: float) -> float:
        return sum(
            -face.blendshapes[name[1:]] if name.startswith("-") else face.blendshapes[name] for name in names
        ) / len(names)

    return measure


def _length(face: Face) -> float:
    left, top, right, bottom = face.box
    return max(right - left, bottom - top, 1.0)


def _x(face: Face, side: float) -> float:
    return (face.box[0] + face.box[2]) / 2 / side - FACE_CENTRE[0]


def _y(face: Face, side: float) -> float:
    return (face.box[1] + face.box[3]) / 2 / side - FACE_CENTRE[1]


# x and y are fractions of the square's side; size is the logarithm of the face's size over its usual one.
FACTORS: dict[str, Factor] = {
    "yaw": Factor(
        "head", lambda f, s: f.yaw_pitch_roll[0], 12.0, "turns to the viewer's right", "deg", mirrored=True
    ),
    "pitch": Factor("head", lambda f, s: f.yaw_pitch_roll[1], 8.0, "nods down", "deg"),
    "roll": Factor(
        "head", lambda f, s: f.yaw_pitch_roll[2], 6.0, "tilts counterclockwise", "deg", mirrored=True
    ),
    "x": Factor("head", _x, 0.04, "moves to the right", mirrored=True),
    "y": Factor("head", _y, 0.03, "moves down"),
    "size": Factor("head", lambda f, s: math.log(_length(f) / s / FACE_SIZE), 0.1, "comes nearer"),
    "jaw": Factor("mouth", _shapes("jawOpen"), 0.1, "opens the mouth"),
    "smile": Factor("mouth", _shapes("mouthSmileLeft", "mouthSmileRight"), 0.25, "smiles"),
    "pucker": Factor("mouth", _shapes("mouthPucker"), 0.25, "purses the lips"),
    "blink": Factor("eyes", _shapes("eyeBlinkLeft", "eyeBlinkRight"), 0.2, "closes the eyes"),
    "brow": Factor(
        "brows",
        lambda f, s: _shapes("browInnerUp")(f, s) - _shapes("browDownLeft", "browDownRight")(f, s),
        0.25,
        "raises the brows",
    ),
    # Two of the four blendshapes can be 1 at a time, so the values run from -0.5 to 0.5.
    "gaze-x": Factor(
        "gaze",
        _shapes("eyeLookOutLeft", "eyeLookInRight", "-eyeLookInLeft", "-eyeLookOutRight"),
        0.15,
        "looks to the viewer's right",
        mirrored=True,
    ),
    "gaze-y": Factor(
        "gaze",
        _shapes("eyeLookUpLeft", "eyeLookUpRight", "-eyeLookDownLeft", "-eyeLookDownRight"),
        0.15,
        "looks up",
    ),
    # Both eyes' blinks are their mean, `blink`, plus or minus this.
    "wink": Factor(
        "eyes",
        lambda f, s: (f.blendshapes["eyeBlinkLeft"] - f.blendshapes["eyeBlinkRight"]) / 2,
        0.05,
        "closes the eye to the viewer's right more",
        mirrored=True,
    ),
}
MIRROR = np.array([-1.0 if factor.mirrored else 1.0 for factor in FACTORS.values()], np.float32)
"""(K,): -1 for each factor that flipping the picture left to right negates, otherwise 1."""


def measure_factors(face: Face, side: float) -> NDArray[np.float32]:
    """All K factors (K,) of a face found in a square picture of `side` pixels."""
    return np.array([factor.measure(face, side) for factor in FACTORS.values()], np.float32)
