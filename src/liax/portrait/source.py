"""A source portrait, opened once: its picture, its square, and what the network knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import resize
from liax.face.landmarks import FaceLandmarker
from liax.media.images import read_with_alpha
from liax.model import Encoded
from liax.options import SourceOptions
from liax.portrait.animator import Animator
from liax.portrait.framing import Framing, check_square, frame_source, frame_square, frame_whole_picture
from liax.portrait.pose import measure_pose


@dataclass(frozen=True)
class Portrait:
    """A portrait ready to be decoded anew, as often as wanted.

    Args:
        picture_HW3: RGB uint8, as it was read.
        framing: How it became the square.
        square_RR3: RGB uint8, what the network was given, at the size that it draws.
        encoded: What it made of it (batch 1).
        alpha_HW: How opaque the picture is, uint8, before it was laid over grey; None where it is throughout.
        path: The file that it was read from, if it was.
    """

    picture_HW3: NDArray[np.uint8]
    framing: Framing
    square_RR3: NDArray[np.uint8]
    encoded: Encoded
    alpha_HW: NDArray[np.uint8] | None = None
    path: Path | None = None

    @property
    def alpha_M(self) -> NDArray[np.float32]:
        """Its motion coefficients a_s, (M,)."""
        return self.encoded.alpha_BM[0].cpu().numpy()

    @cached_property
    def pose(self) -> dict[str, float]:
        """Its head's pose as the controls of the head measure it; empty if no face is found in the square."""
        return measure_pose(self.square_RR3)

    def from_square(self, square_RR3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What is shown of a result (R, R, 3): (framing.height, framing.width, 3)."""
        return self.framing.from_square(square_RR3)


Source = Path | NDArray[np.uint8] | Portrait
"""A picture's file, an RGB uint8 picture (H, W, 3), or a portrait that is open already."""


def open_portrait(
    animator: Animator,
    source: Source,
    options: SourceOptions = SourceOptions(),  # noqa: B008 - frozen
) -> Portrait:
    """The portrait `source`, encoded; one that is open already is given back as it is.

    Args:
        options: How the face is found. With a `square` that is cut out; without `crop` the whole picture is
            resized to a square.

    Raises:
        LiaxError: If the file cannot be read.
        NoFaceError, FaceChoiceError: If it shows no such face.
    """
    if isinstance(source, Portrait):
        return source
    path = source if isinstance(source, Path) else Path("The picture")
    check_square(options)
    picture_HW3, alpha_HW = (
        read_with_alpha(source, "portrait") if isinstance(source, Path) else (source, None)
    )
    height, width, _ = picture_HW3.shape
    if options.square is not None:
        framing = frame_square(options.square, path, width, height, animator.size)
    elif options.crop:
        with FaceLandmarker() as landmarker:
            framing = frame_source(landmarker, picture_HW3, path, animator.size, options.face)
    else:
        framing = frame_whole_picture(width, height, animator.size)
    seen_RR3 = framing.to_square(picture_HW3, animator.seen_size)
    square_RR3 = resize(seen_RR3, animator.size, animator.size)
    encoded = animator.encode([seen_RR3])
    origin = source if isinstance(source, Path) else None
    return Portrait(picture_HW3, framing, square_RR3, encoded, alpha_HW, origin)
