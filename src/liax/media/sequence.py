"""Frames as numbered pictures: talk_%04d.png becomes talk_0001.png, talk_0002.png and so on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import OutputExistsError
from liax.files import atomic_files
from liax.media.images import write_image

_NUMBER = re.compile(r"%(?:0?([1-9]))?d")


def is_sequence(path: Path) -> bool:
    """Whether the name says where numbers go, as %d or %04d."""
    return _NUMBER.search(path.name) is not None


def picture_path(path: Path, number: int) -> Path:
    """The file of one frame."""
    return path.with_name(_NUMBER.sub(lambda match: f"{number:0{match[1] or 1}d}", path.name))


@contextmanager
def create_sequence(
    path: Path, *, overwrite: bool = True, quality: int | None = None
) -> Iterator[SequenceWriter]:
    """Open a sequence for writing; its pictures appear when the block ends without an exception.

    Args:
        path: Has a number in its name (`is_sequence`), and a suffix that pictures have.
        overwrite: Whether pictures that are there are replaced.
        quality: As in `write_image`.

    Raises:
        OutputExistsError: If the first picture exists and `overwrite` is false.
        LiaxError: If one cannot be written.
    """
    if not overwrite and picture_path(path, 1).exists():
        raise OutputExistsError(picture_path(path, 1))
    with atomic_files(path.parent, overwrite=overwrite) as folder:
        yield SequenceWriter(folder / path.name, quality)


class SequenceWriter:
    """Writes numbered pictures; `create_sequence` makes one.

    Attributes:
        frames: How many are written so far.
    """

    def __init__(self, path: Path, quality: int | None) -> None:
        self._path, self._quality = path, quality
        self.frames = 0

    def write(self, frame_HWC: NDArray[np.uint8], time: Fraction) -> None:
        """Append a frame, RGB or RGBA uint8; pictures have no times."""
        self.frames += 1
        write_image(picture_path(self._path, self.frames), frame_HWC, quality=self._quality)
