"""Real clips composed into larger, messier videos."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from clips import Frames, write_clip
from liax.data.frames import decode
from liax.preparation.config import ClipRecord, CutOptions, QualityLimits
from liax.preparation.identities import group_by_identity
from liax.preparation.segment import Segment, process_segment, read_records
from scenes import FAST, resized

COUNT = 30
SMALL = CutOptions(size=128)


def person(shared: Path, name: str) -> Frames:
    """The first frames of somebody's first clip."""
    path = min((shared / "data" / "clips").glob(f"{name}_*.mp4"))
    return list(islice(decode(path), COUNT))


# A picture within a grey one is a cell, which ends before the square of its face does.
def placed(frames: Frames, left: int, top: int, side: int, size: tuple[int, int] = (640, 360)) -> Frames:
    pictures = []
    for frame_HW3 in frames:
        picture_HW3 = np.full((size[1], size[0], 3), 70, np.uint8)
        picture_HW3[top : top + side, left : left + side] = resized(frame_HW3, side)
        pictures.append(picture_HW3)
    return pictures


def prepared(path: Path, cut: CutOptions = SMALL) -> list[ClipRecord]:
    segment = Segment("ab", 0, path)
    process_segment(segment, cut, path.parent / "units")
    return read_records(segment.result(path.parent / "units"))


def test_two_people_in_a_picture(shared: Path, tmp_path: Path) -> None:
    left, right = placed(person(shared, "p034"), 0, 20, 320), placed(person(shared, "p041"), 320, 20, 320)
    both = [np.concatenate([a[:, :320], b[:, 320:]], 1) for a, b in zip(left, right, strict=True)]
    one, other = prepared(write_clip(tmp_path / "v.mp4", both, options=FAST))
    for record, start in ((one, 0), (other, 320)):
        assert QualityLimits(outside=1).reason(record) is None
        assert (record.frames, record.since) == (COUNT, 0)
        assert start < record.left + record.side / 2 < start + 320


def test_a_caption_is_refused(shared: Path, tmp_path: Path) -> None:
    frames = placed(person(shared, "p034"), 150, 10, 340)
    font = ImageFont.load_default(20)
    captioned = []
    for frame_HW3 in frames:
        image = Image.fromarray(frame_HW3)
        ImageDraw.Draw(image).text(
            (230, 320), "what did he say", "white", font, stroke_width=2, stroke_fill="black"
        )
        captioned.append(np.asarray(image))
    for k, (pictures, reason) in enumerate(((frames, None), (captioned, "text is laid over it"))):
        (record,) = prepared(write_clip(tmp_path / f"{k}.mp4", pictures, options=FAST), CutOptions())
        assert QualityLimits(outside=1).reason(record) == reason, record


def test_four_k_and_a_rate_that_varies(shared: Path, tmp_path: Path) -> None:
    frames = placed(person(shared, "p034"), 900, 400, 1200, (3840, 2160))[:26]
    gaps = np.random.default_rng(0).choice([1, 1, 2, 3], 25) / 30
    path = write_clip(
        tmp_path / "v.mp4", frames, times=[0.0, *np.cumsum(gaps)], options={"preset": "ultrafast"}
    )
    (record,) = prepared(path)
    assert QualityLimits(outside=1).reason(record) is None
    assert record.side == pytest.approx(1480, rel=0.05)
    assert record.fps < 25
    assert record.frames / record.fps == pytest.approx(gaps.sum(), abs=0.15)


def test_a_hand_before_the_face_is_refused(shared: Path, tmp_path: Path) -> None:
    frames = placed(person(shared, "p034"), 150, 10, 340)
    for frame_HW3, top in zip(
        frames[6:20], (320, 295, 270, 245, 220, *[200] * 5, 225, 250, 275, 300), strict=True
    ):
        frame_HW3[top : top + 100, 290:400] = (120, 70, 60)
    (record,) = prepared(write_clip(tmp_path / "v.mp4", frames, options=FAST))
    assert QualityLimits(outside=1).reason(record) == "something covers the face", record


def test_people_are_told_apart(shared: Path, tmp_path: Path) -> None:
    shots = [person(shared, name) for name in ("p034", "p041", "p034")]
    frames = [picture for shot in shots for picture in placed(shot, 160, 20, 320)]
    records = prepared(
        write_clip(tmp_path / "v.mp4", frames, options=FAST), CutOptions(size=128, identities=True)
    )
    first, second, third = group_by_identity(records)
    assert first == third != second
