"""Errors between the faces of two clips, against what was done to the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.evaluation.face_metrics import (
    FaceTrajectory,
    FaceTrajectoryReader,
    face_errors,
    face_trajectory_of,
)
from liax.face.factors import FACTORS
from liax.face.landmarks import LEFT_EYE, RIGHT_EYE, FaceLandmarker


@pytest.fixture(scope="module")
def faces(portrait_HW3: NDArray[np.uint8]) -> FaceTrajectory:
    """A portrait, the same moved by 8 pixels, and a picture without a face."""
    picture = Image.fromarray(portrait_HW3).resize((256, 256))
    moved = picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, -8, 0, 1, 0))
    with FaceLandmarker(max_faces=1) as landmarker:
        reader = FaceTrajectoryReader(landmarker)
        for image in (picture, moved, Image.new("RGB", (256, 256))):
            reader.add(np.asarray(image))
    return reader.result()


def test_landmarks_that_moved_by_a_known_distance(faces: FaceTrajectory) -> None:
    assert faces.missing == 1
    still, moved = faces.first(1), _frame(faces, 1)
    errors = face_errors(still, moved)
    assert errors["akd_px"] == pytest.approx(8, abs=1)
    left, right = (still.landmarks_TP2[0, list(eye)].mean(0) for eye in (LEFT_EYE, RIGHT_EYE))
    assert errors["akd"] == pytest.approx(errors["akd_px"] / np.linalg.norm(left - right))
    assert errors["pose"] < 3
    assert errors["expression"] < 0.03


def test_a_known_change_of_pose_and_expression(faces: FaceTrajectory) -> None:
    still = faces.first(1)
    factors_TF, shapes_TS = still.factors_TF.copy(), still.shapes_TS.copy()
    factors_TF[:, list(FACTORS).index("yaw")] += 6
    shapes_TS[:, still.names.index("eyeLookUpLeft")] += 0.51
    errors = face_errors(still, replace(still, factors_TF=factors_TF, shapes_TS=shapes_TS))
    assert errors == pytest.approx(
        {"akd_px": 0, "akd": 0, "pose": 2, "expression": 0.51 / 51, "gaze": 0.51 / 8}, abs=1e-6
    )


def test_frames_without_a_face_do_not_count(faces: FaceTrajectory) -> None:
    assert face_errors(faces, faces)["akd_px"] == 0
    assert np.isnan(face_errors(faces.first(1), _frame(faces, 2))["pose"])


def test_faces_can_be_kept(faces: FaceTrajectory) -> None:
    again = face_trajectory_of(faces.arrays())
    assert again.names == faces.names
    np.testing.assert_array_equal(again.landmarks_TP2, faces.landmarks_TP2)


def _frame(faces: FaceTrajectory, number: int) -> FaceTrajectory:
    one = slice(number, number + 1)
    return FaceTrajectory(faces.landmarks_TP2[one], faces.shapes_TS[one], faces.factors_TF[one], faces.names)
