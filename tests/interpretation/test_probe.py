"""Controls tried on the tiny network: amounts become coefficients."""

import numpy as np
import pytest
from linear_faces import Brightness
from PIL import Image

from liax.interpretation.probe import evenly_spaced_amounts, measure_curves
from liax.model import LIAX
from liax.portrait.animator import Animator
from liax.weights.controls import Control

BRIGHT = Control("bright", "other", {0: 0.5, 3: -1.0}, -1.0, 2.0)
RIGHT = Control("right", "other", {2: 0.8}, 0.0, 1.0)


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


@pytest.fixture(scope="module")
def portraits(portrait_HW3: np.ndarray) -> dict[str, np.ndarray]:
    return {"one": np.asarray(Image.fromarray(portrait_HW3).resize((64, 64)))}


def test_a_curve_is_what_edits_by_its_amounts_measure(
    animator: Animator, portraits: dict[str, np.ndarray]
) -> None:
    instrument = Brightness()
    asked = {control.name: evenly_spaced_amounts(control, 2) for control in (BRIGHT, RIGHT)}
    curves = measure_curves(animator, portraits, [BRIGHT, RIGHT], asked, instrument)
    assert instrument.seen == 1 + 4 + 2
    assert curves["right"].asked_A.tolist() == [0, 0.5, 1]
    source = animator.encode([portraits["one"]])
    alpha_M = source.alpha_BM[0].numpy()
    for control in (BRIGHT, RIGHT):
        alphas = np.tile(alpha_M, (len(asked[control.name]) + 1, 1))
        for row, amount in enumerate(asked[control.name], start=1):
            for vector, change in control.vectors.items():
                alphas[row, vector] += amount * change
        measured = Brightness().measure(animator.render(source, alphas))
        # Rounding to 8 bits may differ with the batch.
        np.testing.assert_allclose(curves[control.name].change_PAF[0], measured[1:] - measured[0], atol=0.02)
