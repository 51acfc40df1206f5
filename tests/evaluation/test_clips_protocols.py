"""Who drives whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from liax.errors import LiaxError
from liax.evaluation.clips import EvaluationClip, cross_trials, read_pairs, self_trials

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
    with pytest.raises(LiaxError, match="can drive 1 other people, not 2"):
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
    ],
)
def test_pairs_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(LiaxError, match=said):
        read_pairs(tmp_path / "pairs.csv", CLIPS)
