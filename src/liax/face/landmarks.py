"""Face landmarks, expression and head pose, from the bundled MediaPipe Face Landmarker (Apache-2.0)."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.resources import files
from threading import Lock
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box, box_of, turned
from liax.face.native_stderr import suppress_native_stderr

# Indices of MediaPipe's face mesh that outline the eyes (with their lids) and the outer lips.
LEFT_EYE = (362, 385, 387, 263, 373, 380, 386, 374)
RIGHT_EYE = (33, 160, 158, 133, 153, 144, 159, 145)
LIPS = (61, 291, 0, 17, 37, 267, 84, 314, 40, 270, 91, 321)
# All points on the outlines of face, eyes, brows, lips, nose and irises.
# fmt: off
OUTLINES = (
    10, 21, 54, 58, 67, 93, 103, 109, 127, 132, 136, 148, 149, 150, 152, 162, 172, 176, 234, 251, 284,
    288, 297, 323, 332, 338, 356, 361, 365, 377, 378, 379, 389, 397, 400, 454,  # face oval
    249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466,  # left eye
    276, 282, 283, 285, 293, 295, 296, 300, 334, 336,  # left brow
    0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191, 267,
    269, 270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415,  # lips
    1, 2, 4, 5, 6, 19, 45, 48, 64, 94, 97, 98, 115, 168, 195, 197, 220, 275, 278, 294, 326, 327, 344,
    440,  # nose
    7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246,  # right eye
    46, 52, 53, 55, 63, 65, 66, 70, 105, 107,  # right brow
    468, 469, 470, 471, 472, 473, 474, 475, 476, 477,  # irises
)
# fmt: on

# MediaPipe cannot be imported by two threads at once.
_IMPORTING = Lock()
# Confidence of the face detector from which a face is certain.
_SURE = 0.9


@dataclass(frozen=True)
class Face:
    """One face as the landmarker measures it.

    Args:
        landmarks: (478, 2) pixel coordinates, x to the right and y down; the last ten are on the irises.
        blendshapes: Names of 51 ARKit expressions -> values from 0 to 1.
        pose: (4, 4) transformation from the canonical face to the camera, with lengths in centimetres.
    """

    landmarks: NDArray[np.float32]
    blendshapes: dict[str, float]
    pose: NDArray[np.float32]

    @property
    def box(self) -> Box:
        """Left, top, right, bottom of the landmarks, in pixels."""
        return box_of(self.landmarks)

    @property
    def area(self) -> float:
        """Area of the box, in square pixels."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)

    @property
    def roll(self) -> float:
        """How far the head's upward axis leans in the picture: degrees counterclockwise, -180 to 180."""
        return float(np.degrees(np.arctan2(-self.pose[0, 1], self.pose[1, 1])))

    def turned(self, degrees: float, centre: NDArray[np.floating], to: NDArray[np.floating]) -> Face:
        """The same face once its picture is turned counterclockwise, so that `centre` (2,) comes to `to`."""
        pose = self.pose.copy()
        # The camera's y axis points up: counterclockwise is the same there.
        pose[:2] = turned(pose[:2].T * [1, -1], degrees).T * [[1], [-1]]
        landmarks = turned(self.landmarks - centre, degrees) + to
        return replace(self, landmarks=landmarks.astype(np.float32), pose=pose.astype(np.float32))

    @property
    def yaw_pitch_roll(self) -> tuple[float, float, float]:
        """The head's rotation in degrees: `pose` rotates by R_y(yaw) R_x(pitch) R_z(roll)."""
        rotation = self.pose[:3, :3] / np.linalg.norm(self.pose[:3, :3], axis=0, keepdims=True)
        yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
        pitch = np.arcsin(np.clip(-rotation[1, 2], -1, 1))
        roll = np.arctan2(rotation[1, 0], rotation[1, 1])
        return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


class _Later(ModuleType):
    """Stands for a module that is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        module = import_module(self.__name__)
        if module is self:  # it still stands there
            raise AttributeError(name)
        return getattr(module, name)


@contextmanager
def _without_extras() -> Iterator[None]:
    """Leaves out of an import what MediaPipe needs only to record and to plot, as far as it is not there yet.

    `sounddevice` looks for PortAudio by running compilers, whose temporary files stay if the process is
    killed. `matplotlib` takes longer than the rest of MediaPipe; whoever plots still gets it.
    """
    plots, pyplot = _Later("matplotlib"), _Later("matplotlib.pyplot")
    plots.pyplot = pyplot  # type: ignore[attr-defined]
    extras: dict[str, ModuleType | None] = {
        "sounddevice": None,
        "matplotlib": plots,
        "matplotlib.pyplot": pyplot,
    }
    left_out = {name: extra for name, extra in extras.items() if name not in sys.modules}
    sys.modules.update(left_out)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in left_out:
            del sys.modules[name]


@dataclass(eq=False)
class _Task:
    """A native task, and whether it has written all its warnings."""

    native: Any
    silent: bool = False


# Tasks that nobody uses, by what they were opened with: opening one takes longer than finding a face.
_IDLE: dict[tuple[int, float | None], list[_Task]] = {}
MOST_IDLE = 4
"""So many tasks stay open for each purpose, and so many threads can look at once without opening more."""
# Their threads stay with the process that opened them.
_OTHERS: list[_Task] = []


def _leave_behind() -> None:
    for tasks in _IDLE.values():
        _OTHERS.extend(tasks)
    _IDLE.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_behind)


@atexit.register
def _close_idle() -> None:
    while _IDLE:
        for task in _IDLE.popitem()[1]:
            task.native.close()


class FaceLandmarker:
    """Detects faces in single images. It is a context manager, because native tasks must be closed.

    Several threads may use one at once; each then has a task of its own.

    Args:
        max_faces: Largest number of faces detected per image.
    """

    def __init__(self, max_faces: int = 8) -> None:
        self._max_faces = max_faces
        # Those not in use, by the confidence that the detector needs, where that is not the usual one.
        self._tasks: dict[float | None, list[_Task]] = {None: [self._taken()]}

    def _taken(self, confidence: float | None = None) -> _Task:
        try:
            return _IDLE[self._max_faces, confidence].pop()
        except (KeyError, IndexError):
            return _Task(self._open(confidence))

    def _open(self, confidence: float | None) -> Any:
        with _IMPORTING, _without_extras():
            from mediapipe.tasks.python.core.base_options import BaseOptions
            from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarker as Task
            from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarkerOptions

        model = files("liax.assets").joinpath("face_landmarker.task").read_bytes()
        options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model),
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
            num_faces=self._max_faces,
        )
        if confidence is not None:
            options.min_face_detection_confidence = confidence
        with suppress_native_stderr():
            return Task.create_from_options(options)

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(keep=kind is None)

    def close(self, *, keep: bool = True) -> None:
        """Release the native tasks.

        Args:
            keep: Whether the next landmarker may take them over; not after an error, of which they may be the
                cause.
        """
        while self._tasks:
            confidence, tasks = self._tasks.popitem()
            idle = _IDLE.setdefault((self._max_faces, confidence), [])
            for task in tasks:
                if keep and len(idle) < MOST_IDLE:
                    idle.append(task)
                else:
                    task.native.close()

    def detect_surely(self, image_HW3: NDArray[np.uint8]) -> list[Face]:
        """As `detect`, but only faces that are certain, which they are upright only.

        Of 26 upright portraits it finds 24; of the same turned by a quarter, a half or three quarters it
        finds none, while `detect` finds 21, 10 (taking chins for foreheads) and 23.
        """
        return self._detect(image_HW3, _SURE)

    def detect(self, image_HW3: NDArray[np.uint8]) -> list[Face]:
        """All faces in an RGB uint8 image (H, W, 3), largest first; empty if there are none."""
        return self._detect(image_HW3, None)

    def _detect(self, image_HW3: NDArray[np.uint8], confidence: float | None) -> list[Face]:
        free = self._tasks.setdefault(confidence, [])
        try:
            task = free.pop()
        except IndexError:
            task = self._taken(confidence)
        try:
            return _faces(task, image_HW3)
        finally:
            free.append(task)


def _faces(task: _Task, image_HW3: NDArray[np.uint8]) -> list[Face]:
    """What a task sees, largest first."""
    from mediapipe import Image, ImageFormat

    height, width = image_HW3.shape[:2]
    image = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image_HW3))
    with nullcontext() if task.silent else suppress_native_stderr():
        found = task.native.detect(image)
    # Each of the task's networks writes a warning when it first runs; all have run once a face is found.
    task.silent |= bool(found.face_landmarks)
    faces = [
        Face(
            landmarks=np.array([(p.x * width, p.y * height) for p in points], np.float32),
            blendshapes={s.category_name: s.score for s in shapes if s.category_name != "_neutral"},
            pose=np.asarray(matrix, np.float32),
        )
        for points, shapes, matrix in zip(
            found.face_landmarks,
            found.face_blendshapes,
            found.facial_transformation_matrixes,
            strict=True,
        )
    ]
    return sorted(faces, key=lambda face: face.area, reverse=True)
