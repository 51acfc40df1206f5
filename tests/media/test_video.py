import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from clips import fast_start, flat_frames, write_clip
from liax.errors import LiaxError
from liax.media.video import Video


def levels(video: Video) -> list[float]:
    return [float(frame.rgb().mean()) for frame in video]


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv422p"),
        ("a.mp4", "libx264", "yuv420p10le"),
        ("a.mp4", "libx264", "yuv444p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mkv", "ffv1", "gray"),
        ("a.ts", "mpeg2video", "yuv420p"),
    ],
)
def test_formats(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = write_clip(tmp_path / name, flat_frames(6), codec=codec, pixels=pixels)
    video = Video(path)
    assert (video.width, video.height, video.rate) == (64, 48, 25)
    assert np.allclose(levels(video), [20, 25, 30, 35, 40, 45], atol=2.5)
    assert [frame.time for frame in video] == [Fraction(k, 25) for k in range(6)]


def test_odd_sides(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", flat_frames(3, 51, 37), pixels="yuv444p")
    assert [frame.rgb().shape for frame in Video(path)] == [(37, 51, 3)] * 3


def test_colours(tmp_path: Path) -> None:
    """Pure red, which the wrong matrix would make orange or dark."""
    red = np.zeros((720, 1280, 3), np.uint8)
    red[...] = (200, 30, 30)
    path = write_clip(tmp_path / "a.mkv", [red], codec="ffv1", pixels="bgr0")
    assert tuple(next(iter(Video(path))).rgb()[300, 300]) == (200, 30, 30)


def test_longest(tmp_path: Path) -> None:
    frame = next(iter(Video(write_clip(tmp_path / "a.mp4", flat_frames(1)))))
    assert frame.rgb(longest=32).shape == (24, 32, 3)
    assert frame.rgb(longest=640).shape == (48, 64, 3)


@pytest.mark.parametrize(("turns", "bright"), [(1, "top"), (2, "right"), (3, "bottom")])
def test_rotation(tmp_path: Path, turns: int, bright: str) -> None:
    """The left half is bright; a phone's metadata turns it clockwise."""
    frame = np.full((48, 64, 3), 20, np.uint8)
    frame[:, :32] = 220
    path = write_clip(tmp_path / "a.mp4", [frame] * 3, quarter_turns=turns)
    video = Video(path)
    image = list(video)[1].rgb()
    assert image.shape[:2] == (video.height, video.width) == ((64, 48) if turns % 2 else (48, 64))
    half = {"top": image[:20], "bottom": image[-20:], "right": image[:, -20:]}[bright]
    assert half.mean() > 200
    assert list(video)[1].rgb(longest=32).shape == ((32, 24, 3) if turns % 2 else (24, 32, 3))


# The display matrix's a, b, c and d -> where the bright corner of a picture is shown that has it at the top
# left, and in what colour its right and its lower neighbour are (R, G), as FFmpeg's autorotate does.
ORIENTATIONS = {
    (1, 0, 0, 1): ("top left", "right", "below"),
    (-1, 0, 0, 1): ("top right", "left", "below"),
    (1, 0, 0, -1): ("bottom left", "right", "above"),
    (-1, 0, 0, -1): ("bottom right", "left", "above"),
    (0, 1, -1, 0): ("top right", "below", "left"),
    (0, -1, 1, 0): ("bottom left", "above", "right"),
    (0, 1, 1, 0): ("top left", "below", "right"),
    (0, -1, -1, 0): ("bottom right", "above", "left"),
}


@pytest.mark.parametrize("matrix", ORIENTATIONS)
def test_all_eight_orientations(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    """White is at the decoded picture's top left, red to its right and green below."""
    frame = np.full((48, 64, 3), 20, np.uint8)
    frame[:24, :32], frame[:24, 32:], frame[24:, :32] = 230, (230, 20, 20), (20, 230, 20)
    path = write_clip(tmp_path / "a.mp4", [frame] * 3, matrix=matrix, options={"crf": "1"})
    video = Video(path)
    image = list(video)[1].rgb()
    assert image.shape[:2] == (video.height, video.width) == ((48, 64) if matrix[0] else (64, 48))
    corner, red, green = ORIENTATIONS[matrix]
    row, column = int(corner.startswith("bottom")), int(corner.endswith("right"))
    quarters = image.reshape(2, video.height // 2, 2, video.width // 2, 3).mean((1, 3))
    step = {"right": (0, 1), "left": (0, -1), "below": (1, 0), "above": (-1, 0)}
    assert quarters[row, column].min() > 200
    for (down, across), channel in ((step[red], 0), (step[green], 1)):
        colour = quarters[row + down, column + across]
        assert colour.argmax() == channel
        assert colour.max() > 180


def test_pixels_become_square(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", flat_frames(2), aspect=Fraction(3, 2))
    assert [frame.rgb().shape for frame in Video(path)] == [(48, 96, 3)] * 2


def test_variable_rate_keeps_times(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.2, 0.21, 0.5]
    video = Video(write_clip(tmp_path / "a.mp4", flat_frames(5), times=times))
    assert [float(frame.time) for frame in video] == pytest.approx(times, abs=1e-4)


def test_coarse_clock_is_undone(tmp_path: Path) -> None:
    """Matroska counts milliseconds; 30000/1001 frames a second come back exactly."""
    rate = Fraction(30000, 1001)
    video = Video(write_clip(tmp_path / "a.mkv", flat_frames(7), rate=rate))
    assert [frame.time for frame in video] == [k / rate for k in range(7)]


def test_start(tmp_path: Path) -> None:
    video = Video(write_clip(tmp_path / "a.mkv", flat_frames(3), times=[1.0, 1.04, 1.08]))
    assert float(video.start) == pytest.approx(1.0, abs=2e-3)
    assert next(iter(video)).time == 0


def test_still_picture_is_a_video(tmp_path: Path) -> None:
    Image.fromarray(flat_frames(1)[0]).save(tmp_path / "a.png")
    assert levels(Video(tmp_path / "a.png")) == pytest.approx([20], abs=1)


def test_can_be_read_again(tmp_path: Path) -> None:
    video = Video(write_clip(tmp_path / "a.mp4", flat_frames(4)))
    assert levels(video) == levels(video)
    assert len(levels(video)) == 4


def test_cut_off_video_gives_what_decodes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    noise = list(np.random.default_rng(0).integers(0, 255, (50, 48, 64, 3), np.uint8))
    path = write_clip(tmp_path / "a.mp4", noise)
    data = path.read_bytes()
    # The table of contents first, as a download has it, then the frames cut in half.
    at = data.index(b"moov") - 4
    (tmp_path / "cut.mkv").write_bytes(write_clip(tmp_path / "b.mkv", noise).read_bytes()[: len(data) // 2])
    with caplog.at_level(logging.WARNING):
        count = sum(1 for _ in Video(tmp_path / "cut.mkv"))
    assert 10 < count < 40
    (tmp_path / "no_moov.mp4").write_bytes(data[:at])
    with pytest.raises(LiaxError, match=r"no_moov\.mp4 is not a video that can be decoded, or it is cut off"):
        Video(tmp_path / "no_moov.mp4")


def test_damage_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    noise = list(np.random.default_rng(0).integers(0, 255, (50, 48, 64, 3), np.uint8))
    path = write_clip(tmp_path / "a.mp4", noise, options={"movflags": "faststart"})
    path = fast_start(path, tmp_path / "fast.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video = Video(path)
    count = sum(1 for _ in video)
    assert 10 < count < 40
    sum(1 for _ in video)
    told = [r.getMessage() for r in caplog.records]
    assert len(told) == 1
    assert f"using the {count} frames" in told[0]
    assert "of 2.0 seconds" in told[0]
    assert str(path) in told[0]


def test_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video" * 100)
    with av.open(tmp_path / "sound.m4a", "w") as output:
        stream = output.add_stream("aac", rate=48_000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), format="s16", layout="stereo")
        silence.sample_rate = 48_000
        output.mux(stream.encode(silence))
        output.mux(stream.encode(None))
    path = write_clip(tmp_path / "broken.mp4", flat_frames(1))
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + 4
    data[at : data.index(b"moov") - 4] = bytes(data.index(b"moov") - 4 - at)
    path.write_bytes(data)
    cases = {
        "missing.mp4": "does not exist",
        "empty.mp4": "empty",
        "text.mp4": "not a video",
        "sound.m4a": "no video in it",
        "broken.mp4": "no frame that can be decoded",
    }
    for name, reason in cases.items():
        with pytest.raises(LiaxError, match=reason) as caught:
            Video(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_stretches_are_what_the_whole_has_there(tmp_path: Path) -> None:
    """With key frames now and then, and a clock that does not begin at 0."""
    for name, options in (("a.mp4", {"g": "20"}), ("b.mkv", {"g": "250"}), ("c.ts", {"g": "20"})):
        video = Video(write_clip(tmp_path / name, flat_frames(100), rate=25, options=options))
        whole = [(frame.time, frame.rgb().mean()) for frame in video]
        for since, until in ((0, 1), (2, 3), (Fraction(5, 2), None), (9, 10)):
            part = [
                (f.time, f.rgb().mean()) for f in video.between(Fraction(since), until and Fraction(until))
            ]
            assert part == [f for f in whole if f[0] >= since and (until is None or f[0] < until)], name
        assert video.count_seconds() == pytest.approx(4, abs=0.05)


def test_a_stretch_is_reached_by_the_index(tmp_path: Path) -> None:
    """No more is decoded than from the key frame a second before."""
    video = Video(write_clip(tmp_path / "v.mp4", flat_frames(200), rate=25, options={"g": "25"}))
    first = next(iter(video._read(Fraction(6))))
    assert 4.9 <= first.time <= 6


def test_an_index_that_leads_astray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = Video(write_clip(tmp_path / "v.mp4", flat_frames(100), rate=25))
    read = Video._read

    def astray(self: Video, since: Fraction | None):
        return (f for f in read(self, None) if since is None or f.time > 3)

    monkeypatch.setattr(Video, "_read", astray)
    assert [frame.time for frame in video.between(Fraction(2), Fraction(3))] == [
        k / Fraction(25) for k in range(50, 75)
    ]
