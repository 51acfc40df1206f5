import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.face.crop import FACE_CENTRE, FACE_SIZE, Crop, crop_and_resize, crop_around, resize


def test_typical_framing() -> None:
    """A face 107 high fills .535 of a square of 200, its middle at (.50, .56)."""
    crop = crop_around((253.0, 346.5, 347.0, 453.5))
    assert crop.side == pytest.approx(200)
    assert crop.left == pytest.approx(300 - 100)
    assert crop.top == pytest.approx(400 - 112)


def test_a_head_on_its_side_is_as_large() -> None:
    upright, lying = crop_around((0, 0, 80, 107)), crop_around((0, 0, 107, 80))
    assert upright.side == pytest.approx(lying.side)


def test_moving_face_stays_inside() -> None:
    face = (100.0, 100.0, 180.0, 207.0)
    still = crop_around(face)
    little = crop_around(face, (90.0, 95.0, 190.0, 212.0))
    assert little == still
    aside = crop_around(face, (30.0, 100.0, 180.0, 207.0))
    assert aside.side == pytest.approx(still.side)
    assert aside.left == pytest.approx(30.0)
    far = crop_around(face, (0.0, 100.0, 360.0, 207.0))
    assert far.side == pytest.approx(400)
    assert far.left <= 0
    assert far.left + far.side >= 360


box = st.tuples(*[st.floats(0, 2000)] * 4).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]) + 2, max(b[1], b[3]) + 2)
)


@given(box)
def test_the_rule_holds_for_any_box(face: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = face
    crop = crop_around(face)
    assert max(right - left, bottom - top) / crop.side == pytest.approx(FACE_SIZE)
    assert ((left + right) / 2 - crop.left) / crop.side == pytest.approx(FACE_CENTRE[0])
    assert ((top + bottom) / 2 - crop.top) / crop.side == pytest.approx(FACE_CENTRE[1], abs=1e-6)


def gradient(height: int, width: int) -> np.ndarray:
    """Red counts columns, green rows."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width)[None], np.arange(height)[:, None]
    return image


def test_cut_takes_the_square() -> None:
    image = gradient(100, 120)
    assert np.array_equal(crop_and_resize(image, Crop(10, 20, 32), 32), image[20:52, 10:42])
    half = crop_and_resize(image, Crop(10, 20, 32), 16)
    assert half.shape == (16, 16, 3)
    assert half[8, 8, 0] == pytest.approx(10 + 17, abs=1)
    assert half[8, 8, 1] == pytest.approx(20 + 17, abs=1)


def test_cut_between_pixels() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 10:] = 200
    edge = crop_and_resize(image, Crop(4.5, 4.5, 11), 11)  # the edge falls into the middle of pixel 5
    assert 80 <= edge[5, 5, 0] <= 120


def test_beyond_the_edge_is_the_mirror_image() -> None:
    """As training mirrors pictures; repeatedly, where the square goes far beyond a small picture."""
    image = gradient(30, 40)
    out = crop_and_resize(image, Crop(-10, -10, 64), 64)
    assert np.array_equal(out[10:40, 10:50], image)
    assert np.array_equal(out[20, :10, 0], np.arange(10)[::-1])
    assert np.array_equal(out[20, 50:, 0], 39 - np.arange(14))
    assert np.array_equal(out[:10, 20, 1], np.arange(10)[::-1])
    assert np.array_equal(out[40:, 20, 1], 29 - np.arange(24))
    far = crop_and_resize(image[:4], Crop(0, -10, 24), 24)
    assert np.array_equal(far[:, 0, 1], [1, 0] + 2 * [0, 1, 2, 3, 3, 2, 1, 0] + [0, 1, 2, 3, 3, 2])


@pytest.mark.parametrize("corner", [(-500, 0), (500, 0), (0, -500), (0, 500)])
def test_wholly_outside_still_gives_a_picture(corner: tuple[float, float]) -> None:
    assert crop_and_resize(gradient(30, 40), Crop(*corner, 50), 8).shape == (8, 8, 3)


def test_squash() -> None:
    image = gradient(30, 60)
    assert resize(image, 60, 30) is image
    assert resize(image, 20, 20).shape == (20, 20, 3)
    assert resize(image, 20, 20)[10, 10, 0] == pytest.approx(31, abs=1.5)
