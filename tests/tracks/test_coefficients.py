"""Coefficients as named amounts and free vectors, and back exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tracks_for_tests import CONTROLS, COUNT

from liax.tracks import Timing
from liax.tracks.coefficients import coefficients, controls_with_vectors, shadowed_controls, track_of
from liax.weights.controls import Controls

ALPHAS = st.lists(
    st.lists(st.floats(-3, 3, width=32), min_size=COUNT, max_size=COUNT), min_size=1, max_size=4
).map(lambda rows: np.array(rows, np.float32))


@given(ALPHAS)
def test_back_exactly(alpha_TM: np.ndarray) -> None:
    track = track_of(alpha_TM, Timing.steady(len(alpha_TM), Fraction(25)), CONTROLS, "abc")
    np.testing.assert_allclose(coefficients(track, CONTROLS), alpha_TM, atol=2e-6)
    assert not track.changes


def test_what_a_control_made_is_named_after_it() -> None:
    alpha_TM = (10 * CONTROLS.directions_MK[:, 0] + 0.5 * CONTROLS.directions_MK[:, 1])[None].astype(
        np.float32
    )
    track = track_of(alpha_TM, Timing.steady(1, Fraction(25)), CONTROLS, "abc")
    named = dict(zip(track.controls, track.amounts_TK[0].round(5), strict=True))
    assert named == {"yaw": 10, "jaw": 0.5, "smile": 0, "blink": 0, "brow": 0}
    assert track.vectors == ()  # also what jaw does to the vector that brow moves, too


def test_who_has_a_vector() -> None:
    assert [control.name for control in controls_with_vectors(CONTROLS)] == [
        "yaw",
        "jaw",
        "smile",
        "blink",
        "brow",
    ]
    assert shadowed_controls(("gaze-y", "blink"), CONTROLS) == ("gaze-y",)
    assert shadowed_controls(("gaze-y", "yaw"), CONTROLS) == ()


def test_weights_without_controls_have_vectors_alone() -> None:
    alpha_TM = np.eye(3, COUNT, dtype=np.float32)
    track = track_of(alpha_TM, Timing.steady(3, Fraction(25)), Controls(COUNT), "abc")
    assert (track.controls, track.vectors) == ((), (0, 1, 2))
    assert np.array_equal(coefficients(track, Controls(COUNT)), alpha_TM)
