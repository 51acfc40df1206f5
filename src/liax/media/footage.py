"""Footage, read frame by frame: videos, animated pictures, folders of numbered pictures, single pictures."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.errors import LiaxError
from liax.files import check_input
from liax.media.container import open_media
from liax.media.formats import PICTURE_ERRORS, is_heic, open_picture
from liax.media.images import open_image, read_image, to_rgb
from liax.media.video import FASTEST, SLOWEST, Video

# File name suffixes of pictures, in lower case.
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
DEFAULT_RATE = Fraction(25)  # frames a second of a folder of pictures
# Milliseconds: frames that are not longer than the first are shown for the second, as browsers do.
_TOO_SHORT, _INSTEAD = 10, 100


class Picture(Protocol):
    """One frame of footage, converted to RGB when asked.

    `time`, `width` and `height` are those of `liax.media.video.Frame`.
    """

    @property
    def time(self) -> Fraction: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

    def rgb(self, longest: int | None = None) -> NDArray[np.uint8]:
        """RGB uint8 (H, W, 3); with `longest`, scaled down so that no side exceeds it."""


class Footage(Protocol):
    """Frames of one size; each iteration reads them again. The fields are those of `Video`."""

    @property
    def path(self) -> Path: ...
    @property
    def rate(self) -> Fraction: ...
    @property
    def expected(self) -> int | None: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

    def __iter__(self) -> Iterator[Picture]: ...


@dataclass(frozen=True)
class ImageFrame:
    """A frame that is in memory as RGB uint8 (H, W, 3), shown from `time` seconds on."""

    time: Fraction
    image_HW3: NDArray[np.uint8]

    @property
    def width(self) -> int:
        return self.image_HW3.shape[1]

    @property
    def height(self) -> int:
        return self.image_HW3.shape[0]

    def rgb(self, longest: int | None = None) -> NDArray[np.uint8]:
        """RGB uint8 (H, W, 3); with `longest`, scaled down so that no side exceeds it."""
        scale = longest / max(self.width, self.height) if longest else 1.0
        if scale >= 1:
            return self.image_HW3
        size = (max(1, round(self.width * scale)), max(1, round(self.height * scale)))
        image = Image.fromarray(self.image_HW3)
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2))


class ImageSequence:
    """Picture files as footage, one in memory at a time.

    Args:
        path: One picture, or a folder of pictures, which are read in natural order (frame2 before frame10).
            Other files, hidden files and subfolders are ignored.
        role: What the footage is to the user, such as "driving"; it appears in messages.
        rate: Frames a second.

    Attributes:
        expected: Number of pictures.
        width, height: Size of each picture in pixels, upright.

    Raises:
        LiaxError: If the folder has no pictures, or, during iteration, if a picture is damaged or differs in
            size from the first.
    """

    def __init__(self, path: Path, role: str = "picture", rate: Fraction = DEFAULT_RATE) -> None:
        self.path, self.rate = path, rate
        self._role = role
        self._files = _in_order(path) if path.is_dir() else [path]
        if not self._files:
            raise LiaxError(f"{path} has no pictures in it", f"put frames there ({', '.join(PICTURES)})")
        self.expected = len(self._files)
        self.height, self.width = read_image(self._files[0], role).shape[:2]

    def __iter__(self) -> Iterator[ImageFrame]:
        for k, file in enumerate(self._files):
            image_HW3 = read_image(file, self._role)
            height, width = image_HW3.shape[:2]
            if (width, height) != (self.width, self.height):
                first = f"{self._files[0].name} {self.width}x{self.height}"
                raise LiaxError(f"{file} is {width}x{height} pixels and {first}", "give frames of one size")
            yield ImageFrame(k / self.rate, image_HW3)


class Excerpt:
    """A part of footage as footage of its own, whose times start at 0.

    Args:
        footage: The whole.
        since, until: Seconds from and up to which it is taken; None is an end of the whole.

    Attributes:
        whole: The whole.
        start: Time of the first frame of the part, in seconds of the whole.

    Raises:
        LiaxError: If there is no frame in between.
    """

    def __init__(self, footage: Footage, since: float | None, until: float | None) -> None:
        self.whole, self.path, self.rate = footage, footage.path, footage.rate
        self.width, self.height = footage.width, footage.height
        self._since = _exact(since or 0.0)
        self._until = None if until is None else _exact(until)
        first = next(self._frames(), None)
        if first is None:
            start = f"{float(self._since):g} s"
            where = f"after {start}" if until is None else f"between {start} and {until:g} s"
            raise LiaxError(f"{self.path} has no frame {where}", "choose a part that it has")
        self.start = first.time
        self.expected = footage.expected
        if footage.expected is not None:
            end = footage.expected if self._until is None else round(self._until * self.rate)
            self.expected = max(1, min(end, footage.expected) - round(self.start * self.rate))

    def __iter__(self) -> Iterator[Picture]:
        for frame in self._frames():
            yield replace(frame, time=frame.time - self.start)  # type: ignore[type-var]

    def _frames(self) -> Iterator[Picture]:
        if isinstance(self.whole, Video):
            yield from self.whole.between(self._since, self._until)
            return
        for frame in self.whole:
            if self._until is not None and frame.time >= self._until:
                return
            if frame.time >= self._since:
                yield frame


class StillFootage:
    """The first frame of footage, shown for some time; its fields are those of `Footage`.

    Args:
        rate, count: Frames a second, and how many there are.
    """

    def __init__(self, footage: Footage, rate: Fraction, count: int) -> None:
        self.path, self.rate, self.expected = footage.path, rate, count
        self.width, self.height = footage.width, footage.height
        self._image_HW3 = next(iter(footage)).rgb()

    def __iter__(self) -> Iterator[ImageFrame]:
        for number in range(self.expected):
            yield ImageFrame(number / self.rate, self._image_HW3)


class AnimatedImage:
    """An animated WebP as footage, one frame in memory at a time; FFmpeg does not decode those.

    Args:
        path: The file.
        role: What the footage is to the user, such as "driving"; it appears in messages.

    Attributes:
        rate: Frames a second on average; each frame has its own time.
        expected: Number of frames.
        width, height: Size of each frame in pixels.

    Raises:
        LiaxError: If it is damaged.
    """

    def __init__(self, path: Path, role: str = "picture") -> None:
        self.path, self._role = path, role
        seconds = Fraction(0)
        self.expected = 0
        for image, length in self._decoded():
            seconds += length
            self.expected += 1
            self.width, self.height = image.size
        self.rate = max(SLOWEST, (self.expected / seconds).limit_denominator(1001))

    def __iter__(self) -> Iterator[ImageFrame]:
        time = Fraction(0)
        for image, length in self._decoded():
            yield ImageFrame(time, np.asarray(to_rgb(image)))
            time += length

    def _decoded(self) -> Iterator[tuple[Image.Image, Fraction]]:
        """Each frame, valid until the next, and how many seconds it is shown."""
        with open_image(self.path, self._role) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
                milliseconds = round(image.info.get("duration", 0))
                yield image, Fraction(milliseconds if milliseconds > _TOO_SHORT else _INSTEAD, 1000)


def open_footage(path: Path, role: str, rate: Fraction | None = None) -> Footage:
    """Open a video, an animated picture, a folder of pictures or a single picture.

    Args:
        path: The file or folder.
        role: What the footage is to the user, such as "driving"; it appears in messages.
        rate: Frames a second of a folder of pictures; 25 by default.

    Raises:
        LiaxError: If it cannot be read, or if a rate is given for anything but a folder.
    """
    folder = _is_folder(path)
    if rate is not None and not folder:
        raise LiaxError(f"{path} is no folder of frames", "only those are given a frame rate")
    if rate is not None and not SLOWEST <= rate <= FASTEST:
        raise LiaxError(
            f"{path} cannot run at {float(rate):g} frames a second", "choose a rate of 0.001 to 1000"
        )
    if folder:
        return ImageSequence(path, role, rate or DEFAULT_RATE)
    check_input(path, role)
    if is_still(path):
        return ImageSequence(path, role)
    return AnimatedImage(path, role) if path.suffix.lower() == ".webp" else Video(path, role)


def _exact(seconds: float) -> Fraction:
    """The time that was meant: 0.6 as 3/5, at which a frame may begin."""
    return Fraction(seconds).limit_denominator(1_000_000)


def sound_of(footage: Footage) -> tuple[Path | None, Fraction]:
    """The video that has the footage's sound, if any, and the footage's first moment on its clock."""
    if isinstance(footage, Excerpt):
        path, start = sound_of(footage.whole)
        return path, start + footage.start
    return (footage.path, footage.start) if isinstance(footage, Video) else (None, Fraction(0))


def files_of(path: Path) -> tuple[Path, ...]:
    """All files that `open_footage` reads of `path`: the file itself, or a folder's pictures."""
    return tuple(_in_order(path)) if _is_folder(path) else (path,)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # an impossible name; opening it will say so
        return False


def is_still(path: Path) -> bool:
    """Whether the file is a picture, and not an animated one; an unreadable picture counts as still."""
    if path.suffix.lower() not in PICTURES:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_picture(path) as image:
                return not getattr(image, "is_animated", False)
    except PICTURE_ERRORS:
        return True  # reading it will say what is wrong


def is_video(path: Path) -> bool:
    """Whether a file is a video and no picture, of which only the first frame would count."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            if is_heic(file.read(12)):
                return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_picture(path):
                return False
    except PICTURE_ERRORS:
        pass
    try:
        with open_media(path) as container:
            return bool(container.streams.video)
    except (av.FFmpegError, OSError):
        return False


def _in_order(folder: Path) -> list[Path]:
    try:
        files = [f for f in folder.iterdir() if f.suffix.lower() in PICTURES and not f.name.startswith(".")]
    except OSError as error:
        raise LiaxError(f"{folder} cannot be opened ({error.strerror})", "change its permissions") from error
    return sorted((f for f in files if f.is_file()), key=lambda f: _natural(f.name))


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key that compares runs of digits as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.lower())]
