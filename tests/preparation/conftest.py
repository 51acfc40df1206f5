"""Material for tests of preparing: a video with two shots of the bundled rendered head."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clips import write_clip
from liax.face.landmarks import FaceLandmarker
from scenes import FAST, Scene, head_scene


@pytest.fixture(scope="session")
def scene() -> Scene:
    """scene(count, left, top, side, shade, size): the first frames of the head somewhere in pictures."""
    return head_scene


@pytest.fixture(scope="session")
def two_shots(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """640x360 with sound: two seconds of a head on the right, a cut, 1.4 seconds of one on the left."""
    path = tmp_path_factory.mktemp("raw") / "two shots.mp4"
    frames = scene(50, left=280) + scene(35, left=30, top=40, side=300, shade=125)
    return write_clip(path, frames, sound="aac", options=FAST)


@pytest.fixture(scope="session")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as landmarker:
        yield landmarker
