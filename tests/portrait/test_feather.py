"""Where a square lies in its picture; the seam is measured there as the benchmark does."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from liax.face.crop import Crop, crop_and_resize
from liax.portrait.feather import FEATHER, FeatheredSquare

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from seam import seam_gradient, seam_ratio

SIZE = 64
HEAD = Crop(125.7, 11.5, 201.8)  # in the portrait


def test_the_measure_sees_a_seam(portrait_HW3: np.ndarray) -> None:
    """A softer and brighter square laid in without a feather, and one of other colours faded in too late."""
    place = FeatheredSquare(HEAD, 512, 512, 256)
    left, top, right, bottom = place.window
    brighter_RR3 = (crop_and_resize(portrait_HW3, HEAD, 64).astype(int) + 12).clip(0, 255).astype(np.uint8)
    hard_HW3 = portrait_HW3.copy()
    hard_HW3[top:bottom, left:right] = Image.fromarray(brighter_RR3).resize((right - left, bottom - top))
    assert seam_ratio(portrait_HW3, portrait_HW3, place) == 1
    assert seam_ratio(portrait_HW3, hard_HW3, place) > 1.2
    flat_HW3 = np.full((512, 512, 3), 100, np.uint8)
    flat_HW3[top:bottom, left:right] = 109
    lines = round(FEATHER * (right - left) / 8)
    assert seam_gradient(flat_HW3, place) == pytest.approx(9 / lines, rel=0.02)


def test_weights_rise_where_the_square_ends_in_the_picture() -> None:
    """Not where the picture ends first: there the square is seen up to its edge."""
    place = FeatheredSquare(Crop(-30, 20, 90), 100, 101, SIZE)
    assert (place.width, place.height) == (100, 100)
    assert place.window == (0, 20, 60, 100)
    middle_W = place.weight_HW[40]
    assert (middle_W[:45] == 1).all()
    assert middle_W[-1] < 0.02
    assert (np.diff(middle_W) <= 0).all()
    assert place.weight_HW[-1, 20] == 1
    assert place.weight_HW[0, 20] < 0.02
    assert FeatheredSquare(Crop(200, 0, 50), 100, 100, SIZE).empty


@settings(max_examples=60)
@given(
    left=st.floats(-90, 110),
    top=st.floats(-90, 110),
    side=st.floats(2, 250),
    width=st.integers(40, 121),
    height=st.integers(40, 121),
)
def test_any_crop(left: float, top: float, side: float, width: int, height: int) -> None:
    """The square's own content comes out where it was cut, within square and picture."""
    y_H1, x_1W = np.mgrid[:height, :width]
    smooth_HW3 = np.stack([60 + x_1W, 60 + y_H1, 180 - (x_1W + y_H1) // 2], -1).astype(np.uint8)
    crop = Crop(left, top, side)
    place = FeatheredSquare(crop, width, height, SIZE)
    assert (place.width, place.height) == (width - width % 2, height - height % 2)
    if place.empty:
        return
    x0, y0, x1, y1 = place.window
    assert max(0, left) <= x0 < x1 <= min(place.width, left + side)
    assert max(0, top) <= y0 < y1 <= min(place.height, top + side)
    shown_HW3 = place.scaled(crop_and_resize(smooth_HW3, crop, SIZE).astype(np.float32))
    assert np.abs(shown_HW3 - smooth_HW3[y0:y1, x0:x1])[place.weight_HW > 0.5].max(initial=0) <= 4
