"""Labelled grids and captions, by their pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liax.portrait.sheets import caption, draw_sheet


def flat(value: int, height: int = 64, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def red(value: int, height: int = 64, width: int = 64) -> np.ndarray:
    """A colour that no letter has."""
    return flat(value, height, width) * np.array([1, 0, 0], np.uint8)


def places(sheet_HW3: np.ndarray, value: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the pixels that are so red."""
    y, x = np.nonzero((sheet_HW3 == (value, 0, 0)).all(-1))
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1


def test_every_picture_has_its_place() -> None:
    rows = [("yaw", [(red(200), "-1"), (red(100), "1")]), ("smile", [(red(50), "0"), (red(150), "2")])]
    sheet_HW3 = draw_sheet(rows, 64)
    where = {value: places(sheet_HW3, value) for value in (200, 100, 50, 150)}
    for left, top, right, bottom in where.values():
        assert (right - left, bottom - top) == (64, 64)
        assert (sheet_HW3[top:bottom, left:right] == sheet_HW3[top, left]).all()
    assert where[200][1] == where[100][1] < where[50][1] == where[150][1]
    assert where[200][0] == where[50][0] < where[100][0] == where[150][0]
    left, top = where[200][:2]
    assert sheet_HW3[:top, left : left + 64].min() < 150  # what is written above it
    assert sheet_HW3[top : top + 40, :left].min() < 100  # and beside it


def test_no_titles_no_margin() -> None:
    assert places(draw_sheet([("", [(red(9), "before")])], 64), 9)[0] <= 4


def test_aspect_is_kept() -> None:
    left, top, right, bottom = places(draw_sheet([("", [(red(9, 100, 50), "")])], 64), 9)
    assert (right - left, bottom - top) == (32, 64)


@settings(max_examples=20)
@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=30))
def test_words_keep_to_their_picture(text: str) -> None:
    sheet_HW3 = draw_sheet([("", [(flat(255, 200, 200), text), (flat(255, 200, 200), "")])], 200)
    assert sheet_HW3[:, :206].min() < 255
    assert sheet_HW3[:, 208:].min() == 255


@pytest.mark.parametrize("ground", [0, 255])
def test_caption_is_readable_on_any_ground(ground: int) -> None:
    picture_HW3 = flat(ground, 128, 128)
    shown_HW3 = caption(picture_HW3, "yaw")
    assert shown_HW3.shape == (128, 128, 3)
    changed = (shown_HW3 != ground).any(-1)
    assert 20 < changed[96:, :64].sum() < 1000
    assert not changed[:96].any()
    assert not changed[:, 64:].any()
    assert {0, 255} <= set(np.unique(shown_HW3))
    assert (picture_HW3 == ground).all()
