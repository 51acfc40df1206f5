"""A grown network is the one it was grown from, seen through the filters, to rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from runs import pictures, run, tiny, with_biases

from liax.errors import LiaxError
from liax.model import LIAX, PRESETS, ModelConfig
from liax.model.pointwise import fir, upsample
from liax.training.grow import grow, outer_levels
from liax.weights import load, save

HALF = ModelConfig(64, width=16, max_width=32, latent=32, vectors=8, flow_blocks=1, render_blocks=1)
WHOLE = replace(HALF, size=128, width=8)


@pytest.fixture
def half() -> LIAX:
    return with_biases(HALF)


def test_the_first_picture_is_the_half_sized_networks_enlarged(half: LIAX) -> None:
    torch.manual_seed(1)
    whole = grow(half, WHOLE)
    source, driving = pictures(4, 128).chunk(2)
    levels, _, alpha_BM = whole(source, driving)
    expected, _, expected_BM = half(fir(source, 1, stride=2), fir(driving, 1, stride=2))
    torch.testing.assert_close(alpha_BM, expected_BM, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(levels[-2].image, expected[-1].image, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(levels[-1].image, upsample(expected[-1].image), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(levels[-1].logits, upsample(expected[-1].logits), rtol=1e-4, atol=1e-4)


def test_the_filter_reduces_as_training_pictures_are_reduced() -> None:
    """Within the picture; at its border the filter sees zeros beyond."""
    image = pictures(1, 64)
    reduced = torch.nn.functional.interpolate(image, (32, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(fir(image, 1, stride=2)[..., 1:-1, 1:-1], reduced[..., 1:-1, 1:-1])


def test_all_of_the_new_levels_can_learn(half: LIAX) -> None:
    """Every tensor of theirs moves within a few steps, though heads and passes begin with zeros."""
    whole = grow(half, WHOLE).train().requires_grad_(True)
    optimizer = torch.optim.Adam(whole.parameters(), lr=0.002)
    before = {name: value.clone() for name, value in whole.named_parameters()}
    source, target = pictures(4, 128).chunk(2)
    for _ in range(4):
        optimizer.zero_grad()
        (whole(source, target)[0][-1].image - target).square().mean().backward()
        optimizer.step()
    new = {id(p) for module in outer_levels(whole) for p in module.parameters()}
    names = [name for name, parameter in whole.named_parameters() if id(parameter) in new]
    assert len(names) > 20
    still = [name for name, p in whole.named_parameters() if torch.equal(p, before[name]) and id(p) in new]
    assert not still


def test_small_grows_to_512() -> None:
    whole = PRESETS["small-512"]
    assert {side: whole.channels(side) for side in PRESETS["small"].sides} == {
        side: PRESETS["small"].channels(side) for side in PRESETS["small"].sides
    }
    with torch.device("meta"):
        network = LIAX(whole)
    assert 21.6e6 < sum(parameter.numel() for parameter in network.parameters()) < 22.2e6


@pytest.mark.parametrize("other", [replace(WHOLE, width=16), replace(WHOLE, size=256, width=4), HALF])
def test_what_does_not_fit_is_refused(half: LIAX, other: ModelConfig) -> None:
    with pytest.raises(LiaxError, match=r"the network to grow from is of 64² with 16 channels there"):
        grow(half, other)


def test_too_few_channels_to_pass_colours() -> None:
    thin = replace(HALF, width=8)
    with torch.device("meta"):
        small = LIAX(thin)
    with pytest.raises(LiaxError, match="growing needs 6 channels at the new side, not 4"):
        grow(small, replace(thin, size=128, width=4))


def test_a_run_grows_and_teaches_the_outer_levels_first(
    half: LIAX, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "whole", WHOLE)
    save(half, tmp_path / "half.safetensors", dtype=torch.float32)
    weights = {}
    for steps in (2, 4):
        config = tiny(
            manifest,
            tmp_path / str(steps),
            preset="whole",
            grow=str(tmp_path / "half.safetensors"),
            batch=2,
            steps=steps,
            validate_every=steps,
            data={"validation": "val"},
            loss={"max_sparsity_weight": 0.0},
            optim={"outer_steps": 2, "ema": 0.0},
        )
        log = run(config)
        assert [text.partition(":")[0] for text in log["val/psnr"]] == ["0", str(steps)]
        weights[steps] = load(config.out / "weights.safetensors").state_dict()
    begun = grow(half, WHOLE).state_dict()
    inner = [name for name in begun if name.startswith(("decoder.levels.0", "encoder.blocks.1", "to_alpha"))]
    assert len(inner) > 10
    for name in inner:
        torch.testing.assert_close(weights[2][name], begun[name], rtol=1e-3, atol=1e-4)  # half precision
        assert not torch.equal(weights[4][name], weights[2][name])
    assert weights[2]["decoder.levels.4.to_rgb.weight"].abs().max() > 1e-3
