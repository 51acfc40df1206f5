import os
from fractions import Fraction
from pathlib import Path

import pytest

from clips import flat_frames, write_clip
from liax.errors import LiaxError
from liax.media import webcam
from liax.media.video import Video


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's test picture, of odd width, as every camera."""
    monkeypatch.setattr(webcam, "_device", lambda index: ("testsrc=size=65x48:rate=20", "lavfi", {}))


def test_records_for_some_seconds(camera: None, tmp_path: Path) -> None:
    told: list[int] = []
    assert webcam.record_webcam(0, 0.5, tmp_path / "a.mp4", told.append) == 10
    video = Video(tmp_path / "a.mp4")
    assert (video.width, video.height, video.rate) == (64, 48, 20)
    frames = list(video)
    assert [frame.time for frame in frames] == [Fraction(k, 20) for k in range(10)]
    assert frames[0].rgb().std() > 50
    assert told == list(range(1, 11))


def test_the_recording_lives_as_long_as_the_block(camera: None) -> None:
    with webcam.webcam_video(1, 0.25) as path:
        assert len(list(Video(path))) == 5
    assert not path.parent.exists()
    with pytest.raises(KeyboardInterrupt), webcam.webcam_video(1, 0.25) as path:
        raise KeyboardInterrupt
    assert not path.parent.exists()


def test_a_camera_that_ends_gives_what_it_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "sent.mkv", flat_frames(5), codec="mjpeg", pixels="yuvj420p")
    monkeypatch.setattr(webcam, "_device", lambda index: (str(clip), "matroska", {}))
    assert webcam.record_webcam(0, 60, tmp_path / "a.mp4") == 5


def test_a_camera_that_sends_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As macOS does: no picture yet, again and again."""

    class Container:
        def decode(self, video: int) -> None:
            raise BlockingIOError

    monkeypatch.setattr(webcam, "_TIMEOUT_S", 0.05)
    with pytest.raises(LiaxError, match="Camera 3 sends no pictures"):
        list(webcam._frames(Container(), 3, Fraction(30)))  # type: ignore[arg-type]


def test_no_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match=r"Camera 93 cannot be opened .*; check that it is connected"):
        webcam.record_webcam(93, 1, tmp_path / "a.mp4")
    with pytest.raises(LiaxError, match="more than 0 and up to 3600 seconds, not 0"):
        webcam.record_webcam(0, 0, tmp_path / "a.mp4")
    assert os.listdir(tmp_path) == []


def test_names() -> None:
    assert webcam.webcam_index(Path("webcam:0")) == 0
    assert webcam.webcam_index(Path("webcam:12")) == 12
    assert webcam.webcam_index(Path("clips/webcam:0.mp4")) is None
    for name in ("webcam:", "webcam:front", "webcam:-1"):
        with pytest.raises(LiaxError, match="names no camera; write webcam:0 for the first"):
            webcam.webcam_index(Path(name))
