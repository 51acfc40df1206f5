from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from clips import Frames
from liax.media.footage import ImageFrame
from liax.preparation.jumps import cut_at_jumps
from scenes import head_frames


def cuts(pictures: Frames, cut_at: set[int] = frozenset({0})) -> list[int]:  # type: ignore[assignment]
    frames = [(ImageFrame(Fraction(k, 25), picture), k in cut_at) for k, picture in enumerate(pictures)]
    decided = list(cut_at_jumps(iter(frames)))
    assert [frame for frame, _ in decided] == [frame for frame, _ in frames]
    return [k for k, (_, cut) in enumerate(decided) if cut]


def speaker(count: int, left: int = 30, step: int = 0) -> list[NDArray[np.uint8]]:
    """The head, talking, before a grey wall; it moves to the right by `step` pixels a frame."""
    pictures = []
    for k in range(count):
        whole_HW3 = np.full((360, 480, 3), 90, np.uint8)
        whole_HW3[20:340, left + k * step : left + k * step + 320] = head_frames()[k]
        pictures.append(whole_HW3)
    return pictures


@pytest.mark.parametrize("at", [7, 20])
def test_a_speaker_who_is_elsewhere_from_one_frame_to_the_next(at: int) -> None:
    assert cuts(speaker(at) + speaker(20, left=55)) == [0, at]


def test_movement_flashes_and_cuts_are_no_jumps() -> None:
    assert cuts(speaker(25)) == [0]
    assert cuts(speaker(25, step=4)) == [0]
    flash = speaker(25)
    flash[12] = np.minimum(flash[12].astype(int) + 60, 255).astype(np.uint8)
    assert cuts(flash) == [0]
    assert cuts(speaker(12) + speaker(12, left=55), {0, 12}) == [0, 12]


def test_few_frames() -> None:
    assert cuts([]) == []
    assert cuts(speaker(2)) == [0]
