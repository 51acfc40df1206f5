from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from clips import Frames
from liax.face.all_faces import FaceTrack
from liax.face.crop import Crop
from liax.media.footage import ImageFrame
from liax.preparation.cells import SeamFinder
from liax.preparation.config import CutOptions
from liax.preparation.plan import CellFinder, square_in
from scenes import head_frames, resized


def filmed(seed: int, height: int, width: int, count: int = 4) -> Frames:
    """Smooth pictures that change slowly, with edges as soft as a lens makes them."""
    dice = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width] / 40
    waves = [(dice.uniform(-1, 1, 2), dice.uniform(0, 6, 3), dice.uniform(15, 40, 3)) for _ in range(6)]
    pictures = []
    for k in range(count):
        levels = np.full((height, width, 3), dice.uniform(90, 160), float)
        for (down, across), phase, strength in waves:
            levels += strength * np.sin(down * rows + across * columns + 0.1 * k)[..., None] ** (phase > 3)
        pictures.append(levels.clip(0, 255).astype(np.uint8))
    return pictures


def found(pictures: Frames) -> SeamFinder:
    finder = SeamFinder()
    for picture_HW3 in pictures:
        finder.add(picture_HW3)
    return finder


def test_a_filmed_picture_is_one_cell() -> None:
    finder = found(filmed(0, 240, 320))
    assert finder.cells() == [(0, 0, 320, 240)]
    assert finder.longest() < 0.5
    head = found([resized(picture_HW3, 256) for picture_HW3 in head_frames()[::10]])
    assert head.cells() == [(0, 0, 256, 256)]
    assert head.longest() < 0.6


def test_cells_of_a_grid() -> None:
    cells = [filmed(seed, 120, 160) for seed in range(4)]
    whole = [np.vstack([np.hstack(four[:2]), np.hstack(four[2:])]) for four in zip(*cells, strict=True)]
    boxes = found(whole).cells(scale=2.0)
    assert len(boxes) == 4
    for box, (left, top) in zip(boxes, ((0, 0), (320, 0), (0, 240), (320, 240)), strict=True):
        expected = (left, top, left + 320, top + 240)
        assert np.abs(np.subtract(box, expected)).max() <= 6
        inside = np.array([-1, -1, 1, 1]) * np.subtract(box, expected)
        assert inside.max() <= 0  # no pixel of another cell
    assert found(whole).longest() == pytest.approx(1, abs=0.02)


def test_a_cell_may_be_divided_alone_and_bars_are_none() -> None:
    """A wide picture above two, within black bars, a gutter between the two."""
    wide, one, other = filmed(1, 100, 300), filmed(2, 100, 145), filmed(3, 100, 145)
    gutter = np.full((100, 10, 3), 255, np.uint8)
    whole = [np.vstack([a, np.hstack([b, gutter, c])]) for a, b, c in zip(wide, one, other, strict=True)]
    whole = [np.pad(picture, ((30, 30), (0, 0), (0, 0))) for picture in whole]
    boxes = found(whole).cells()
    expected = [(0, 30, 300, 130), (0, 130, 145, 230), (155, 130, 300, 230)]
    assert np.abs(np.subtract(boxes, expected)).max() <= 4


def test_nothing_was_added() -> None:
    assert SeamFinder().cells() == []
    assert SeamFinder().longest() == 0


def watched(pictures: list[NDArray[np.uint8]], cuts: set[int]) -> CellFinder:
    cells = CellFinder(Fraction(1))
    frames = [(ImageFrame(Fraction(k), picture), k in cuts) for k, picture in enumerate(pictures)]
    assert list(cells.watch(frames)) == frames
    return cells


def test_every_shot_has_its_cells_and_faces_are_in_one() -> None:
    split = [np.hstack(two) for two in zip(filmed(4, 100, 100), filmed(5, 100, 100), strict=True)]
    cells = watched(filmed(6, 100, 200) + split, {0, 4})
    face = [(120.0, 20.0, 170.0, 80.0)]
    assert cells.cell_of(FaceTrack(4, [0], face), 200, 100) == (0, 0, 200, 100)
    left, top, right, bottom = cells.cell_of(FaceTrack(8, [4], face), 200, 100)
    assert (left >= 100, top, right, bottom) == (True, 0, 200, 100)
    assert left <= 104
    across = [(80.0, 20.0, 130.0, 80.0)]  # a face on both sides: what was taken for a seam is none
    assert cells.cell_of(FaceTrack(8, [4], across), 200, 100) == (0, 0, 200, 100)


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (CutOptions(), Crop(-37.0, -47.0, 374)),
        (CutOptions(inside=True), Crop(0, 0, 224)),
        (CutOptions(face_share=0.9), None),
        (CutOptions(cropped=True), Crop(0, 0, 224)),
    ],
)
def test_squares_of_a_tight_picture(cut: CutOptions, expected: Crop | None) -> None:
    """A face 200 pixels high in a picture of 224."""
    square = square_in([(60.0, 12.0, 200.0, 212.0)], (0, 0, 224, 224), cut)
    if expected is None:
        assert square.side == pytest.approx(200 / 0.9, abs=0.5)
    elif cut.inside or cut.cropped:
        assert square == expected
    else:
        assert square.side == pytest.approx(200 / 0.535, abs=0.5)
        assert square.left < 0
        assert square.top < 0


def test_squares_are_moved_before_they_are_shrunk_and_stay_in_their_cell() -> None:
    face = [(310.0, 10.0, 350.0, 60.0)]
    free = square_in(face, (300, 0, 640, 360), CutOptions())
    moved = square_in(face, (300, 0, 640, 360), CutOptions(inside=True))
    assert moved.side == free.side
    assert (moved.left, moved.top) == (300, 0)
    assert free.left < 300


def test_sizes_follow_the_source() -> None:
    cut = CutOptions(size=256, large=512, large_from=400)
    sides = {side: cut.side_of(Crop(0, 0, side)) for side in (150, 171, 399, 400, 900)}
    assert sides == {150: None, 171: 256, 399: 256, 400: 512, 900: 512}
    assert CutOptions(size=256, large=1024).side_of(Crop(0, 0, 500)) == 256  # 1024 would enlarge too much
