"""The frames that are drawn before a whole clip is."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from liax.app.preview import frame_at, key_moments
from liax.media.video import Video
from liax.portrait.motion import DrivingFrame
from liax.progress import no_progress


def _driving(amounts: list[float], shots: tuple[int, ...] = (0,)) -> Any:
    def frames() -> Generator[DrivingFrame]:
        for number, amount in enumerate(amounts):
            alpha_M = np.array([amount, 1.0], np.float32)
            yield DrivingFrame(Fraction(number, 10), alpha_M, number in shots, None)

    return SimpleNamespace(
        rate=Fraction(10), total=len(amounts), frames=frames, width_at=lambda height: height
    )


def _numbers(
    amounts: list[float], shots: tuple[int, ...], source: float
) -> tuple[list[int], tuple[int, int]]:
    alpha_M = np.array([source, 1.0], np.float32)
    moments = key_moments(_driving(amounts, shots), alpha_M, no_progress)
    assert moments.total == len(list(moments.frames()))
    return [int(frame.time * 10) for frame in moments.frames()], moments.shown


def test_a_moment_of_a_video_is_found(face_clip: Path) -> None:
    frames = [frame.rgb() for frame in Video(face_clip)]
    for share, number in ((0.0, 0), (0.5, 6), (1.0, 11)):
        time, picture_HW3 = frame_at(face_clip, share, no_progress)
        assert time == pytest.approx(number / 12)
        assert np.array_equal(picture_HW3, frames[number])


def test_the_first_and_the_liveliest_moment_are_shown() -> None:
    assert _numbers([0, 0.1, 0.9, 0.2], (0,), 0.0) == ([0, 2], (0, 1))


def test_what_motion_may_be_counted_from_is_there_too() -> None:
    # The second shot begins at 2; of it, frame 3 is most like the source and 4 moves furthest.
    assert _numbers([0, 0.5, 3.0, 2.0, 9.0], (0, 2), 1.9) == ([0, 2, 3, 4], (0, 3))


def test_a_driving_that_does_not_move_shows_its_beginning() -> None:
    assert _numbers([0.3, 0.3], (0,), 0.0) == ([0], (0, 0))
