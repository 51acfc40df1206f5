"""Curves edited by hand: what scaling, muting, smoothing and keys do to a track, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.tracks.timing import Timing
from liax.tracks.track import Track
from liax.tracks.track_edit import MOST_SCALE, CurveEdit, edit_track, read_edits


def _track(count: int = 50) -> Track:
    """Yaw that goes from 10 to 20 and back, and a jaw at rest; 25 a second."""
    seconds_T = np.arange(count) / 25
    yaw_T = 15 - 5 * np.cos(2 * np.pi * seconds_T)
    amounts_TK = np.stack([yaw_T, np.zeros(count)], 1)
    return Track(Timing.steady(count, Fraction(25)), ("yaw", "jaw"), amounts_TK)


def test_without_edits_nothing_changes() -> None:
    track = _track()
    for edits in ({}, {"yaw": CurveEdit()}, {"nose": CurveEdit(mute=True)}):
        assert np.array_equal(edit_track(track, edits).amounts_TK, track.amounts_TK)


def test_a_pose_moves_about_where_it_is_at_first_and_a_change_about_nothing() -> None:
    track = _track()
    half = edit_track(track, {"yaw": CurveEdit(scale=0.5)}).amounts_TK
    assert half[0, 0] == 10
    assert half[:, 0].max() == pytest.approx(15, abs=0.1)
    assert np.array_equal(half[:, 1], track.amounts_TK[:, 1])
    change = edit_track(replace(track, changes=True), {"yaw": CurveEdit(scale=0.5)}).amounts_TK
    assert np.allclose(change[:, 0], track.amounts_TK[:, 0] / 2)


def test_a_muted_curve_rests() -> None:
    edited = edit_track(_track(), {"yaw": CurveEdit(mute=True, scale=3.0)})
    assert np.array_equal(edited.amounts_TK[:, 0], np.full(50, 10.0))
    still = edit_track(replace(_track(), changes=True), {"yaw": CurveEdit(mute=True)})
    assert not still.amounts_TK[:, 0].any()


def test_smoothing_takes_out_jitter_and_stays_within_shots() -> None:
    rng = np.random.default_rng(0)
    track = _track()
    jitter_T = rng.normal(0, 1, 50)
    noisy = replace(track, amounts_TK=track.amounts_TK + np.stack([jitter_T, np.zeros(50)], 1))
    smooth = edit_track(noisy, {"yaw": CurveEdit(smooth=0.1)}).amounts_TK[:, 0]
    left = np.abs(np.diff(smooth, 2)).mean() / np.abs(np.diff(noisy.amounts_TK[:, 0], 2)).mean()
    assert left < 0.15
    assert np.abs(smooth - track.amounts_TK[:, 0]).mean() < 0.9
    step = replace(track, amounts_TK=np.stack([np.repeat([0.0, 9.0], 25), np.zeros(50)], 1))
    timing = replace(track.timing, starts_shot_T=np.isin(np.arange(50), (0, 25)))
    cut = edit_track(replace(step, timing=timing), {"yaw": CurveEdit(smooth=0.2)}).amounts_TK[:, 0]
    assert np.allclose(cut, np.repeat([0.0, 9.0], 25))
    blurred = edit_track(step, {"yaw": CurveEdit(smooth=0.2)}).amounts_TK[:, 0]
    assert 2 < blurred[24] < 7


def test_a_curve_goes_through_its_keys_and_is_itself_far_from_them() -> None:
    track = _track(100)
    keys = ((1.0, 30.0), (2.0, -4.0))
    edited = edit_track(track, {"yaw": CurveEdit(keys=keys)}).amounts_TK[:, 0]
    assert edited[25] == pytest.approx(30)
    assert edited[50] == pytest.approx(-4)
    far = np.r_[0:12, 63:100]
    assert np.allclose(edited[far], track.amounts_TK[far, 0])
    assert np.abs(np.diff(edited)).max() < 4  # it eases
    late = edit_track(track, {"yaw": CurveEdit(keys=((99.0, 5.0),))})  # after the end
    assert np.array_equal(late.amounts_TK, track.amounts_TK)


def test_keys_hold_whatever_else_is_done() -> None:
    edit = CurveEdit(scale=2.0, smooth=0.2, keys=((0.4, 12.5),))
    assert edit_track(_track(), {"yaw": edit}).amounts_TK[10, 0] == pytest.approx(12.5)


@given(
    st.floats(0, MOST_SCALE),
    st.booleans(),
    st.floats(0, 2),
    st.lists(st.tuples(st.floats(0, 2), st.floats(-90, 90)), max_size=5),
)
def test_edited_curves_are_finite_and_bounded_by_what_was_asked(
    scale: float, mute: bool, smooth: float, keys: list[tuple[float, float]]
) -> None:
    edited = edit_track(_track(), {"yaw": CurveEdit(scale, mute, smooth, tuple(keys))}).amounts_TK
    most = 10 + 10 * MOST_SCALE + max((abs(amount) + 40 for _, amount in keys), default=0)
    assert np.isfinite(edited).all()
    assert np.abs(edited).max() <= most + 1e-6


def test_edits_are_read_from_json() -> None:
    assert read_edits("") == {}
    text = '{"yaw": {"scale": 0.5, "mute": false, "smooth": 0, "keys": [[1.2, 10]]}, "jaw": {"mute": true}}'
    assert read_edits(text) == {
        "yaw": CurveEdit(scale=0.5, keys=((1.2, 10),)),
        "jaw": CurveEdit(mute=True),
    }


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"yaw": 3}',
        '{"yaw": {"scale": "1"}}',
        '{"yaw": {"scale": 3.1}}',
        '{"yaw": {"scale": -1}}',
        '{"yaw": {"scale": null}}',
        '{"yaw": {"smooth": 2.5}}',
        '{"yaw": {"mute": 1}}',
        '{"yaw": {"speed": 1}}',
        '{"yaw": {"keys": [[1]]}}',
        '{"yaw": {"keys": [1, 2]}}',
        '{"yaw": {"keys": {"1": 2}}}',
        '{"yaw": {"keys": [[1, true]]}}',
        '{"yaw": {"keys": [[1, 1e9]]}}',
        '{"yaw": {"keys": [[1, NaN]]}}',
        '{"yaw": {"keys": [' + ",".join("[1, 2]" for _ in range(201)) + "]}}",
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_edit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_edits(text)
