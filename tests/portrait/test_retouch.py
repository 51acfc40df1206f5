"""Changes move a picture's own pixels, add what is new, and leave the rest as it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from liax.face.crop import Crop, crop_and_resize
from liax.model import LIAX
from liax.portrait import Animator
from liax.portrait.device_retouch import DeviceRetouch
from liax.portrait.retouch import EditDelta, PixelChange, Retouch, blurred
from scenes import wavy_picture

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from seam import seam_ratio

SIZE = 64
Make = Callable[[Crop | None, int, int, int], Retouch]


@pytest.fixture(scope="module", params=["OpenCV", "PyTorch"])
def make(request: pytest.FixtureRequest) -> Make:
    """A `Retouch` of either kind."""
    return Retouch if request.param == "OpenCV" else partial(DeviceRetouch, torch.device("cpu"))


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


def still(x: float = 0, y: float = 0, new: float = 0, drawn: float = 0) -> PixelChange:
    """The same change everywhere in the square."""
    shift_RR2 = np.tile(np.float32([x, y]), (SIZE, SIZE, 1))
    return PixelChange(
        shift_RR2,
        np.full((SIZE, SIZE), new, np.float32),
        np.full((SIZE, SIZE, 3), drawn, np.float32),
        np.full((SIZE, SIZE, 3), drawn, np.uint8),
    )


def test_no_change_is_no_change(make: Make, animator: Animator, portrait_HW3: np.ndarray) -> None:
    """To the bit: an edit of 0 gives the picture, not the network's idea of it."""
    crop = Crop(125.7, 11.5, 201.8)
    encoded = animator.encode([crop_and_resize(portrait_HW3, crop, SIZE)] * 2)
    edit_delta = EditDelta(animator, encoded)
    retouch = make(crop, 512, 512, SIZE)
    alpha_BM = encoded.alpha_BM.numpy()
    for change in edit_delta(alpha_BM):
        assert np.array_equal(retouch(portrait_HW3, change), portrait_HW3)
    alpha_BM[1, 0] += 1
    same, other = edit_delta(alpha_BM)
    assert np.array_equal(retouch(portrait_HW3, same), portrait_HW3)
    assert np.abs(retouch(portrait_HW3, other).astype(int) - portrait_HW3)[50:150, 200:300].mean() > 1


def test_a_change_says_how_to_draw_the_network_s_picture(
    make: Make, animator: Animator, portrait_HW3: np.ndarray
) -> None:
    """Put into the network's drawing of the source, it gives its drawing with the other coefficients."""
    encoded = animator.encode([portrait_HW3])
    alpha_M = encoded.alpha_BM[0].numpy()
    edited_M = alpha_M + np.float32(0.8)
    before_RR3, after_RR3 = animator.render(encoded, [alpha_M, edited_M])
    (change,) = EditDelta(animator, encoded)(edited_M[None])
    result_RR3 = make(None, SIZE, SIZE, SIZE)(before_RR3, change)
    inner = np.s_[6:-6, 6:-6]
    apart = np.abs(before_RR3.astype(int) - after_RR3)[inner].mean()
    assert apart > 3
    assert np.abs(result_RR3.astype(int) - after_RR3)[inner].mean() < 0.25 * apart


def test_one_source_serves_many_coefficients(animator: Animator, portrait_HW3: np.ndarray) -> None:
    encoded = animator.encode([portrait_HW3])
    alpha_BM = encoded.alpha_BM.numpy() + np.float32([[0], [0.5], [1]])
    together = list(EditDelta(animator, encoded)(alpha_BM))
    for change, alpha_M in zip(together, alpha_BM, strict=True):
        (alone,) = EditDelta(animator, encoded)(alpha_M[None])
        np.testing.assert_allclose(change.shift_RR2, alone.shift_RR2, atol=1e-3)
        np.testing.assert_allclose(change.drawn_RR3, alone.drawn_RR3, atol=0.1)


def test_a_stream_of_coefficients(animator: Animator, portrait_HW3: np.ndarray) -> None:
    """One change each in order, read a batch at a time."""
    encoded = animator.encode([portrait_HW3])
    alpha_NM = (
        encoded.alpha_BM.numpy() + np.linspace(0, 1, 2 * animator.batch_size + 1, dtype=np.float32)[:, None]
    )
    read = 0

    def alphas() -> Iterator[np.ndarray]:
        nonlocal read
        for read, alpha_M in enumerate(alpha_NM, 1):  # noqa: B007
            yield alpha_M

    edit_delta = EditDelta(animator, encoded)
    stream = edit_delta.stream(alphas())
    first = next(stream)
    assert read == animator.batch_size
    changes = [first, *stream]
    assert len(changes) == len(alpha_NM)
    (last,) = edit_delta(alpha_NM[-1:])
    np.testing.assert_allclose(changes[-1].drawn_RR3, last.drawn_RR3, atol=0.1)
    assert np.abs(changes[-1].drawn_RR3 - first.drawn_RR3).mean() > 1


@pytest.mark.parametrize("crop", [Crop(125.7, 11.5, 201.8), Crop(-40.3, -20.6, 300.5), Crop(350, 400, 250)])
def test_no_visible_seam_on_a_real_picture(make: Make, portrait_HW3: np.ndarray, crop: Crop) -> None:
    """Where the motion begins and where the drawing begins; here one too bright that has moved."""
    retouch = make(crop, 512, 512, SIZE)
    result_HW3 = retouch(portrait_HW3, still(x=3, y=2, drawn=12))
    for place in (retouch.wide, retouch.square):
        assert seam_ratio(portrait_HW3, result_HW3, place) < 1.2
    left, top, right, bottom = retouch.square.window
    middle = np.s_[(top + bottom) // 2 - 20 :, (left + right) // 2 - 20 :]
    apart_HW3 = np.abs(result_HW3.astype(int) - portrait_HW3)[middle][:40, :40]
    assert apart_HW3.mean() > 10  # the change is really there


def test_a_shift_moves_the_picture_at_its_own_resolution(make: Make, portrait_HW3: np.ndarray) -> None:
    """A square of 192 pixels seen at 64: two of its pixels are six of the picture's."""
    crop = Crop(160, 160, 192)
    moved_HW3 = make(crop, 512, 512, SIZE)(portrait_HW3, still(x=2, y=-1))
    expected_HW3 = np.roll(portrait_HW3, (3, -6), (0, 1))
    within = np.s_[165:345, 165:345]  # whole in the square, not only in its middle
    assert np.abs(moved_HW3[within].astype(int) - expected_HW3[within]).max() <= 1
    changed_HW = (moved_HW3 != portrait_HW3).any(-1)
    margin = 0.41 * 192
    y, x = np.nonzero(changed_HW)
    assert 160 - margin < x.min() < 150  # the motion goes on beyond the square, and ends
    assert 352 < y.max() < 352 + margin


def test_beyond_the_picture_is_its_mirror_image(make: Make, portrait_HW3: np.ndarray) -> None:
    crop = Crop(512 - 150, 160, 192)
    moved_HW3 = make(crop, 512, 512, SIZE)(portrait_HW3, still(x=5))
    mirrored_HW3 = np.concatenate([portrait_HW3, portrait_HW3[:, ::-1]], 1)[200:300, 415:527]
    assert np.abs(moved_HW3[200:300, 400:].astype(int) - mirrored_HW3).max() <= 1


def test_what_is_new_is_the_drawing(make: Make, portrait_HW3: np.ndarray) -> None:
    result_HW3 = make(Crop(100, 100, 300), 512, 512, SIZE)(portrait_HW3, still(new=1, drawn=77))
    assert (result_HW3[180:320, 180:320] == 77).all()
    outside = np.ones((512, 512), bool)
    outside[100:400, 100:400] = False
    assert np.array_equal(result_HW3[outside], portrait_HW3[outside])


def test_what_the_network_could_not_see_comes_from_the_picture(make: Make, portrait_HW3: np.ndarray) -> None:
    """Pixels from beyond the square are not taken from its drawing, unless the picture ends there too."""
    change = still(x=20, new=1, drawn=77)
    beyond = make(Crop(100, 100, 192), 512, 512, SIZE)(portrait_HW3, change)
    assert np.abs(beyond[190:200, 255:262].astype(int) - portrait_HW3[190:200, 315:322]).max() <= 1
    edge = make(Crop(320, 100, 192), 512, 512, SIZE)(portrait_HW3, change)
    assert (edge[190:200, 480:505] == 77).all()


@settings(max_examples=40)
@given(
    left=st.floats(-120, 150),
    top=st.floats(-120, 150),
    side=st.floats(3, 200),
    width=st.integers(20, 121),
    height=st.integers(20, 121),
    x=st.floats(-30, 30),
)
def test_any_place(
    make: Make, left: float, top: float, side: float, width: int, height: int, x: float
) -> None:
    picture_HW3 = np.full((height, width, 3), (10, 130, 250), np.uint8)
    retouch = make(Crop(left, top, side), width, height, SIZE)
    assert (retouch.width, retouch.height) == (width // 2 * 2, height // 2 * 2)
    result_HW3 = retouch(picture_HW3, still(x=x))
    assert np.array_equal(result_HW3, picture_HW3[: retouch.height, : retouch.width])


@settings(max_examples=30, deadline=None)
@given(
    left=st.floats(-60, 300),
    top=st.floats(-60, 300),
    side=st.floats(20, 400),
    roll=st.sampled_from([0.0, 90.0, 33.0]),
    box=st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 9),
)
def test_where_nothing_changes_nothing_is_computed(
    make: Make, left: float, top: float, side: float, roll: float, box: tuple[int, int, int, int], seed: int
) -> None:
    """A change of a part of the square gives what it gives if all of the square is computed."""
    random = np.random.default_rng(seed)
    picture_HW3 = wavy_picture(340, 300)[..., :3]
    x, y, width, height = box
    part = np.s_[y : y + height, x : x + width]
    change = still()
    change.shift_RR2[part] = random.normal(0, 3, change.shift_RR2[part].shape)
    change.new_RR[part] = random.random(change.new_RR[part].shape)
    change.drawn_RR3[part] = random.normal(0, 60, change.drawn_RR3[part].shape)
    nearly = np.float32(1e-9)  # is seen nowhere, and yet is not 0
    everywhere = PixelChange(
        change.shift_RR2 + nearly, change.new_RR + nearly, change.drawn_RR3 + nearly, change.picture_RR3
    )
    retouch = make(Crop(left, top, side, roll), 340, 300, SIZE)
    part_HW3, whole_HW3 = retouch(picture_HW3, change), retouch(picture_HW3, everywhere)
    apart_HW3 = np.abs(part_HW3.astype(int) - whole_HW3)
    assert apart_HW3.max() <= 1
    assert (apart_HW3 > 0).mean() < 0.001


def test_a_blur_is_two_means_of_what_is_in_the_map() -> None:
    map_11RR = torch.rand(1, 1, 512, 512, generator=torch.Generator().manual_seed(0))
    pooled_11RR = map_11RR
    for _ in range(2):
        pooled_11RR = F.avg_pool2d(pooled_11RR, 19, 1, 9, count_include_pad=False)
    torch.testing.assert_close(blurred(map_11RR), pooled_11RR, atol=1e-6, rtol=0)
    assert not blurred(torch.zeros(2, 1, 64, 64)).any()
