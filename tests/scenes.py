"""Pictures with a face somewhere: the bundled rendered head, which talks and moves, in larger pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clips import Frames
from liax.media.video import Video

Scene = Callable[..., Frames]
FAST = {"preset": "veryfast"}


def resized(picture_HW3: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture_HW3).resize((side, side), Image.Resampling.BICUBIC))


def wavy_picture(width: int, height: int) -> NDArray[np.uint8]:
    """Smooth waves without a face, other ones in each channel: RGBA (height, width, 4)."""
    y_HW, x_HW = np.mgrid[:height, :width]
    waves_HW = 128 + 60 * np.sin(x_HW / 17) + 60 * np.cos(y_HW / 13)
    return np.stack([waves_HW, 255 - waves_HW, waves_HW[::-1], waves_HW], -1).astype(np.uint8)


@cache
def head_frames() -> Frames:
    """Fifty frames of the bundled driving clip, two seconds, 320 pixels a side."""
    video = Video(Path(str(files("liax.assets") / "demo_driving.mp4")))
    return [frame.rgb(longest=320) for frame, _ in zip(video, range(50), strict=False)]


def head_scene(
    count: int,
    left: int = 160,
    top: int = 20,
    side: int = 320,
    shade: int = 60,
    size: tuple[int, int] = (640, 360),
) -> Frames:
    """The first frames of the head somewhere in pictures of `size`."""
    pictures = []
    for picture_HW3 in head_frames()[:count]:
        whole_HW3 = np.full((size[1], size[0], 3), shade, np.uint8)
        whole_HW3[: size[1] // 2, : size[0] // 2] += 40  # two different scenes differ in more than shade
        whole_HW3[top : top + side, left : left + side] = resized(picture_HW3, side)
        pictures.append(whole_HW3)
    return pictures
