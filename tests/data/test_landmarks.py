from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liax.data.landmarks import Landmarks, load_landmarks, measure_landmarks
from liax.data.manifest import Item, Manifest
from liax.errors import LiaxError
from liax.face.landmarks import LIPS, OUTLINES


def test_landmarks_of_a_still_and_of_a_picture_without_a_face(portrait_path: Path, tmp_path: Path) -> None:
    """The mouth is in the lower half of the portrait, between the sides of the face."""
    picture = Image.open(portrait_path).convert("RGB").resize((256, 256))
    picture.save(tmp_path / "face.png")
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "grey.png")
    items = tuple(Item(name, "portrait", name, 1) for name in ("face.png", "grey.png"))
    measure_landmarks(Manifest(tmp_path, items, ""), tmp_path / "landmarks.npz")
    found = load_landmarks(tmp_path / "landmarks.npz")
    assert list(found) == ["face.png"]
    points_P2 = found["face.png"].points_TP2[0]
    assert len(points_P2) == len(OUTLINES)
    assert found["face.png"].times_T.tolist() == [0]
    lips_P2 = points_P2[[OUTLINES.index(k) for k in LIPS]]
    assert (points_P2 > 0).all()
    assert (points_P2 < 1).all()
    low, high = points_P2.min(0), points_P2.max(0)
    assert (lips_P2[:, 1] > (low[1] + high[1]) / 2).all()
    assert (lips_P2[:, 0] > low[0]).all()


def test_nearest_frame() -> None:
    known = Landmarks(np.array([0, 4, 10]), np.zeros((3, 1, 2), np.float32))
    assert [known.nearest(t) for t in (0, 2, 3, 7, 8, 99)] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"a:times": np.arange(3)},
        {"a:times": np.arange(3), "a:points": np.zeros((2, 5, 2))},
        {"a:times": np.array([3, 1]), "a:points": np.zeros((2, 5, 2))},
        {"a:times": np.arange(2), "a:points": np.zeros((2, 5, 3))},
        {
            "a:times": np.arange(2),
            "a:points": np.zeros((2, 5, 2)),
            "b:times": np.arange(2),
            "b:points": np.zeros((2, 6, 2)),
        },
    ],
)
def test_other_files(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "landmarks.npz"
    np.savez(path, **arrays)
    with pytest.raises(LiaxError, match="not a file of measured landmarks"):
        load_landmarks(path)
