"""Sound beside finished pictures, whose packets stay as they are; test_recording.py has the times."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import av
import numpy as np
import pytest

from clips import gradients, write_clip
from liax.errors import LiaxError, OutputExistsError
from liax.marking import Provenance
from liax.marking.verify import read_mark
from liax.media.remux import add_sound
from liax.media.video import Video
from liax.options import MarkOptions

FullDisk = Callable[[int], AbstractContextManager[None]]
MADE = Provenance("live", "0123456789abcdef", {})


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "pictures.mp4", gradients(10), rate=10)


def _packets(path: Path, kind: str) -> list[bytes]:
    with av.open(path) as opened:
        return [bytes(packet) for packet in opened.demux(**{kind: 0}) if packet.size]


def test_packets_are_copied_and_sound_comes_with_them(pictures: Path, tmp_path: Path) -> None:
    heard = write_clip(tmp_path / "heard.mp4", gradients(20), rate=10, sound="aac")
    output = tmp_path / "out.mp4"
    add_sound(pictures, output, heard, provenance=MADE)
    assert _packets(output, "video") == _packets(pictures, "video")
    sound = _packets(output, "audio")
    assert sound == _packets(heard, "audio")[: len(sound)]
    assert len(sound) == pytest.approx(48_000 / 1024, abs=2)  # a second of it
    assert read_mark(output).marked
    for before, after in zip(Video(pictures), Video(output), strict=True):
        assert before.time == after.time
        assert np.array_equal(before.rgb(), after.rgb())


def test_without_sound_or_mark(pictures: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    add_sound(pictures, output, None, provenance=MADE, mark=MarkOptions(mark=False))
    assert read_mark(output).finding == "none"
    assert _packets(output, "video") == _packets(pictures, "video")
    with pytest.raises(OutputExistsError):
        add_sound(pictures, output, None, provenance=MADE)


def test_a_full_disk_is_told_and_leaves_nothing(pictures: Path, tmp_path: Path, full_disk: FullDisk) -> None:
    with full_disk(1000), pytest.raises(LiaxError):
        add_sound(pictures, tmp_path / "out.mp4", None, provenance=MADE, mark=MarkOptions(mark=False))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures.mp4"]
