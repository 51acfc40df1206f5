"""The whole network at tiny width: shapes at any size, gradients everywhere, bfloat16, warping."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liax.model import LIAX, PRESETS, ModelConfig
from liax.model.decoder import identity_grid, warp

TINY = PRESETS["tiny"]


def build(config: ModelConfig = TINY) -> LIAX:
    torch.manual_seed(1)
    return LIAX(config)


def pictures(count: int, size: int = TINY.size) -> Tensor:
    """Smooth images in [-1, 1]: (count, 3, size, size)."""
    coarse = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    return torch.tanh(torch.nn.functional.interpolate(coarse, size=size, mode="bicubic"))


@pytest.mark.parametrize("size", [64, 128, 256])
def test_any_power_of_two(size: int) -> None:
    config = ModelConfig(size, width=4, max_width=16, latent=24, vectors=5, flow_blocks=2, render_blocks=1)
    network = build(config).requires_grad_(False)
    encoded = network.encode(pictures(2, size))
    assert encoded.code_BD.shape == (2, 24)
    assert encoded.alpha_BM.shape == (2, 5)
    assert [f.shape[-1] for f in encoded.features] == config.sides
    assert [f.shape[1] for f in encoded.features] == [config.channels(side) for side in config.sides]
    states = network.render(encoded.code_BD, encoded.features)
    for state, side in zip(states, config.sides, strict=True):
        assert state.image.shape == state.logits.shape == (2, 3, side, side)
        assert state.grid.shape == (2, side, side, 2)
        assert state.mask.shape == (2, 1, side, side)
    assert states[-1].image.isfinite().all()
    assert torch.equal(network.decode(encoded.code_BD, encoded.features), states[-1].image)


def test_a_smaller_picture_is_that_of_its_level() -> None:
    network = build(ModelConfig(128, width=4, max_width=16, latent=24, vectors=5)).requires_grad_(False)
    whole = network.encode(pictures(1, 128))
    states = network.render(whole.code_BD, whole.features)
    network.draw_at(64)
    seen = network.encode(pictures(1, 128))
    assert torch.equal(seen.alpha_BM, whole.alpha_BM)
    assert [feature.shape[-1] for feature in seen.features] == [8, 16, 32, 64]
    assert torch.equal(network.decode(seen.code_BD, seen.features), states[-2].image)
    for size in (32, 100, 256):
        with pytest.raises(ValueError, match=f"no level of {size}"):
            network.draw_at(size)


def test_samples_do_not_mix() -> None:
    network = build().requires_grad_(False)
    source, driving = pictures(3), pictures(6)[3:]
    together = network(source, driving)[0][-1].image
    alone = torch.cat([network(source[i : i + 1], driving[i : i + 1])[0][-1].image for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-3)


def test_gradient_reaches_every_parameter() -> None:
    network = build()
    states, _, alpha_BM = network(pictures(2), pictures(4)[2:])
    (states[-1].image.square().mean() + alpha_BM.abs().mean()).backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert dead == []
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


def test_bfloat16_images() -> None:
    """The images' dtype decides that of the maps; codes, coefficients and the result stay float32."""
    network = build().requires_grad_(False)
    source, driving = pictures(1), pictures(2)[1:]
    encoded = network.encode(source.bfloat16())
    assert {f.dtype for f in encoded.features} == {torch.bfloat16}
    assert encoded.code_BD.dtype == encoded.alpha_BM.dtype == torch.float32
    full = network(source, driving)[0][-1].image
    half = network(source.bfloat16(), driving.bfloat16())[0][-1].image
    assert half.dtype == torch.float32
    # bfloat16 keeps 8 bits: relative error 2⁻⁹ per rounding, some tens of them in a row.
    assert (half - full).norm() < 0.05 * full.norm()
    assert (half - full).norm() > 0


def test_identity_grid_samples_the_map_itself() -> None:
    feature = torch.randn(2, 3, 8, 8)
    grid = identity_grid(8, feature.device).expand(2, -1, -1, -1)
    torch.testing.assert_close(warp(feature, grid, torch.ones(2, 1, 8, 8)), feature, rtol=1e-5, atol=1e-5)


def test_grid_is_x_then_y_with_zeros_outside() -> None:
    """An offset of one pixel (2/7 of the side of 8) in x reads the neighbour to the right."""
    feature = torch.randn(1, 1, 8, 8)
    grid = identity_grid(8, feature.device)[None] + torch.tensor([2 / 7, 0.0])
    moved = warp(feature, grid, torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(moved[..., :-1], feature[..., 1:], rtol=1e-4, atol=1e-4)
    assert moved[..., -1].abs().max() < 1e-4


def test_flow_and_mask_follow_from_the_logits() -> None:
    """offset = tanh(u[:2]), mask = sigmoid(u[2])  at every level."""
    network = build().requires_grad_(False)
    encoded = network.encode(pictures(1))
    for state in network.render(encoded.code_BD, encoded.features):
        side = state.mask.shape[-1]
        offset = state.grid - identity_grid(side, state.grid.device)
        torch.testing.assert_close(offset.permute(0, 3, 1, 2), torch.tanh(state.logits[:, :2]))
        torch.testing.assert_close(state.mask, torch.sigmoid(state.logits[:, 2:]))


def test_first_warp_is_nearly_the_identity() -> None:
    """Untrained flow heads are small, so that training starts from the source unmoved."""
    network = build().requires_grad_(False)
    encoded = network.encode(pictures(1))
    first = network.render(encoded.code_BD, encoded.features)[0]
    assert (first.grid - identity_grid(8, first.grid.device)).abs().mean() < 0.2
