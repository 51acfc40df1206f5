"""Automatic alignment: what the coefficients say, corrected by what a landmarker measures."""

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from PIL import Image

from liax.errors import LiaxError
from liax.face.crop import crop_and_resize, crop_around
from liax.face.landmarks import Face, FaceLandmarker
from liax.model import LIAX, Encoded
from liax.portrait.align import align_source, head_turn, within_ranges
from liax.portrait.animator import Animator
from liax.portrait.edit_vector import LARGEST_EDIT
from liax.weights import load
from liax.weights.controls import Control, Controls

COUNT = 8
CONTROLS = Controls(
    COUNT,
    (
        Control("yaw", "head", {0: 0.02}, -40, 40, "deg"),
        Control("pitch", "head", {1: 0.02, 3: 0.01}, -40, 40, "deg"),
        Control("roll", "head", {2: 0.5}, -2, 2),
        Control("nearer", "head", {4: 1.0}, -0.5, 0.5),
        Control("smile", "mouth", {5: 1.0}, -1, 1),
    ),
)


def _face(yaw: float, pitch: float, roll: float) -> Face:
    """A face so turned, R = R_y R_x R_z, at a scale as the landmarker's matrices have."""
    (a, b, c), pose = np.radians([yaw, pitch, roll]), np.eye(4)
    y = [[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]
    x = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    pose[:3, :3] = 1.1 * (np.array(y) @ x @ z)
    return Face(np.zeros((478, 2), np.float32), {}, pose.astype(np.float32))


class _World:
    """Animator and landmarker of heads that turn less than they are told, unevenly, and differ in rest pose.

    Its pictures carry the coefficients themselves. Faces turned beyond `lost` degrees are not found.
    """

    def __init__(self, gain: float, mixing: float, lost: float = 90.0) -> None:
        self.controls, self.lost, self.seen = CONTROLS, lost, 0
        self.turns_3M = np.zeros((3, COUNT))
        self.turns_3M[[0, 1, 2], [0, 1, 2]] = np.array([50, 50, 20]) * gain
        self.turns_3M[[1, 2], [0, 1]] = 50 * gain * mixing
        self.turns_3M[0, 5] = 5  # a smile seems to turn the head: no control of it may be used for that

    def render(self, source: Encoded, alphas: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        yield from alphas

    def detect(self, picture: np.ndarray) -> list[Face]:
        self.seen += 1
        turns = self.turns_3M @ picture
        turns = 60 * np.tanh(turns / 60)
        return [] if np.abs(turns).max() > self.lost else [_face(*turns)]


def _encoded(alpha_M: Iterable[float]) -> Encoded:
    return Encoded(torch.zeros(1, 4), torch.tensor([list(alpha_M)], dtype=torch.float32), ())


def _align(world: Any, source_M: np.ndarray, first_M: np.ndarray, what: Any = "pose") -> np.ndarray:
    edit_M = align_source(world, _encoded(source_M), first_M, first_M, what, world)
    assert edit_M.dtype == np.float32
    assert edit_M.shape == (COUNT,)
    return edit_M


def _left(world: Any, alpha_M: np.ndarray, first_M: np.ndarray) -> float:
    """Degrees between the heads of two sets of coefficients."""
    return float(np.linalg.norm(head_turn(world.detect(alpha_M)[0], world.detect(first_M)[0])))


def test_the_turn_between_two_heads() -> None:
    assert_allclose(head_turn(_face(0, 0, 0), _face(20, 0, 0)), [0, 20, 0], atol=1e-3)
    assert_allclose(head_turn(_face(0, 12, 0), _face(0, 5, 0)), [-7, 0, 0], atol=1e-3)
    assert_allclose(head_turn(_face(0, 0, -100), _face(0, 0, 60)), [0, 0, 160], atol=1e-3)
    assert_allclose(head_turn(_face(7, 8, 9), _face(7, 8, 9)), [0, 0, 0], atol=1e-3)


@settings(max_examples=60)
@given(
    st.lists(st.floats(-0.4, 0.4), min_size=COUNT, max_size=COUNT),
    st.lists(st.floats(-0.4, 0.4), min_size=COUNT, max_size=COUNT),
    st.floats(0.3, 1.5),
    st.floats(-0.8, 0.8),
)
def test_any_head_gets_close_by_head_controls_alone(
    source: list[float], first: list[float], gain: float, mixing: float
) -> None:
    world = _World(gain, mixing)
    source_M, first_M = np.array(source, np.float32), np.array(first, np.float32)
    # The driving's head as other weights and another person turn it: the same gain for all.
    edit_M = _align(world, source_M, first_M)
    before, after = _left(world, source_M, first_M), _left(world, source_M + edit_M, first_M)
    assert after <= before + 1e-3
    assert after <= max(1.6, 0.3 * before)
    assert_allclose(edit_M, within_ranges(CONTROLS, edit_M), atol=1e-6)
    assert_allclose(edit_M[5:], 0, atol=1e-6)


def test_a_gain_below_one_is_made_up_for() -> None:
    """The source turns its head half as far for the same coefficients."""
    driving, source = _World(1.0, 0.0), _World(0.5, 0.2)
    source_M, first_M = np.zeros(COUNT, np.float32), np.array([0.3, -0.2, 0.3, 0, 0, 0, 0, 0], np.float32)
    target = driving.detect(first_M)[0]
    both = SimpleNamespace(detect=lambda picture: [target] if picture is first_M else source.detect(picture))
    edit_M = align_source(source, _encoded(source_M), first_M, first_M, "pose", both)  # type: ignore[arg-type]
    plain_M = align_source(source, _encoded(source_M), first_M, first_M, "pose", None)  # type: ignore[arg-type]
    left, plain, none = (
        float(np.linalg.norm(head_turn(source.detect(alpha_M)[0], target)))
        for alpha_M in (edit_M, plain_M, source_M)
    )
    assert left < 1.5 < 6 < plain < none
    assert source.seen < 25


def test_edits_that_lose_the_face_are_not_taken() -> None:
    """The coefficients alone turn the source's head out of sight; a smaller turn is found."""
    world = _World(1.0, 0.0, lost=24.0)
    world.turns_3M[0, 4] = 60  # and nearer turns it, too
    source_M, first_M = np.zeros(COUNT, np.float32), np.zeros(COUNT, np.float32)
    first_M[[0, 4]] = 0.6, 0.3
    target = _face(22, 0, 0)
    both = SimpleNamespace(detect=lambda picture: [target] if picture is first_M else world.detect(picture))
    edit_M = align_source(world, _encoded(source_M), first_M, first_M, "pose", both)  # type: ignore[arg-type]
    (found,) = world.detect(source_M + edit_M)
    assert float(np.linalg.norm(head_turn(found, target))) < 1.5


def test_without_any_face_the_coefficients_are_all_there_is(caplog: pytest.LogCaptureFixture) -> None:
    world = _World(1.0, 0.0)
    source_M, first_M = np.zeros(COUNT, np.float32), np.full(COUNT, 0.2, np.float32)
    plain_M = align_source(world, _encoded(source_M), None, first_M, "pose", world)  # type: ignore[arg-type]
    world.lost = -1
    assert_allclose(_align(world, source_M, first_M), plain_M)
    assert "first driving frame shows no face" in caplog.text
    both = SimpleNamespace(detect=lambda picture: [_face(9, 0, 0)] if picture is first_M else [])
    edit_M = align_source(world, _encoded(source_M), first_M, first_M, "pose", both)  # type: ignore[arg-type]
    assert_allclose(edit_M, plain_M)
    assert "no face in the result" in caplog.text


def test_each_part_takes_its_own_groups() -> None:
    world = _World(1.0, 0.0)
    source_M = np.full(COUNT, 0.1, np.float32)
    change_M = np.array([0.2, 0.2, -0.3, 0.1, 0.3, 0.4, 0.5, -0.6], np.float32)
    pose_M, expression_M, all_M = (
        align_source(world, _encoded(source_M), None, source_M + change_M, what, None)  # type: ignore[arg-type]
        for what in ("pose", "expression", "all")
    )
    assert_allclose(pose_M, [0.2, 0.2, -0.3, 0.1, 0.3, 0, 0, 0], atol=1e-6)
    assert_allclose(expression_M, [0, 0, 0, 0, 0, 0.4, 0, 0], atol=1e-6)
    assert_allclose(all_M, change_M, atol=1e-6)


def test_the_coefficients_stay_within_the_controls_ranges() -> None:
    world = _World(1.0, 0.0)
    first_M = np.array([1.2, 0, 0, 0, -3, 0, 5, 0], np.float32)
    edit_M = align_source(world, _encoded([0] * COUNT), None, first_M, "all", None)  # type: ignore[arg-type]
    assert_allclose(edit_M, [0.8, 0, 0, 0, -0.5, 0, LARGEST_EDIT, 0], atol=1e-6)


def test_a_vector_that_several_controls_move_goes_as_far_as_one_of_them() -> None:
    controls = Controls(3, (CONTROLS["yaw"], Control("pitch", "head", {0: 0.5, 1: -0.1}, -3, 1)))
    edit_M = np.array([-1.7, 0.5, -3])
    assert_allclose(within_ranges(controls, edit_M), [-1.5, 0.3, -LARGEST_EDIT])
    assert_allclose(within_ranges(controls, -edit_M), [0.8, -0.1, LARGEST_EDIT])
    assert_allclose(within_ranges(Controls(3), edit_M), [-1.7, 0.5, -LARGEST_EDIT])


def test_weights_without_controls_align_all_or_nothing(tiny: LIAX, portrait_HW3: np.ndarray) -> None:
    animator = Animator(tiny, "cpu")
    turned_HW3 = np.ascontiguousarray(portrait_HW3[:, ::-1])
    source, first = animator.encode([portrait_HW3]), animator.encode([turned_HW3])
    alpha_first_M = first.alpha_BM[0].numpy()
    with FaceLandmarker() as landmarker:
        edit_M = align_source(animator, source, turned_HW3, alpha_first_M, "all", landmarker)
    difference_M = alpha_first_M - source.alpha_BM[0].numpy()
    assert 0 < np.abs(difference_M).max() < LARGEST_EDIT
    assert_allclose(edit_M, difference_M, atol=1e-6)
    for what in ("pose", "expression"):
        with pytest.raises(LiaxError, match=r"no controls of the group .* align all"):
            align_source(animator, source, None, alpha_first_M, what, None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bundled() -> Animator:
    animator = Animator(load("small"), "cpu")
    if not any(control.group == "head" for control in animator.controls):
        pytest.skip("needs weights with controls of the head")
    return animator


def test_a_real_portrait_takes_a_tilted_heads_pose(bundled: Animator, portrait_HW3: np.ndarray) -> None:
    tilted_HW3 = np.asarray(Image.fromarray(portrait_HW3).rotate(-15, Image.Resampling.BICUBIC))
    with FaceLandmarker() as landmarker:

        def square(image_HW3: np.ndarray) -> np.ndarray:
            return crop_and_resize(image_HW3, crop_around(landmarker.detect(image_HW3)[0].box), bundled.size)

        source_RR3, first_RR3 = square(portrait_HW3), square(tilted_HW3)
        source = bundled.encode([source_RR3])
        alpha_M, first_M = (bundled.encode([p]).alpha_BM[0].numpy() for p in (source_RR3, first_RR3))
        edit_M = align_source(bundled, source, first_RR3, first_M, "pose", landmarker)
        (result_RR3,) = bundled.render(source, [alpha_M + edit_M])
        target, start, end = (landmarker.detect(p)[0] for p in (first_RR3, source_RR3, result_RR3))
    before, after = np.linalg.norm(head_turn(start, target)), np.linalg.norm(head_turn(end, target))
    assert before > 12
    assert after < before / 3
