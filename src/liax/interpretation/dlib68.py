"""An instrument that no weights were trained with: dlib's 68 landmarks and geometry (extra `evaluate`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from liax.face.embed import open_dlib
from liax.face.factors import FACTORS

_MODEL = "shape_predictor_68_face_landmarks.dat"
# Points that neither mouth nor brows move, in millimetres from the tip of the nose: x to the viewer's right,
# y down, z away from the viewer. Widths and heights after the means of adults in Farkas (Anthropometry of the
# Head and Face, 1994): the eyes' outer corners 90 apart, inner ones 32, nasion to subnasale 53; depths round.
_RIGID = {
    36: (-45, -37, 42),
    39: (-16, -36, 32),
    42: (16, -36, 32),
    45: (45, -37, 42),
    27: (0, -41, 20),
    28: (0, -28, 14),
    29: (0, -14, 7),
    30: (0, 0, 0),
    31: (-15, 9, 21),
    32: (-8, 10, 17),
    33: (0, 12, 18),
    34: (8, 10, 17),
    35: (15, 9, 21),
}
# Focal length in sides of the square, whose view is then 28° wide: a face taken from a metre away.
_FOCAL = 2.0
_EYES = (range(36, 42), range(42, 48))
_BROWS, _EYE_CORNERS = range(17, 27), (36, 39, 42, 45)
_OUTER_EYES, _MOUTH, _INNER_LIPS = (36, 45), (48, 54), (62, 66)

Points = NDArray[np.float64]


@dataclass(frozen=True)
class LandmarkFactor:
    """A factor that is measured from 68 landmarks; the rest is as in `liax.face.factors.Factor`.

    Args:
        measure: From points (68, 2) in pixels, and the side of their square.
    """

    measure: Callable[[Points, float], float]
    group: str
    usual: float
    meaning: str
    unit: str = ""


def _head_turn(points_682: Points, side: float) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, with the signs and the order of `Face.yaw_pitch_roll`."""
    import cv2

    focal = _FOCAL * side
    camera_33 = np.array([[focal, 0, side / 2], [0, focal, side / 2], [0, 0, 1]])
    model_N3 = np.array(list(_RIGID.values()), np.float64)
    away = np.array([0, 0, focal * 90 / max(_between(points_682, *_OUTER_EYES), 1.0)])
    _, turn_3, _ = cv2.solvePnP(
        model_N3, np.ascontiguousarray(points_682[list(_RIGID)]), camera_33, None, np.zeros(3), away, True
    )
    flip_33 = np.diag([1.0, -1.0, -1.0])  # to y up and z towards the viewer
    turn_33 = flip_33 @ cv2.Rodrigues(turn_3)[0] @ flip_33
    yaw = math.atan2(turn_33[0, 2], turn_33[2, 2])
    pitch = math.asin(min(1.0, max(-1.0, -turn_33[1, 2])))
    return math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(turn_33[1, 0], turn_33[1, 1]))


def _between(points_682: Points, a: int, b: int) -> float:
    return float(np.linalg.norm(points_682[a] - points_682[b]))


def _per_eyes(points_682: Points, length: float) -> float:
    """A length in distances of the eyes' outer corners."""
    return length / max(_between(points_682, *_OUTER_EYES), 1e-6)


def _brow(points_682: Points, side: float) -> float:
    """How far the brows are above the eyes' corners, across the line of the eyes."""
    left_2, right_2 = (points_682[list(eye)].mean(0) for eye in _EYES)
    along_2 = (right_2 - left_2) / max(float(np.linalg.norm(right_2 - left_2)), 1e-6)
    down_2 = np.array([-along_2[1], along_2[0]])
    lift_2 = points_682[list(_EYE_CORNERS)].mean(0) - points_682[list(_BROWS)].mean(0)
    return _per_eyes(points_682, float(lift_2 @ down_2))


def _openness(points_682: Points, eye: range) -> float:
    """Eye aspect ratio (Soukupová & Čech 2016), about .05 closed and .3 open."""
    p = eye.start
    height = _between(points_682, p + 1, p + 5) + _between(points_682, p + 2, p + 4)
    return height / 2 / max(_between(points_682, p, p + 3), 1e-6)


def _middle(points_682: Points, axis: int) -> float:
    return float(points_682[:, axis].min() + points_682[:, axis].max()) / 2


def _extent(points_682: Points) -> float:
    return float(max(np.ptp(points_682, axis=0).max(), 1.0))


def _landmark_factors() -> dict[str, LandmarkFactor]:
    """Usual deviations are those over the frames of talking heads that Factor's are of, rounded."""

    def measure(name: str, usual: float, by: Callable[[Points, float], float]) -> LandmarkFactor:
        factor = FACTORS[name]
        return LandmarkFactor(by, factor.group, usual, factor.meaning, factor.unit)

    return {
        "yaw": measure("yaw", 12.0, lambda p, s: _head_turn(p, s)[0]),
        "pitch": measure("pitch", 8.0, lambda p, s: _head_turn(p, s)[1]),
        "roll": measure("roll", 6.0, lambda p, s: _head_turn(p, s)[2]),
        "x": measure("x", 0.04, lambda p, s: _middle(p, 0) / s - 0.5),
        "y": measure("y", 0.03, lambda p, s: _middle(p, 1) / s - 0.5),
        "size": measure("size", 0.1, lambda p, s: math.log(_extent(p) / s)),
        "jaw": measure("jaw", 0.06, lambda p, s: _per_eyes(p, _between(p, *_INNER_LIPS))),
        "smile": measure("smile", 0.07, lambda p, s: _per_eyes(p, _between(p, *_MOUTH))),
        "blink": measure("blink", 0.06, lambda p, s: -sum(_openness(p, eye) for eye in _EYES) / 2),
        "brow": measure("brow", 0.04, _brow),
    }


class Dlib68:
    """Head pose, position, jaw, smile (as the mouth's width), blink and brow from dlib's 68 points; no gaze.

    It shares neither detector, landmarks nor pose with MediaPipe. dlib's frontal detector loses heads turned
    beyond some 45°.

    Raises:
        LiaxError: Without dlib or its models.
    """

    name = "dlib 68 points"
    factors: Mapping[str, LandmarkFactor] = _landmark_factors()

    def __init__(self) -> None:
        dlib, models = open_dlib()
        self._dlib = dlib
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(models / _MODEL))

    def __enter__(self) -> Dlib68:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def measure(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Factors (N, F) of RGB uint8 images (R, R, 3), in their order; NaN where no face is seen."""
        rows = [self._measured(image_RR3) for image_RR3 in images]
        return np.array(rows, np.float64).reshape(-1, len(self.factors))

    def points(self, image_HW3: NDArray[np.uint8]) -> Points | None:
        """The largest face's points (68, 2) in pixels; None without a face."""
        image_HW3 = np.ascontiguousarray(image_HW3)
        # Looking at twice the size finds smaller faces, and takes four times as long.
        boxes = self._detector(image_HW3, 0) or self._detector(image_HW3, 1)
        if not boxes:
            return None
        shape = self._predictor(image_HW3, max(boxes, key=lambda box: box.area()))
        return np.array([(point.x, point.y) for point in shape.parts()], np.float64)

    def _measured(self, image_RR3: NDArray[np.uint8]) -> list[float]:
        points_682 = self.points(image_RR3)
        if points_682 is None:
            return [math.nan] * len(self.factors)
        side = float(max(image_RR3.shape[:2]))
        return [factor.measure(points_682, side) for factor in self.factors.values()]
