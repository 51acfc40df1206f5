"""From "yaw=15deg" to a change of the coefficients."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.errors import LiaxError
from liax.options import Amount, parse_settings
from liax.portrait.edit_vector import LARGEST_EDIT, Edit, edit_vector
from liax.weights.controls import CoefficientLimits, Control, Controls, VerifiedRange

CONTROLS = Controls(
    8,
    (
        Control("yaw", "head", {3: 0.02, 5: -0.001}, -30.0, 25.0, "deg"),
        Control("smile", "mouth", {1: 0.5, 5: 0.25}, 0.0, 1.0),
    ),
)


def test_parse() -> None:
    assert parse_settings(["yaw=15deg, Smile = .5", "#12=-3e-1", "roll=7", "pitch=-4 °,5=1"]) == {
        "yaw": Amount(15.0, "deg"),
        "smile": Amount(0.5),
        "#12": Amount(-0.3),
        "roll": Amount(7.0),
        "pitch": Amount(-4.0, "deg"),
        "#5": Amount(1.0),
    }
    assert parse_settings([]) == {}


@pytest.mark.parametrize(
    "text", ["yaw", "yaw=", "=3", "yaw=fast", "yaw=nan", "", "yaw=1,", "smile=0,5", "a b=1"]
)
def test_no_setting(text: str) -> None:
    with pytest.raises(LiaxError, match="is no setting; write a control"):
        parse_settings([text])


def test_twice_is_a_slip() -> None:
    with pytest.raises(LiaxError, match="yaw is set twice"):
        parse_settings(["yaw=1", "smile=1,YAW=2"])


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9-]{0,8}|#\d{1,2}", fullmatch=True),
        st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["", "deg", "cm"])),
        max_size=5,
    )
)
def test_written_settings_are_read_back(wanted: dict[str, tuple[float, str]]) -> None:
    texts = [f"{name}={value!r}{unit}" for name, (value, unit) in wanted.items()]
    amounts = {name: Amount(*amount) for name, amount in wanted.items()}
    assert parse_settings(texts) == amounts
    assert parse_settings([",".join(texts)] if texts else []) == amounts


def test_vector() -> None:
    expected_M = np.zeros(8)
    expected_M[[1, 3, 5, 7]] = 0.25, -0.2, 0.5 * 0.25 + 10 * 0.001, 0.3
    edit_M = edit_vector(parse_settings(["yaw=-10deg", "smile=0.5", "#7=0.3"]), CONTROLS)
    assert edit_M.dtype == np.float32
    np.testing.assert_allclose(edit_M, expected_M, atol=1e-7)
    np.testing.assert_array_equal(edit_vector({"yaw": -10, "smile": 0.5, 7: 0.3}, CONTROLS), edit_M)


@given(st.floats(-30, 25), st.floats(0, 1), st.floats(-LARGEST_EDIT, LARGEST_EDIT))
def test_settings_add_up(yaw: float, smile: float, fifth: float) -> None:
    parts = [edit_vector(one, CONTROLS) for one in ({"yaw": yaw}, {"smile": smile}, {5: fifth})]
    together_M = edit_vector({"yaw": yaw, "smile": smile, "#5": fifth}, CONTROLS)
    np.testing.assert_allclose(together_M, np.sum(parts, 0), atol=1e-6)
    np.testing.assert_allclose(
        together_M, CONTROLS.directions_MK @ [yaw, smile] + np.eye(8)[5] * fifth, atol=1e-6
    )


def test_expressions_stop_where_faces_do() -> None:
    """Here at 0.9; the head's controls and vectors by number are exact."""
    alpha_M = np.full(8, 0.8, np.float32)
    limits = CoefficientLimits(np.full(8, -0.9), np.full(8, 0.9))
    controls = replace(CONTROLS, limits=limits)

    def added(settings: dict[str | int, float], force: bool = False) -> list[float]:
        edit = Edit.of(settings, controls, force)
        both_2M = edit.vector_for(np.stack([alpha_M, alpha_M - 0.1]))
        np.testing.assert_array_equal(both_2M[0], edit.vector_for(alpha_M))
        np.testing.assert_array_equal(both_2M[1], edit.vector_for(alpha_M - np.float32(0.1)))
        return edit.vector_for(alpha_M)[[1, 3, 5, 7]].tolist()

    assert added({"smile": 0.1}) == pytest.approx([0.05, 0, 0.025, 0])
    assert added({"smile": 1.0}) == pytest.approx([0.1, 0, 0.1, 0])
    assert added({"yaw": 25.0, 7: 1.5}) == pytest.approx([0, 0.5, -0.025, 1.5])
    assert added({"smile": 1.0, 1: 0.3}) == pytest.approx([0.3, 0, 0.1, 0])
    assert added({"smile": 1.0}, force=True) == pytest.approx([0.5, 0, 0.25, 0])
    assert edit_vector({"smile": 1.0}, controls)[1] == pytest.approx(0.5)  # of no portrait in particular


@given(st.floats(-1e6, 1e6), st.sampled_from(["yaw", "smile", "#2", 2]))
def test_range_unless_forced(value: float, name: str | int) -> None:
    low, high = {"yaw": (-30, 25), "smile": (0, 1)}.get(str(name), (-LARGEST_EDIT, LARGEST_EDIT))
    forced_M = edit_vector({name: value}, CONTROLS, force=True)
    if low <= value <= high:
        np.testing.assert_array_equal(edit_vector({name: value}, CONTROLS), forced_M)
    elif not low - 1e-3 <= value <= high + 1e-3:
        with pytest.raises(
            LiaxError, match=rf"out of its range {low:g} to {high:g}.*; stay within it, or force it"
        ):
            edit_vector({name: value}, CONTROLS)


def test_range_as_shown_is_allowed() -> None:
    control = Control("tilt", "head", {0: 1.0}, -1 / 3, 200 / 3)
    assert control.range == "-0.333333 to 66.6667"
    for value in (-0.333333, 66.6667):
        assert edit_vector({"tilt": value}, Controls(1, (control,)))[0] == pytest.approx(value)


@pytest.mark.parametrize("name", ["yaw", "#1", 1])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_never_what_is_not_finite(name: str | int, value: float) -> None:
    with pytest.raises(LiaxError, match="give a finite number"):
        edit_vector({name: value}, CONTROLS, force=True)
    with pytest.raises(LiaxError, match="give a finite number"):
        edit_vector(parse_settings(["yaw=1e999"]), CONTROLS, force=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smile=20deg", "smile is a bare number, not in deg; give smile=20"),
        ("yaw=0.2rad", "yaw is in deg, not in rad; give yaw=0.2"),
        ("#2=3deg", "Motion vectors have no unit; give #2=3"),
        ("smlie=1", r"no control 'smlie'; did you mean smile\? They have yaw, smile"),
        ("x=1", "no control 'x'; they have yaw, smile"),
        ("mouth=1", "mouth is a group of controls; name one of them: smile"),
        ("gaze=1", "no control 'gaze'"),
        ("#8=1", "no motion vector #8; these weights have #0 to #7"),
        ("#-1=1", "no motion vector #-1"),
        ("#²=1", "no motion vector"),
    ],
)
def test_refused_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(LiaxError, match=words) as caught:
        edit_vector(parse_settings([text]), CONTROLS, force=True)
    assert "\n" not in str(caught.value)


def test_a_value_out_of_range_is_told_both_ranges() -> None:
    """Beyond what is verified is allowed; beyond the full range is not."""
    exact = replace(CONTROLS["yaw"], verified=VerifiedRange(-10, 12, 4, 0.9))
    edit_vector({"yaw": 20}, Controls(8, (exact,)))
    words = r"yaw=26deg is out of its range -30 to 25 deg \(verified to ±4 in -10 to 12\); stay within it"
    with pytest.raises(LiaxError, match=words):
        edit_vector({"yaw": 26}, Controls(8, (exact,)))


def test_negative_number_is_no_vector() -> None:
    with pytest.raises(LiaxError, match="no motion vector -1"):
        edit_vector({-1: 0.5}, CONTROLS)


def test_a_number_as_text_is_a_motion_vector() -> None:
    """As a batch's set = {"0" = 0.1} has it, and --set 0=.1."""
    for name in ("0", "#0", 0):
        np.testing.assert_array_equal(edit_vector({name: 0.1}, CONTROLS), edit_vector({"#0": 0.1}, CONTROLS))


@pytest.mark.timeout(10)
def test_there_is_no_such_vector() -> None:
    for name in ("8", "#8", 8, -1, "#-1", "#", "²", "#²", "9" * 5000, "#" + "9" * 5000, 10**5000):
        with pytest.raises(LiaxError, match=r"There is no motion vector|no control") as caught:
            edit_vector({name: 0.1}, CONTROLS)
        assert len(str(caught.value)) < 300
