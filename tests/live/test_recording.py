"""Recordings: pictures at their times, sound where it belongs, marks, and nothing left of what fails."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from clips import write_clip
from liax.errors import LiaxError
from liax.live.recording import LiveRecording
from liax.marking import Provenance
from liax.marking.pixel_mark import PixelMarker
from liax.marking.verify import read_mark
from liax.media.video import Video

MADE = Provenance("live", "0123456789abcdef", {})


def _recorded(path: Path, pictures: list[NDArray[np.uint8]], times: list[float]) -> LiveRecording:
    recording = LiveRecording(path, MADE)
    for picture_HW3, seconds in zip(pictures, times, strict=True):
        while recording._waiting.full():
            pass
        recording.add(picture_HW3, seconds)
    recording.stop()
    return recording


def _greys(count: int) -> list[NDArray[np.uint8]]:
    return [np.full((64, 64, 3), 40 + 8 * (k % 20), np.uint8) for k in range(count)]


def test_pictures_have_their_times_and_the_file_its_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = []
    later = PixelMarker.later
    monkeypatch.setattr(PixelMarker, "later", lambda self, picture: marked.append(1) or later(self, picture))
    times = [86_400 + seconds for seconds in (0, 0.05, 1 / 3, 1)]  # of a page that is open for a day
    recording = _recorded(tmp_path / ".pictures.mp4", _greys(4), times)
    written = recording.finish(tmp_path / "live.mp4")
    assert (written.frames, written.width, written.height) == (4, 64, 64)
    assert written.seconds == pytest.approx(1 + 1 / 30)
    frames = list(Video(tmp_path / "live.mp4"))
    assert [float(frame.time) for frame in frames] == pytest.approx([0, 0.05, 1 / 3, 1], abs=1e-4)
    assert [int(frame.rgb().mean()) for frame in frames] == pytest.approx([40, 48, 56, 64], abs=3)
    mark_read = read_mark(tmp_path / "live.mp4")
    assert mark_read.marked
    assert mark_read.facts["operation"] == "live"
    assert len(marked) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live.mp4"]


@pytest.mark.parametrize("earlier", [0.25, -0.25], ids=["before the pictures", "after them"])
def test_sound_is_where_it_was_heard(tmp_path: Path, portrait_HW3: NDArray[np.uint8], earlier: float) -> None:
    heard = write_clip(tmp_path / "heard.webm", _greys(30), rate=25, sound="libopus", codec="libvpx-vp9")
    recording = _recorded(tmp_path / ".pictures.mp4", _greys(8), [5 + 0.1 * k for k in range(8)])
    recording.finish(tmp_path / "live.mp4", heard, 5 - earlier)
    with av.open(tmp_path / "live.mp4") as made:
        sound = made.streams.audio[0]
        heard_at = [float(p.pts * p.time_base) for p in made.demux(sound) if p.pts is not None]
    assert sound.codec_context.name == "opus"
    assert heard_at[-1] == pytest.approx(0.7, abs=0.1)  # it ends with the pictures
    assert (heard_at[0] > 0.2) == (earlier < 0)


def test_what_cannot_be_read_as_sound_is_told_and_nothing_stays(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"no sound" * 100)
    recording = _recorded(tmp_path / ".pictures.mp4", _greys(3), [0.0, 0.1, 0.2])
    with pytest.raises(LiaxError, match="cannot be read"):
        recording.finish(tmp_path / "live.mp4", tmp_path / "noise")
    assert [path.name for path in tmp_path.iterdir()] == ["noise"]


def test_an_empty_recording_is_told(tmp_path: Path) -> None:
    recording = LiveRecording(tmp_path / ".pictures.mp4", MADE)
    with pytest.raises(LiaxError, match="would have no picture"):
        recording.finish(tmp_path / "live.mp4")
    assert not list(tmp_path.iterdir())


def test_it_takes_no_more_than_it_may_and_no_time_twice(tmp_path: Path) -> None:
    recording = LiveRecording(tmp_path / ".pictures.mp4", MADE, most=3)
    for seconds in (1.0, 1.0, 0.5, 1.1, 1.2, 1.3):
        recording.add(_greys(1)[0], seconds)
    assert recording.frames == 3
    assert recording.is_full
    assert recording.finish(tmp_path / "live.mp4").seconds == pytest.approx(0.2 + 1 / 30)


def test_a_folder_that_is_gone_ends_the_recording_and_not_the_program(tmp_path: Path) -> None:
    recording = LiveRecording(tmp_path / "gone" / ".pictures.mp4", MADE)
    recording._waiting.put((_greys(1)[0], 0.0))
    recording.stop()
    assert recording.is_full
    with pytest.raises(LiaxError, match="The recording cannot be written"):
        recording.finish(tmp_path / "live.mp4")
