"""What of source and driving goes into the network, and in which shape the result comes out."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liax.errors import FaceChoiceError, NoFaceError, OptionError, SeveralFaces
from liax.face.crop import Crop, box_of, crop_and_resize, resize
from liax.face.find import find_faces, find_upright
from liax.face.landmarks import MOST_IDLE, FaceLandmarker
from liax.face.place import Place, crop_for_places
from liax.options import SourceOptions, Square
from liax.pipeline import usable_cores

log = logging.getLogger(__name__)

# Least side of a square that is chosen by hand.
_SMALLEST = 16
# Beside a face of this share of the picture's longer side, only ones that are a third of it can be overlooked
# at first sight; then they are not looked for.
_LARGE = 0.3

FaceOption = Literal["face", "driving_face"]
"""The option that chooses one of several faces."""


@dataclass(frozen=True)
class Framing:
    """How pictures of one origin become the network's squares.

    Args:
        crop: The square to cut out, None to squash the whole picture.
        width, height: Pixels of what comes out again, even; R × R for a crop that lies in its picture, and
            otherwise of the picture's own aspect with R the shorter side.
        part: Left, top, right and bottom of what comes out of the square, in its pixels; None for all of it.
    """

    crop: Crop | None
    width: int
    height: int
    part: tuple[int, int, int, int] | None = None

    def width_at(self, height: int) -> int:
        """The even width of this picture when shown `height` pixels high."""
        return _even(self.width * height / self.height)

    def to_square(self, image_HW3: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """The square (size, size, 3) of an RGB uint8 picture (H, W, 3)."""
        return (
            resize(image_HW3, size, size)
            if self.crop is None
            else crop_and_resize(image_HW3, self.crop, size)
        )

    def from_square(self, square_RR3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What comes out of a square (R, R, 3): (height, width, 3)."""
        if self.part is not None:
            left, top, right, bottom = self.part
            square_RR3 = square_RR3[top:bottom, left:right]
        return resize(square_RR3, self.width, self.height)


def frame_whole_picture(width: int, height: int, size: int) -> Framing:
    """Framing of a whole picture of width × height pixels for a network of side `size`."""
    scale = size / min(width, height)
    return Framing(None, _even(width * scale), _even(height * scale))


def frame_source(
    landmarker: FaceLandmarker, image_HW3: NDArray[np.uint8], path: Path, size: int, choice: int | None
) -> Framing:
    """Framing of the face in a still RGB uint8 picture (H, W, 3).

    Args:
        path: The picture's file, for messages.
        choice: Which face, 1 the largest; None takes that, and says so of several that are not small.

    Raises:
        NoFaceError, FaceChoiceError: If there is no such face.
    """
    enough = _LARGE if choice is None else math.inf
    faces = find_faces(landmarker, image_HW3, enough=enough, at_once=min(MOST_IDLE, usable_cores()))
    check_choice(path, len(faces), choice, "face")
    face = find_upright(landmarker, image_HW3, faces[(choice or 1) - 1])
    height, width, _ = image_HW3.shape
    crop = crop_for_places([Place.of(face)], width, height).on_whole_pixels()
    if crop.inside(width, height):
        return Framing(crop, size, size)
    log.warning(
        f"{path} ends close to the face; the network's square reaches past it, and only what the picture has "
        "is shown."
    )
    part = _real_part(crop, width, height, size)
    return Framing(crop, part[2] - part[0], part[3] - part[1], part)


def frame_square(square: Square, path: Path, width: int, height: int, size: int) -> Framing:
    """Framing of a square that was chosen by hand in a picture of width × height pixels.

    Raises:
        OptionError: If it leaves the picture by more than a hundredth of its side, or is too small to see.
    """
    crop = Crop(*square)
    if not (square.side >= _SMALLEST and crop.inside(width, height)):
        raise OptionError(
            {"square": square},
            f"A square of {square.side:g} pixels at {square.left:g},{square.top:g} is not within {path}, "
            f"which is {width}x{height}, or has less than {_SMALLEST} pixels a side",
            "choose one that is",
        )
    return Framing(crop, size, size)


def _real_part(crop: Crop, width: int, height: int, size: int) -> tuple[int, int, int, int]:
    """What of a square of `size` pixels lies in the picture; all of it if it is turned by no quarter."""
    if crop.roll % 90:
        return 0, 0, size, size
    left, top, right, bottom = box_of(size * crop.to_square(np.array([(0, 0), (width, height)])))
    x, y = _inner(left, right, size), _inner(top, bottom, size)
    return x[0], y[0], x[1], y[1]


def _inner(start: float, end: float, size: int) -> tuple[int, int]:
    """First and end of the whole pixels of a range, an even number of them."""
    first = min(max(0, math.ceil(start - 0.01)), size - 2)
    last = max(first + 2, min(size, math.floor(end + 0.01)))
    return first, last - (last - first) % 2


def check_square(options: SourceOptions) -> None:
    """Raise OptionError for a square beside another way to frame a source."""
    others: dict[str, object] = {} if options.crop else {"crop": False}
    if options.face is not None:
        others["face"] = options.face
    if options.square is not None and others:
        raise OptionError(
            {"square": options.square, **others}, "A square that is chosen by hand frames the source already"
        )


def check_choice(path: Path, count: int, choice: int | None, option: FaceOption) -> None:
    """Check that `choice` is one of the `count` faces that `path` shows; None takes the largest and warns.

    Args:
        option: The argument that chooses, for messages.

    Raises:
        NoFaceError: If there is no face.
        FaceChoiceError: If there is no such face.
    """
    if count == 0:
        raise NoFaceError(path)
    if choice is not None and not 1 <= choice <= count:
        raise FaceChoiceError(path, count, choice, option)
    if choice is None and count > 1:
        log.warning(SeveralFaces(path, count, option))


def _even(length: float) -> int:
    return max(2, 2 * math.floor(length / 2 + 0.5))
