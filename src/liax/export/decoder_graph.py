"""The decoder's levels as operations of a graph."""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import numpy as np
import torch

from liax.export import layers
from liax.export.graph import Graph
from liax.export.style_graph import StyledConvs, Styles, by_conv
from liax.model import LIAX
from liax.model.decoder import FlowBlock, Level, RenderBlock, identity_grid
from liax.model.layers import StyledConv


class Picture(NamedTuple):
    """What is drawn.

    Args:
        image: (B, 3, R, R) float32, not clamped to [-1, 1].
        grids: Where each level samples the source, 8×8 first, (B, side, side, 2) float32, as in
            `liax.model.decoder.State`.
    """

    image: str
    grids: list[str]


class _Below(NamedTuple):
    """What a level takes from the one of half the side, besides the flow state."""

    logits: str
    g: str
    image: str


class DecoderGraph:
    """Adds the decoder to a graph.

    Args:
        graph: The graph.
        network: Its decoder is added, up to the level that is drawn.
        styles: Of the codes to draw, as `add_styles` gives them.
    """

    def __init__(self, graph: Graph, network: LIAX, styles: Styles) -> None:
        self._graph, self._decoder = graph, network.decoder
        self._m, self._d = by_conv(graph, StyledConvs.of(network), styles)
        ones = graph.constant(np.ones(3), "int64")
        frames = graph.add("Shape", styles.modulations, start=0, end=1)
        self._frames = graph.add("Concat", frames, ones, axis=0)

    def draw(self, features: list[str]) -> Picture:
        """The picture with these features, 8×8 first: each frame's own, or one source's for all."""
        graph, decoder = self._graph, self._decoder
        graph.enter("decoder/start")
        state = self._styled(graph.constant(decoder.constant), decoder.start)
        below: _Below | None = None
        grids = []
        for number, feature in enumerate(features):
            level, side = cast(Level, decoder.levels[number]), 8 << number
            graph.enter(f"decoder/{side}/flow")
            h, logits = self._flow(level, below, state, side)
            graph.enter(f"decoder/{side}/warp")
            warped, mask, grid = self._warped(feature, logits, side)
            state = self._blended(h, warped, mask) if h else ""
            graph.enter(f"decoder/{side}/render")
            below = _Below(logits, *self._rendered(level, below, warped, side))
            grids.append(grid)
        assert below is not None
        return Picture(below.image, grids)

    def _flow(self, level: Level, below: _Below | None, state: str, side: int) -> tuple[str, str]:
        """The flow state and the logits; no state of a level that enlarges the logits of the one below."""
        if not level.predicts_flow:
            assert below is not None
            return "", layers.upsample_three(self._graph, below.logits)
        graph, head = self._graph, level.flow_head
        h = self._styled_up(state, level.up)
        for block in level.flow_blocks:
            h = self._flow_block(cast(FlowBlock, block), h, side)
        x = graph.add("Mul", h, self._m[head.conv])
        u = graph.to_float(layers.conv(graph, x, head.conv.weight * head.conv.scale))
        u = graph.add("Add", u, graph.constant(layers.over_map(head.bias), "float32"))
        return h, u if below is None else graph.add("Add", u, layers.upsample_three(graph, below.logits))

    def _warped(self, feature: str, logits: str, side: int) -> tuple[str, str, str]:
        """The warped source times the mask, the mask, and the grid."""
        graph = self._graph
        sizes = graph.constant(np.array([2, 1]), "int64")
        flow, logit = graph.add_several("Split", 2, logits, sizes, axis=1)
        flow_BHW2 = graph.add("Transpose", graph.add("Tanh", flow), perm=[0, 2, 3, 1])
        # The identity by column and by row, in place of a constant as large as the map.
        identity_HW2 = identity_grid(side, torch.device("cpu"))
        columns, rows = identity_HW2[:1] * torch.tensor([1, 0]), identity_HW2[:, :1] * torch.tensor([0, 1])
        grid = graph.add("Add", flow_BHW2, graph.constant(columns[None], "float32"))
        grid = graph.add("Add", grid, graph.constant(rows[None], "float32"))
        mask = graph.to_maps(graph.add("Sigmoid", logit))
        each = graph.add("Expand", feature, self._frames)
        sampled = graph.add("GridSample", each, grid, mode="bilinear", padding_mode="zeros", align_corners=1)
        return graph.add("Mul", sampled, mask), mask, grid

    def _blended(self, h: str, warped: str, mask: str) -> str:
        """warped + (1 − mask) · h."""
        graph = self._graph
        rest = graph.add("Sub", graph.constant(np.ones(1)), mask)
        return graph.add("Add", warped, graph.add("Mul", rest, h))

    def _rendered(self, level: Level, below: _Below | None, warped: str, side: int) -> tuple[str, str]:
        """The renderer's features and the running image."""
        graph, g = self._graph, warped
        if below is not None and level.render_up is not None:
            up = layers.conv_layer(graph, layers.upsample(graph, below.g, side // 2), level.render_up)
            g = graph.add("Add", up, g)
        for module in level.render_blocks:
            block = cast(RenderBlock, module)
            y = layers.conv_layer(graph, layers.conv_layer(graph, g, block.first), block.second)
            g = graph.add("Add", y, graph.add("Mul", g, graph.constant(np.array([1 / math.sqrt(2)]))))
        image = graph.to_float(layers.conv_layer(graph, g, level.to_rgb))
        image = graph.add("Add", image, graph.constant(layers.over_map(level.rgb_bias), "float32"))
        if below is not None:
            image = graph.add("Add", image, layers.upsample_three(graph, below.image))
        return g, image

    def _flow_block(self, block: FlowBlock, h: str, side: int) -> str:
        """p = styled(h); p + γ · styled(group_norm(p))."""
        graph, norm, m = self._graph, block.norm, self._m[block.second.conv]
        p = self._styled(h, block.first)
        # The norm's own scale and shift are multiplied by the modulation, which follows.
        scale, shift = (
            graph.add("Mul", m, graph.constant(layers.over_map(values)))
            for values in (norm.weight, norm.bias)
        )
        x = graph.add("Add", graph.add("Mul", layers.group_norm(graph, p, norm, side), scale), shift)
        y = self._convolved(x, block.second)
        return graph.add("Add", graph.add("Mul", y, graph.constant(layers.over_map(block.gamma))), p)

    def _styled(self, x: str, layer: StyledConv) -> str:
        """A `StyledConv` that keeps the side."""
        return self._convolved(self._graph.add("Mul", x, self._m[layer.conv]), layer)

    def _convolved(self, modulated: str, layer: StyledConv) -> str:
        weight = layer.conv.weight * layer.conv.scale
        return self._demodulated(layers.conv(self._graph, modulated, weight, padding=1), layer)

    def _styled_up(self, x: str, layer: StyledConv) -> str:
        """A `StyledConv` that doubles the side."""
        graph = self._graph
        weight_IOKK = (layer.conv.weight * layer.conv.scale).transpose(0, 1)
        y = graph.add(
            "ConvTranspose",
            graph.add("Mul", x, self._m[layer.conv]),
            graph.constant(weight_IOKK),
            kernel_shape=[3, 3],
            strides=[2, 2],
        )
        return self._demodulated(layers.fir(graph, y, weight_IOKK.shape[1], padding=1, gain=4), layer)

    def _demodulated(self, y: str, layer: StyledConv) -> str:
        """leaky_relu(d · y + bias), with the gain in d and bias."""
        graph = self._graph
        bias = graph.constant(layers.over_map(layer.bias * layers.GAIN))
        return layers.leaky(graph, graph.add("Add", graph.add("Mul", y, self._d[layer.conv]), bias))
