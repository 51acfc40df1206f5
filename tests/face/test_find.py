from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from liax.face.crop import turned
from liax.face.find import find_faces, find_in_box, find_upright, overlap
from liax.face.landmarks import FaceLandmarker


@pytest.fixture(scope="module")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as landmarker:
        yield landmarker


def put(canvas: np.ndarray, portrait_HW3: np.ndarray, x: int, y: int, side: int) -> None:
    canvas[y : y + side, x : x + side] = np.asarray(Image.fromarray(portrait_HW3).resize((side, side)))


def middle(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def test_box_is_on_the_face(landmarker: FaceLandmarker, portrait_HW3: np.ndarray) -> None:
    """Wherever and however large the portrait is in a picture, the face's box goes with it."""
    (alone,) = find_faces(landmarker, portrait_HW3)
    canvas = np.full((900, 1700, 3), 120, np.uint8)
    put(canvas, portrait_HW3, 1000, 200, 512)
    (moved,) = find_faces(landmarker, canvas)
    assert np.allclose(np.array(moved.box) - (1000, 200, 1000, 200), alone.box, atol=12)


def test_small_face_in_a_large_picture(landmarker: FaceLandmarker, portrait_HW3: np.ndarray) -> None:
    canvas = np.full((2000, 3000, 3), 120, np.uint8)
    put(canvas, portrait_HW3, 2400, 1500, 450)
    assert find_in_box(landmarker, canvas, (0, 0, 3000, 2000)) == []
    (face,) = find_faces(landmarker, canvas)
    x, y = middle(face.box)
    assert 2500 < x < 2750
    assert 1550 < y < 1800


def test_several_faces_largest_first(landmarker: FaceLandmarker, portrait_HW3: np.ndarray) -> None:
    canvas = np.full((400, 900, 3), 120, np.uint8)
    head = portrait_HW3[:260, 90:350]
    put(canvas, head, 50, 50, 180)
    put(canvas, head, 500, 10, 380)
    large, small = find_faces(landmarker, canvas)
    assert large.area > 1.5 * small.area
    assert middle(large.box)[0] > 500 > middle(small.box)[0]


def test_parts_that_are_searched_at_once(landmarker: FaceLandmarker, portrait_HW3: np.ndarray) -> None:
    """They give the faces that they give one after the other, in that order."""
    canvas = np.full((400, 1300, 3), 120, np.uint8)
    for x, y, side in ((50, 50, 180), (400, 10, 380), (950, 100, 240)):
        put(canvas, portrait_HW3[:260, 90:350], x, y, side)
    one_by_one, at_once = (find_faces(landmarker, canvas, at_once=number) for number in (1, 4))
    assert len(one_by_one) == 3
    for face, same in zip(one_by_one, at_once, strict=True):
        assert np.array_equal(face.landmarks, same.landmarks)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_on_its_side(landmarker: FaceLandmarker, portrait_HW3: np.ndarray, quarters: int) -> None:
    """It is measured as if it stood, where and as it lies; a chin is not taken for a forehead."""
    upright = find_upright(landmarker, portrait_HW3, find_faces(landmarker, portrait_HW3)[0])
    lying_HW3 = np.ascontiguousarray(np.rot90(portrait_HW3, quarters))
    lying = find_upright(landmarker, lying_HW3, find_faces(landmarker, lying_HW3)[0])
    expected = turned(upright.landmarks - 256, 90 * quarters) + 256
    assert np.abs(lying.landmarks - expected).mean() < 4
    assert (lying.roll - upright.roll - 90 * quarters + 180) % 360 - 180 == pytest.approx(0, abs=5)
    back = lying.turned(-90 * quarters, np.array([256, 256]), np.array([256, 256]))
    assert back.yaw_pitch_roll == pytest.approx(upright.yaw_pitch_roll, abs=5)


@pytest.mark.parametrize("size", [(1, 1), (40, 700), (300, 300)])
def test_no_face(landmarker: FaceLandmarker, size: tuple[int, int]) -> None:
    assert find_faces(landmarker, np.full((*size, 3), 120, np.uint8)) == []


def test_shared() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(0.5)
    assert overlap((0, 0, 10, 10), (2, 2, 4, 4)) == pytest.approx(1.0)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0.0


def test_native_libraries_are_quiet(capfd: pytest.CaptureFixture[str], portrait_HW3: np.ndarray) -> None:
    with FaceLandmarker() as landmarker:
        landmarker.detect(np.zeros((64, 64, 3), np.uint8))
        assert len(landmarker.detect(portrait_HW3)) == 1
    assert capfd.readouterr().err == ""
