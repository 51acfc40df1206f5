import tarfile
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from clips import write_clip
from liax.data.frames import read_item
from liax.data.manifest import Item
from liax.errors import LiaxError
from liax.preparation.config import CutOptions, QualityLimits
from liax.preparation.segment import Segment, add_member, process_segment, read_clips, read_records
from scenes import FAST, Scene


@pytest.fixture(scope="module")
def segment(two_shots: Path) -> Segment:
    return Segment("ab12", 0, two_shots)


@pytest.fixture(scope="module")
def finished(segment: Segment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("units")
    process_segment(segment, CutOptions(), folder)
    return segment.result(folder)


def test_a_clip_for_each_shot(finished: Path) -> None:
    first, second = read_records(finished)
    assert (first.since, first.until, first.frames) == (0, 2, 50)
    assert (second.since, second.until, second.frames) == (2, 3.4, 35)
    assert first.name == "ab12_00000000_00"
    assert second.name == "ab12_00002000_01"
    assert first.left - second.left == pytest.approx(250, abs=12)
    for record in (first, second):
        assert QualityLimits().reason(record) is None
        assert record.fps == 25
        assert record.seen == 1
        assert record.face == pytest.approx(0.535, abs=0.03)
        assert record.damaged == record.text == 0


def test_clips_are_squares_around_the_face_with_regions(finished: Path, tmp_path: Path) -> None:
    name = "ab12_00000000_00"
    ((_, clip, regions),) = read_clips(finished, {name})
    (tmp_path / "a.mp4").write_bytes(clip)
    frames_T3SS = read_item(tmp_path, Item("a.mp4", "clip", "a", 50), 256)
    assert frames_T3SS.shape == (50, 3, 256, 256)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (256, 256, 50)
        assert stream.codec_context.name == "h264"
    assert regions.boxes_TP4.shape == (50, 3, 4)
    centre_P2 = np.nanmedian(regions.boxes_TP4, 0).reshape(3, 2, 2).mean(1)
    assert np.abs(centre_P2.mean(0) - (0.5, 0.55)).max() < 0.08
    assert regions.factors_TK.std(0).max() > 0.02  # the face moves


def test_the_same_bytes_each_time(segment: Segment, finished: Path, tmp_path: Path) -> None:
    process_segment(segment, CutOptions(), tmp_path)
    assert segment.result(tmp_path).read_bytes() == finished.read_bytes()


def test_long_tracks_become_several_clips(segment: Segment, tmp_path: Path) -> None:
    process_segment(segment, CutOptions(longest=0.9, shortest=0.5, size=128), tmp_path)
    records = read_records(segment.result(tmp_path))
    assert [r.since for r in records] == [0, 0.64, 1.32, 2, 2.68]
    assert [r.until for r in records] == [0.64, 1.32, 2, 2.68, 3.4]
    assert len({r.name for r in records}) == 5


def test_what_is_too_short_or_too_small_is_not_cut(segment: Segment, tmp_path: Path) -> None:
    process_segment(segment, CutOptions(shortest=1.5, size=128), tmp_path)
    first, second = read_records(segment.result(tmp_path))
    assert (first.problem, second.problem) == (None, "too short")
    process_segment(segment, CutOptions(size=512), tmp_path / "large")
    records = read_records(segment.result(tmp_path / "large"))
    assert [r.problem for r in records] == ["too small", "too small"]
    with tarfile.open(segment.result(tmp_path / "large")) as tar:
        assert tar.getnames() == ["regions.npz", "records.json"]


def test_portrait_mode_sixty_frames_and_a_still(scene: Scene, tmp_path: Path) -> None:
    """Filmed upright with a turned phone, twice as fast as needed, and nothing moves."""
    upright = scene(1, left=30, top=140, side=300, size=(360, 640)) * 72
    turned = [np.ascontiguousarray(np.rot90(frame)) for frame in upright]
    path = write_clip(tmp_path / "v.mp4", turned, rate=60, quarter_turns=1, options=FAST)
    segment = Segment("cd", 0, path)
    process_segment(segment, CutOptions(size=128), tmp_path / "units")
    (record,) = read_records(segment.result(tmp_path / "units"))
    assert (record.fps, record.frames) == (20, 24)
    assert record.top > 100  # in the upright picture
    assert QualityLimits().reason(record) == "the face does not move"


def test_a_minute_beyond_the_end(segment: Segment, tmp_path: Path) -> None:
    later = replace(segment, number=1)
    process_segment(later, CutOptions(), tmp_path)
    (record,) = read_records(later.result(tmp_path))
    assert (record.since, record.problem) == (60, "no frame that can be decoded")


def test_no_face_is_recorded(tmp_path: Path) -> None:
    noise = list(np.random.default_rng(0).integers(0, 255, (30, 90, 160, 3), np.uint8))
    segment = Segment("ef", 0, write_clip(tmp_path / "v.mp4", noise))
    process_segment(segment, CutOptions(), tmp_path / "units")
    (record,) = read_records(segment.result(tmp_path / "units"))
    assert (record.problem, record.until) == ("no face found", 1.2)


def test_a_file_that_vanished_is_recorded(tmp_path: Path) -> None:
    segment = Segment("ef", 0, tmp_path / "gone.mp4")
    process_segment(segment, CutOptions(), tmp_path / "units")
    (record,) = read_records(segment.result(tmp_path / "units"))
    assert "does not exist" in (record.problem or "")


def test_nothing_half_written_stays(segment: Segment, tmp_path: Path, full_disk) -> None:
    with full_disk(20_000), pytest.raises(LiaxError, match="the disk is full"):
        process_segment(segment, CutOptions(), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.timeout(10)
@pytest.mark.parametrize("content", [b"", b"no archive", b"[" * 100_000, b'{"a": 1}', b"[5]", b'[{"x": 1}]'])
def test_damaged_segments_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        add_member(tar, "records.json", content)
    with pytest.raises(LiaxError, match=r"a\.tar is damaged .*; delete it to have it made anew"):
        read_records(path)
    path.write_bytes(content)
    with pytest.raises(LiaxError, match="is damaged"):
        read_records(path)
