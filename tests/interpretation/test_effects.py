"""What moving coefficients does, measured, and the statistics of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from linear_faces import Brightness, FakeFactor, linear_effects
from PIL import Image

from liax.errors import LiaxError
from liax.interpretation.effects import (
    Effects,
    EffectStatistics,
    describe_effects,
    measure_effects,
    observed_values,
)
from liax.interpretation.instrument import CompositeInstrument
from liax.interpretation.probe import probe_portraits
from liax.model import LIAX
from liax.portrait.animator import Animator


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


@pytest.fixture(scope="module")
def portraits(portrait_HW3: np.ndarray) -> dict[str, np.ndarray]:
    picture = Image.fromarray(portrait_HW3).resize((64, 64))
    return {"one": np.asarray(picture), "other": np.asarray(picture)[:, ::-1].copy()}


@pytest.fixture(scope="module")
def values_MV(animator: Animator) -> np.ndarray:
    count = animator.network.config.vectors
    values_MV = np.tile(np.linspace(-1, 1, 5), (count, 1)) * np.linspace(1, 2, count)[:, None]
    values_MV[3] = 0  # a coefficient that never varies
    return values_MV


def test_values_span_the_observed_range_about_the_median() -> None:
    alpha_NM = np.stack([np.arange(1001) / 1000, np.full(1001, 4.0)], 1)
    alpha_NM[:, 0] **= 2  # quantiles .0001, .25 and .9801
    np.testing.assert_allclose(
        observed_values(alpha_NM), [[-0.2499, -0.12495, 0, 0.36505, 0.7301], np.zeros(5)], atol=1e-9
    )
    assert observed_values(alpha_NM, 3).shape == (2, 3)
    for count in (1, 4):
        with pytest.raises(ValueError, match="odd"):
            observed_values(alpha_NM, count)


def test_effects_are_measured_on_what_the_edited_coefficients_draw(
    animator: Animator, portraits: dict[str, np.ndarray], values_MV: np.ndarray
) -> None:
    instrument = Brightness()
    told: list[tuple[str, int, int | None]] = []
    effects = measure_effects(
        animator, portraits, values_MV, instrument, vectors=[1, 3], progress=lambda *step: told.append(step)
    )
    # Of two portraits: the unmoved one, and vector 1 at four values; vector 3 has no value but 0.
    assert instrument.seen == 10
    assert told[-1] == ("moving vectors", 10, 10)
    assert effects.factors_PMVF.shape == (2, len(values_MV), 5, 2)
    assert np.isnan(effects.factors_PMVF[:, [0, 2]]).all()
    assert (effects.change_PMVF[:, 3] == 0).all()
    for p, picture in enumerate(portraits.values()):
        source = animator.encode([picture])
        alpha_M = source.alpha_BM[0].numpy()
        alphas = np.tile(alpha_M, (5, 1))
        alphas[:, 1] += values_MV[1]
        expected = Brightness().measure(animator.render(source, alphas))
        # Rounding to 8 bits may differ with the batch.
        np.testing.assert_allclose(effects.factors_PMVF[p, 1], expected, atol=0.01)
    assert np.isnan(effects.identity_PMV).all()
    assert (effects.flow_PMV[:, 1, 2] == 0).all()
    assert (effects.flow_PMV[:, 1, [0, 4]] > effects.flow_PMV[:, 1, [1, 3]]).all()


def test_flow_is_in_per_cent_of_the_side(
    animator: Animator, portraits: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last level that shifts everything by a tenth of the side to the right and down."""
    render = animator.network.render

    def shifted(code_BD, features):  # type: ignore[no-untyped-def]
        states = render(code_BD, features)
        grid = states[-1].grid * 0
        grid[1:] += 0.2  # the picture's side is 2; the first move stays
        return [states[-1]._replace(grid=grid)]

    monkeypatch.setattr(animator.network, "render", shifted)
    changes_NM = np.zeros((3, animator.network.config.vectors), np.float32)
    moved = probe_portraits(animator, {"one": portraits["one"]}, changes_NM, Brightness())
    np.testing.assert_allclose(moved.flow_PN, [[0, 10 * 2**0.5, 10 * 2**0.5]], rtol=1e-6)


def test_the_first_move_must_be_none(animator: Animator, portraits: dict[str, np.ndarray]) -> None:
    changes_NM = np.ones((1, animator.network.config.vectors), np.float32)
    with pytest.raises(ValueError, match="first"):
        probe_portraits(animator, portraits, changes_NM, Brightness())


def test_what_was_measured_is_kept_for_its_portrait_weights_values_and_instrument(
    animator: Animator, portraits: dict[str, np.ndarray], values_MV: np.ndarray, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"

    def measured(
        names: tuple[str, ...] = ("one", "other"),
        values: np.ndarray = values_MV,
        vectors: tuple[int, ...] = (0,),
    ) -> tuple[Effects, int]:
        instrument = Brightness()
        chosen = {name: portraits[name] for name in names}
        effects = measure_effects(animator, chosen, values, instrument, vectors=vectors, cache=cache)
        return effects, instrument.seen

    first, drawn = measured(("one",))
    assert drawn == 5
    both, drawn = measured()  # as a run that was killed after its first portrait goes on
    assert drawn == 5
    np.testing.assert_array_equal(both.factors_PMVF[0], first.factors_PMVF[0])
    again, drawn = measured()
    assert drawn == 0
    np.testing.assert_array_equal(again.factors_PMVF, both.factors_PMVF)
    assert measured(values=values_MV * 1.1)[1] == 10
    assert measured(vectors=(1,))[1] == 10
    portraits = portraits | {"one": portraits["one"] // 2}
    assert measured(("one",))[1] == 5  # another picture under the same name
    for path in cache.iterdir():  # a broken file is measured anew
        path.write_bytes(b"PK broken")
    assert measured(("other",))[1] == 5


def test_identity_is_the_distance_to_the_unmoved_face(
    animator: Animator, portrait_HW3: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a decoder that shows the portrait, and later another picture of it, then no face."""
    from liax.face.embed import FaceEmbedder
    from liax.face.landmarks import FaceLandmarker
    from liax.interpretation import probe as module

    picture = np.asarray(Image.fromarray(portrait_HW3).resize((256, 256)))
    dark = (picture * 0.6).astype(np.uint8)
    shown = [picture, picture, dark, np.zeros_like(picture)]
    monkeypatch.setattr(module, "_pictures_and_flow", lambda *_: iter([(image, 0.0) for image in shown]))
    embedder = FaceEmbedder()
    changes_NM = np.zeros((4, animator.network.config.vectors), np.float32)
    moved = probe_portraits(animator, {"one": picture}, changes_NM, Brightness(), identity=embedder)
    with FaceLandmarker() as landmarker:
        one, other = (embedder.embed(image, landmarker.detect(image)[0]) for image in (picture, dark))
    np.testing.assert_allclose(
        moved.identity_PN[0], [0, 0, np.linalg.norm(one - other), np.nan], equal_nan=True, atol=1e-9
    )
    assert moved.identity_PN[0, 2] > 0.02


def test_effects_are_saved_whole_and_anything_else_is_refused(tmp_path: Path) -> None:
    effects = linear_effects(np.ones((2, 3, 2)), ("made: yaw", "made: jaw"))
    effects.save(tmp_path / "effects.npz")
    loaded = Effects.load(tmp_path / "effects.npz")
    for name, value in vars(effects).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)
    assert isinstance(loaded.factors, tuple)
    assert isinstance(loaded.weights, str)
    np.savez(tmp_path / "other.npz", values_MV=np.zeros(3))
    (tmp_path / "text.npz").write_text("no effects")
    for name in ("other.npz", "text.npz", "none.npz"):
        with pytest.raises(LiaxError, match=f"{name} holds no measured effects"):
            Effects.load(tmp_path / name)


def test_of_several_instruments_one_can_be_asked() -> None:
    other = Brightness()
    other.name = "again"
    with CompositeInstrument([Brightness(), other]) as both:
        names = tuple(both.factors)
    slopes_PMF = np.arange(4.0)[None, None].repeat(2, 0)
    effects = linear_effects(slopes_PMF, names)
    again = effects.by_instrument("again")
    assert again.factors == ("bright", "right")
    assert again.instrument == "again"
    np.testing.assert_array_equal(again.factors_PMVF, effects.factors_PMVF[..., 2:])


QUANTITIES = {"yaw": FakeFactor(10.0), "jaw": FakeFactor(0.5)}
FACTORS = ("yaw", "jaw")


def described(slopes_PMF: np.ndarray, **changes: np.ndarray) -> EffectStatistics:
    return describe_effects(replace(linear_effects(slopes_PMF, FACTORS), **changes), QUANTITIES)


def test_straight_lines() -> None:
    """Vector 0 turns two heads by 20 and 40 degrees a unit, vector 1 closes the mouth and turns a little."""
    statistics = described(np.array([[[20.0, 0.0], [5.0, -1.0]], [[40.0, 0.0], [5.0, -1.0]]]))
    np.testing.assert_allclose(statistics.effect_MF, [[3, 0], [0.5, -2]], atol=1e-12)
    np.testing.assert_allclose(statistics.travel_MF, [[6, 0], [1, -4]], atol=1e-12)
    np.testing.assert_allclose(statistics.spread_MF[0, 0], 1 / 3)  # a standard deviation of 1 about 3
    np.testing.assert_allclose(statistics.spread_MF[1], [0, 0], atol=1e-12)
    np.testing.assert_allclose(statistics.monotonicity_MF[[0, 1, 1], [0, 0, 1]], [1, 1, -1])
    np.testing.assert_allclose(statistics.linearity_MF[[0, 1, 1], [0, 0, 1]], [1, 1, 1])
    assert np.isnan(statistics.linearity_MF[0, 1])  # what does not change has no line to be near to
    assert statistics.strongest_M.tolist() == [0, 1]
    np.testing.assert_allclose(statistics.leakage_M, [0, 0.2], atol=1e-12)
    np.testing.assert_allclose(statistics.identity_MV[0], [0.1, 0.05, 0, 0.05, 0.1])
    np.testing.assert_allclose(statistics.flow_MV[1], [2, 1, 0, 1, 2])
    assert (statistics.lost_MV == 0).all()


def test_curves_are_monotone_but_not_straight_and_people_may_disagree() -> None:
    slopes_PMF = np.zeros((3, 1, 2))
    effects = linear_effects(slopes_PMF, FACTORS)
    values = effects.values_MV[0]
    cubes, square = values**3, values**2
    factors_PMVF = np.zeros((3, 1, 5, 2))
    factors_PMVF[:, 0, :, 0] = 10 * np.stack([cubes, cubes, -cubes])
    factors_PMVF[:, 0, :, 1] = square
    statistics = described(slopes_PMF, factors_PMVF=factors_PMVF)
    assert statistics.monotonicity_MF[0, 0] == pytest.approx(1 / 3)
    assert statistics.agreement_MF[0, 0] == pytest.approx(2 / 3)
    # Of x³ at -1, -.5, 0, .5, 1: Σx⁴ = 2.125, Σx² = 2.5, Σx⁶ = 2.03125.
    assert statistics.linearity_MF[0, 0] == pytest.approx(2.125**2 / (2.5 * 2.03125))
    assert statistics.effect_MF[0, 0] == pytest.approx(0.85 / 3)
    assert statistics.monotonicity_MF[0, 1] == pytest.approx(0, abs=1e-12)
    assert statistics.linearity_MF[0, 1] == pytest.approx(0, abs=1e-12)


def test_lost_faces_count_as_lost_and_for_nothing_else() -> None:
    slopes_PMF = np.tile(np.array([[20.0, 0.1], [5.0, -1.0]]), (4, 1, 1))
    whole = described(slopes_PMF)
    factors_PMVF = linear_effects(slopes_PMF, FACTORS).factors_PMVF.copy()
    factors_PMVF[0, 0, 4] = np.nan  # one portrait loses its face at one end
    factors_PMVF[1, 0, :3] = np.nan  # another one altogether: its unmoved picture shows none
    statistics = described(slopes_PMF, factors_PMVF=factors_PMVF)
    np.testing.assert_allclose(statistics.lost_MV[0], [0.25, 0.25, 0.25, 0, 0.25])
    np.testing.assert_allclose(statistics.effect_MF, whole.effect_MF)
    np.testing.assert_allclose(statistics.travel_MF, whole.travel_MF)
    np.testing.assert_allclose(statistics.monotonicity_MF, whole.monotonicity_MF)
    assert np.isnan(statistics.slopes_PMF[1, 0]).all()


def test_vectors_that_were_left_out_say_nothing() -> None:
    slopes_PMF = np.ones((2, 3, 2))
    factors_PMVF = linear_effects(slopes_PMF, FACTORS).factors_PMVF.copy()
    factors_PMVF[:, 1] = np.nan
    statistics = described(slopes_PMF, factors_PMVF=factors_PMVF)
    assert statistics.strongest_M[1] == -1
    for array in (statistics.effect_MF, statistics.travel_MF, statistics.lost_MV):
        assert np.isnan(array[1]).all()
        assert np.isfinite(array[[0, 2]]).all()
    assert np.isnan(statistics.leakage_M[1])
