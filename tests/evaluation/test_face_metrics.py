"""Errors of faces, and whose face it is."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.evaluation.face_metrics import (
    FaceTrajectory,
    FaceTrajectoryReader,
    SourceFaceComparer,
    face_errors,
    face_similarity,
    face_trajectory_of,
)
from liax.face.embed import SAME_PERSON_DISTANCE, FaceEmbedder
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


def test_likeness_by_hand() -> None:
    found = face_similarity(np.array([3.0, 4.0]), np.array([4.0, 3.0]))
    assert (found.cosine, found.distance) == (pytest.approx(24 / 25), pytest.approx(math.sqrt(2)))


def test_a_darker_copy_is_the_same_and_a_stranger_is_not(portrait_HW3: np.ndarray, shared: Path) -> None:
    stranger = np.asarray(Image.open(sorted((shared / "data" / "portraits").glob("*.*"))[0]).convert("RGB"))
    darker = (portrait_HW3 * 0.7).astype(np.uint8)
    with FaceLandmarker() as landmarker:
        face, dark, other = (landmarker.detect(image)[0] for image in (portrait_HW3, darker, stranger))
    source = SourceFaceComparer(FaceEmbedder(), portrait_HW3, face)
    assert source.compare(portrait_HW3, face).distance == 0
    near, far = source.compare(darker, dark), source.compare(stranger, other)
    assert near.distance < SAME_PERSON_DISTANCE / 2 < SAME_PERSON_DISTANCE < far.distance
    assert far.cosine < near.cosine < 1


def test_no_face_is_no_number(portrait_HW3: np.ndarray) -> None:
    with FaceLandmarker() as landmarker:
        source = SourceFaceComparer(FaceEmbedder(), portrait_HW3, landmarker.detect(portrait_HW3)[0])
    missing = source.compare(np.zeros((64, 64, 3), np.uint8), None)
    assert math.isnan(missing.cosine)
    assert math.isnan(missing.distance)
