"""The face before a camera: when it is looked for, when it is gone, and when its square moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from liax.face.crop import Crop
from liax.face.landmarks import FaceLandmarker
from liax.live.camera_face import CameraFace, square_of

Camera = Callable[[int], NDArray[np.uint8]]


@pytest.fixture
def face(landmarker: FaceLandmarker) -> CameraFace:
    return CameraFace(landmarker)


def test_the_square_stays_while_the_head_moves_in_it(face: CameraFace, camera: Camera) -> None:
    assert face.look(camera(100), 0.0)
    first = face.crop
    assert first is not None
    assert face.seen
    for k in range(1, 5):
        assert not face.look(camera(100 + 6 * k), 0.2 * k)
    assert face.crop == first
    for k in range(1, 13):  # out of the square
        face.look(camera(124 + 8 * k), 1 + 0.2 * k)
    assert face.crop is not None
    assert face.crop.left - first.left > 40
    assert face.crop.side == pytest.approx(first.side, rel=0.05)


def test_one_missed_look_is_no_loss_and_two_are(
    face: CameraFace, camera: Camera, nobody: NDArray[np.uint8]
) -> None:
    face.look(camera(100), 0.0)
    assert not face.look(nobody, 0.2)
    assert face.seen
    assert not face.look(nobody, 0.4)
    assert not face.seen
    assert not face.look(camera(102), 0.6)  # back at its place
    assert face.seen


def test_looks_come_five_times_a_second_and_always_while_nobody_is_seen(
    face: CameraFace, camera: Camera, nobody: NDArray[np.uint8]
) -> None:
    assert face.is_due(nobody, 0.0)
    face.look(nobody, 0.0)
    assert face.is_due(nobody, 0.03)
    face.look(camera(100), 0.06)
    assert [face.is_due(camera(100), 0.06 + wait) for wait in (0.03, 0.19, 0.21)] == [False, False, True]
    assert face.is_due(camera(100), 0.01)  # a clock that went back
    assert face.is_due(camera(100)[:, :400], 0.07)  # another camera


def test_another_size_of_frames_starts_anew(face: CameraFace, camera: Camera) -> None:
    face.look(camera(100), 0.0)
    first = face.crop
    assert first is not None
    assert face.look(np.ascontiguousarray(camera(100)[:, 60:]), 0.2)
    assert face.crop is not None
    assert face.crop.centre[0] == pytest.approx(first.centre[0] - 60, abs=5)


def test_squares_are_mirrored(camera: Camera) -> None:
    crop = Crop(100, 20, 256)
    plain_RR3, mirrored_RR3 = (square_of(camera(100), crop, 64, mirror) for mirror in (False, True))
    assert plain_RR3.shape == (64, 64, 3)
    assert np.array_equal(plain_RR3[:, ::-1], mirrored_RR3)
    assert np.abs(plain_RR3.astype(int) - mirrored_RR3).mean() > 5
