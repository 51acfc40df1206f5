"""Frames as numbered pictures: talk_%04d.png becomes talk_0001.png, talk_0002.png and so on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import OutputExistsError
from liax.files import atomic_files
from liax.marking import Provenance
from liax.marking.output import PictureMarker, picture_marker, unmarked
from liax.media.images import write_image
from liax.options import MarkOptions

_NUMBER = re.compile(r"%(?:0?([1-9]))?d")


def is_sequence(path: Path) -> bool:
    """Whether the name says where numbers go, as %d or %04d."""
    return _NUMBER.search(path.name) is not None


def picture_path(path: Path, number: int) -> Path:
    """The file of one frame."""
    return path.with_name(_NUMBER.sub(lambda match: f"{number:0{match[1] or 1}d}", path.name))


@contextmanager
def create_sequence(
    path: Path,
    *,
    provenance: Provenance = Provenance(),  # noqa: B008 - frozen
    mark: MarkOptions = MarkOptions(),  # noqa: B008
    overwrite: bool = True,
    quality: int | None = None,
) -> Iterator[SequenceWriter]:
    """Open a sequence for writing; its pictures appear when the block ends without an exception.

    Args:
        path: Has a number in its name (`is_sequence`), and a suffix that pictures have.
        provenance, mark: As in `write_image`, of every picture.
        overwrite: Whether pictures that are there are replaced.
        quality: As in `write_image`.

    Raises:
        OutputExistsError: If the first picture exists and `overwrite` is false.
        LiaxError: If one cannot be written.
    """
    if not overwrite and picture_path(path, 1).exists():
        raise OutputExistsError(picture_path(path, 1))
    with atomic_files(path.parent, overwrite=overwrite) as folder:
        write = partial(
            write_image,
            provenance=provenance,
            mark=mark,
            quality=quality,
            mark_picture=unmarked,  # they are marked by then
        )
        yield SequenceWriter(folder / path.name, write, picture_marker(path, provenance, mark))


class SequenceWriter:
    """Writes numbered pictures; `create_sequence` makes one.

    Args:
        path: Has a number in its name.
        write: Writes one picture.
        mark_picture: What every picture passes first.

    Attributes:
        frames: How many are written so far.
    """

    def __init__(
        self, path: Path, write: Callable[[Path, NDArray[np.uint8]], None], mark_picture: PictureMarker
    ) -> None:
        self._path, self._write, self._mark_picture = path, write, mark_picture
        self.frames = 0

    def write(self, frame_HWC: NDArray[np.uint8], time: Fraction) -> None:
        """Append a frame, RGB or RGBA uint8; pictures have no times."""
        self.encode(self.prepare(frame_HWC, time)())

    def prepare(self, frame_HWC: NDArray[np.uint8], time: Fraction) -> Callable[[], NDArray[np.uint8]]:
        """Takes a frame, in order, as `VideoWriter.prepare` does; what it returns marks the frame."""
        return self._mark_picture(frame_HWC)

    def encode(self, frame_HWC: NDArray[np.uint8]) -> None:
        """Append what was prepared."""
        self.frames += 1
        self._write(picture_path(self._path, self.frames), frame_HWC)
