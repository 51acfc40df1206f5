"""Our own tables: what is written is read back, and bad ones are refused with the reason."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liax.errors import LiaxError, OptionError
from liax.tracks import Timing, Track, read_track, write_track

NUMBERS = st.floats(-1e4, 1e4).map(lambda value: float(np.float32(value)))
RATES = st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(119, 7)])


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    count = draw(st.integers(1, 6))
    rate = draw(RATES)
    if draw(st.booleans()):
        timing = Timing.steady(count, rate)
    else:
        steps = draw(st.lists(st.integers(2000, 90_000), min_size=count - 1, max_size=count - 1))
        timing = Timing.of_seconds(np.cumsum([0, *steps]) / 1e6)
    starts_T = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    starts_T[draw(st.integers(0, count - 1))] = True
    timing = Timing(timing.ticks_T, timing.tick, timing.rate, starts_T)
    names = draw(st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), max_size=3, unique=True))
    names = [name for name in names if name not in ("time", "shot", "liax")]
    vectors = draw(st.lists(st.integers(0, 999), max_size=3, unique=True))
    if not names and not vectors:
        names = ["yaw"]

    def values(columns: int) -> np.ndarray:
        size = count * columns
        return np.array(draw(st.lists(NUMBERS, min_size=size, max_size=size))).reshape(count, columns)

    weights = draw(st.sampled_from(["", "516cb04cdb394fc1"]))
    changes = draw(st.booleans())
    return Track(
        timing, tuple(names), values(len(names)), tuple(vectors), values(len(vectors)), changes, weights
    )


@settings(max_examples=25)
@given(tracks(), st.sampled_from([".csv", ".json"]))
def test_written_tracks_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, track: Track, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("t") / f"track{suffix}"
    write_track(track, path)
    read = read_track(path)
    assert (read.controls, read.vectors) == (track.controls, track.vectors)
    assert (read.changes, read.weights) == (track.changes, track.weights)
    assert np.array_equal(read.amounts_TK.astype(np.float32), track.amounts_TK.astype(np.float32))
    assert np.array_equal(read.free_TV.astype(np.float32), track.free_TV.astype(np.float32))
    np.testing.assert_allclose(read.timing.seconds_T, track.timing.seconds_T, atol=2e-6)
    assert np.array_equal(read.timing.starts_shot_T, track.timing.starts_shot_T)


def test_steady_times_come_back_exactly(tmp_path: Path) -> None:
    timing = Timing.steady(900, Fraction(30000, 1001))
    for suffix in (".csv", ".json"):
        path = tmp_path / f"a{suffix}"
        write_track(Track(timing, ("yaw",), np.zeros((900, 1))), path)
        read = read_track(path).timing
        assert (read.tick, read.rate) == (Fraction(1001, 30000), Fraction(30000, 1001))
        assert np.array_equal(read.ticks_T, timing.ticks_T)


def test_what_a_csv_looks_like(tmp_path: Path) -> None:
    amounts_TK = np.array([[0, 0.5], [10.25, -1e-5]])
    track = Track(Timing.steady(2, Fraction(25)), ("yaw", "smile"), amounts_TK, (13,), np.ones((2, 1)))
    write_track(track, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes().decode().splitlines() == [
        "time,yaw,smile,#13,liax",
        "0.000000,0,0.5,1,track 1 pose",
        "0.040000,10.25,-1e-05,1,track 1 pose",
    ]


def test_a_table_by_hand_says_changes(tmp_path: Path) -> None:
    path = tmp_path / "hand.csv"
    path.write_text("\ufefftime [s]; Yaw [deg];smile\n1,5;0;\n2,5;;0,4\n3,5;10;0,6\n\n", encoding="utf-8")
    track = read_track(path)
    assert track.changes
    assert track.controls == ("yaw", "smile")
    assert track.units == {"yaw": "deg"}
    assert track.amounts_TK.tolist() == [[0, 0.4], [5, 0.4], [10, 0.6]]
    assert track.timing.rate == 1
    path.write_text("time,#3,#03\n0,1,1\n")
    with pytest.raises(LiaxError, match="two columns '#3'"):
        read_track(path)


BAD_CSV = [
    ("", "is empty"),
    ("a,b\n1,2\n", "its columns are not those of a track"),
    ("time,yaw\n", "it has no line but"),
    ("time,yaw\n0,1\n0,2\n", "0 s after its first time the next is not at least 1 ms later"),
    ("time,yaw\n0,1\n,2\n", "a line has no time"),
    ("time,yaw\n0,fast\n", "line 2: 'fast' is no number"),
    ("time,yaw\n0,inf\n", "line 2: 'inf' is not finite"),
    ("time,yaw\n0,1e30\n", "yaw has a value beyond 1e+06"),
    ("time,yaw\n0,1\n2000,1\n", "some of its times are more than 1000 s apart"),
    ("time,yaw,yaw\n0,1,1\n", "it has two columns 'yaw'"),
    ("time,what is this\n0,1\n", "'what is this' is neither a control nor a motion vector"),
    ("time,yaw,liax\n0,1,track 2 pose\n", "a track of version 2, and this liax reads 1"),
    ("time,yaw,liax\n0,1,trick\n", "'trick' is no kind of track"),
    ("time,yaw,liax\n0,1,track 1 pose\n1,1,track 1 changes\n", "does not say the same everywhere"),
    ("time,shot,yaw\n0,2,1\n1,1,1\n", "the numbers of the shots do not rise"),
    ("time,yaw\n0," + "1" * 5000 + "\n", "a field of more than 4096 characters"),
]


@pytest.mark.parametrize(("text", "reason"), BAD_CSV, ids=[reason[:30] for _, reason in BAD_CSV])
def test_bad_csv(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(LiaxError, match=reason.replace("+", r"\+")) as caught:
        read_track(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_JSON = [
    ({"liax": "track 1 pose", "columns": {"yaw": [1]}}, "it has neither times nor a rate"),
    ({"liax": "track 1 pose", "rate": "0", "columns": {"yaw": [1]}}, "is no frame rate"),
    ({"liax": "track 1 pose", "rate": "1/0", "columns": {"yaw": [1]}}, "divides by zero"),
    ({"liax": "track 1 pose", "rate": "25", "columns": {"yaw": []}}, "must be a list of 1 to"),
    ({"liax": "track 1 pose", "rate": "25", "columns": {"yaw": [True]}}, "a value that is no number"),
    (
        {"liax": "track 1 pose", "rate": "25", "columns": {"yaw": [1], "jaw": [1, 2]}},
        "jaw' has 2 values for 1",
    ),
    ({"liax": "track 1 pose", "rate": "25", "columns": {"yaw": [1], "a b": [1]}}, "neither a control"),
    ({"liax": "track 1 pose", "rate": "25", "columns": {"yaw": [1]}, "x": 1}, "unknown key 'x'"),
    ({"liax": 1, "columns": {}}, "liax must be a text"),
    ({"liax": "track 1 pose", "time": [1, 0], "columns": {"yaw": [1, 1]}}, "the next is not at least"),
    ([1, 2], "is no frame with blendshapes"),
    ({"a": 1}, "no list of frames with blendshapes"),
    ([], "no list of frames with blendshapes"),
]


@pytest.mark.parametrize(("values", "reason"), BAD_JSON, ids=[reason[:30] for _, reason in BAD_JSON])
def test_bad_json(tmp_path: Path, values: object, reason: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(values))
    with pytest.raises(LiaxError, match=reason) as caught:
        read_track(path)
    assert str(path) in str(caught.value)


def test_rates_are_for_what_has_no_times(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,yaw\n0,1\n")
    with pytest.raises(OptionError, match=r"a\.csv has its own times; give no rate"):
        read_track(path, Fraction(25))
    with pytest.raises(LiaxError, match="cannot run at 0 frames a second"):
        read_track(path, Fraction(0))
