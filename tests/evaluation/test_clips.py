"""Which clips are evaluated, which of their frames, and who drives whom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips import flat_frames, write_clip
from liax.errors import LiaxError, OptionError
from liax.evaluation.clips import (
    EvaluationClip,
    cross_trials,
    list_clips,
    read_frames,
    read_pairs,
    select_frames,
    self_trials,
)


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


CLIPS = [EvaluationClip(f"c{k}", Path(f"c{k}.mp4"), f"p{k // 2}") for k in range(8)]
STILLS = [EvaluationClip("s0", Path("s0.png"), "p0"), EvaluationClip("s9", Path("s9.png"), "p9")]


def test_a_clip_drives_its_own_first_frame() -> None:
    assert all(t.source is t.driving and t.name == t.driving.name for t in self_trials(CLIPS))


def test_drawn_pairs_are_of_different_people_and_the_seeds() -> None:
    trials = cross_trials(CLIPS, [], sources=3, seed=1)
    assert len({t.name for t in trials}) == len(trials) == 24
    assert all(t.source.identity != t.driving.identity for t in trials)
    of_one = [t.source.identity for t in trials if t.driving is CLIPS[0]]
    assert sorted(of_one) == ["p1", "p2", "p3"]
    assert trials == cross_trials(CLIPS, [], sources=3, seed=1)
    assert trials != cross_trials(CLIPS, [], sources=3, seed=2)


def test_stills_are_preferred_and_must_suffice() -> None:
    trials = cross_trials(CLIPS, STILLS, sources=1, seed=0)
    assert {t.source.name for t in trials} == {"s0", "s9"}
    assert {t.source.name for t in trials[:2]} == {"s9"}  # driven by p0
    with pytest.raises(OptionError, match="can drive 1 other people, not 2"):
        cross_trials(CLIPS, STILLS, sources=2, seed=0)


def test_pairs_from_a_csv_by_name_or_file(tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(b"-")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("source,driving\nc3,c0\nface.png,c1\n")
    trials = read_pairs(pairs, CLIPS)
    assert [t.name for t in trials] == ["c3__c0", "face__c1"]
    assert trials[1].source.path == tmp_path / "face.png"
    assert trials[0].source is CLIPS[3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source,target\na,b\n", "lacks the column"),
        ("source,driving\n", "has no line"),
        ("source,driving\nc0,nobody\n", "'nobody', which is neither"),
        ("source,driving\nc0,c2\nc0,c2\n", "twice"),
        ("source,driving\nc0\n", "names '', which is neither"),
        ("source,driving\nc0,a\0b\n", "which is neither"),
        (f"source,driving\nc0,{'x' * 4000}\n", "which is neither"),
        (f"source,driving\nc0,{'x' * 200_000}\n", "is no list of pairs"),
        ("", "has no line"),
    ],
)
def test_pairs_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(LiaxError, match=said):
        read_pairs(tmp_path / "pairs.csv", CLIPS)
