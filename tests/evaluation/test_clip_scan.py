"""What of a clip is compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clips import flat_frames, write_clip
from liax.errors import NoFaceError, OptionError
from liax.evaluation.clip_scan import read_source, scan_clip
from liax.face.landmarks import FaceLandmarker


def test_a_square_clip_is_taken_whole_at_its_own_size_or_another(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", flat_frames(5, 64, 64))
    seen = scan_clip(path, None, None)
    assert (seen.count, seen.width, seen.framing.crop, seen.framing.size) == (5, 64, None, 64)
    np.testing.assert_allclose(seen.liveliness_T, [0, 5, 10, 15, 20], atol=2)
    assert scan_clip(path, 40, None).framing.cut(np.zeros((64, 64, 3), np.uint8)).shape == (40, 40, 3)


def test_other_shapes_need_a_crop(face_clip: Path) -> None:
    with pytest.raises(OptionError, match="320x240 pixels and not square") as told:
        scan_clip(face_clip, None, None)
    assert told.value.options == {"crop": True}


def test_the_face_is_found_and_fills_the_crop(face_clip: Path) -> None:
    with FaceLandmarker() as landmarker:
        seen = scan_clip(face_clip, None, landmarker)
        assert seen.framing.size == 256
        source_RR3 = read_source(face_clip, 128, landmarker)
        (face,) = landmarker.detect(source_RR3)
    left, top, right, bottom = face.box
    assert bottom - top == pytest.approx(0.535 * 128, rel=0.1)
    assert (left + right) / 2 == pytest.approx(64, abs=8)


def test_a_clip_without_a_face_cannot_be_cropped(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "grey.mp4", flat_frames(3))
    with FaceLandmarker() as landmarker, pytest.raises(NoFaceError, match="shows no face") as told:
        scan_clip(path, None, landmarker)
    assert (told.value.path, told.value.uncropped) == (path, False)
