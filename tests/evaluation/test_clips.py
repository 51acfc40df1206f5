"""Which clips and frames are evaluated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import flat_frames, write_clip
from liax.errors import LiaxError
from liax.evaluation.clips import list_clips, read_frames, select_frames


@given(st.integers(1, 2000), st.integers(2, 300))
def test_selected_frames_are_evenly_spaced_from_the_first_to_the_last(count: int, most: int) -> None:
    chosen = select_frames(count, most)
    assert len(chosen) == min(count, most)
    assert (chosen[0], chosen[-1]) == (0, count - 1)
    steps = np.diff(chosen)
    assert not len(steps) or (steps.min() >= 1 and np.ptp(steps) <= 1)


@pytest.mark.parametrize(("count", "most", "length"), [(5, None, 5), (1, 60, 1), (9, 1, 1)])
def test_short_clips_are_compared_whole(count: int, most: int | None, length: int) -> None:
    assert select_frames(count, most).tolist() == list(range(length))


def test_a_manifests_clips_of_one_split(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        "file,type,split,identity,frames\n"
        "x/a.mp4,clip,val,p1,9\ny/a.mp4,clip,val,p2,8\nb.mp4,clip,train,p3,7\ns.jpg,portrait,val,p4,1\n"
    )
    found = list_clips(tmp_path, "val")
    assert [(c.name, c.identity, c.frames) for c in found] == [("x_a", "p1", 9), ("y_a", "p2", 8)]
    assert [c.path for c in list_clips(tmp_path / "manifest.csv", "val", limit=1)] == [tmp_path / "x/a.mp4"]
    assert [c.name for c in list_clips(tmp_path, "val", kind="portrait")] == ["s"]
    with pytest.raises(LiaxError, match="nothing in the split 'none'"):
        list_clips(tmp_path, "none")


def test_any_folder_of_videos_and_whose_faces_they_are(tmp_path: Path) -> None:
    for name in ("id1#x#0.mp4", "id1#y#3.MP4", "other.avi", "notes.txt"):
        (tmp_path / name).write_bytes(b"-")
    found = list_clips(tmp_path, "ignored")
    assert [(c.name, c.identity) for c in found] == [
        ("id1#x#0", "id1"),
        ("id1#y#3", "id1"),
        ("other", "other"),
    ]
    for person in ("p1", "p2"):
        (tmp_path / "sub" / person).mkdir(parents=True)
        (tmp_path / "sub" / person / "talk.mp4").write_bytes(b"-")
    found = list_clips(tmp_path / "sub", "ignored")
    assert [(c.name, c.identity) for c in found] == [("p1_talk", "p1"), ("p2_talk", "p2")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(LiaxError, match="has no video"):
        list_clips(tmp_path / "empty", "ignored")


def test_frames_come_from_videos_and_from_folders_of_pictures(tmp_path: Path) -> None:
    from PIL import Image

    frames = flat_frames(3)
    path = write_clip(tmp_path / "a.mp4", frames)
    folder = tmp_path / "folder"
    folder.mkdir()
    for k, frame_HW3 in enumerate(frames):
        Image.fromarray(frame_HW3).save(folder / f"{k}.png")
    video, pictures = list(read_frames(path)), list(read_frames(folder))
    assert len(video) == len(pictures) == 3
    np.testing.assert_array_equal(pictures, frames)
    assert np.abs(np.array(video, int) - pictures).max() <= 3
