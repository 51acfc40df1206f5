"""Equation (11) on a picture, and the result's way back into it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from liax.errors import LiaxError
from liax.model import LIAX
from liax.portrait.animator import Animator
from liax.portrait.edit import edit_image
from liax.portrait.edits import parse_settings
from liax.portrait.still import Still, open_still
from liax.weights.controls import Control, Controls


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    animator = Animator(tiny, "cpu")
    animator.controls = Controls(8, (Control("yaw", "head", {1: 0.02, 3: -0.01}, -40, 40, "deg"),))
    return animator


@pytest.fixture(scope="module")
def still(animator: Animator, portrait_path: Path) -> Still:
    return open_still(animator, portrait_path)


@torch.inference_mode()
def test_is_equation_11(animator: Animator, still: Still, tiny: LIAX) -> None:
    edited = edit_image(animator, still, parse_settings(["yaw=30deg", "#5=-0.7"]))
    np.testing.assert_allclose(edited.edit_M, [0, 0.6, 0, -0.3, 0, -0.7, 0, 0], atol=1e-6)
    encoded = still.encoded
    code_BD = tiny.edit(encoded.code_BD, encoded.alpha_BM, torch.from_numpy(edited.edit_M))
    image_B3RR = tiny.decode(code_BD, encoded.features)
    expected_RR3 = ((image_B3RR[0].clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy()
    assert np.abs(edited.after_HW3 - expected_RR3).max() <= 1
    np.testing.assert_array_equal(edited.picture_HW3, edited.after_HW3)
    np.testing.assert_array_equal(edited.before_HW3, still.square_RR3)
    nothing = edit_image(animator, still, {"yaw": 0})
    assert np.abs(edited.after_HW3.astype(int) - nothing.after_HW3).mean() > 1


def test_file_array_and_open_portrait_are_the_same(
    animator: Animator, still: Still, portrait_path: Path, portrait_HW3: NDArray[np.uint8]
) -> None:
    one, *others = (edit_image(animator, s, {"yaw": 20}) for s in (still, portrait_path, portrait_HW3))
    for other in others:
        np.testing.assert_array_equal(one.picture_HW3, other.picture_HW3)


def test_whole_picture_keeps_its_aspect(animator: Animator, portrait_HW3: NDArray[np.uint8]) -> None:
    edited = edit_image(animator, portrait_HW3[:, 100:356], {"yaw": 20}, crop=False)
    assert edited.before_HW3.shape == edited.after_HW3.shape == edited.picture_HW3.shape == (128, 64, 3)


def test_pasted_into_the_full_picture(animator: Animator, portrait_HW3: NDArray[np.uint8]) -> None:
    """An odd one keeps its last row and column; around the square nothing changes, inside it does."""
    wide = Image.new("RGB", (901, 701), (90, 120, 150))
    wide.paste(Image.fromarray(portrait_HW3), (200, 90))
    picture_HW3 = np.asarray(wide)
    edited = edit_image(animator, picture_HW3, {"#1": 2}, paste=True)
    assert edited.picture_HW3.shape == (701, 901, 3)
    crop = open_still(animator, picture_HW3).framing.crop
    assert crop is not None
    left, top, right, bottom = (
        round(x) for x in (crop.left, crop.top, crop.left + crop.side, crop.top + crop.side)
    )
    changed = (edited.picture_HW3 != picture_HW3).any(-1)
    assert changed[max(0, top) : bottom, max(0, left) : right].mean() > 0.5
    changed[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
    assert not changed.any()
    # The face in the picture is the result's, but for its resampling and tint.
    result = Image.fromarray(edited.after_HW3).resize((right - left, bottom - top), Image.Resampling.BICUBIC)
    y, x = (top + bottom) // 2, (left + right) // 2
    face_HW3 = np.asarray(result).astype(int)[y - top - 30 : y - top + 30, x - left - 30 : x - left + 30]
    apart_HW3 = edited.picture_HW3[y - 30 : y + 30, x - 30 : x + 30] - face_HW3
    assert np.abs(apart_HW3 - apart_HW3.mean((0, 1))).mean() < 2


def test_refusals(animator: Animator, portrait_HW3: NDArray[np.uint8]) -> None:
    with pytest.raises(LiaxError, match="leave out --paste or --no-crop"):
        edit_image(animator, portrait_HW3, {"yaw": 1}, crop=False, paste=True)
    with pytest.raises(LiaxError, match="The picture shows no face"):
        edit_image(animator, np.full((80, 80, 3), 127, np.uint8), {"yaw": 1})
    with pytest.raises(LiaxError, match="-40 to 40 deg; stay within it"):
        edit_image(animator, portrait_HW3, {"yaw": 41})
    assert edit_image(animator, portrait_HW3, {"yaw": 41}, force=True).edit_M[1] == pytest.approx(0.82)
