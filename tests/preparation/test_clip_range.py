from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clips import flat_frames, write_clip
from liax.media.video import Video
from liax.preparation.clip_range import ClipRange


def levels(clip_range: ClipRange) -> list[tuple[Fraction, int]]:
    """Time of each frame and which of `flat_frames` it is."""
    return [(frame.time, round((float(frame.rgb().mean()) - 20) / 5)) for frame in clip_range]


@pytest.mark.parametrize(("rate", "kept", "every"), [(25, 25, 1), (30, 15, 2), (60, 20, 3), (12, 12, 1)])
def test_fast_videos_keep_every_second_or_third_frame(
    tmp_path: Path, rate: int, kept: int, every: int
) -> None:
    video = Video(write_clip(tmp_path / "v.mp4", flat_frames(40), rate=rate))
    clip_range = ClipRange(video, Fraction(0), Fraction(60), 25)
    assert clip_range.rate == kept
    got = levels(clip_range)
    assert [number for _, number in got] == list(range(0, 40, every))
    assert [time for time, _ in got] == [Fraction(k, kept) for k in range(len(got))]


def test_spans_divide_a_video_without_loss(tmp_path: Path) -> None:
    video = Video(write_clip(tmp_path / "v.mp4", flat_frames(40), rate=30, options={"g": "12"}))
    whole = levels(ClipRange(video, Fraction(0), Fraction(60), 25))
    starts = [Fraction(3 * k, 10) for k in range(5)]
    parts = [ClipRange(video, since, since + Fraction(3, 10), 25) for since in starts]
    assert [frame for part in parts for frame in levels(part)] == whole
    assert list(ClipRange(video, Fraction(60), Fraction(120), 25)) == []


@settings(max_examples=15)
@given(st.lists(st.sampled_from([1, 1, 1, 2, 5]), min_size=10, max_size=39))
def test_variable_rates_become_steady(gaps: list[int]) -> None:
    """Each tick shows what the video shows then: the last frame that came before or with it."""
    import tempfile

    times = [0.0, *np.cumsum(gaps) / 50]
    with tempfile.TemporaryDirectory() as folder:
        path = write_clip(Path(folder) / "v.mp4", flat_frames(len(times)), times=times)
        clip_range = ClipRange(Video(path), Fraction(0), Fraction(60), 25)
        got = levels(clip_range)
    assert clip_range.rate <= 25
    assert all(b - a == 1 / clip_range.rate for (a, _), (b, _) in pairwise(got))
    for time, number in got:
        assert number == np.searchsorted(times, float(time) + 1e-4, side="right") - 1
    assert got[-1][0] >= times[-1] - 1 / clip_range.rate
