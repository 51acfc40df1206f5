"""What the scripts that measure `liax live` take for a camera: the demo's clip amid frames of 640x480."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import resize
from liax.media.video import Video

RATE, WIDTH, HEIGHT = 25, 640, 480


def camera_frames() -> Iterator[NDArray[np.uint8]]:
    """The frames, RGB uint8 (480, 640, 3)."""
    for picture in Video(Path(str(files("liax.assets"))) / "demo_driving.mp4"):
        frame_HW3 = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        left = (WIDTH - HEIGHT) // 2
        frame_HW3[:, left : left + HEIGHT] = resize(picture.rgb(), HEIGHT, HEIGHT)
        yield frame_HW3
