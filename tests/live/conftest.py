"""A landmarker, and a face that moves before a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.face.landmarks import FaceLandmarker

Camera = Callable[[int], NDArray[np.uint8]]


@pytest.fixture(scope="package")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as opened:
        yield opened


@pytest.fixture(scope="package")
def camera(portrait_HW3: NDArray[np.uint8]) -> Camera:
    """`camera(x)`: a frame of 480x300 with a head, whose place is x pixels from the left."""
    picture_HW3 = np.asarray(Image.fromarray(portrait_HW3[:340, 90:430]).resize((260, 260)))

    def frame(x: int) -> NDArray[np.uint8]:
        frame_HW3 = np.full((300, 480, 3), 90, np.uint8)
        frame_HW3[20:280, x : x + 260] = picture_HW3
        return frame_HW3

    return frame


@pytest.fixture(scope="package")
def nobody() -> NDArray[np.uint8]:
    """A frame without a face."""
    return np.full((300, 480, 3), 90, np.uint8)
