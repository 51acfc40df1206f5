"""Material that is not plain footage: cropped faces, grids, comparisons with rendered normals, jump cuts."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from clips import Frames, write_clip
from liax.data.frames import decode
from liax.preparation.config import ClipRecord, CutOptions, QualityLimits
from liax.preparation.segment import Segment, process_segment, read_records
from scenes import FAST, head_frames, resized


def prepared(folder: Path, pictures: Frames, cut: CutOptions) -> list[ClipRecord]:
    segment = Segment("ab", 0, write_clip(folder / "v.mp4", pictures, options=FAST))
    process_segment(segment, cut, folder / "units")
    return read_records(segment.result(folder / "units"))


def kept(records: list[ClipRecord]) -> list[ClipRecord]:
    return [record for record in records if QualityLimits().reason(record) is None]


def normals(picture_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a picture's shading tells of the surface, as it is usually drawn."""
    blurred = Image.fromarray(picture_HW3).convert("L").filter(ImageFilter.GaussianBlur(2))
    down_HW, across_HW = np.gradient(np.asarray(blurred, float))
    normals_HW3 = np.stack([-0.12 * across_HW, 0.12 * down_HW, np.ones_like(down_HW)], -1)
    normals_HW3 /= np.linalg.norm(normals_HW3, axis=-1, keepdims=True)
    return ((normals_HW3 + 1) * 127.5).astype(np.uint8)


def heads(side: int, count: int = 30) -> Frames:
    return [resized(picture_HW3, side) for picture_HW3 in head_frames()[:count]]


def tight(side: int, count: int = 30) -> Frames:
    """The head, cropped to its face."""
    return [resized(picture_HW3[60:-20, 40:-40], side) for picture_HW3 in head_frames()[:count]]


@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        (CutOptions(size=128), "the face is cut off by the picture's edge"),
        (CutOptions(size=128, inside=True), None),
        (CutOptions(size=128, cropped=True), None),
        (CutOptions(size=224, cropped=True, face_share=0.3), None),
    ],
)
def test_cropped_faces(tmp_path: Path, cut: CutOptions, reason: str | None) -> None:
    (record,) = prepared(tmp_path, tight(224), cut)
    assert QualityLimits().reason(record) == reason
    if reason is None:
        assert (record.outside, record.pixels) == (0, cut.size)
        assert 0.55 < record.face < 0.85
    if cut.cropped:
        assert (record.left, record.top, record.side) == (0, 0, 224)


def test_only_square_pictures_are_taken_as_they_are(tmp_path: Path) -> None:
    wide = [np.pad(picture, ((0, 0), (40, 40), (0, 0)), mode="edge") for picture in heads(160)]
    (record,) = prepared(tmp_path, wide, CutOptions(size=128, cropped=True))
    assert record.problem == "the picture is not square"


def test_a_head_beside_its_normals(tmp_path: Path) -> None:
    """Neither the seam nor the normals get into a clip; the head does."""
    pictures = [np.hstack([normals(head), head]) for head in heads(256)]
    records = prepared(tmp_path, pictures, CutOptions(size=128, inside=True))
    (record,) = kept(records)
    assert record.left >= 256
    assert record.left + record.side <= 512
    assert (record.outside, record.skin) == (0, 1)
    reasons = {QualityLimits().reason(other) for other in records if other is not record}
    assert reasons <= {"not in a skin's colours", "the face does not move"}


def test_a_letterboxed_head(tmp_path: Path) -> None:
    pictures = [np.pad(head, ((60, 60), (120, 120), (0, 0))) for head in heads(240)]
    (record,) = kept(prepared(tmp_path, pictures, CutOptions(size=128, inside=True)))
    assert min(record.left - 120, record.top - 60) >= 0
    assert max(record.left - 120, record.top - 60) + record.side <= 240
    assert record.seam < 0.7


def test_a_jump_divides_a_clip(tmp_path: Path) -> None:
    jump = heads(256, 50)
    for k in range(28, 50):
        jump[k] = np.roll(jump[k], 14, 1)
    records = prepared(tmp_path, jump, CutOptions(size=128, inside=True, shortest=0.5))
    assert [(record.since, record.until) for record in records] == [(0, 1.12), (1.12, 2)]


def test_real_people_in_a_grid(shared: Path, tmp_path: Path) -> None:
    """Two real people beside each other, above each other's normals, become their two clips."""
    names = ("p158", "p160")
    paths = [next((shared / "data/clips").glob(f"{name}_*.mp4")) for name in names]
    people = [
        [resized(frame, 256) for _, frame in zip(range(30), decode(path), strict=False)] for path in paths
    ]
    pictures = [
        np.vstack([np.hstack(two), np.hstack([normals(picture) for picture in two])])
        for two in zip(*people, strict=True)
    ]
    records = kept(prepared(tmp_path, pictures, CutOptions(size=128, inside=True)))
    assert len(records) <= 2
    for record in records:
        assert record.top + record.side <= 256
        assert record.left >= 256 or record.left + record.side <= 256
    assert records
