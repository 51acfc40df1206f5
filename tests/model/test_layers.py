"""The layers' folded arithmetic equals the literal one, for any even height and width and any channels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stylegan2_reference as reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from liax.model import layers
from liax.model.layers import ConvLayer, EqualConv, EqualLinear, ModulatedConv, StyledConv, fold_fir
from liax.model.pointwise import modulate, upsample

EVEN = st.integers(1, 6).map(lambda n: 2 * n)
CHANNELS = st.integers(1, 7)
BATCH = st.integers(1, 3)
KERNEL = st.sampled_from([1, 3])
SEED = st.integers(0, 2**31)
LATENT = 5

several = settings(max_examples=40)


@pytest.fixture(autouse=True, params=[False, True], ids=["apart", "folded"], scope="module")
def folded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both ways to do FIR filters: CPUs do them apart, GPUs fold them into the convolution."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "_folds", lambda x: request.param)
        yield


def noise(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def randomised(layer: torch.nn.Module, seed: int) -> torch.nn.Module:
    """All parameters, biases and gains included, away from the values that they start with; float64."""
    layer.double()
    with torch.no_grad():
        for i, parameter in enumerate(layer.parameters()):
            parameter.copy_(noise(seed + i, *parameter.shape))
    return layer


def modulated(layer: ModulatedConv, x: Tensor, style: Tensor, demodulate: bool = True) -> Tensor:
    """The whole of a modulated convolution, whose caller scales."""
    m_BI = layer.modulation(style)
    y = layer(modulate(x, m_BI))
    return y * layer.demodulation(m_BI)[:, :, None, None] if demodulate else y


def same(ours: Tensor, twin: Tensor) -> None:
    torch.testing.assert_close(ours, twin, rtol=1e-10, atol=1e-10)


@several
@given(SEED, BATCH, CHANNELS, EVEN, EVEN)
def test_upsample(seed: int, batch: int, channels: int, height: int, width: int) -> None:
    x = noise(seed, batch, channels, height, width)
    same(upsample(x), reference.upfirdn(x, reference.FIR * 4, 2, 1, (2, 1)))


@several
@given(SEED, CHANNELS, CHANNELS, KERNEL)
def test_fold_fir(seed: int, out: int, fan_in: int, kernel: int) -> None:
    """Correlating with the folded kernel is the FIR, then the correlation with the kernel."""
    x, weight = noise(seed, 1, fan_in, 12, 12), noise(seed + 1, out, fan_in, kernel, kernel)
    twin = torch.conv2d(reference.upfirdn(x, reference.FIR, 1, 1, (0, 0)), weight)
    same(torch.conv2d(x, fold_fir(weight)), twin)


@several
@given(SEED, BATCH, CHANNELS, CHANNELS, EVEN, EVEN, KERNEL, st.booleans(), st.booleans())
def test_conv_layer(
    seed: int,
    batch: int,
    fan_in: int,
    out: int,
    height: int,
    width: int,
    kernel: int,
    down: bool,
    activate: bool,
) -> None:
    layer = randomised(ConvLayer(fan_in, out, kernel, down=down, activate=activate), seed)
    x = noise(seed, batch, fan_in, height, width)
    twin = reference.conv_layer(x, layer.weight, layer.bias, down=down)
    # A skip keeps the default gain of √2 unless told otherwise; its callers always tell.
    same(layer(x), twin if activate else twin * 2**0.5)


@several
@given(SEED, BATCH, CHANNELS, CHANNELS, EVEN, EVEN)
def test_conv_layer_after_upsampling(
    seed: int, batch: int, fan_in: int, out: int, height: int, width: int
) -> None:
    layer = randomised(ConvLayer(fan_in, out, 3), seed)
    x = noise(seed, batch, fan_in, height, width)
    same(layer(upsample(x)), reference.conv_layer(x, layer.weight, layer.bias, up=True))


@several
@given(
    SEED,
    BATCH,
    CHANNELS,
    CHANNELS,
    EVEN,
    EVEN,
    st.sampled_from([(3, False, True), (3, True, True), (1, False, False), (3, False, False)]),
)
def test_modulated_conv(
    seed: int, batch: int, fan_in: int, out: int, height: int, width: int, kind: tuple[int, bool, bool]
) -> None:
    kernel, up, demodulate = kind
    layer = randomised(ModulatedConv(fan_in, out, kernel, LATENT, up=up), seed)
    x, style = noise(seed, batch, fan_in, height, width), noise(seed + 9, batch, LATENT)
    m_BI = style @ layer.affine.weight.T / LATENT**0.5 + layer.affine.bias
    twin = reference.modulated_conv(x, m_BI, layer.weight, demodulate=demodulate, up=up)
    same(modulated(layer, x, style, demodulate), twin)


@several
@given(SEED, BATCH, CHANNELS, CHANNELS, EVEN, EVEN, st.booleans())
def test_styled_conv(seed: int, batch: int, fan_in: int, out: int, height: int, width: int, up: bool) -> None:
    layer = randomised(StyledConv(fan_in, out, LATENT, up=up), seed)
    x, style = noise(seed, batch, fan_in, height, width), noise(seed + 9, batch, LATENT)
    twin = reference.modulated_conv(x, layer.conv.affine(style), layer.conv.weight, up=up)
    same(layer(x, style), reference.fused_activation(twin, layer.bias))


def test_equalised_layers() -> None:
    linear = randomised(EqualLinear(9, 4), 1)
    x = noise(2, 3, 9)
    same(linear(x), x @ linear.weight.T / 3 + linear.bias)
    conv = randomised(EqualConv(2, 3, 4), 3)
    image = noise(4, 1, 2, 4, 4)
    same(conv(image).flatten(), (conv.weight.flatten(1) @ image.flatten()) / 32**0.5)


def test_a_style_starts_at_one() -> None:
    """The affine layer's bias is 1, so that the zero style modulates nothing."""
    layer = ModulatedConv(4, 2, 3, LATENT)
    x = torch.randn(1, 4, 6, 6)
    plain = torch.conv2d(x, layer.weight / 6, padding=1)
    torch.testing.assert_close(modulated(layer, x, torch.zeros(1, LATENT), False), plain)


@pytest.mark.parametrize("up", [False, True])
def test_each_sample_has_its_own_style(up: bool) -> None:
    """A batch gives what its samples give alone."""
    layer = randomised(ModulatedConv(3, 4, 3, LATENT, up=up), 5)
    x, style = noise(6, 3, 3, 8, 8), noise(7, 3, LATENT)
    alone = [modulated(layer, x[i : i + 1], style[i : i + 1]) for i in range(3)]
    same(modulated(layer, x, style), torch.cat(alone))
