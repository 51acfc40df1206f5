"""What of source and driving goes into the network, and in which shape the result comes out."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liax.errors import FaceChoiceError, NoFaceError, SeveralFaces
from liax.face.crop import Crop, crop_and_resize, crop_around, resize, upright_roll
from liax.face.find import find_faces, find_upright
from liax.face.landmarks import FaceLandmarker

log = logging.getLogger(__name__)

FaceOption = Literal["face", "driving_face"]
"""The option that chooses one of several faces."""


@dataclass(frozen=True)
class Framing:
    """How pictures of one origin become the network's squares.

    Args:
        crop: The square to cut out, None to squash the whole picture.
        width, height: Pixels of what comes out again, even; R × R for a crop, and otherwise of the picture's
            own aspect with R the shorter side.
    """

    crop: Crop | None
    width: int
    height: int

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
        choice: Which face, 1 the largest; None takes that and says so.

    Raises:
        NoFaceError, FaceChoiceError: If there is no such face.
    """
    faces = find_faces(landmarker, image_HW3)
    check_choice(path, len(faces), choice, "face")
    face = find_upright(landmarker, image_HW3, faces[(choice or 1) - 1])
    roll = upright_roll(face.roll)
    return Framing(crop_around(face.box_upright(roll), roll=roll), size, size)


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
