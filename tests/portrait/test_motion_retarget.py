import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.options import ALL_MOTION
from liax.portrait.motion import group_gains, retarget
from liax.weights.controls import Control, Controls

M = 12
# Directions are neither orthogonal nor of one length, as measured controls are not: smile moves a little of
# yaw's vector (3), and blink of mouth's (8).
CONTROLS = Controls(
    M,
    (
        Control("yaw", "head", {3: 0.02, 1: 0.005}, -40, 40, "deg"),
        Control("roll", "head", {4: 0.03}, -30, 30, "deg"),
        Control("smile", "mouth", {7: 0.5, 3: 0.2}, -1, 1),
        Control("mouth", "mouth", {8: -0.4}, -1, 1),
        Control("blink", "eyes", {9: 1.0, 8: 0.3}, 0, 1),
    ),
)
GROUPS = ("head", "mouth", "eyes")


# What the vectors' motion counts to: 3 is all but a quarter of yaw, and a third of smile.
OWNERS = {"yaw": [3, 1], "roll": [4], "smile": [7], "mouth": [8], "blink": [9]}
UNNAMED = [0, 2, 5, 6, 10, 11]

gains = st.dictionaries(st.sampled_from(GROUPS), st.floats(0, 3))


@given(gains, st.floats(0, 3))
def test_every_vector_goes_with_the_control_of_which_it_is_the_largest_part(
    given_gains: dict[str, float], others: float
) -> None:
    expected_M = np.full(M, others)
    for control in CONTROLS:
        expected_M[OWNERS[control.name]] = given_gains.get(control.group, others)
    np.testing.assert_allclose(group_gains(CONTROLS, given_gains, others), np.diag(expected_M))


def test_a_unit_makes_no_difference() -> None:
    """Smile in per cent moves a hundredth of its vectors, and owns the same."""
    controls = Controls(
        3, (Control("yaw", "head", {0: 9.0, 1: 1.0}, -1, 1), Control("smile", "mouth", {1: 0.01}, -1, 1))
    )
    np.testing.assert_allclose(group_gains(controls, {"head": 1.0}, 0.0), np.diag([1, 0, 0]))


def test_a_head_that_is_left_out_is_left_out_whole() -> None:
    """What real clips move is not made of controls: the vector that turns the head moves alone."""
    map_MM = retarget(CONTROLS, without=["head"])
    assert map_MM is not None
    np.testing.assert_allclose(map_MM @ np.eye(M)[3], 0)


def test_nothing_asked_is_nothing_done() -> None:
    assert retarget(CONTROLS) is None
    assert retarget(CONTROLS, strength=1.0) is None
    assert retarget(CONTROLS, strength={"head": 1.0}) is None
    np.testing.assert_allclose(group_gains(CONTROLS, dict.fromkeys(GROUPS, 1.0), 1.0), np.eye(M), atol=1e-12)


def acted(map_MM: NDArray[np.float64] | None) -> dict[str, float]:
    """What a map makes of each control's vectors and of those without a name."""
    assert map_MM is not None
    found = {}
    for name, vectors in (OWNERS | {"unnamed": UNNAMED}).items():
        moved_MN = map_MM @ np.eye(M)[:, vectors]
        found[name] = float(moved_MN.max())
        np.testing.assert_allclose(moved_MN, found[name] * np.eye(M)[:, vectors])
    return found


@pytest.mark.parametrize(
    ("options", "yaw", "roll", "smile", "mouth", "blink", "unnamed"),
    [
        ({"without": ["head"]}, 0, 0, 1, 1, 1, 1),
        ({"without": ["yaw"]}, 0, 1, 1, 1, 1, 1),
        ({"only": ["head"], "without": ["yaw"]}, 0, 1, 0, 0, 0, 0),
        ({"only": ["smile", "eyes"]}, 0, 0, 1, 0, 1, 0),
        ({"only": ["mouth"]}, 0, 0, 1, 1, 0, 0),  # the group, though a control has that name too
        ({"strength": 1.3}, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3),
        ({"strength": {ALL_MOTION: 1.2, "mouth": 1.5, "roll": 0}}, 1.2, 0, 1.5, 1.5, 1.2, 1.2),
        ({"strength": {"head": 0.5, "yaw": 2}, "only": ["head"]}, 2, 0.5, 0, 0, 0, 0),
    ],
)
def test_what_users_ask_for(
    options: dict, yaw: float, roll: float, smile: float, mouth: float, blink: float, unnamed: float
) -> None:
    expected = {"yaw": yaw, "roll": roll, "smile": smile, "mouth": mouth, "blink": blink, "unnamed": unnamed}
    assert acted(retarget(CONTROLS, **options)) == expected


def test_controls_on_one_vector_share_its_motion() -> None:
    """Nobody can tell which of them moved; whatever their units, each has an equal part."""
    controls = Controls(
        4, (Control("neck", "head", {2: 5.0}, -1, 1), Control("jaw", "mouth", {2: 0.1}, -1, 1))
    )
    moved_M = group_gains(controls, {"head": 1.0}, 0.0) @ np.array([1.0, 0, 3, 0])
    np.testing.assert_allclose(moved_M, [0, 0, 1.5, 0], atol=1e-12)
    within = Controls(4, (Control("one", "head", {2: 5.0}, -1, 1), Control("two", "head", {2: 0.1}, -1, 1)))
    np.testing.assert_allclose(group_gains(within, {"head": 2.0}, 1.0), np.diag([1, 1, 2, 1]), atol=1e-12)


def test_nearly_equal_directions_do_not_amplify() -> None:
    controls = Controls(
        4, (Control("a", "eyes", {0: 1}, -1, 1), Control("b", "gaze", {0: 1, 1: 1e-3}, -1, 1))
    )
    assert np.linalg.norm(group_gains(controls, {"eyes": 1.0}, 0.0), 2) < 1.01


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"only": ["gaze"]},
            "no motion called 'gaze'; they have the groups head, mouth, eyes and the controls",
        ),
        ({"without": ["jaw"]}, "no motion called 'jaw'"),
        ({"strength": {"brows": 2}}, "no motion called 'brows'"),
        ({"only": ["head"], "without": ["head"]}, "head cannot be both"),
        ({"strength": -1}, "-1 is no strength for all; give 0 to 4"),
        ({"strength": {"head": float("nan")}}, "nan is no strength for head"),
        ({"strength": 4.1}, "4.1 is no strength"),
    ],
)
def test_bad_requests(options: dict, sentence: str) -> None:
    with pytest.raises(LiaxError, match=sentence):
        retarget(CONTROLS, **options)


def test_weights_without_controls() -> None:
    nameless = Controls(M)
    np.testing.assert_allclose(group_gains(nameless, {}, 0.5), 0.5 * np.eye(M))
    half_MM = retarget(nameless, strength=0.5)
    assert half_MM is not None
    np.testing.assert_allclose(half_MM, 0.5 * np.eye(M))
    with pytest.raises(
        LiaxError, match="These weights name no motion, so 'head' cannot be told from the rest"
    ):
        retarget(nameless, only=["head"])
