"""Material for tests of preparing: the bundled rendered head, which talks and moves, in larger pictures."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from scenes import FAST, Scene, resized

from clips import Frames, write_clip
from liax.face.landmarks import FaceLandmarker
from liax.media.video import Video


@pytest.fixture(scope="session")
def head() -> Frames:
    """Fifty frames of the bundled driving clip, two seconds, 320 pixels a side."""
    video = Video(Path(str(files("liax.assets") / "demo_driving.mp4")))
    return [frame.rgb(longest=320) for frame, _ in zip(video, range(50), strict=False)]


@pytest.fixture(scope="session")
def scene(head: Frames) -> Scene:
    """scene(count, left, top, side, shade, size): the first frames of the head somewhere in pictures."""

    def make(
        count: int,
        left: int = 160,
        top: int = 20,
        side: int = 320,
        shade: int = 60,
        size: tuple[int, int] = (640, 360),
    ) -> Frames:
        pictures = []
        for picture_HW3 in head[:count]:
            whole_HW3 = np.full((size[1], size[0], 3), shade, np.uint8)
            whole_HW3[: size[1] // 2, : size[0] // 2] += 40  # two different scenes differ in more than shade
            whole_HW3[top : top + side, left : left + side] = resized(picture_HW3, side)
            pictures.append(whole_HW3)
        return pictures

    return make


@pytest.fixture(scope="session")
def two_shots(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """640x360 with sound: two seconds of a head on the right, a cut, 1.4 seconds of one on the left."""
    path = tmp_path_factory.mktemp("raw") / "two shots.mp4"
    frames = scene(50, left=280) + scene(35, left=30, top=40, side=300, shade=160)
    return write_clip(path, frames, sound="aac", options=FAST)


@pytest.fixture(scope="session")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as landmarker:
        yield landmarker
