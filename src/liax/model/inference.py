"""The network prepared for inference on a GPU: what `LIAX` computes, without what only training needs.

Whatever depends on weights alone is computed once: kernels scaled and in the maps' dtype, gains folded into
biases, squares that demodulation sums. The styles of all layers come from one matrix product and one launch.
Between two convolutions runs a single kernel of `liax.kernels`. This module needs Triton.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.kernels.epilogue import Epilogue, normalising
from liax.kernels.fir import downsample, smooth, smooth_activate, upsample
from liax.kernels.styles import BLOCK, demodulations
from liax.kernels.thin import from_levels, to_three
from liax.kernels.warp_blend import warp_blend
from liax.model import pointwise
from liax.model.decoder import FlowBlock, Level, RenderBlock, flow_of, identity_grid
from liax.model.encoder import DownBlock, Encoder
from liax.model.layers import ConvLayer, ModulatedConv, StyledConv
from liax.model.network import LIAX, Encoded
from liax.model.pixels import from_uint8

_GAIN = math.sqrt(2)
_SLOPE = 0.2


class InferenceNetwork:
    """Encodes and draws as a network does; later changes of its weights are not seen.

    Args:
        network: On a GPU.
        dtype: Of the maps.
    """

    @torch.no_grad()
    def __init__(self, network: LIAX, dtype: torch.dtype) -> None:
        self._dtype = dtype
        decoder = network.decoder
        self._drawn_levels = network.config.sides.index(network.drawn_size) + 1
        self._encoder = _Encoder.of(network.encoder, dtype)
        self._driver = None if network.driver is None else _Encoder.of(network.driver, dtype)
        self._driver_size = network.config.driver_size
        self._to_alpha_MD = network.to_alpha.weight * network.to_alpha.scale
        self._alpha_bias_M = network.to_alpha.bias
        self._styles = _Styles(decoder)
        self._constant_1CHW = decoder.constant
        self._start = _Styled.of(decoder.start, self._styles, dtype)
        self._levels = [_Level.of(cast(Level, level), self._styles, dtype) for level in decoder.levels]

    def encode(self, levels_BRR3: Tensor) -> Encoded:
        """As `LIAX.encode`, of uint8 pictures."""
        code_BD, features = self._encoder(self._encoder.first_map(levels_BRR3))
        alpha_BM = self._alpha(code_BD) if self._driver is None else self.read(levels_BRR3)
        return Encoded(code_BD, alpha_BM, features[: self._drawn_levels])

    def read(self, levels_BRR3: Tensor) -> Tensor:
        """As `LIAX.read`, of uint8 pictures."""
        if self._driver is None:
            return self._alpha(self._encoder(self._encoder.first_map(levels_BRR3))[0])
        side = self._driver_size
        image_B3RR = from_uint8(levels_BRR3.permute(0, 3, 1, 2)).to(self._dtype)
        small_B3SS = F.interpolate(image_B3RR, (side, side), mode="area")
        return self._alpha(self._driver(self._driver.first_map_of(small_B3SS))[0])

    def _alpha(self, code_BD: Tensor) -> Tensor:
        return F.linear(code_BD, self._to_alpha_MD, self._alpha_bias_M)

    def draw(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Image and grid of the last state of `LIAX.render`."""
        style = self._styles(code_BD)
        x = (self._constant_1CHW * style.m(self._start)[..., None, None]).to(self._dtype)
        x = F.conv2d(x.contiguous(memory_format=torch.channels_last), self._start.weight, padding=1)
        below: _Below | None = None
        levels = self._levels[: len(features)]
        first, *above = [*(None if level.flow is None else level.flow.up for level in levels), None]
        assert first is not None
        _, x = self._start.epilogue(style).modulated(x, style.m(first))
        for level, feature, up in zip(levels, features, above, strict=True):
            below, x = level(below, x, style, feature, None if up is None else style.m(up))
        assert below is not None
        side = below.logits.shape[-1]
        return below.image, identity_grid(side, below.logits.device) + flow_of(below.logits)


@dataclass(frozen=True)
class _Conv:
    """A `ConvLayer` that keeps the side."""

    weight: Tensor
    bias_C: Tensor

    @staticmethod
    def of(layer: ConvLayer, dtype: torch.dtype) -> _Conv:
        return _Conv(_weight(layer, dtype), _bias(layer))

    def __call__(self, x: Tensor, other: Tensor | None = None, other_scale: float = 1.0) -> Tensor:
        y = F.conv2d(x, self.weight, padding=1)
        return Epilogue(self.bias_C, slope=_SLOPE, other_BCHW=other, other_scale=other_scale)(y)


@dataclass(frozen=True)
class _Down:
    """A `DownBlock`."""

    conv: _Conv
    down_weight: Tensor
    down_bias_C: Tensor
    skip_weight: Tensor

    @staticmethod
    def of(block: DownBlock, dtype: torch.dtype) -> _Down:
        conv = _Conv.of(block.conv, dtype)
        return _Down(conv, _weight(block.down, dtype), _bias(block.down), _weight(block.skip, dtype))

    def __call__(self, x: Tensor) -> Tensor:
        skip = F.conv2d(downsample(x, 1.0), self.skip_weight)
        y = F.conv2d(smooth(self.conv(x), 2, 1.0), self.down_weight, stride=2)
        return Epilogue(self.down_bias_C, slope=_SLOPE, other_BCHW=skip)(y)


@dataclass(frozen=True)
class _Encoder:
    """An `Encoder`."""

    rgb_weight_3C: Tensor
    rgb_bias_C: Tensor
    downs: list[_Down]
    to_code: Tensor
    dtype: torch.dtype

    @staticmethod
    def of(encoder: Encoder, dtype: torch.dtype) -> _Encoder:
        rgb = encoder.from_rgb
        return _Encoder(
            rgb_weight_3C=(rgb.weight * rgb.scale).flatten(1).T.contiguous(),
            rgb_bias_C=_bias(rgb),
            downs=[_Down.of(cast(DownBlock, block), dtype) for block in encoder.blocks],
            # Of the last map's positions and channels, in float32: codes are not rounded as maps are.
            to_code=(encoder.to_code.weight * encoder.to_code.scale).permute(0, 2, 3, 1).flatten(1),
            dtype=dtype,
        )

    def first_map(self, levels_BRR3: Tensor) -> Tensor:
        """What the first block takes, of uint8 pictures."""
        return from_levels(levels_BRR3, self.rgb_weight_3C, self.rgb_bias_C, _SLOPE, self.dtype)

    def first_map_of(self, image_B3RR: Tensor) -> Tensor:
        """The same, of RGB in [-1, 1] in the maps' dtype."""
        y_BRRC = F.linear(
            image_B3RR.permute(0, 2, 3, 1),
            self.rgb_weight_3C.T.to(self.dtype),
            self.rgb_bias_C.to(self.dtype),
        )
        return F.leaky_relu(y_BRRC, _SLOPE).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

    def __call__(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Codes, and the features from 8×8 up, of first maps."""
        features: list[Tensor] = []
        for down in self.downs:
            features.append(x)
            x = down(x)
        code_BD = F.linear(x.permute(0, 2, 3, 1).flatten(1).float(), self.to_code)
        return code_BD, tuple(reversed(features))


@dataclass(frozen=True)
class _Styled:
    """A `StyledConv`, and the number of its modulated convolution among all."""

    weight: Tensor
    bias_C: Tensor
    number: int

    @staticmethod
    def of(layer: StyledConv, styles: _Styles, dtype: torch.dtype) -> _Styled:
        weight = layer.conv.weight * layer.conv.scale
        if layer.conv.up:
            weight = weight.transpose(0, 1)
        return _Styled(_laid_out(weight, dtype), layer.bias * _GAIN, styles.number_of[layer.conv])

    def epilogue(self, style: _Style, gain_C: Tensor | None = None, other: Tensor | None = None) -> Epilogue:
        """What follows the convolution."""
        return Epilogue(self.bias_C, style.d(self), _SLOPE, gain_C, other)


@dataclass(frozen=True)
class _Flow:
    """A `FlowBlock`."""

    first: _Styled
    second: _Styled
    norm: nn.GroupNorm
    gamma_C: Tensor

    @staticmethod
    def of(block: FlowBlock, styles: _Styles, dtype: torch.dtype) -> _Flow:
        first, second = (_Styled.of(layer, styles, dtype) for layer in (block.first, block.second))
        return _Flow(first, second, block.norm, block.gamma.flatten())

    def __call__(self, modulated: Tensor, style: _Style, next_BC: Tensor | None) -> tuple[Tensor, Tensor]:
        """The block's output, and next · output (or the output again), from its modulated input."""
        p, sums = self.first.epilogue(style).summed(F.conv2d(modulated, self.first.weight, padding=1))
        norm, rows = self.norm, p.shape[2] * p.shape[3]
        scale_BC, shift_BC = normalising(
            sums, rows, norm.num_groups, norm.weight, norm.bias, norm.eps, style.m(self.second)
        )
        normed = Epilogue(shift_BC, scale_BC)(p, in_place=False)
        y = F.conv2d(normed, self.second.weight, padding=1)
        epilogue = self.second.epilogue(style, self.gamma_C, p)
        if next_BC is not None:
            return epilogue.modulated(y, next_BC)
        h = epilogue(y)
        return h, h


class _Below(NamedTuple):
    """What a level takes from the one of half the side, as in `State`."""

    logits: Tensor
    g: Tensor
    image: Tensor


@dataclass(frozen=True)
class _FlowLevel:
    """What a `Level` that predicts flow has for it."""

    up: _Styled
    blocks: list[_Flow]
    head: int
    head_weight_3C: Tensor
    head_bias_3: Tensor
    zero_3: Tensor

    @staticmethod
    def of(level: Level, styles: _Styles, dtype: torch.dtype) -> _FlowLevel:
        head = level.flow_head
        return _FlowLevel(
            up=_Styled.of(level.up, styles, dtype),
            blocks=[_Flow.of(cast(FlowBlock, block), styles, dtype) for block in level.flow_blocks],
            head=styles.number_of[head.conv],
            head_weight_3C=(head.conv.weight * head.conv.scale).flatten(1).contiguous(),
            head_bias_3=head.bias,
            zero_3=torch.zeros_like(head.bias),
        )

    def __call__(self, below: _Below | None, x: Tensor, style: _Style) -> tuple[Tensor, Tensor]:
        """The flow state and the logits, from the modulated flow state of the level below."""
        y = F.conv_transpose2d(x, self.up.weight, stride=2)
        above = [*(style.m(block.first) for block in self.blocks), None]
        assert above[0] is not None
        h, x = smooth_activate(y, 1, 4.0, style.d(self.up), self.up.bias_C, _SLOPE, above[0])
        for block, modulation in zip(self.blocks, above[1:], strict=True):
            h, x = block(x, style, modulation)
        m_BC = style.modulations[self.head]
        logits = to_three(
            h, self.head_weight_3C, self.head_bias_3, self.zero_3, below and below.logits, m_BC=m_BC
        )
        return h, logits


@dataclass(frozen=True)
class _Level:
    """A `Level`."""

    flow: _FlowLevel | None
    render_up: _Conv | None
    render: list[tuple[_Conv, _Conv]]
    rgb_weight_3C: Tensor
    rgb_inner_3: Tensor
    rgb_outer_3: Tensor

    @staticmethod
    def of(level: Level, styles: _Styles, dtype: torch.dtype) -> _Level:
        rgb = level.to_rgb
        blocks = [cast(RenderBlock, block) for block in level.render_blocks]
        return _Level(
            flow=_FlowLevel.of(level, styles, dtype) if level.predicts_flow else None,
            render_up=None if level.render_up is None else _Conv.of(level.render_up, dtype),
            render=[(_Conv.of(block.first, dtype), _Conv.of(block.second, dtype)) for block in blocks],
            rgb_weight_3C=(rgb.weight * rgb.scale).flatten(1).contiguous(),
            rgb_inner_3=_bias(rgb),
            rgb_outer_3=level.rgb_bias,
        )

    def __call__(
        self, below: _Below | None, x: Tensor, style: _Style, feature: Tensor, next_BC: Tensor | None
    ) -> tuple[_Below, Tensor]:
        """What the next level takes, the last of it its modulated flow state.

        Args:
            x: The modulated flow state from the level below.
            next_BC: The modulation of the next level; None for one that predicts no flow, and for the last
                one, which make no such state.
        """
        if self.flow is None:
            assert below is not None
            logits = pointwise.upsample(below.logits).contiguous(memory_format=torch.channels_last)
            g, _ = warp_blend(feature, logits, None, None)
        else:
            h, logits = self.flow(below, x, style)
            g, blended = warp_blend(feature, logits, h, next_BC)
            assert blended is not None
            x = blended
        if below is not None and self.render_up is not None:
            g = self.render_up(upsample(below.g), g)
        for first, second in self.render:
            g = second(first(g), g, 1 / math.sqrt(2))
        image = to_three(
            g, self.rgb_weight_3C, self.rgb_inner_3, self.rgb_outer_3, below and below.image, slope=_SLOPE
        )
        return _Below(logits, g, image), x


class _Styles:
    """The affine layers of all modulated convolutions, side by side, and the squares of their weights."""

    def __init__(self, decoder: nn.Module) -> None:
        convs = [module for module in decoder.modules() if isinstance(module, ModulatedConv)]
        self.number_of = {conv: number for number, conv in enumerate(convs)}
        self._weight_ND = torch.cat([conv.affine.weight * conv.affine.scale for conv in convs])
        self._bias_N = torch.cat([conv.affine.bias for conv in convs])
        self._inputs = [conv.weight.shape[1] for conv in convs]
        self._outputs = [conv.weight.shape[0] for conv in convs]
        squares, table, start, begin, first = [], [], 0, 0, 0
        for conv, inputs, outputs in zip(convs, self._inputs, self._outputs, strict=True):
            squares.append((conv.weight.square().sum((2, 3)) * (conv.scale / _GAIN) ** 2).flatten())
            for o in range(0, outputs, BLOCK):
                table.append((begin, start + o * inputs, inputs, first + o, min(BLOCK, outputs - o)))
            start, begin, first = start + inputs * outputs, begin + inputs, first + outputs
        self._squares = torch.cat(squares)
        self._table_N5 = torch.tensor(table, device=self._squares.device)

    def __call__(self, code_BD: Tensor) -> _Style:
        m_BN = F.linear(code_BD, self._weight_ND, self._bias_N)
        outputs, most = sum(self._outputs), max(self._inputs)
        d_BN = demodulations(m_BN, self._squares, self._table_N5, outputs, most, 1e-8 / _GAIN**2)
        return _Style(m_BN.split(self._inputs, 1), d_BN.split(self._outputs, 1))


class _Style(NamedTuple):
    """Of each modulated convolution, modulation (B, in) and demodulation times the gain (B, out)."""

    modulations: tuple[Tensor, ...]
    demodulations: tuple[Tensor, ...]

    def m(self, layer: _Styled) -> Tensor:
        return self.modulations[layer.number]

    def d(self, layer: _Styled) -> Tensor:
        return self.demodulations[layer.number]


def _weight(layer: ConvLayer, dtype: torch.dtype) -> Tensor:
    return _laid_out(layer.weight * layer.scale, dtype)


def _bias(layer: ConvLayer) -> Tensor:
    assert layer.bias is not None
    return layer.bias * layer.gain


def _laid_out(weight: Tensor, dtype: torch.dtype) -> Tensor:
    return weight.to(dtype).contiguous(memory_format=torch.channels_last)
