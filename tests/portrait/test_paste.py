"""A result square goes back into its picture, and only there; the seam is measured as the benchmark does."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from liax.face.crop import Crop, cut
from liax.portrait.paste import FEATHER, Paste, Place

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from seam import seam_gradient, seam_ratio

SIZE = 64
HEAD = Crop(125.7, 11.5, 201.8)  # in the portrait


def redrawn(picture_HW3: np.ndarray, crop: Crop, size: int, tint: float = 12) -> np.ndarray:
    """As a network might draw the square: softer and a little too bright."""
    square = Image.fromarray(cut(picture_HW3, crop, size)).filter(ImageFilter.GaussianBlur(1))
    return (np.asarray(square) + tint).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("crop", [HEAD, Crop(-40.3, -20.6, 300.5), Crop(350.2, 400.9, 250.1)])
def test_no_visible_seam_on_a_real_picture(portrait_HW3: np.ndarray, crop: Crop) -> None:
    paste = Paste(portrait_HW3, crop, 256)
    pasted_HW3 = paste(redrawn(portrait_HW3, crop, 256))
    assert seam_ratio(portrait_HW3, pasted_HW3, paste.place) < 1.05
    left, top, right, bottom = paste.place.window
    middle = np.s_[(top + bottom) // 2 - 20 : (top + bottom) // 2 + 20, (left + right) // 2 - 20 :][:2]
    assert (
        np.abs(pasted_HW3[middle].astype(int) - portrait_HW3[middle]).mean() > 2
    )  # the result is really there


def test_the_measure_sees_a_seam(portrait_HW3: np.ndarray) -> None:
    """The same result laid in without feather and tint, and one of other colours faded in too late."""
    place = Place(HEAD, 512, 512, 256)
    left, top, right, bottom = place.window
    hard_HW3 = portrait_HW3.copy()
    hard_HW3[top:bottom, left:right] = np.asarray(
        Image.fromarray(redrawn(portrait_HW3, HEAD, 256)).resize((right - left, bottom - top))
    )
    assert seam_ratio(portrait_HW3, hard_HW3, place) > 1.2
    flat_HW3 = np.full((512, 512, 3), 100, np.uint8)
    flat_HW3[top:bottom, left:right] = 109
    lines = round(FEATHER * (right - left) / 8)
    assert seam_gradient(flat_HW3, place) == pytest.approx(9 / lines, rel=0.02)


def test_tint_is_taken_away_at_the_border_and_kept_in_the_middle() -> None:
    grey_HW3 = np.full((400, 400, 3), 100, np.uint8)
    paste = Paste(grey_HW3, Crop(50, 50, 300), SIZE)
    pasted_HW = paste(np.full((SIZE, SIZE, 3), 116, np.uint8))[..., 0].astype(int)
    assert np.abs(pasted_HW[200, 50:80] - 100).max() <= 3
    assert 107 <= pasted_HW[200, 200] <= 115
    assert (np.diff(pasted_HW[200, 50:200]) >= 0).all()
    moved = paste(np.full((SIZE, SIZE, 3), 220, np.uint8))  # a difference too large for a tint stays
    assert moved[200, 200, 0] > 200


@settings(max_examples=60, deadline=None)
@given(
    left=st.floats(-90, 110),
    top=st.floats(-90, 110),
    side=st.floats(2, 250),
    width=st.integers(40, 121),
    height=st.integers(40, 121),
)
def test_any_crop(left: float, top: float, side: float, width: int, height: int) -> None:
    """Outside nothing changes at all; the square's own content changes nothing but by interpolation."""
    y_H1, x_1W = np.mgrid[:height, :width]
    smooth_HW3 = np.stack([60 + x_1W, 60 + y_H1, 180 - (x_1W + y_H1) // 2], -1).astype(np.uint8)
    crop = Crop(left, top, side)
    paste = Paste(smooth_HW3, crop, SIZE)
    assert (paste.width, paste.height) == (width - width % 2, height - height % 2)
    result_HW3 = paste(np.full((SIZE, SIZE, 3), 255, np.uint8))
    assert result_HW3.shape == (paste.height, paste.width, 3)
    original_HW3 = smooth_HW3[: paste.height, : paste.width]
    y, x = np.nonzero((result_HW3 != original_HW3).any(-1))
    if len(x):
        assert left <= x.min()
        assert x.max() + 1 <= left + side
        assert top <= y.min()
        assert y.max() + 1 <= top + side
    same_HW3 = paste(cut(smooth_HW3, crop, SIZE)).astype(int)
    assert np.abs(same_HW3 - original_HW3).max() <= 4
    assert np.array_equal(smooth_HW3[: paste.height, : paste.width], original_HW3)


def test_the_cut_square_pastes_to_the_picture_itself(portrait_HW3: np.ndarray) -> None:
    """At the picture's own scale, to the bit but for a rounded tint."""
    crop = Crop(100, 80, 256)
    pasted_HW3 = Paste(portrait_HW3, crop, 256)(cut(portrait_HW3, crop, 256))
    assert np.abs(pasted_HW3.astype(int) - portrait_HW3).max() <= 1


def test_a_picture_that_ends_within_the_square_shows_the_result_up_to_its_edge() -> None:
    black_HW3 = np.zeros((101, 100, 3), np.uint8)
    pasted_HW = Paste(black_HW3, Crop(-30, 20, 90), SIZE)(np.full((SIZE, SIZE, 3), 240, np.uint8))[..., 0]
    assert pasted_HW.shape == (100, 100)
    assert pasted_HW[65, 0] > 200  # the square begins left of the picture
    assert pasted_HW[65, 59] < 10  # and ends within it on the right
    assert pasted_HW[65, 60] == 0
    assert (Paste(black_HW3, Crop(200, 0, 50), SIZE)(np.full((SIZE, SIZE, 3), 240, np.uint8)) == 0).all()
