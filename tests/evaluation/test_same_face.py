"""The same person is near, another one is far, and no face is no number."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liax.evaluation.face_metrics import SourceFaceComparer, face_similarity
from liax.face.embed import SAME_PERSON_DISTANCE, FaceEmbedder
from liax.face.landmarks import FaceLandmarker

pytest.importorskip("dlib")


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
