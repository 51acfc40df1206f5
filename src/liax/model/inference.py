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
from liax.model.decoder import FlowBlock, Level, RenderBlock, identity_grid
from liax.model.encoder import DownBlock
from liax.model.layers import ConvLayer, ModulatedConv, StyledConv
from liax.model.network import LIAX, Encoded

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
        encoder, decoder = network.encoder, network.decoder
        self._drawn_levels = network.config.sides.index(network.drawn_size) + 1
        rgb = encoder.from_rgb
        self._rgb_weight_3C = (rgb.weight * rgb.scale).flatten(1).T.contiguous()
        self._rgb_bias_C = _bias(rgb)
        self._downs = [_Down.of(cast(DownBlock, block), dtype) for block in encoder.blocks]
        # Of the last map's positions and channels, in float32: codes are not rounded as maps are.
        self._to_code = (encoder.to_code.weight * encoder.to_code.scale).permute(0, 2, 3, 1).flatten(1)
        self._to_alpha_MD = network.to_alpha.weight * network.to_alpha.scale
        self._alpha_bias_M = network.to_alpha.bias
        self._styles = _Styles(decoder)
        self._constant_1CHW = decoder.constant
        self._start = _Styled.of(decoder.start, self._styles, dtype)
        self._levels = [_Level.of(cast(Level, level), self._styles, dtype) for level in decoder.levels]

    def encode(self, levels_BRR3: Tensor, with_features: bool = True) -> Encoded:
        """As `LIAX.encode`, of uint8 pictures; without features, these are ()."""
        x = from_levels(levels_BRR3, self._rgb_weight_3C, self._rgb_bias_C, _SLOPE, self._dtype)
        features: list[Tensor] = []
        for down in self._downs:
            features.append(x)
            x = down(x)
        code_BD = F.linear(x.permute(0, 2, 3, 1).flatten(1).float(), self._to_code)
        alpha_BM = F.linear(code_BD, self._to_alpha_MD, self._alpha_bias_M)
        drawn = tuple(reversed(features))[: self._drawn_levels] if with_features else ()
        return Encoded(code_BD, alpha_BM, drawn)

    def draw(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Image and grid of the last state of `LIAX.render`."""
        style = self._styles(code_BD)
        x = (self._constant_1CHW * style.m(self._start)[..., None, None]).to(self._dtype)
        x = F.conv2d(x.contiguous(memory_format=torch.channels_last), self._start.weight, padding=1)
        _, x = self._start.epilogue(style).modulated(x, style.m(self._levels[0].up))
        below: _Below | None = None
        levels = self._levels[: len(features)]
        above = [*(level.up for level in levels[1:]), None]
        for level, feature, up in zip(levels, features, above, strict=True):
            below, x = level(below, x, style, feature, None if up is None else style.m(up))
        assert below is not None
        flow_BRR2 = torch.tanh(below.logits[:, :2]).permute(0, 2, 3, 1)
        return below.image, identity_grid(flow_BRR2.shape[1], flow_BRR2.device) + flow_BRR2


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
class _Level:
    """A `Level`."""

    up: _Styled
    flow: list[_Flow]
    head: int
    head_weight_3C: Tensor
    head_bias_3: Tensor
    render_up: _Conv | None
    render: list[tuple[_Conv, _Conv]]
    rgb_weight_3C: Tensor
    rgb_inner_3: Tensor
    rgb_outer_3: Tensor
    zero_3: Tensor

    @staticmethod
    def of(level: Level, styles: _Styles, dtype: torch.dtype) -> _Level:
        head, rgb = level.flow_head, level.to_rgb
        blocks = [cast(RenderBlock, block) for block in level.render_blocks]
        return _Level(
            up=_Styled.of(level.up, styles, dtype),
            flow=[_Flow.of(cast(FlowBlock, block), styles, dtype) for block in level.flow_blocks],
            head=styles.number_of[head.conv],
            head_weight_3C=(head.conv.weight * head.conv.scale).flatten(1).contiguous(),
            head_bias_3=head.bias,
            render_up=None if level.render_up is None else _Conv.of(level.render_up, dtype),
            render=[(_Conv.of(block.first, dtype), _Conv.of(block.second, dtype)) for block in blocks],
            rgb_weight_3C=(rgb.weight * rgb.scale).flatten(1).contiguous(),
            rgb_inner_3=_bias(rgb),
            rgb_outer_3=level.rgb_bias,
            zero_3=torch.zeros_like(head.bias),
        )

    def __call__(
        self, below: _Below | None, x: Tensor, style: _Style, feature: Tensor, next_BC: Tensor | None
    ) -> tuple[_Below, Tensor]:
        """What the next level takes, the last of it its modulated flow state.

        Args:
            x: The modulated flow state from the level below.
            next_BC: The modulation of the next level; None for the last one, which makes no such state.
        """
        y = F.conv_transpose2d(x, self.up.weight, stride=2)
        above = [*(style.m(block.first) for block in self.flow), None]
        assert above[0] is not None
        h, x = smooth_activate(y, 1, 4.0, style.d(self.up), self.up.bias_C, _SLOPE, above[0])
        for block, modulation in zip(self.flow, above[1:], strict=True):
            h, x = block(x, style, modulation)
        m_BC = style.modulations[self.head]
        logits = to_three(
            h, self.head_weight_3C, self.head_bias_3, self.zero_3, below and below.logits, m_BC=m_BC
        )
        g, x = warp_blend(feature, logits, h, next_BC)
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
