"""What is uploaded is refused by what it says of itself, before any of it is decoded."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from clips import flat_frames, write_clip
from liax.app.uploads import VisitorLimits, check_motion, check_picture, check_video
from liax.errors import LiaxError

LIMITS = VisitorLimits(megabytes=1, picture_megapixels=2, video_megapixels=1, seconds=3, frames=60)


def _png(path: Path, width: int, height: int) -> Path:
    """A PNG that says it is that large; its pixels are missing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")))
    return path


@pytest.mark.parametrize("side", [1500, 10_000, 60_000])
def test_decompression_bombs_are_refused_at_once(tmp_path: Path, side: int) -> None:
    bomb = _png(tmp_path / "bomb.png", side, side)
    start = time.monotonic()
    with pytest.raises(LiaxError, match="up to 2 megapixels"):
        check_picture(bomb, LIMITS)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_pictures_within_the_limits_pass(tmp_path: Path, format: str) -> None:
    path = tmp_path / "picture"
    Image.new("RGB", (1600, 1200)).save(path, format)
    check_picture(path, LIMITS)


def test_only_formats_that_cannot_run_or_name_anything_are_read(tmp_path: Path) -> None:
    script = tmp_path / "portrait.png"
    script.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    Image.open(script).close()  # Pillow takes it, by its content
    with pytest.raises(LiaxError, match="not a picture that can be read"):
        check_picture(script, LIMITS)


def test_files_that_are_too_large_or_gone_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bytes(1_000_001))
    for check in (check_picture, check_video, check_motion):
        with pytest.raises(LiaxError, match="up to 1 MB"):
            check(path, LIMITS)
        with pytest.raises(LiaxError, match="upload it again"):
            check(tmp_path / "gone", LIMITS)


def test_videos_are_refused_for_their_length_and_their_pixels(tmp_path: Path) -> None:
    check_video(write_clip(tmp_path / "short.mp4", flat_frames(20), rate=10), LIMITS)
    long = write_clip(tmp_path / "long.mp4", flat_frames(40), rate=10)
    with pytest.raises(LiaxError, match=r"lasts 4 s; cut it to 3 s"):
        check_video(long, LIMITS)
    wide = write_clip(tmp_path / "wide.mp4", flat_frames(2, 1280, 960))
    with pytest.raises(LiaxError, match="too many pixels"):
        check_video(wide, LIMITS)


@pytest.mark.parametrize(
    "list_of_files",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {secret}\n",
    ],
)
def test_lists_of_other_files_are_no_videos(tmp_path: Path, list_of_files: str) -> None:
    secret = write_clip(tmp_path / "secret.ts", flat_frames(5), rate=5, codec="mpeg2video")
    for name in ("video.mp4", "video.m3u8"):
        path = tmp_path / name
        path.write_text(list_of_files.format(secret=secret.name))
        with pytest.raises(LiaxError, match="not a video that can be read"):
            check_video(path, LIMITS)


def test_the_documents_tell_the_limits() -> None:
    page = (Path(__file__).parents[2] / "docs/animating.md").read_text("utf-8")
    told = page[page.index("### Opening it to others") : page.index("## In scripts")]
    limits = VisitorLimits()
    for words in (
        f"{limits.visitor_megabytes} MB an hour",
        f"up to {limits.megabytes} MB",
        f"have {limits.visitor_jobs} jobs run or wait",
        f"up to {limits.total_megabytes} MB",
    ):
        assert words in " ".join(told.split())
    assert limits.kept_minutes == 60


def test_sound_alone_and_text_are_no_videos(tmp_path: Path) -> None:
    text = tmp_path / "video.mp4"
    text.write_text("hello")
    with pytest.raises(LiaxError, match="not a video that can be read"):
        check_video(text, LIMITS)
