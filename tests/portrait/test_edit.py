"""Equation (11) on a picture, and the result's way back into it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from liax.errors import LiaxError
from liax.model import LIAX
from liax.options import EditOptions, parse_settings
from liax.portrait.animator import Animator
from liax.portrait.edit import edit_image
from liax.portrait.retouch import EditDelta, Retouch
from liax.portrait.source import Portrait, open_portrait
from liax.weights.controls import CoefficientLimits, Control, Controls


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    animator = Animator(tiny, "cpu")
    animator.controls = Controls(8, (Control("yaw", "head", {1: 0.02, 3: -0.01}, -40, 40, "deg"),))
    return animator


@pytest.fixture(scope="module")
def portrait(animator: Animator, portrait_path: Path) -> Portrait:
    return open_portrait(animator, portrait_path)


@torch.inference_mode()
def test_is_equation_11(animator: Animator, portrait: Portrait, tiny: LIAX) -> None:
    edited = edit_image(animator, portrait, parse_settings(["yaw=30deg", "#5=-0.7"]))
    np.testing.assert_allclose(edited.edit_M, [0, 0.6, 0, -0.3, 0, -0.7, 0, 0], atol=1e-6)
    encoded = portrait.encoded
    code_BD = tiny.reenact(encoded.code_BD, encoded.alpha_BM + torch.from_numpy(edited.edit_M))
    image_B3RR = tiny.decode(code_BD, encoded.features)
    expected_RR3 = ((image_B3RR[0].clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy()
    assert np.abs(edited.after_HW3 - expected_RR3).max() <= 1
    np.testing.assert_array_equal(edited.picture_HW3, edited.after_HW3)
    np.testing.assert_array_equal(edited.before_HW3, portrait.square_RR3)
    nothing = edit_image(animator, portrait, {"yaw": 0})
    assert np.abs(edited.after_HW3.astype(int) - nothing.after_HW3).mean() > 1


def test_a_face_that_is_at_its_end_already_goes_no_further(tiny: LIAX, portrait_path: Path) -> None:
    animator = Animator(tiny, "cpu")
    jaw = Control("jaw", "mouth", {0: 1.0}, -1, 1)
    animator.controls = Controls(8, (jaw,), CoefficientLimits(np.full(8, -1e-3), np.full(8, 1e-3)))
    portrait = open_portrait(animator, portrait_path)
    way = -1.0 if portrait.alpha_M[0] < 0 else 1.0
    unchanged, held, back, forced = (
        edit_image(animator, portrait, {"jaw": amount}, EditOptions(force=force))
        for amount, force in ((0.0, False), (way, False), (-way, False), (way, True))
    )
    np.testing.assert_array_equal(held.picture_HW3, unchanged.picture_HW3)
    assert np.abs(portrait.alpha_M + back.edit_M)[0] == pytest.approx(1e-3, abs=1e-6)
    assert forced.edit_M[0] == way


def test_file_array_and_open_portrait_are_the_same(
    animator: Animator, portrait: Portrait, portrait_path: Path, portrait_HW3: NDArray[np.uint8]
) -> None:
    one, *others = (edit_image(animator, s, {"yaw": 20}) for s in (portrait, portrait_path, portrait_HW3))
    for other in others:
        np.testing.assert_array_equal(one.picture_HW3, other.picture_HW3)


def test_whole_picture_keeps_its_aspect(animator: Animator, portrait_HW3: NDArray[np.uint8]) -> None:
    edited = edit_image(animator, portrait_HW3[:, 100:356], {"yaw": 20}, EditOptions(crop=False))
    assert edited.before_HW3.shape == edited.after_HW3.shape == edited.picture_HW3.shape == (128, 64, 3)


def test_pasted_into_the_full_picture(animator: Animator, portrait_HW3: NDArray[np.uint8]) -> None:
    """An odd one keeps its last row and column; away from the square nothing changes, inside it does."""
    wide = Image.new("RGB", (901, 701), (90, 120, 150))
    wide.paste(Image.fromarray(portrait_HW3), (200, 90))
    picture_HW3 = np.asarray(wide)
    portrait = open_portrait(animator, picture_HW3)
    edited = edit_image(animator, portrait, {"#1": 2}, EditOptions(paste=True))
    assert edited.picture_HW3.shape == (701, 901, 3)
    crop = portrait.framing.crop
    assert crop is not None
    retouch = Retouch(crop, 901, 701, 64)
    left, top, right, bottom = retouch.square.window
    changed = (edited.picture_HW3 != picture_HW3).any(-1)
    assert changed[top:bottom, left:right].mean() > 0.5
    left, top, right, bottom = retouch.wide.window
    changed[top:bottom, left:right] = False
    assert not changed.any()
    (change,) = EditDelta(animator, portrait.encoded)((portrait.alpha_M + edited.edit_M)[None])
    np.testing.assert_array_equal(edited.picture_HW3[:700, :900], retouch(picture_HW3, change))
    np.testing.assert_array_equal(edited.picture_HW3[700], picture_HW3[700])
    unedited = edit_image(animator, portrait, {}, EditOptions(paste=True))
    np.testing.assert_array_equal(unedited.picture_HW3, picture_HW3)


def test_refusals(animator: Animator, portrait_HW3: NDArray[np.uint8]) -> None:
    with pytest.raises(LiaxError, match="leave out paste=True or crop=False"):
        edit_image(animator, portrait_HW3, {"yaw": 1}, EditOptions(crop=False, paste=True))
    with pytest.raises(LiaxError, match="The picture shows no face"):
        edit_image(animator, np.full((80, 80, 3), 127, np.uint8), {"yaw": 1})
    with pytest.raises(LiaxError, match="-40 to 40 deg; stay within it"):
        edit_image(animator, portrait_HW3, {"yaw": 41})
    assert edit_image(animator, portrait_HW3, {"yaw": 41}, EditOptions(force=True)).edit_M[
        1
    ] == pytest.approx(0.82)
