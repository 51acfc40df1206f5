"""Controls and coefficient limits: read, written, and used to clamp."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from liax.errors import LiaxError, UnknownControlError
from liax.portrait import Animator
from liax.weights import load
from liax.weights.controls import (
    CONTROLS_KEY,
    GROUPS,
    LIMITS_KEY,
    CoefficientLimits,
    Control,
    Controls,
    VerifiedRange,
    read_controls,
    read_limits,
)

YAW = Control(
    "yaw",
    "head",
    {3: 0.02, 1: -0.5},
    -30.0,
    25.0,
    "deg",
    "turns the head to the viewer's right",
    VerifiedRange(-12.5, 10.0, 4.0, 0.88),
)
SMILE = Control("smile", "mouth", {2: 1.0}, 0.0, 1.0)

numbers = st.floats(-1e3, 1e3)
verified_ranges = st.builds(
    VerifiedRange, st.just(0.0), st.floats(1e-4, 1e-3), tolerance=st.floats(1e-3, 10), share=st.floats(0, 1)
)
controls = st.builds(
    Control,
    name=st.from_regex(r"[a-z][a-z0-9-]*", fullmatch=True),
    group=st.sampled_from(GROUPS),
    vectors=st.dictionaries(st.integers(0, 7), numbers, min_size=1),
    low=st.floats(-1e3, 0),
    high=st.floats(1e-3, 1e3),
    unit=st.sampled_from(["", "deg"]),
    meaning=st.text(),
    verified=st.none() | verified_ranges,
)

LIMITS = CoefficientLimits(np.array([-1.0, -0.1, 0.0]), np.array([2.0, 0.1, 3.0]))
triples = st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3).map(np.float32)


@given(st.lists(controls, unique_by=lambda control: control.name))
def test_json_keeps_everything(items: list[Control]) -> None:
    written = Controls(8, tuple(items))
    assert read_controls({CONTROLS_KEY: written.to_json()}, 8) == written


def test_directions() -> None:
    directions_MK = Controls(4, (YAW, SMILE)).directions_MK
    np.testing.assert_array_equal(directions_MK, [[0, 0], [-0.5, 0], [0, 1], [0.02, 0]])


def test_none_is_fine() -> None:
    assert len(read_controls({}, 8)) == 0


def test_older_files_have_no_verified_ranges() -> None:
    values = json.loads(Controls(8, (YAW,)).to_json())
    del values[0]["promise"]
    (old,) = read_controls({CONTROLS_KEY: json.dumps(values)}, 8)
    assert old == replace(YAW, verified=None)
    assert (old.range, old.verified_text) == ("-30 to 25 deg", "")


def test_ranges_as_text() -> None:
    assert (YAW.range, YAW.verified_text) == ("-30 to 25 deg", "±4 in -12.5 to 10")
    assert replace(SMILE, verified=VerifiedRange(0, 0.75, 1 / 30, 1)).verified_text == "±0.033 in 0 to 0.75"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vectors": {"8": 1}}, "a vector that does not exist"),
        ({"vectors": {}}, "no vector by a finite amount"),
        ({"vectors": {"1": float("nan")}}, "no vector by a finite amount"),
        ({"low": 1}, "impossible range: 1 to 25"),
        ({"high": float("inf")}, "impossible range"),
        ({"group": "ears"}, "no known group: ears"),
        ({"colour": "red"}, "colour"),
        ({"vectors": [1]}, "cannot be used"),
        (
            {"promise": {"low": -31, "high": 10, "tolerance": 4, "share": 1}},
            "yaw has a verified range outside its range",
        ),
        (
            {"promise": {"low": 0, "high": 0, "tolerance": 4, "share": 1}},
            "verified range is impossible: 0 to 0",
        ),
        (
            {"promise": {"low": 0, "high": 9, "tolerance": 0, "share": 1}},
            r"impossible tolerance \(0, share 1",
        ),
        ({"promise": {"low": 0, "high": 9, "tolerance": 4, "share": 1.1}}, "impossible tolerance"),
        ({"promise": {"low": 0, "high": 9, "tolerance": 4, "share": float("nan")}}, "impossible tolerance"),
        ({"promise": {"low": 0, "high": 9}}, "cannot be used"),
        ({"promise": 4}, "cannot be used"),
    ],
)
def test_unusable_controls(changes: dict[str, object], words: str) -> None:
    values = json.loads(Controls(8, (YAW,)).to_json())[0] | changes
    with pytest.raises(LiaxError, match=words):
        read_controls({CONTROLS_KEY: json.dumps([values])}, 8)


def test_unknown_control() -> None:
    controls = Controls(8, (YAW, SMILE))
    with pytest.raises(UnknownControlError) as caught:
        _ = controls["smil"]
    error = caught.value
    assert (error.name, error.known, error.suggestion) == ("smil", ("yaw", "smile"), "smile")
    with pytest.raises(UnknownControlError, match="by number"):
        _ = Controls(8)["yaw"]
    with pytest.raises(LiaxError, match="mouth is a group of controls; name one of them: smile"):
        _ = controls["mouth"]


def test_movement_is_the_meaning_without_remarks() -> None:
    yaw = Control("yaw", "head", {0: 1.0}, -1.0, 1.0, meaning="turns right; leaks 18 % into wink")
    assert yaw.movement == "turns right"
    assert Control("yaw", "head", {0: 1.0}, -1.0, 1.0, meaning="turns right").movement == "turns right"


def test_the_rarest_faces_do_not_count() -> None:
    alpha_NM = np.linspace([-1, 0], [1, 10], 1001)
    alpha_NM[0], alpha_NM[-1] = (-50, -50), (50, 50)
    limits = CoefficientLimits.of(alpha_NM)
    np.testing.assert_allclose(limits.low_M, [-0.99, 0.05])
    np.testing.assert_allclose(limits.high_M, [0.99, 9.95])


@given(triples, triples)
def test_clamped_to_the_limits_or_to_what_was_seen(
    alpha_M: NDArray[np.float32], seen_M: NDArray[np.float32]
) -> None:
    held_M = LIMITS.clamp(alpha_M, seen_M)
    low_M, high_M = np.minimum(LIMITS.low_M, seen_M), np.maximum(LIMITS.high_M, seen_M)
    assert ((low_M <= held_M) & (held_M <= high_M)).all()
    within_M = (low_M <= alpha_M) & (alpha_M <= high_M)
    np.testing.assert_array_equal(held_M[within_M], alpha_M[within_M])
    np.testing.assert_array_equal(LIMITS.clamp(seen_M, seen_M), seen_M)


def test_weights_may_have_no_limits() -> None:
    assert read_limits({}, 8) is None
    assert read_controls({}, 8).limits is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"low": [0, 0], "high": [1]}',
        '{"low": [2, 0], "high": [1, 1]}',
        '{"low": [NaN, 0], "high": [1, 1]}',
        '{"low": ["a", 0], "high": [1, 1]}',
    ],
)
def test_unusable_limits(text: str) -> None:
    with pytest.raises(
        LiaxError, match=r"coefficient limits cannot be used .*; download or export the weights again"
    ):
        read_limits({LIMITS_KEY: text}, 2)


def test_bundled_weights_hold_eyes_open_and_mouths_shut() -> None:
    """Blink's coefficient is about 0 on open eyes, and jaw's on shut mouths; no face has much less."""
    controls = Animator(load("small"), "cpu").controls
    assert controls.limits is not None
    for name in ("blink", "jaw"):
        (index, *_) = controls[name].vectors
        assert -0.5 < controls.limits.low_M[index] < 0.1
        assert controls.limits.high_M[index] > 1
