import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from liax.face.crop import (
    FACE_CENTRE,
    FACE_SIZE,
    LARGEST_FACE,
    LARGEST_SHIFT,
    Crop,
    _mirrored,
    _window,
    crop_and_resize,
    crop_around,
    keep_inside,
    resize,
    turned,
    upright_roll,
)


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


@given(st.integers(2, 90), st.integers(2, 90), st.integers(2, 90), st.integers(2, 90), st.integers(0, 9))
def test_scaling_is_pillows(width: int, height: int, to_width: int, to_height: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image.flags.writeable = False  # as decoded pictures are
    for kind, most in (("bicubic", 2), ("bilinear", 1)):
        ours = resize(image, to_width, to_height, kind).astype(int)
        theirs = Image.fromarray(image).resize((to_width, to_height), Image.Resampling[kind.upper()])
        assert np.abs(ours - np.asarray(theirs)).max() <= most


def test_of_a_reduced_photograph_it_is_to_a_level(portrait_HW3: np.ndarray) -> None:
    for side in (80, 256, 300):
        ours = resize(portrait_HW3, side, side).astype(int)
        theirs = Image.fromarray(portrait_HW3).resize((side, side), Image.Resampling.BICUBIC)
        assert np.abs(ours - np.asarray(theirs)).max() <= 1


def test_a_large_square_comes_to_lie_on_whole_pixels() -> None:
    crop = Crop(-3.4, 100.25, 700.5)
    whole = crop.on_whole_pixels()
    assert whole == Crop(-3, 100, 700)
    image = np.random.default_rng(0).integers(0, 256, (900, 800, 3), np.uint8)
    ours = crop_and_resize(image, whole, 256).astype(int)
    window = np.pad(image, ((0, 0), (3, 0), (0, 0)), "symmetric")[100:800, :700]
    theirs = Image.fromarray(window).resize((256, 256), Image.Resampling.BICUBIC)
    assert np.abs(ours - np.asarray(theirs)).max() <= 1
    for stays in (Crop(1.5, 2.5, 300.5), Crop(1.5, 2.5, 700.5, roll=30)):
        assert stays.on_whole_pixels() is stays


@given(st.floats(-900, 900), st.floats(-900, 900), st.floats(512, 2000), st.sampled_from([0.0, 90.0, 180.0]))
def test_whole_pixels_are_near(left: float, top: float, side: float, roll: float) -> None:
    crop = Crop(left, top, side, roll)
    whole = crop.on_whole_pixels()
    assert abs(whole.side - side) <= 0.5
    np.testing.assert_allclose(whole.centre, crop.centre, atol=0.5 + 1e-6)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_is_exact(quarters: int) -> None:
    """The turned square of the turned picture is that of the upright one to the bit."""
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    lying = np.rot90(image, quarters)
    crop = Crop(-8.3, 20.4, 51.5)
    middle, lying_middle = np.array([60, 45]), np.array(lying.shape[1::-1]) / 2
    x, y = turned(np.array(crop.centre) - middle, 90 * quarters) + lying_middle
    aside = Crop(x - crop.side / 2, y - crop.side / 2, crop.side, 90 * quarters)
    assert np.array_equal(crop_and_resize(lying, aside, 32), crop_and_resize(image, crop, 32))


@pytest.mark.parametrize("roll", [-130.0, -37.0, 30.0, 52.5])
def test_a_rolled_square_is_upright(roll: float) -> None:
    """A smooth picture turned counterclockwise and cut out turned is itself again."""
    y_H1, x_1W = np.mgrid[:160, :160]
    smooth = np.stack([60 + x_1W, 60 + y_H1, 200 - (x_1W + y_H1) // 3], -1).clip(0, 255).astype(np.uint8)
    rolled = np.asarray(Image.fromarray(smooth).rotate(roll, Image.Resampling.BICUBIC))
    x, y = turned(np.array([70, 85]) - 80, roll) + 80
    cut = crop_and_resize(rolled, Crop(x - 20, y - 20, 40, roll), 40)
    assert np.abs(cut.astype(int) - smooth[65:105, 50:90]).max() <= 3


@given(st.floats(-500, 500), st.floats(-200, 200), st.floats(1, 300), st.floats(-400, 400))
def test_square_and_picture_are_inverse(left: float, top: float, side: float, roll: float) -> None:
    crop = Crop(left, top, side, roll)
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.3, 0.8)])
    np.testing.assert_allclose(crop.to_square(crop.to_picture(corners)), corners, atol=1e-6)
    x0, y0, x1, y1 = crop.bounds
    within = crop.to_picture(corners)
    assert (within >= np.array([x0, y0]) - 1e-6).all()
    assert (within <= np.array([x1, y1]) + 1e-6).all()
    right, down = np.diff(crop.to_picture(np.array([(0.0, 0.0), (1, 0)])), axis=0)[0] / side
    assert (right, down) == pytest.approx((np.cos(np.radians(roll)), -np.sin(np.radians(roll))))


@pytest.mark.parametrize(
    ("roll", "turn"), [(0, 0), (-24, 0), (26, 26), (65, 90), (95, 90), (-70, -90), (178, 180), (-140, -140)]
)
def test_natural_tilts_stay(roll: float, turn: float) -> None:
    assert upright_roll(roll) == turn


WIDE, HIGH = 400.0, 300.0
FACE = (180.0, 120.0, 240.0, 200.0)  # its square has a side of 149.5


def kept(face: tuple[float, float, float, float], roll: float = 0.0) -> Crop:
    return keep_inside(crop_around(face, roll=roll), face, WIDE, HIGH)


def test_a_square_in_the_picture_stays() -> None:
    assert kept(FACE) == crop_around(FACE)


def test_a_square_at_the_border_is_moved() -> None:
    """By no more than it must, and at its size."""
    crop = kept((180, 30, 240, 110))
    assert crop.top == pytest.approx(0, abs=1.5)
    assert crop.side == crop_around(FACE).side
    assert crop.left == crop_around(FACE).left
    assert crop.inside(WIDE, HIGH)


def test_what_cannot_be_moved_is_made_smaller() -> None:
    """A face that fills much of the picture is larger in the square, up to LARGEST_FACE, and all real."""
    crop = kept((120, 50, 280, 240))
    assert crop.inside(WIDE, HIGH)
    assert FACE_SIZE < 190 / crop.side <= LARGEST_FACE
    assert crop.side == pytest.approx(300, rel=0.05)


def test_a_face_that_fills_the_picture() -> None:
    """The square is as small as it may be, and holds all of the picture."""
    crop = kept((100, 10, 320, 290))
    assert 280 / crop.side == pytest.approx(LARGEST_FACE)
    assert not crop.inside(WIDE, HIGH)
    assert crop.top <= 0
    assert crop.top + crop.side >= HIGH


@settings(max_examples=60)
@given(
    st.floats(0, 400), st.floats(0, 300), st.floats(5, 250), st.sampled_from([0.0, 90.0, 180.0, -90.0, 40.0])
)
def test_any_face_stays_in_the_square(x: float, y: float, size: float, roll: float) -> None:
    """As far as it is in the picture."""
    x, y = x - size / 2, y - size / 2
    corners = np.array([(x, y), (x + size, y + size)])
    left, top = turned(corners, -roll).min(0)
    face = (left, top, left + size, top + size)
    wanted, crop = crop_around(face, roll=roll), kept(face, roll)
    assert crop.roll == roll
    assert size / crop.side <= LARGEST_FACE + 1e-6
    assert crop.side <= wanted.side + 1e-6
    still = wanted.to_picture(np.array(FACE_CENTRE))
    moved = np.abs(turned(still - crop.to_picture(np.array(FACE_CENTRE)), -roll))
    assert (moved <= LARGEST_SHIFT * crop.side + 1e-6).all()
    if roll % 90 == 0:
        seen = np.clip(corners, 0, [WIDE, HIGH])
        at = crop.to_square(np.stack([seen[0], seen[1], [seen[0, 0], seen[1, 1]], [seen[1, 0], seen[0, 1]]]))
        assert at.min() >= -1e-6
        assert at.max() <= 1 + 1e-6


@given(st.integers(-90, 90), st.integers(-90, 90), st.integers(1, 130), st.integers(1, 130))
def test_a_window_is_gathered_pixel_by_pixel(x0: int, y0: int, width: int, height: int) -> None:
    """Also of windows wholly outside, and of such that leave the picture on both sides."""
    image = gradient(30, 40)
    rows, columns = _mirrored(y0, y0 + height, 30), _mirrored(x0, x0 + width, 40)
    assert np.array_equal(_window(image, x0, y0, x0 + width, y0 + height), image[rows[:, None], columns])
