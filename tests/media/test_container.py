"""What a file may be when it is opened: media that hold their own content, on a disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from clips import flat_frames, write_clip
from liax.app.uploads import VisitorLimits, check_picture, check_video
from liax.data.frames import decode, decode_with_opencv
from liax.data.manifest import read_manifest
from liax.errors import LiaxError
from liax.media.footage import open_footage
from liax.media.images import read_image
from liax.media.sound import Sound
from liax.media.video import Video
from liax.portrait.batch_config import read_batch
from liax.portrait.template import load_template
from liax.preparation.inputs import inspect_video
from liax.weights import load

LISTS = {
    "ffconcat": "ffconcat version 1.0\nfile {name}\n",
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1.0,\n{name}\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p"></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "ansi art": "\x1b[31mhello\x1b[0m\n" * 400,
    "subtitles": "1\n00:00:00,000 --> 00:00:01,000\nhello\n" * 40,
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("ending", [".mp4", ".ans", ".m3u8", ".txt"])
def test_lists_of_other_files_and_texts_are_no_videos(tmp_path: Path, kind: str, ending: str) -> None:
    write_clip(tmp_path / "other.mp4", flat_frames(3))
    path = tmp_path / f"a{ending}"
    path.write_text(LISTS[kind].format(name="other.mp4"))
    with pytest.raises(LiaxError, match=r"is not a video"):
        Video(path)
    with pytest.raises(LiaxError, match=r"is not a video"):
        open_footage(path, "driving")
    with pytest.raises(LiaxError, match=r"is not a video"):
        check_video(path, VisitorLimits())
    with pytest.raises(ValueError, match="Invalid"):
        list(decode(path))
    assert list(decode_with_opencv(path)) == []
    assert inspect_video(path).problem is not None
    with pytest.raises(LiaxError, match="cannot be read"):
        Sound(path, 0, None, "mp4")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["talk:final.mp4", "concat:a.mp4", "http:a.mp4", "a%03d.mp4", "pipe:0.mp4"])
def test_a_name_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A name without a folder, as it is typed."""
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.mp4", flat_frames(3), sound="aac").rename(tmp_path / name)
    assert len(list(Video(Path(name)))) == 3
    assert len(list(decode(Path(name)))) == 3
    check_video(Path(name), VisitorLimits())
    Sound(Path(name), 0, _NoOutput(), "mp4").close()  # type: ignore[arg-type]


class _NoOutput:
    def add_stream_from_template(self, stream: object) -> None:
        return None


def test_pictures_that_need_another_program_are_refused(tmp_path: Path) -> None:
    Image.fromarray(flat_frames(1)[0]).save(tmp_path / "a.eps")
    path = (tmp_path / "a.eps").rename(tmp_path / "a.png")
    for read in (read_image, lambda path: check_picture(path, VisitorLimits())):
        with pytest.raises(LiaxError, match="is not a picture"):
            read(path)


READERS: list[Callable[[Path], object]] = [
    read_image,
    Video,
    load_template,
    load,
    read_batch,
    lambda path: open_footage(path, "driving"),
    lambda path: read_manifest(path, None),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("node", ["pipe", "link to a pipe", "device"])
@pytest.mark.timeout(60)
def test_what_would_never_end_is_refused_at_once(
    tmp_path: Path, node: str, read: Callable[[Path], object]
) -> None:
    path = Path("/dev/zero")
    if node != "device":
        path = tmp_path / "a.mp4"
        os.mkfifo(path)
    if node == "link to a pipe":
        (tmp_path / "link.mp4").symlink_to(path)
        path = tmp_path / "link.mp4"
    with pytest.raises(LiaxError, match=r"is a device or a pipe; save the .* as a file first"):
        read(path)
    assert inspect_video(path).problem == "is a device or a pipe"
