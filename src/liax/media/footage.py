"""Moving pictures wherever they lie: a video, or a folder of numbered pictures."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from liax.errors import LiaxError
from liax.files import check_input
from liax.media.images import read_image
from liax.media.video import Video

# What counts as a picture, by its ending in lower case.
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
RATE = Fraction(25)


class Picture(Protocol):
    """One picture of several, RGB when asked; `time`, `width` and `height` as of `liax.media.video.Frame`."""

    @property
    def time(self) -> Fraction: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

    def rgb(self, longest: int | None = None) -> NDArray[np.uint8]:
        """RGB uint8 (H, W, 3); with `longest`, scaled down so that no side exceeds it."""


class Footage(Protocol):
    """Pictures of one size, one after the other; each iteration reads them anew. Fields as of `Video`."""

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
    """A picture that is in memory already."""

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
        path: One picture, or a folder whose pictures follow each other in natural order (frame2 before
            frame10); its other files, hidden ones and folders do not count.
        rate: Pictures a second.

    Attributes:
        expected: How many there are.
        width, height: Of each, in pixels, upright.

    Raises:
        LiaxError: For a folder without pictures and, while they are read, for those that are damaged or of
            another size than the first.
    """

    def __init__(self, path: Path, role: str = "picture", rate: Fraction = RATE) -> None:
        self.path, self.rate = path, rate
        self._role = role
        self._files = _in_order(path) if path.is_dir() else [path]
        if not self._files:
            raise LiaxError(f"{path} has no pictures in it; put frames there ({', '.join(PICTURES)}).")
        self.expected = len(self._files)
        self.height, self.width = read_image(self._files[0], role).shape[:2]

    def __iter__(self) -> Iterator[ImageFrame]:
        for k, file in enumerate(self._files):
            image_HW3 = read_image(file, self._role)
            height, width = image_HW3.shape[:2]
            if (width, height) != (self.width, self.height):
                first = f"{self._files[0].name} {self.width}x{self.height}"
                raise LiaxError(f"{file} is {width}x{height} pixels and {first}; give frames of one size.")
            yield ImageFrame(k / self.rate, image_HW3)


def open_footage(path: Path, role: str, rate: Fraction | None = None) -> Footage:
    """The moving pictures at `path`: a video, a folder of pictures, or a single picture.

    Args:
        role: Names it in messages.
        rate: Pictures a second of a folder, 25 by default.

    Raises:
        LiaxError: When there is nothing of the kind, or a rate is given for anything but a folder.
    """
    folder = path.is_dir()
    if rate is not None and not folder:
        raise LiaxError(f"{path} is no folder of frames; only those are given a frame rate.")
    if rate is not None and not 0 < rate <= 1000:
        raise LiaxError(f"{path} cannot run at {float(rate):g} frames a second; choose a rate up to 1000.")
    if folder:
        return ImageSequence(path, role, rate or RATE)
    check_input(path, role)
    return ImageSequence(path, role) if is_still(path) else Video(path, role)


def is_still(path: Path) -> bool:
    """Whether the file is a picture that does not move."""
    if path.suffix.lower() not in PICTURES:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return not getattr(image, "is_animated", False)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return True  # reading it will say what is wrong


def _in_order(folder: Path) -> list[Path]:
    try:
        files = [f for f in folder.iterdir() if f.suffix.lower() in PICTURES and not f.name.startswith(".")]
    except OSError as error:
        raise LiaxError(f"{folder} cannot be opened ({error.strerror}); change its permissions.") from error
    return sorted((f for f in files if f.is_file()), key=lambda f: _natural(f.name))


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts digits as the numbers that they are."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.lower())]
