import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from clips import flat_frames, write_clip
from liax.errors import LiaxError
from liax.media.video import Video
from liax.preparation.inputs import InputVideo, inspect_video, list_videos, split_duplicates


def test_folders_are_searched_for_what_may_be_video(tmp_path: Path) -> None:
    for name in (
        "b.mp4",
        "sub/a.MOV",
        "sub/.hidden.mp4",
        ".dir/c.mp4",
        "notes.txt",
        "still.jpg",
        "x",
        "s.wav",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    extra = tmp_path / "notes.txt"
    found = list_videos([tmp_path, extra, tmp_path / "b.mp4"])
    assert [str(p.relative_to(tmp_path)) for p in found] == ["b.mp4", "notes.txt", "sub/a.MOV", "x"]


def test_nothing_to_prepare(tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match="gone does not exist; give videos"):
        list_videos([tmp_path / "gone"])
    with pytest.raises(LiaxError, match="has no video in it"):
        list_videos([tmp_path])


def test_what_a_file_is(two_shots: Path) -> None:
    item = inspect_video(two_shots)
    assert (item.problem, item.width, item.height, item.rate) == (None, 640, 360, 25.0)
    assert item.seconds == pytest.approx(3.4)
    assert len(item.key) == 16
    assert [segment.number for segment in item.segments()] == [0]
    minutes = InputVideo(Path("x"), "k", 150.0)
    assert [segment.number for segment in minutes.segments()] == [0, 1, 2]
    assert [minutes.seconds_of(segment) for segment in minutes.segments()] == [60, 60, 30]
    assert [segment.number for segment in minutes.segments(1)] == [1]
    assert [segment.number for segment in minutes.segments(5)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty (0 bytes)"),
        (b"no video", "is not a video that can be decoded, or it is cut off"),
    ],
)
def test_files_that_are_no_videos(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "v.mp4").write_bytes(content)
    item = inspect_video(tmp_path / "v.mp4")
    assert item.problem == problem
    assert item.segments() == []


def test_missing(tmp_path: Path) -> None:
    assert inspect_video(tmp_path / "v.mp4").problem == "cannot be read (No such file or directory)"


def test_known_by_content(two_shots: Path, tmp_path: Path) -> None:
    shutil.copy(two_shots, tmp_path / "copy.mp4")
    one, other = inspect_video(two_shots), inspect_video(tmp_path / "copy.mp4")
    assert one.key == other.key
    first, again = split_duplicates([other, one])
    assert first == [min((one, other), key=lambda item: item.path)]
    assert [(item.key, path) for item, path in again] == [(one.key, first[0].path)]
    gone = [inspect_video(tmp_path / name) for name in ("a.mp4", "b.mp4")]
    assert split_duplicates(gone) == (gone, [])  # what cannot be read is not the same


def test_length_is_that_of_the_frames_and_not_what_the_header_says(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "v.mkv", flat_frames(60), options={"g": "10"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    seconds = Video(path).count_seconds()
    assert seconds == Fraction(sum(1 for _ in Video(path).between(Fraction(0))), 25)
    assert 0.2 < seconds < 2
