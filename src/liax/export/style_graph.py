"""The styles of a code: how it scales the inputs and outputs of the decoder's convolutions."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
import torch

from liax.export.graph import Graph
from liax.export.layers import GAIN
from liax.model import LIAX
from liax.model.decoder import FlowBlock, Level
from liax.model.layers import ModulatedConv

# Parts of one Split: with what is split, the 8 buffers that any GPU has for a shader of WebGPU.
_MOST_PARTS = 7


class Styles(NamedTuple):
    """What codes make of all modulated convolutions, side by side.

    Args:
        modulations: Scales of the input channels, (B, N).
        demodulations: Scales of the output channels, times the gain, (B, N'); of those that are demodulated.
    """

    modulations: str
    demodulations: str


class StyledConvs(NamedTuple):
    """The modulated convolutions of the levels that are drawn.

    Args:
        demodulated: Those of the flow state.
        heads: Those that give the logits of flow and mask.
    """

    demodulated: list[ModulatedConv]
    heads: list[ModulatedConv]

    @staticmethod
    def of(network: LIAX) -> StyledConvs:
        demodulated, heads = [network.decoder.start.conv], []
        for side, module in zip(network.config.sides, network.decoder.levels, strict=True):
            level = cast(Level, module)
            if side > network.drawn_size or not level.predicts_flow:
                break
            blocks = [cast(FlowBlock, block) for block in level.flow_blocks]
            convs = [level.up, *(conv for block in blocks for conv in (block.first, block.second))]
            demodulated += [each.conv for each in convs]
            heads.append(level.flow_head.conv)
        return StyledConvs(demodulated, heads)

    @property
    def all(self) -> list[ModulatedConv]:
        return [*self.demodulated, *self.heads]

    @property
    def widths(self) -> tuple[int, int]:
        """N and N' of `Styles`."""
        return (
            sum(conv.weight.shape[1] for conv in self.all),
            sum(conv.weight.shape[0] for conv in self.demodulated),
        )


def add_styles(graph: Graph, convs: StyledConvs, code_BD: str) -> Styles:
    """The styles of codes, in float32."""
    graph.enter("decoder/styles")
    weight_ND = torch.cat([conv.affine.weight * conv.affine.scale for conv in convs.all])
    bias_N = graph.constant(torch.cat([conv.affine.bias for conv in convs.all]), "float32")
    m_BN = graph.add("Gemm", code_BD, graph.float_weight(weight_ND), bias_N, transB=1)
    parts = _split(graph, graph.add("Mul", m_BN, m_BN), [conv.weight.shape[1] for conv in convs.all])
    epsilon = graph.constant(np.array([1e-8 / GAIN**2]), "float32")
    sums = []
    for conv, part in zip(convs.demodulated, parts, strict=False):
        squares_OI = conv.weight.square().sum((2, 3)) * (conv.scale / GAIN) ** 2
        sums.append(graph.add("Gemm", part, graph.float_weight(squares_OI), epsilon, transB=1))
    root = graph.add("Sqrt", graph.add("Concat", *sums, axis=1))
    return Styles(m_BN, graph.add("Reciprocal", root))


def by_conv(
    graph: Graph, convs: StyledConvs, styles: Styles
) -> tuple[dict[ModulatedConv, str], dict[ModulatedConv, str]]:
    """Each convolution's modulation and demodulation as (B, C, 1, 1), in the maps' dtype."""
    graph.enter("decoder/styles")
    found = []
    for values_BN, each, axis in (
        (styles.modulations, convs.all, 1),
        (styles.demodulations, convs.demodulated, 0),
    ):
        shape = graph.constant(np.array([0, -1, 1, 1]), "int64")
        over_map = graph.add("Reshape", graph.to_maps(values_BN), shape)
        parts = _split(graph, over_map, [conv.weight.shape[axis] for conv in each])
        found.append(dict(zip(each, parts, strict=True)))
    return found[0], found[1]


def _split(graph: Graph, values: str, sizes: list[int]) -> list[str]:
    """Values along their second axis, in parts of these sizes."""
    rest: list[int] = []
    if len(sizes) > _MOST_PARTS:
        sizes, rest = sizes[: _MOST_PARTS - 1], sizes[_MOST_PARTS - 1 :]
    lengths = graph.constant(np.array([*sizes, sum(rest)] if rest else sizes), "int64")
    parts = graph.add_several("Split", len(sizes) + bool(rest), values, lengths, axis=1)
    return [*parts[:-1], *_split(graph, parts[-1], rest)] if rest else parts
