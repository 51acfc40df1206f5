"""The square for a face in several pictures, some of them turned."""

import numpy as np
import pytest

from liax.face.crop import FACE_SIZE, box_of, turned
from liax.face.place import Place, crop_for, crop_for_places

BOX = (180.0, 120.0, 240.0, 200.0)


def lying(box: tuple[float, float, float, float], roll: float) -> Place:
    """A face whose box in the picture turned upright is `box`."""
    return Place(box_of(turned(np.array(box).reshape(2, 2), roll)), roll, box, (0.0, 0.0, 0.0))


@pytest.mark.parametrize("roll", [0.0, 90.0, -90.0, 180.0, 40.0])
def test_a_place_seen_at_any_angle(roll: float) -> None:
    """Its middle turns with the picture, and it stays as large."""
    place = lying(BOX, roll)
    assert place.box_at(roll) == BOX
    left, top, right, bottom = place.box_at(0.0)
    middle = turned(np.array([210.0, 160.0]), roll)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx(tuple(middle))
    sides = (right - left, bottom - top)
    assert sides == pytest.approx((80, 60) if roll in (90, -90) else (60, 80))


def test_the_square_is_upright_on_average() -> None:
    """One look in which the head lies does not turn it; where most do, it is turned."""
    upright, tilted = lying(BOX, 0.0), lying(BOX, 40.0)
    assert crop_for_places([upright, upright, upright, tilted], 900, 900).roll == 0
    assert crop_for_places([tilted, tilted, upright], 900, 900).roll == pytest.approx(26.8, abs=0.5)
    assert crop_for_places([lying(BOX, 180.0), lying(BOX, 180.0)], 900, 900).roll in (180, -180)


def test_upright_faces_have_the_square_of_their_boxes() -> None:
    boxes = [BOX, (190.0, 125.0, 250.0, 205.0), (170.0, 115.0, 230.0, 195.0)]
    places = [lying(box, 0.0) for box in boxes]
    crop = crop_for_places(places, 900, 900)
    assert crop == crop_for(boxes)
    assert crop.side == pytest.approx(80 / FACE_SIZE)
    assert crop_for_places(places, 900, 140).side < crop.side
