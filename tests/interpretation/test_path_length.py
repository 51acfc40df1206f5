"""Lengths computed by hand on a drawing that is a formula, and the real thing on tiny weights."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from liax.evaluation.perceptual import PerceptualDistance
from liax.interpretation.observe import Observations
from liax.interpretation.path_length import path_length
from liax.model import LIAX, Encoded
from liax.options import SourceOptions
from liax.portrait import Animator, open_portrait
from liax.portrait.source import Portrait

# Of pictures in [-1, 1]: so 4 times that of pictures in [0, 1].
SQUARES = PerceptualDistance(
    "mean square", lambda a, b: (a - b).square().mean((1, 2, 3)), torch.device("cpu")
)


def observed(alpha_NM: np.ndarray, clip_N: list[int]) -> Observations:
    clips = tuple(f"clip {i}" for i in range(max(clip_N) + 1))
    return Observations(
        alpha_NM.astype(np.float32), np.zeros((len(alpha_NM), 0)), np.array(clip_N), clips, ()
    )


def formula(draw: Callable[[Tensor], Tensor]) -> tuple[Animator, list[Portrait]]:
    """An animator whose pictures are of one grey, `draw(first coefficient)`, in [-1, 1]."""

    def render(code_BD: Tensor, features: tuple[Tensor, ...]) -> list[SimpleNamespace]:
        return [SimpleNamespace(image=draw(code_BD[:, :1])[..., None, None].expand(-1, 3, 32, 32))]

    network = SimpleNamespace(reenact=lambda code_BD, alpha_BM: code_BD + alpha_BM, render=render)
    animator = SimpleNamespace(network=network, device=torch.device("cpu"), batch_size=4)
    portrait = SimpleNamespace(encoded=Encoded(torch.zeros(1, 2), torch.zeros(1, 2), ()))
    return cast(Animator, animator), [cast(Portrait, portrait)]


# Two clips of two frames, whose first coefficients are 0.2 and 0.4 apart.
PAIRS = observed(np.array([[0.1, 0], [0.3, 5], [0.2, 1], [0.6, 1]]), [0, 0, 1, 1])


def test_a_straight_course_has_the_squared_speed_as_length() -> None:
    animator, stills = formula(lambda x: x)
    found = path_length(animator, PAIRS, stills, SQUARES, paths=6, epsilon=1e-2)
    np.testing.assert_allclose(found.length_P, [0.04, 0.16] * 3, rtol=1e-3)
    np.testing.assert_allclose(found.straightness_P, 1, rtol=1e-4)
    assert found.clip_P.tolist() == [0, 1] * 3
    assert found.length == pytest.approx(0.1, rel=1e-3)
    assert found.length_low == pytest.approx(0.04, rel=1e-3)
    assert found.length_high == pytest.approx(0.16, rel=1e-3)
    assert found.distance == "mean square"


def test_there_and_back_is_not_straight() -> None:
    """The grey rises for half of the way and falls again: its ends are alike."""
    animator, stills = formula(lambda x: 0.5 - (x - 0.2).abs())
    found = path_length(animator, observed(np.array([[0.1, 0], [0.3, 0]]), [0, 0]), stills, SQUARES, paths=4)
    np.testing.assert_allclose(found.straightness_P, 0, atol=1e-3)
    animator, stills = formula(lambda x: torch.where(x < 0.25, x, 0.5 - x))  # rises .15, falls .05
    found = path_length(animator, observed(np.array([[0.1, 0], [0.3, 0]]), [0, 0]), stills, SQUARES, paths=4)
    np.testing.assert_allclose(found.straightness_P, 0.5, rtol=1e-3)
    assert np.isnan([found.straightness_low, found.straightness_high]).all()


def test_a_picture_that_stands_still_has_no_straightness() -> None:
    animator, stills = formula(lambda x: 0 * x)
    found = path_length(animator, PAIRS, stills, SQUARES, paths=2)
    assert found.length == 0
    assert np.isnan(found.straightness)
    assert np.isnan(found.straightness_P).all()


def test_tiny_weights(tiny: LIAX, portrait_HW3: np.ndarray) -> None:
    animator = Animator(tiny, "cpu")
    stills = [open_portrait(animator, portrait_HW3, SourceOptions(crop=False))]
    alpha_NM = np.random.default_rng(0).normal(size=(6, tiny.config.vectors)) * 0.2
    calls: list[tuple[str, int, int | None]] = []
    clips = observed(alpha_NM, [0, 0, 0, 1, 1, 2])
    found = path_length(animator, clips, stills, SQUARES, paths=4, progress=lambda *now: calls.append(now))
    assert (found.length_P > 0).all()
    assert ((found.straightness_P > 0.1) & (found.straightness_P <= 1 + 1e-5)).all()
    assert set(found.clip_P.tolist()) == {0, 1}  # the third is a single frame
    assert calls[-1][1:] == (4, 4)
    finer = path_length(animator, clips, stills, SQUARES, paths=4, epsilon=3e-3)
    np.testing.assert_allclose(finer.length_P, found.length_P, rtol=0.1)
    again = path_length(animator, clips, stills, SQUARES, paths=4)
    np.testing.assert_array_equal(again.length_P, found.length_P)


def test_nothing_to_walk() -> None:
    animator, stills = formula(lambda x: x)
    with pytest.raises(ValueError, match="two frames"):
        path_length(animator, observed(np.zeros((2, 2)), [0, 1]), stills, SQUARES)
    with pytest.raises(ValueError, match="portrait"):
        path_length(animator, PAIRS, [], SQUARES)
