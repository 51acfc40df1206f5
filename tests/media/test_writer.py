import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from clips import flat_frames, write_clip
from liax.errors import LiaxError
from liax.media.video import Video
from liax.media.writer import create_video
from liax.portrait.clip import RenderedClip
from liax.portrait.clip import write_clip as write_result


def noise(count: int, side: int = 64) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 255, (count, side, side, 3), np.uint8))


def copy(clip: Path, to: Path) -> Path:
    """Every frame of `clip` and its sound written to `to`."""
    video = Video(clip)
    with create_video(to, video.rate, clip, video.start) as writer:
        for frame in video:
            writer.write(frame.rgb(), frame.time)
    return to


def heard(path: Path) -> tuple[str, np.ndarray, float]:
    """Codec of the sound, the first channel's samples at 48 kHz, and the time of the first."""
    with av.open(path) as container:
        stream = container.streams.audio[0]
        to_float = av.AudioResampler(format="fltp", layout="mono", rate=48_000)
        frames = list(container.decode(audio=0))
        samples = np.concatenate([f.to_ndarray()[0] for g in frames for f in to_float.resample(g)])
        return stream.codec_context.name, samples, float(frames[0].time)


def pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * 48_000 / len(samples))


@pytest.mark.parametrize(("name", "codec"), [("b.mp4", "h264"), ("b.webm", "vp9"), ("b.gif", "gif")])
def test_what_goes_in_comes_out(tmp_path: Path, name: str, codec: str) -> None:
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[:24, :32], colours[:24, 32:], colours[24:] = (200, 40, 40), (40, 160, 60), (30, 60, 200)
    with create_video(tmp_path / name, Fraction(20)) as writer:
        for k in range(5):
            writer.write(colours, Fraction(k, 20))
    assert os.listdir(tmp_path) == [name]
    video = Video(tmp_path / name)
    assert [frame.time for frame in video] == [Fraction(k, 20) for k in range(5)]
    image = list(video)[3].rgb().astype(int)
    for (y, x), colour in {(10, 10): (200, 40, 40), (10, 50): (40, 160, 60), (40, 30): (30, 60, 200)}.items():
        assert np.abs(image[y, x] - colour).max() <= 8
    with av.open(tmp_path / name) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == codec
        if name == "b.mp4":
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert stream.codec_context.colorspace == 1  # BT.709, said in the file
            assert stream.average_rate == 20


@pytest.mark.parametrize("name", ["b.mov", "b.webp"])
def test_transparency_comes_out(tmp_path: Path, name: str) -> None:
    frame_HW4 = np.full((48, 64, 4), (200, 40, 90, 255), np.uint8)
    frame_HW4[:, :32, 3], frame_HW4[:, 32:48, 3] = 0, 128
    with create_video(tmp_path / name, Fraction(20)) as writer:
        for k in range(5):
            writer.write(np.roll(frame_HW4, k, 1), Fraction(k, 20))
    if name == "b.mov":
        with av.open(tmp_path / name) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.codec_context.profile) == ("prores", "4444")
            read = [frame.to_ndarray(format="rgba") for frame in container.decode(stream)]
    else:
        with Image.open(tmp_path / name) as image:
            assert image.info["loop"] == 0
            read = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]
    assert len(read) == 5
    assert np.abs(read[3][20, [20, 40, 60], 3].astype(int) - [0, 128, 255]).max() <= 4
    assert np.abs(read[3][20, 60, :3].astype(int) - [200, 40, 90]).max() <= 6


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".webp"])
def test_quality(tmp_path: Path, suffix: str) -> None:
    """Files grow with it; an MP4's and a WebM's of 75 is the one without."""
    sizes = {}
    for quality in (20, 75, 95, None):
        path = tmp_path / f"{quality}{suffix}"
        with create_video(path, Fraction(20), quality=quality) as writer:
            for k, frame in enumerate(noise(3)):
                writer.write(frame, Fraction(k, 20))
        sizes[quality] = path.stat().st_size
    assert 1.2 * sizes[20] < sizes[75] < sizes[95] / 1.1
    if suffix != ".webp":
        assert sizes[None] == sizes[75]


def test_rate_and_length_are_kept(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    clip = write_clip(tmp_path / "a.mp4", flat_frames(31), rate=rate)
    video = Video(copy(clip, tmp_path / "b.mp4"))
    assert video.rate == rate
    assert [frame.time for frame in video] == [k / rate for k in range(31)]
    with av.open(tmp_path / "b.mp4") as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(31 / rate, abs=1e-3)


def test_variable_rate_is_kept(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.2, 0.21, 0.5]
    clip = write_clip(tmp_path / "a.mp4", flat_frames(5), times=times)
    video = Video(copy(clip, tmp_path / "b.mp4"))
    assert [float(frame.time) for frame in video] == pytest.approx(times, abs=1e-3)


def test_gif_leaves_out_what_it_cannot_show(tmp_path: Path) -> None:
    with create_video(tmp_path / "a.gif", Fraction(120)) as writer:
        for k, frame in enumerate(flat_frames(12)):
            writer.write(frame, Fraction(k, 120))
    times = [frame.time for frame in Video(tmp_path / "a.gif")]
    assert 3 <= len(times) <= 5
    assert all(b - a >= Fraction(2, 100) for a, b in pairwise(times))


@pytest.mark.parametrize(
    ("clip", "sound", "to", "codec"),
    [
        ("a.avi", "mp2", "b.mp4", "aac"),
        ("a.mkv", "ac3", "b.mp4", "aac"),  # which browsers do not play
        ("a.mkv", "eac3", "b.mp4", "aac"),
        ("a.mov", "alac", "b.mp4", "aac"),
        ("a.mkv", "libopus", "b.mp4", "opus"),
        ("a.mkv", "ac3", "b.webm", "opus"),
        ("a.mp4", "aac", "b.mp4", "aac"),
        ("a.ts", "aac", "b.mp4", "aac"),  # ADTS frames, to be rewrapped
        ("a.avi", "libmp3lame", "b.mp4", "mp3float"),
        ("a.mov", "pcm_s16le", "b.mp4", "aac"),
        ("a.mkv", "flac", "b.mp4", "aac"),
        ("a.mkv", "libopus", "b.webm", "opus"),
        ("a.mp4", "aac", "b.webm", "opus"),
    ],
)
def test_sound_is_kept(tmp_path: Path, clip: str, sound: str, to: str, codec: str) -> None:
    path = write_clip(tmp_path / clip, flat_frames(50), sound=sound)
    kind, samples, _ = heard(copy(path, tmp_path / to))
    assert kind.removeprefix("lib") == codec.removeprefix("lib")
    assert len(samples) / 48_000 == pytest.approx(2.0, abs=0.1)
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert len(list(Video(tmp_path / to))) == 50


def test_copied_sound_is_the_same_bytes(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", flat_frames(25), sound="aac")
    copied = copy(clip, tmp_path / "b.mp4")

    def packets(path: Path) -> list[bytes]:
        with av.open(path) as container:
            return [bytes(p) for p in container.demux(audio=0) if p.size]

    assert packets(copied) == packets(clip)


@pytest.mark.parametrize("sound", ["aac", "pcm_s16le"])
def test_sound_stays_in_step(tmp_path: Path, sound: str) -> None:
    """Sound that sets in 0.5 s after the picture does so in the result."""
    clip = write_clip(tmp_path / "a.mkv", flat_frames(40), sound=sound, sound_start=0.5)
    _, samples, start = heard(copy(clip, tmp_path / "b.mp4"))
    loud = np.abs(samples) > 0.05
    assert start + loud.argmax() / 48_000 == pytest.approx(0.5, abs=0.03)


def test_sound_from_before_the_first_frame_is_left_out(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", flat_frames(3), times=[1.0, 1.5, 1.9], sound="aac")
    _, samples, start = heard(copy(clip, tmp_path / "b.mp4"))
    assert start == pytest.approx(0, abs=0.03)
    assert len(samples) / 48_000 == pytest.approx(0.9, abs=0.1)


def test_without_sound(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", flat_frames(3))
    with av.open(copy(clip, tmp_path / "b.mp4")) as container:
        assert len(container.streams.audio) == 0


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(KeyboardInterrupt), create_video(path, Fraction(25)) as writer:  # noqa: PT012
        for k, frame in enumerate(noise(30)):
            writer.write(frame, Fraction(k, 25))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif"])
def test_full_disk(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]], name: str
) -> None:
    (tmp_path / name).write_bytes(b"precious")
    with (  # noqa: PT012
        full_disk(20_000),
        pytest.raises(LiaxError, match=rf"{name} cannot be completed because the disk is full"),
        create_video(tmp_path / name, Fraction(25)) as writer,
    ):
        for k, frame in enumerate(noise(60, 128)):
            writer.write(frame, Fraction(k, 25))
    assert (tmp_path / name).read_bytes() == b"precious"
    assert os.listdir(tmp_path) == [name]


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32x32"), create_video(tmp_path / "a.mp4", Fraction(25)) as writer:  # noqa: PT012
        writer.write(noise(1, 64)[0], Fraction(0))
        writer.write(noise(1, 32)[0], Fraction(1, 25))


def test_surround_sound_becomes_stereo(tmp_path: Path) -> None:
    """AC-3 of five channels and one for bass, as television has it."""
    clip = tmp_path / "a.mkv"
    with av.open(clip, "w") as output:
        picture: Any = output.add_stream("libx264", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound: Any = output.add_stream("ac3", rate=48_000)
        sound.codec_context.layout = "5.1"
        for k, frame_HW3 in enumerate(flat_frames(25)):
            frame = av.VideoFrame.from_ndarray(frame_HW3, format="rgb24")
            frame.pts = k
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))
        wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
        for k in range(0, 48_000, 1536):
            chunk = np.repeat(wave[None, k : k + 1536], 6, 0).astype(np.float32)
            heard_frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="5.1")
            heard_frame.sample_rate, heard_frame.pts = 48_000, k
            output.mux(sound.encode(heard_frame))
        output.mux(sound.encode(None))
    kind, samples, _ = heard(copy(clip, tmp_path / "b.mp4"))
    assert kind == "aac"
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert len(samples) / 48_000 == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("sound", [None, "aac"])
def test_an_mp4_plays_while_it_is_loaded(tmp_path: Path, sound: str | None) -> None:
    """Its table of contents comes before its frames, also where these are many buffers long."""
    clip = write_clip(tmp_path / "a.mkv", noise(40, 256), sound=sound)
    path = copy(clip, tmp_path / "b.mp4")
    data = path.read_bytes()
    assert len(data) > 1 << 20
    boxes, at = [], 0
    while at < len(data):
        boxes.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    assert at == len(data)
    assert boxes.index(b"moov") < boxes.index(b"mdat")
    pictures = zip(Video(path), Video(clip), strict=True)
    assert all(np.abs(a.rgb().astype(int) - b.rgb()).mean() < 25 for a, b in pictures)
    assert sorted(os.listdir(tmp_path)) == ["a.mkv", "b.mp4"]


@pytest.mark.parametrize("rate", [Fraction(60_000, 1001), Fraction(120), Fraction(25)])
@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_as_many_frames_are_told_as_written(tmp_path: Path, rate: Fraction, name: str) -> None:
    frames = [(k / rate, frame_HW3) for k, frame_HW3 in enumerate(flat_frames(6))]
    clip = RenderedClip(iter(frames), rate, 64, 48)
    told = write_result(clip, tmp_path / name)
    assert told.frames == len(list(Video(tmp_path / name)))
    assert told.frames == (6 if rate == 25 or name == "a.mp4" else {60: 4, 120: 3}[round(rate)])


@pytest.mark.parametrize(("side", "kind"), [(64, "SLICE"), (512, "SLICE"), (960, "AUTO")])
def test_large_frames_have_a_thread_each(tmp_path: Path, side: int, kind: str) -> None:
    """Small ones are written in slices, in which x264 writes the same again each time."""
    with create_video(tmp_path / "a.mp4", Fraction(25)) as writer:
        writer.write(np.zeros((side, side, 3), np.uint8), Fraction(0))
        assert writer._stream is not None
        assert writer._stream.thread_type.name == kind
