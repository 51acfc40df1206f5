"""Every kernel computes what its twin in plain PyTorch does, forward and backward.

On a GPU the kernels run there; elsewhere Triton's interpreter runs them, row by row, on small maps.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from liax.model import LIAX, ModelConfig, pointwise
from liax.model.decoder import warp
from liax.model.pointwise import fused
from liax.training import perceptual

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
pytest.importorskip("triton", reason="the kernels are Triton's")


def noise(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def fraction(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


# Twelve channels are no power of two; 20 × 24 positions of 64 make several chunks of rows.
SHAPES = [(2, 12, 6, 10), (2, 64, 20, 24)]


def same_with_gradients(function: Callable[..., Tensor], *inputs: Tensor) -> None:
    """`function` gives the same map and gradients within `fused()`, where it uses kernels, and outside."""
    results = []
    for on in (False, True):
        leaves = [x.clone().requires_grad_() for x in inputs]
        with fused(on):
            assert pointwise.use_kernels(leaves[0]) is on
            out = function(*(leaf.clone() for leaf in leaves))  # some use up what they are given
        weight = noise(99, *out.shape)
        results.append((out, *torch.autograd.grad((out * weight).sum(), leaves)))
    for plain, other in zip(*results, strict=True):
        torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_chains(shape: tuple[int, ...]) -> None:
    batch, channels = shape[:2]
    x, other = noise(0, *shape), noise(1, *shape)
    m, bias, gamma = noise(2, batch, channels), noise(3, channels), noise(4, channels)
    same_with_gradients(pointwise.modulate, x, m)
    same_with_gradients(pointwise.activate, x, bias)
    same_with_gradients(lambda x, b, y: pointwise.activate_add(x, b, y, 0.7), x, bias, other)
    same_with_gradients(pointwise.demodulate, x, m, bias)
    same_with_gradients(pointwise.demodulate_add, x, m, bias, gamma, other)


def test_a_slope_of_its_own_sign() -> None:
    """Zero is on the leaky side: its gradient is the slope."""
    x = torch.zeros(1, 8, 2, 2, device=DEVICE, requires_grad=True)
    with fused():
        pointwise.activate(x, torch.zeros(8, device=DEVICE)).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.full_like(x, 0.2))


@pytest.mark.parametrize("shape", SHAPES)
def test_group_norm(shape: tuple[int, ...]) -> None:
    x, weight, bias = noise(1, *shape) * 3 + 1, noise(2, shape[1]), noise(3, shape[1])
    m = noise(4, *shape[:2])

    def function(x: Tensor, weight: Tensor, bias: Tensor, m: Tensor) -> Tensor:
        return pointwise.normalise_modulate(x, 4, weight, bias, 1e-5, m)

    same_with_gradients(function, x, weight, bias, m)


@pytest.mark.parametrize("shape", SHAPES)
def test_upsample(shape: tuple[int, ...]) -> None:
    same_with_gradients(pointwise.upsample, noise(0, *shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_fir(shape: tuple[int, ...]) -> None:
    x = noise(0, *shape)
    same_with_gradients(lambda x: pointwise.fir(x, 1, stride=2), x)
    same_with_gradients(lambda x: pointwise.fir(x, 2), x)
    odd = noise(1, *shape[:2], shape[2] + 1, shape[3] + 1)
    same_with_gradients(lambda x: pointwise.fir(x, 1, gain=4), odd)


def test_branch() -> None:
    """Three uses of a map, of which one sees its first image only."""

    def function(x: Tensor) -> Tensor:
        first, a, b = pointwise.branch(x, 1)
        assert first.shape[0] == 1
        return a * b + F.pad(first, (0, 0, 0, 0, 0, 0, 0, 1)).square()

    same_with_gradients(function, noise(0, *SHAPES[1]))


@pytest.mark.parametrize("shape", SHAPES)
def test_warp(shape: tuple[int, ...]) -> None:
    """Positions within the picture, at its borders and outside."""
    batch, _, height, width = shape
    grid = fraction(6, batch, height, width, 2) * 2.6 - 1.3
    same_with_gradients(warp, noise(5, *shape), grid, fraction(7, batch, 1, height, width))


@pytest.mark.parametrize("shape", SHAPES)
def test_perceptual(shape: tuple[int, ...]) -> None:
    x, y, bias = noise(0, *shape), noise(1, *shape), noise(2, shape[1])
    same_with_gradients(lambda x: perceptual.rectify(x, bias), x)
    same_with_gradients(lambda x, y: perceptual.rectify_both(x, bias, y, -bias), x, y)
    same_with_gradients(lambda x: perceptual.feature_distance(x, y), x)


@pytest.mark.parametrize("shape", [(2, 12, 6, 9), (2, 64, 15, 10), (1, 8, 3, 3)])
@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (0.3, 2.0)])
def test_pooling(shape: tuple[int, ...], weights: tuple[float, float]) -> None:
    """Of even and odd sides; rectified maps have many equal values, of which the first counts."""

    def function(x: Tensor) -> Tensor:
        kept, pooled = perceptual.keep_and_pool(x)
        both = [weight * y.flatten() for weight, y in zip(weights, (kept, pooled), strict=True) if weight]
        return torch.cat(both)

    same_with_gradients(function, noise(1, *shape).relu())


def test_pooling_without_gradients() -> None:
    x = noise(1, 2, 16, 9, 8)
    with fused(), torch.no_grad():
        kept, pooled = perceptual.keep_and_pool(x)
    assert torch.equal(kept, x)
    assert torch.equal(pooled, F.max_pool2d(x, 3, 2, ceil_mode=True))


@pytest.mark.usefixtures("large_blocks")
def test_the_whole_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch.manual_seed(0)
    narrow = ModelConfig(64, width=2, max_width=12, latent=8, vectors=4, flow_blocks=1, render_blocks=1)
    network = LIAX(narrow).to(DEVICE)
    source, driving = fraction(1, 2, 1, 3, 64, 64) * 2 - 1
    gradients = []
    for on in (False, True):
        network.zero_grad()
        with fused(on):
            image = network(source, driving)[0][-1].image
        F.mse_loss(image, driving).backward()
        gradients.append([image, *(p.grad for p in network.parameters() if p.grad is not None)])
    assert len(gradients[0]) > 100
    for plain, other in zip(*gradients, strict=True):
        assert (other - plain).norm() <= 2e-3 * plain.norm() + 1e-7


@pytest.mark.skipif(DEVICE == "cpu", reason="Triton's interpreter has no bfloat16")
def test_bfloat16() -> None:
    """Rounding once, at the end, the kernels are nearer to float32 than plain PyTorch is."""
    x, m, bias = noise(0, 2, 64, 16, 16), noise(1, 2, 64), noise(2, 64)
    exact = pointwise.demodulate(x, m, bias)
    plain = pointwise.demodulate(x.bfloat16(), m, bias)
    with fused():
        kernel = pointwise.demodulate(x.bfloat16(), m, bias)
    assert kernel.dtype == torch.bfloat16
    assert (kernel.float() - exact).norm() <= (plain.float() - exact).norm()


@pytest.mark.skipif(DEVICE == "cpu", reason="a GPU's, which rounds while it scales")
def test_scaled() -> None:
    weight = noise(0, 16, 8, 3, 3).requires_grad_()
    plain = pointwise.scaled(weight, 0.3, torch.bfloat16)
    with fused():
        kernel = pointwise.scaled(weight, 0.3, torch.bfloat16)
    assert torch.equal(kernel, plain)
    gradients = [torch.autograd.grad(out.float().square().sum(), weight)[0] for out in (plain, kernel)]
    assert gradients[1].dtype == torch.float32
    torch.testing.assert_close(*gradients, rtol=2**-7, atol=1e-6)


def test_fused_ends_with_its_block() -> None:
    x = noise(0, 1, 8, 2, 2)
    with pytest.raises(ZeroDivisionError), fused():
        raise ZeroDivisionError
    assert not pointwise.use_kernels(x)
