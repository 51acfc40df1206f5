"""What the page tells of a clip's motion."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from liax.app import motion_view
from liax.app.motion_view import ClipMotion, read_motion, vector_names
from liax.errors import LiaxError
from liax.portrait.template import Template
from liax.progress import no_progress
from liax.weights.controls import Control, Controls

NAMES = ["yaw", "#1", "jaw + smile", "#3"]


def _template(alpha_TM: np.ndarray) -> Template:
    count = len(alpha_TM)
    begins_T = np.arange(count) == 0
    ticks_T = np.arange(count, dtype=np.int64)
    return Template(alpha_TM.astype(np.float32), ticks_T, begins_T, Fraction(1, 10), Fraction(10), "tiny")


@pytest.fixture
def motion() -> ClipMotion:
    """21 moments of 4 vectors: the first swings widely, the third a little; the second is constant."""
    wave_T = np.cos(np.linspace(0, 2 * np.pi, 21))
    alpha_TM = np.stack([wave_T, np.full(21, 5.0), -0.2 * wave_T, np.zeros(21)], 1)
    return read_motion(_template(alpha_TM), no_progress)


def test_what_is_always_so_is_no_motion(motion: ClipMotion) -> None:
    described = motion.sparsity.centred
    assert described.used_ever == 2
    assert motion.used_TM[:, 0].all()
    assert not motion.used_TM[:, [1, 3]].any()
    # (√4 - 1.2/√1.04) / (√4 - 1), however far it swings
    np.testing.assert_allclose(motion.hoyer_T, 2 - 1.2 / np.sqrt(1.04), atol=1e-5)


def test_one_moment_is_no_motion() -> None:
    with pytest.raises(LiaxError, match="a single moment"):
        read_motion(_template(np.ones((1, 4))), no_progress)


def test_reading_tells_how_far_it_is(motion: ClipMotion) -> None:
    told: list[tuple[str, int, int | None]] = []
    read_motion(_template(motion.alpha_TM), lambda *now: told.append(now))
    assert [done for _, done, _ in told] == list(range(1, 22))
    assert told[-1] == ("reading the motion", 21, 21)


def test_vectors_bear_the_names_of_the_controls_that_they_carry() -> None:
    controls = (
        Control("yaw", "head", {0: 1.0, 1: -0.6}, -1, 1),
        Control("jaw", "mouth", {2: -0.8}, 0, 1),
        Control("smile", "mouth", {2: 0.5, 0: 0.1}, 0, 1),
    )
    assert vector_names(Controls(4, controls)) == NAMES


def test_a_moment_is_the_nearest_one_that_was_seen(motion: ClipMotion) -> None:
    assert motion.nearest(0.52) == 5
    seen = ClipMotion(motion.times_T, motion.alpha_TM, {0: "data:a", 20: "data:b"})
    assert seen.nearest(0.52) == 0
    assert 'src="data:b"' in motion_view.frame_html(seen, NAMES, 1.9)


def test_bars_are_what_moves_the_strongest_first(motion: ClipMotion) -> None:
    shown = str(motion_view.frame_html(motion, NAMES, 1.0))  # the first vector is at its lowest
    places = [shown.index(text) for text in ("2 of 4 movements", "yaw", "down", "jaw + smile", "up")]
    assert all(before < after for before, after in pairwise(places))
    assert "#1" not in shown
    assert "width:50.0%" in shown


def test_names_of_weights_cannot_become_markup(motion: ClipMotion) -> None:
    shown = str(motion_view.frame_html(motion, ["<script>", *NAMES[1:]], 1.0))
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_the_map_is_transparent_where_nothing_moves() -> None:
    red, blue, none = motion_view._map_colours(np.array([[1.0, -1.0, 0.0]]))[0]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert (red[3], blue[3], none[3]) == (255, 255, 0)


def test_charts_say_in_words_what_they_show(motion: ClipMotion) -> None:
    shown = str(motion_view.charts_html(motion, NAMES))
    assert "Map of the 2 liveliest movements" in shown
    assert "2.0 on average" in shown
    assert f"{2 - 1.2 / np.sqrt(1.04):.2f} on average" in shown
