"""Controls tried on the tiny network: amounts become coefficients, and edits add up or do not."""

import numpy as np
import pytest
from liax.interpretation.additivity import measure_additivity
from linear_faces import Brightness
from PIL import Image

from liax.interpretation import additivity as module
from liax.interpretation.probe import ProbeResult, evenly_spaced_amounts, measure_curves
from liax.model import LIAX
from liax.portrait.animator import Animator
from liax.weights.controls import Control, Controls

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


def test_edits_that_add_up_miss_nothing(
    animator: Animator, portraits: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Factors as a function of the coefficients' changes: linear for two controls, the third undoes one."""
    count = animator.network.config.vectors
    third = Control("third", "other", {1: 1.0}, -1.0, 0.5)
    controls = Controls(count, (BRIGHT, RIGHT, third))

    def measured(animator, portraits, changes_NM, instrument, **options):  # type: ignore[no-untyped-def]
        bright_N = 10 * (changes_NM[:, 0] - changes_NM[:, 3])
        undone_N = np.where(changes_NM[:, 1] != 0, 0.0, bright_N)
        right_N = 5 * changes_NM[:, 2]
        factors_PNF = np.stack([np.stack([undone_N, right_N], 1), np.full((len(changes_NM), 2), np.nan)])
        return ProbeResult(factors_PNF, np.zeros((2, len(changes_NM))), np.zeros((2, len(changes_NM))))

    monkeypatch.setattr(module, "probe_portraits", measured)
    sums = {
        (s.first, s.second): s.miss for s in measure_additivity(animator, portraits, controls, Brightness())
    }
    assert sums == pytest.approx(
        {("bright", "third"): 1.0, ("bright", "right"): 0.0, ("right", "third"): 0.0}, abs=1e-9
    )
    assert next(iter(sums)) == ("bright", "third")
    assert measure_additivity(animator, portraits, Controls(count, (BRIGHT,)), Brightness()) == []


def test_sums_are_of_half_the_farther_end(animator: Animator, portraits: dict[str, np.ndarray]) -> None:
    """On the real network: recomputed from curves at the amounts that are added."""
    instrument = Brightness()
    controls = Controls(animator.network.config.vectors, (BRIGHT, RIGHT))
    (found,) = measure_additivity(animator, portraits, controls, instrument)
    assert instrument.seen == 4
    both = Control("both", "other", {0: 0.5, 3: -1.0, 2: 0.4}, 0.0, 1.0)
    asked = {"bright": [0.0, 1.0], "right": [0.0, 0.5], "both": [0.0, 1.0]}
    curves = measure_curves(animator, portraits, [BRIGHT, RIGHT, both], asked, Brightness())
    change = {name: curve.change_PAF[0, 1] / [10, 5] for name, curve in curves.items()}
    off = np.linalg.norm(change["both"] - change["bright"] - change["right"])
    size = np.linalg.norm(change["bright"]) + np.linalg.norm(change["right"])
    assert found.miss == pytest.approx(off / size, abs=0.01)
    assert found.miss > 0.02
