"""Files of every kind that liax writes carry the invisible mark, and say so after others saved them."""

from __future__ import annotations

import logging
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.marking import NOT_SYNTHETIC
from liax.media import pixel_marks
from liax.media.footage import open_footage
from liax.media.images import write_image
from liax.media.pixel_marks import read_pixel_mark
from liax.media.sequence import create_sequence
from liax.media.writer import create_video
from liax.options import MarkOptions

PICTURES, VIDEOS = ("a.png", "a.jpg", "a.webp"), ("v.mp4", "v.mov", "v.webm", "v.webp", "v.gif")


@pytest.fixture(scope="module")
def frames(portrait_HW3: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    wide = Image.fromarray(portrait_HW3).resize((300, 256))
    return [np.asarray(wide.crop((4 * k, 0, 4 * k + 256, 256))) for k in range(6)]


def write(path: Path, frames: list[NDArray[np.uint8]], **how: Any) -> Path:
    if path.name in PICTURES:
        write_image(path, frames[0], **how)
        return path
    with create_video(path, Fraction(12), **how) as writer:
        for k, frame_HW3 in enumerate(frames):
            writer.write(frame_HW3, Fraction(k, 12))
    return path


@pytest.mark.parametrize("name", PICTURES + VIDEOS)
def test_every_format_carries_it(tmp_path: Path, frames: list[NDArray[np.uint8]], name: str) -> None:
    mark = read_pixel_mark(write(tmp_path / name, frames))
    assert (mark.marked, mark.problem) == (True, "")
    assert mark.frames == (1 if name in PICTURES else 6)
    for how in ({"mark": MarkOptions(mark=False)}, {"provenance": NOT_SYNTHETIC}):
        assert not read_pixel_mark(write(tmp_path / name, frames, **how)).marked


@pytest.mark.parametrize("name", ["v.mp4", "v.gif", "f_%d.png"])
def test_frames_may_be_prepared_in_any_order(
    tmp_path: Path, frames: list[NDArray[np.uint8]], name: str
) -> None:
    """A GIF leaves out every other of these."""
    create = create_sequence if "%" in name else partial(create_video, rate=Fraction(100))
    read = []
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        with create(folder / name) as writer:
            if folder.name == "one":
                for k, frame_HW3 in enumerate(frames):
                    writer.write(frame_HW3, Fraction(k, 100))
            else:
                prepared = [writer.prepare(frame_HW3, Fraction(k, 100)) for k, frame_HW3 in enumerate(frames)]
                for frame in [compute() for compute in reversed(prepared)][::-1]:
                    writer.encode(frame)
        assert writer.frames == (3 if name == "v.gif" else 6)
        read.append([frame.rgb() for p in sorted(folder.iterdir()) for frame in open_footage(p, "output")])
    assert np.array_equal(*read)


def test_every_picture_of_a_sequence_carries_it(tmp_path: Path, frames: list[NDArray[np.uint8]]) -> None:
    with create_sequence(tmp_path / "f_%d.png") as writer:
        for frame_HW3 in frames[:2]:
            writer.write(frame_HW3, Fraction(0))
    assert [read_pixel_mark(tmp_path / f"f_{k}.png").marked for k in (1, 2)] == [True, True]


def test_it_stays_when_a_video_is_encoded_again(tmp_path: Path, frames: list[NDArray[np.uint8]]) -> None:
    first = write(tmp_path / "v.mp4", frames)
    with av.open(tmp_path / "again.mp4", "w") as output:
        stream: Any = output.add_stream("libx264", rate=12, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuv420p"
        for frame in open_footage(first, "video"):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame.rgb(), format="rgb24")))
        output.mux(stream.encode(None))
    mark = read_pixel_mark(tmp_path / "again.mp4")
    assert (mark.marked, mark.frames, mark.kept) == (True, 6, (1, 1))


@pytest.mark.parametrize("name", ["a.png", "v.mp4"])
def test_what_is_too_small_is_said(
    tmp_path: Path, frames: list[NDArray[np.uint8]], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.INFO)
    small = [np.ascontiguousarray(frame[::4, ::4]) for frame in frames]
    path = write(tmp_path / name, small)
    (said,) = [text for text in caplog.messages if "carry no mark" in text]
    assert said.startswith(f"The pixels of {path} ")
    assert "too small" in read_pixel_mark(path).problem


def test_long_videos_are_read_in_part(
    tmp_path: Path, frames: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "v.mp4", [frames[k % 6] for k in range(40)])
    monkeypatch.setattr(pixel_marks, "FRAMES", 4)
    assert read_pixel_mark(path).frames == 4
    monkeypatch.setattr(pixel_marks, "_MOST_DECODED", 3)
    assert read_pixel_mark(path).frames == 3


@pytest.mark.parametrize("content", [b"", b"This is no picture.", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_what_cannot_be_read_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    mark = read_pixel_mark(tmp_path / "a.png")
    assert not mark.marked
    assert mark.problem
