"""Pictures in which there is a face somewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clips import Frames

Scene = Callable[..., Frames]
FAST = {"preset": "veryfast"}


def resized(picture_HW3: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture_HW3).resize((side, side), Image.Resampling.BICUBIC))
