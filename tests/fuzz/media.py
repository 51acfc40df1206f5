"""Pictures and videos that are read, as small as they can be."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

from formats import Format, tiny_network
from media_mutations import mutate_media, mutate_png
from PIL import Image, ImageCms

from clips import fast_start, gradients, write_clip
from liax.app.uploads import VisitorLimits, check_picture, check_video
from liax.data.frames import decode_item
from liax.data.manifest import Item
from liax.media.footage import open_footage
from liax.media.images import read_image
from liax.media.video import Video
from liax.options import AnimateOptions, EditOptions
from liax.portrait import Animator, animate_file, edit_image
from liax.preparation.inputs import inspect_video

FRAMES, SIDE = 6, 48
_DRAWN = 17  # one file in so many drives a portrait, or is one


@cache
def _animator() -> Animator:
    return Animator(tiny_network(), "cpu")


def _chance(path: Path) -> int:
    """A number of 32 bits that a file's content decides: which of the further readers gets it."""
    return zlib.crc32(path.read_bytes())


def _read_picture(path: Path) -> None:
    check_picture(path, VisitorLimits())
    picture_HW3 = read_image(path)
    assert picture_HW3.ndim == 3
    assert picture_HW3.shape[2] == 3
    if _chance(path) % _DRAWN == 0:
        edit_image(_animator(), path, {"#0": 0.1}, EditOptions(crop=False))


def _read_video(path: Path) -> None:
    """What all commands do with a video, and what one of prepare, the page, training and animate does."""
    footage = open_footage(path, "driving")
    last = None
    for frame in footage:
        assert last is None or frame.time > last
        last = frame.time
        assert max(frame.rgb(SIDE).shape[:2]) <= SIDE
    chance = _chance(path)
    if chance % _DRAWN == 0:
        _animate(path)
    elif isinstance(footage, Video):
        _FURTHER[chance % len(_FURTHER)](path)


def _animate(path: Path) -> None:
    output = path.with_name("out.mp4")
    animate_file(_animator(), path.with_name("portrait.png"), path, output, AnimateOptions(crop=False))
    assert len(list(Video(output))) > 0
    output.unlink()


def _read_from_within(path: Path) -> None:
    video = Video(path, threads=1)
    second = 1 / video.rate
    assert all(frame.time >= second for frame in video.between(second))


_FURTHER: tuple[Callable[[Path], object], ...] = (
    inspect_video,
    _read_from_within,
    lambda path: check_video(path, VisitorLimits()),
    lambda path: list(decode_item(path.parent, Item(path.name, "clip", "a", FRAMES))),
)


def prepare(folder: Path) -> None:
    """The portrait that videos drive."""
    Image.fromarray(gradients(1, SIDE)[0]).save(folder / "portrait.png")


def _clip(name: str, codec: str, sound: str | None, **options: str) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        path = folder / name
        rate = Fraction(10)
        write_clip(path, gradients(FRAMES, SIDE), rate=rate, codec=codec, sound=sound, options=options)
        return path.read_bytes()

    return make


def _fast_start(folder: Path) -> bytes:
    path = folder / "late.mp4"
    path.write_bytes(_mp4(folder))
    return fast_start(path, folder / "early.mp4").read_bytes()


def _still(kind: str, mode: str) -> Callable[[Path], bytes]:
    """With a colour profile, and turned by EXIF, where the format has these."""

    def make(folder: Path) -> bytes:
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        turned = Image.Exif()
        turned[0x0112] = 6
        picture = Image.fromarray(gradients(1, SIDE)[0]).convert(mode)
        picture.save(folder / "still", kind, exif=turned, icc_profile=profile)
        return (folder / "still").read_bytes()

    return make


def _moving(kind: str, **options: object) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        first, *others = map(Image.fromarray, gradients(FRAMES, SIDE))
        first.save(folder / "moving", kind, save_all=True, append_images=others, duration=100, **options)
        return (folder / "moving").read_bytes()

    return make


_mp4 = _clip("a.mp4", "libx264", "aac", preset="ultrafast", g="3")

FORMATS = {
    "mp4": Format("driving.mp4", _mp4, mutate_media, _read_video),
    "mp4-fast-start": Format("driving.mp4", _fast_start, mutate_media, _read_video),
    "webm": Format("driving.webm", _clip("a.webm", "libvpx", "libopus"), mutate_media, _read_video),
    "avi": Format("driving.avi", _clip("a.avi", "mpeg4", "mp3"), mutate_media, _read_video),
    "mpegts": Format("driving.ts", _clip("a.ts", "libx264", "aac"), mutate_media, _read_video),
    "gif": Format("driving.gif", _moving("GIF"), mutate_media, _read_video),
    "apng": Format("driving.png", _moving("PNG"), mutate_png, _read_video),
    "moving-webp": Format("driving.webp", _moving("WEBP"), mutate_media, _read_video),
    "moving-avif": Format("driving.avif", _moving("AVIF"), mutate_media, _read_video),
    "jpg": Format("portrait.jpg", _still("JPEG", "RGB"), mutate_media, _read_picture),
    "png": Format("source.png", _still("PNG", "RGBA"), mutate_png, _read_picture),
    "webp": Format("source.webp", _still("WEBP", "RGBA"), mutate_media, _read_picture),
    "tiff": Format("source.tif", _still("TIFF", "RGB"), mutate_media, _read_picture),
    "bmp": Format("source.bmp", _still("BMP", "RGB"), mutate_media, _read_picture),
    "jpeg2000": Format("source.jp2", _still("JPEG2000", "RGB"), mutate_media, _read_picture),
    "avif": Format("source.avif", _still("AVIF", "RGB"), mutate_media, _read_picture),
}
