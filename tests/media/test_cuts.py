import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from clips import flat_frames
from liax.media.cuts import FrameSignature, detect_cuts
from liax.media.video import Video
from memory_footage import MemoryFootage

Clips = dict[str, tuple[int, list[np.ndarray]]]


def cuts(frames: list[np.ndarray], rate: int = 25) -> list[int]:
    """Numbers of the frames that begin a shot, without the first."""
    told = [begins for _, begins in detect_cuts(MemoryFootage(frames, rate))]
    assert len(told) == len(frames)
    assert told[0]
    return [k for k, begins in enumerate(told) if begins and k]


def scene(seed: int, count: int) -> list[np.ndarray]:
    """A patchwork that moves to the side by a pixel a frame."""
    patches = np.random.default_rng(seed).integers(30, 220, (6, 12, 3), np.uint8)
    wide = np.asarray(Image.fromarray(patches).resize((240, 64), Image.Resampling.BICUBIC))
    return [wide[:, k : k + 96] for k in range(count)]


@pytest.fixture(scope="module")
def val(shared: Path) -> Clips:
    """Every clip of the val split, 64 pixels wide: name -> rate and frames."""
    with (shared / "data" / "manifest.csv").open() as file:
        names = [r["file"] for r in csv.DictReader(file) if (r["type"], r["split"]) == ("clip", "val")]
    videos = {name: Video(shared / "data" / name) for name in names}
    return {
        name: (round(video.rate), [frame.rgb(longest=64) for frame in video])
        for name, video in videos.items()
    }


def test_real_clips_have_no_cuts(val: Clips) -> None:
    """Among them a music video under flashing lights, and violent turns of the head."""
    assert len(val) == 22
    assert {name: cuts(frames, rate) for name, (rate, frames) in val.items()} == {name: [] for name in val}


def test_cuts_between_real_clips(val: Clips) -> None:
    """Faces framed alike in the same place: only the person, the light and the background change."""
    clips = [val[name] for name in val]
    for k, (one, other) in enumerate(zip(clips, clips[5:] + clips[:5], strict=True)):
        begin = 3 * k
        assert cuts(one[1][begin : begin + 30] + other[1][begin : begin + 20]) == [30], list(val)[k]


def test_flashes_are_no_cuts(val: Clips) -> None:
    for k, (rate, clip) in enumerate(val.values()):
        frames = list(clip[:60])
        for at in range(20, 20 + 1 + k % 3):
            frames[at] = [np.full_like(frames[at], 255), frames[at] // 8, frames[at] // 2 + 127][k % 3]
        assert cuts(frames, rate) == [], (k, rate)


def test_several_cuts_and_their_places() -> None:
    frames = scene(0, 20) + scene(1, 9) + scene(2, 40)
    assert cuts(frames) == [20, 29]
    assert cuts(frames, 60) == [20, 29]


def test_a_title_card_is_a_shot() -> None:
    card = [np.zeros((64, 96, 3), np.uint8)] * 10
    assert cuts(card + scene(0, 20) + card + scene(0, 20)) == [10, 30, 40]


def test_the_last_frame_can_be_a_shot() -> None:
    assert cuts(scene(0, 10) + scene(1, 1)) == [10]


def test_a_dropout_is_no_cut() -> None:
    frames = scene(0, 40)
    for length in (1, 2, 3):
        broken = list(frames)
        broken[20 : 20 + length] = scene(1, length)
        assert cuts(broken) == []
    frames[20:30] = scene(1, 10)
    assert cuts(frames) == [20, 30]


def test_light_that_changes_is_no_cut() -> None:
    assert cuts(flat_frames(39)) == []
    frames = scene(0, 60)
    assert cuts([(frame * (0.4 + 0.01 * k)).astype(np.uint8) for k, frame in enumerate(frames)]) == []


def test_frames_come_as_they_are_a_flash_later() -> None:
    """Reading ahead is bounded, and nothing is lost, doubled or reordered."""
    frames = scene(0, 30)
    read = 0

    class Counting(MemoryFootage):
        def __iter__(self):
            nonlocal read
            for still in super().__iter__():
                read += 1
                yield still

    for k, (still, _) in enumerate(detect_cuts(Counting(frames))):
        assert still.rgb() is frames[k]
        assert read <= k + 1 + 3


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(8, 25)), min_size=1, max_size=5).filter(
        lambda parts: all(a[0] != b[0] for a, b in pairwise(parts))
    )
)
def test_any_sequence_of_scenes(parts: list[tuple[int, int]]) -> None:
    frames = [frame for seed, count in parts for frame in scene(seed, count)]
    assert cuts(frames) == np.cumsum([count for _, count in parts])[:-1].tolist()


def test_difference() -> None:
    one, other = (FrameSignature.at(scene(seed, 1)[0]) for seed in (0, 1))
    assert one.difference(one) == 0
    assert one.difference(other) == other.difference(one) > 0.8
    flat, noisy = (np.full((18, 32, 3), 60, np.uint8) for _ in range(2))
    noisy[::2] += 2
    assert FrameSignature.at(flat).difference(FrameSignature.at(noisy)) < 0.05
