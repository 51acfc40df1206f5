"""benchmarks/ablation: what its runs share and differ in, and what its table says of known effects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from liax.face.factors import FACTORS
from liax.interpretation.effects import Effects
from liax.interpretation.observe import Observations
from liax.model import LIAX
from liax.training.config import TrainConfig
from liax.weights import load, save
from scripts import load_script


@pytest.fixture(scope="module")
def script() -> dict[str, ModuleType]:
    """The scripts as modules, by name."""
    return {name: load_script(f"ablation/{name}") for name in ("arms", "train", "table")}


def test_runs_differ_in_pressure_and_seed_alone(script: dict[str, ModuleType]) -> None:
    runs = script["train"].configurations(TrainConfig(), Path("x"), 5.0, ["a", "b"])
    assert set(runs) == {f"{arm}-{seed}" for arm in script["arms"].ARMS for seed in (0, 1)}
    dense, strong = runs["dense-1"], runs["strong-1"]
    assert (dense.seed, dense.init, dense.max_minutes) == (1, "b", 5.0)
    assert dense.loss.sparse == dense.loss.max_sparsity_weight == dense.loss.factor_supervision == 0
    assert strong.loss.sparse > runs["shipped-1"].loss.sparse > 0
    assert replace(dense, loss=strong.loss, out=strong.out) == strong


def test_turned_weights_draw_the_same_in_another_basis(
    script: dict[str, ModuleType], tiny: LIAX, tmp_path: Path
) -> None:
    save(tiny, tmp_path / "start.safetensors")
    before = load(str(tmp_path / "start.safetensors"))
    after = load(
        script["train"].turned(str(tmp_path / "start.safetensors"), 3, tmp_path / "turned.safetensors")
    )
    image = torch.rand(1, 3, tiny.config.size, tiny.config.size, generator=torch.Generator().manual_seed(0))
    pictures, alphas = [], []
    with torch.no_grad():
        for network in (before, after):
            encoded = network.encode(image)
            code = network.reenact(encoded.code_BD, encoded.alpha_BM)
            pictures.append(network.decode(code, encoded.features))
            alphas.append(encoded.alpha_BM)
    # Weights are kept in half precision.
    torch.testing.assert_close(pictures[0], pictures[1], rtol=0, atol=5e-3)
    torch.testing.assert_close(alphas[0].norm(), alphas[1].norm(), rtol=1e-2, atol=1e-3)
    assert (alphas[0] - alphas[1]).abs().max() > 0.1 * alphas[0].abs().max()


@pytest.mark.parametrize(("mixed", "leak"), [(False, 0.0), (True, 0.5)])
def test_the_table_tells_pure_vectors_from_mixed_ones(
    script: dict[str, ModuleType], tmp_path: Path, mixed: bool, leak: float
) -> None:
    """Thirteen vectors, each of one factor; or each of two alike, which leaks half."""
    count = len(FACTORS)
    mix = np.eye(count) + (np.roll(np.eye(count), 1, 1) if mixed else 0)
    usual = np.array([factor.usual for factor in FACTORS.values()])
    values = np.tile([-1.0, 0.0, 1.0], (count, 1))
    factors = np.einsum("mv,mf->mvf", values, mix * usual)[None].repeat(2, 0)
    nothing = np.zeros(factors.shape[:3])
    random = np.random.default_rng(0)
    alpha = random.normal(size=(400, count)).astype(np.float32)
    for seed in (0, 1):
        name = f"dense-{seed}"
        np.savez(tmp_path / f"{name}.npz", scores_C3=np.array([[0.1, 20.0, 0.5]]))
        Effects(values, factors, nothing, nothing, ("a", "b"), tuple(FACTORS), "made up", "0").save(
            tmp_path / f"{name}.trained.effects.npz"
        )
        Observations(
            alpha, alpha.astype(float), np.arange(400) // 20, tuple(map(str, range(20))), tuple(FACTORS)
        ).save(tmp_path / f"{name}.trained.observed.npz")
    table = script["table"].rows(tmp_path, 1)
    values = table["dense, trained"]
    assert values["leak"] == pytest.approx(leak, abs=1e-9)
    assert values["best"] == pytest.approx(1 - leak, abs=1e-9)
    assert values["again"] == pytest.approx(1, abs=1e-6)
    assert values["D"] > 0.7  # of only 400 frames
    assert "| no pressure (λ2 = 0) | trained | 0.1000 | 20.00 |" in script["table"].markdown(table)
