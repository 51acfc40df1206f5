"""The network that draws the invisible mark as an ONNX graph, for programs that have no PyTorch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from liax.export.graph import Graph
from liax.marking.mark_network import DRAWN, FLOOR, LEVELS, PEAK, SEEN
from liax.marking.pixel_mark import WORD_K, MarkNetworks

if TYPE_CHECKING:
    import onnx


def mark_model(networks: MarkNetworks) -> onnx.ModelProto:
    """`MarkEmbedder` for the word that every mark says: luma and rms -> mark.

    Luma is (1, 1, SEEN, SEEN) in levels from 0 to 255, rms (1, 1, 1, 1) the root mean square of the mark, and
    the mark (1, 1, DRAWN, DRAWN) is to be added to all channels, in levels.
    """
    return _MarkGraph(networks).model()


class _MarkGraph:
    def __init__(self, networks: MarkNetworks) -> None:
        self._embedder = networks.embedder
        self._graph = Graph("mark")

    def model(self) -> onnx.ModelProto:
        graph = self._graph
        luma = graph.input("luma", (1, 1, SEEN, SEEN))
        rms = graph.input("rms", (1, 1, 1, 1))
        graph.enter("seen")
        detail, strength = self._equalised(luma)
        correction, mask_logit = self._maps(detail, strength, luma)
        graph.enter("mask")
        nearby = graph.add("AveragePool", strength, kernel_shape=[2, 2], strides=[2, 2])
        mask = self._mask(nearby, mask_logit)
        share = self._mean(graph.add("Div", mask, self._plus(nearby, FLOOR)))
        seen_as = graph.add("Mul", rms, share)
        graph.enter("waves")
        waves = self._waves(*self._amplitudes(graph.add("Add", detail, correction), seen_as))
        scales = graph.constant(np.array([1, 1, 4, 4]), "float32")
        over = graph.add(
            "Resize", mask, "", scales, mode="linear", coordinate_transformation_mode="half_pixel"
        )
        mark = graph.add("Mul", waves, over)
        root = graph.add("Sqrt", self._plus(self._mean(graph.add("Mul", mark, mark)), 1e-8))
        graph.output(graph.add("Mul", mark, graph.add("Div", rms, root)), "mark", (1, 1, DRAWN, DRAWN))
        return graph.model()

    def _equalised(self, luma: str) -> tuple[str, str]:
        """`liax.marking.mark_network.equalised`."""
        graph = self._graph
        detail = graph.add("Sub", luma, self._box(luma, 5))
        power = graph.add("Max", self._box(graph.add("Mul", detail, detail), 9), self._number(0))
        strength = graph.add("Sqrt", self._plus(power, 1e-4))
        divided = graph.add("Div", detail, self._plus(strength, FLOOR))
        return graph.add("Clip", divided, self._scalar(-2.5), self._scalar(2.5)), strength

    def _box(self, x: str, side: int) -> str:
        for kernel in ([1, side], [side, 1]):
            pads = [kernel[0] // 2, kernel[1] // 2] * 2
            x = self._graph.add("AveragePool", x, kernel_shape=kernel, pads=pads, count_include_pad=0)
        return x

    def _maps(self, detail: str, strength: str, luma: str) -> tuple[str, str]:
        """What corrects the detail, and the logits of the mask, of half the side."""
        graph = self._graph
        logs = self._plus(graph.add("Log", self._plus(strength, FLOOR)), -1)
        shade = self._plus(graph.add("Mul", luma, self._number(1 / LEVELS)), -2)
        unshuffle, *layers = self._embedder.trunk
        fold = cast(nn.PixelUnshuffle, unshuffle).downscale_factor
        x = graph.add("Concat", detail, logs, shade, axis=1)
        side = SEEN // fold
        x = graph.add("Reshape", x, self._shape(1, 3, side, fold, side, fold))
        x = graph.add("Transpose", x, perm=[0, 1, 3, 5, 2, 4])
        x = graph.add("Reshape", x, self._shape(1, 3 * fold**2, side, side))
        for layer in layers:
            x = self._layer(x, layer)
        corrections, logits = graph.add_several("Split", 2, x, self._shape(fold**2, 4), axis=1)
        shuffled = [
            graph.add("DepthToSpace", part, blocksize=size, mode="CRD")
            for part, size in ((corrections, fold), (logits, 2))
        ]
        return shuffled[0], shuffled[1]

    def _layer(self, x: str, layer: nn.Module) -> str:
        if isinstance(layer, nn.SiLU):
            return self._graph.add("Mul", x, self._graph.add("Sigmoid", x))
        if isinstance(layer, nn.Conv2d | nn.Conv1d):
            return self._conv(x, layer)
        if isinstance(layer, nn.Sequential):
            for each in layer:
                x = self._layer(x, each)
            return x
        y = x  # a residual block
        for conv in (layer.first, layer.second):
            y = self._conv(self._layer(y, nn.SiLU()), cast(nn.Conv2d, conv))
        return self._graph.add("Add", x, y)

    def _conv(self, x: str, layer: nn.Conv2d | nn.Conv1d) -> str:
        assert layer.bias is not None
        weight, bias = self._graph.constant(layer.weight), self._graph.constant(layer.bias)
        padding, dilation = (tuple(int(each) for each in pair) for pair in (layer.padding, layer.dilation))
        return self._graph.add(
            "Conv",
            x,
            weight,
            bias,
            kernel_shape=list(layer.kernel_size),
            pads=[*padding, *padding],
            dilations=list(dilation),
        )

    def _mask(self, nearby: str, logit: str) -> str:
        graph = self._graph
        power = graph.constant(self._embedder.mask_power.reshape(1, 1, 1, 1))
        base = graph.add("Pow", self._plus(nearby, 2.0), power)
        swing = graph.add("Exp", graph.add("Mul", graph.add("Tanh", logit), self._number(0.8)))
        mask = graph.add("Mul", base, swing)
        root = graph.add("Sqrt", self._mean(graph.add("Mul", mask, mask)))
        return graph.add("Min", graph.add("Div", mask, root), self._number(PEAK))

    def _amplitudes(self, host: str, seen_as: str) -> tuple[str, str]:
        """Real and imaginary parts (J, 1) of the amplitudes to add; the wave j = 2 k + b is bit k's of b."""
        graph = self._graph
        real, imaginary = self._spectrum(host)  # (1, J)
        power = graph.add("Add", graph.add("Mul", real, real), graph.add("Mul", imaginary, imaginary))
        size = graph.add("Sqrt", power)
        bits_K = np.array(WORD_K)
        wanted_K, other_K = 2 * np.arange(len(bits_K)) + bits_K, 2 * np.arange(len(bits_K)) + 1 - bits_K
        wanted, other = (
            graph.add("Log", self._plus(self._gathered(size, places), 0.1)) for places in (wanted_K, other_K)
        )
        half = self._number(0.5)
        level = graph.add("Mul", graph.add("Log", self._plus(self._mean(power), 1e-3)), half)
        total = graph.add(
            "Log", graph.add("Mul", graph.add("Reshape", seen_as, self._shape(1, 1)), self._number(SEEN / 8))
        )
        size_1K = self._shape(1, len(bits_K))
        rows = [wanted, other, *(graph.add("Expand", each, size_1K) for each in (level, total))]
        logs = graph.add("Reshape", graph.add("Concat", *rows, axis=0), self._shape(1, 4, -1))
        shares = self._layer(self._layer(logs, self._embedder.share), self._embedder.shares)
        shares = graph.add("Softplus", graph.add("Reshape", shares, self._shape(3, -1)))
        more, less, steady = graph.add_several("Split", 3, shares, self._shape(1, 1, 1), axis=0)
        # From bits to waves: both waves of a bit are as steady.
        both = np.repeat(np.arange(len(bits_K)), 2)
        steady = self._gathered(steady, both)
        is_wanted = np.zeros(2 * len(bits_K))
        is_wanted[wanted_K] = 1
        share = graph.add(
            "Sub",
            graph.add("Mul", self._gathered(more, both), self._row(is_wanted)),
            graph.add("Mul", self._gathered(less, both), self._row(1 - is_wanted)),
        )
        phase_J = self._embedder.carriers.phase_K2.flatten().double().numpy()
        real, imaginary = (
            graph.add("Add", part, graph.add("Mul", steady, self._row(fixed)))
            for part, fixed in ((real, np.cos(phase_J)), (imaginary, np.sin(phase_J)))
        )
        power = graph.add("Add", graph.add("Mul", real, real), graph.add("Mul", imaginary, imaginary))
        scale = graph.add("Div", share, self._plus(graph.add("Sqrt", power), 1e-4))
        column = self._shape(-1, 1)
        parts = [graph.add("Reshape", graph.add("Mul", part, scale), column) for part in (real, imaginary)]
        return parts[0], parts[1]

    def _spectrum(self, host: str) -> tuple[str, str]:
        """`Carriers.spectrum`: real and imaginary parts, (1, J)."""
        graph = self._graph
        right_JN, down_JN = self._angles(SEEN)
        maps = graph.add("Reshape", host, self._shape(SEEN, SEEN))
        right, left = (
            graph.add("MatMul", maps, graph.constant(wave(right_JN).T / SEEN)) for wave in (np.cos, np.sin)
        )
        cos, sin = (graph.constant(wave(down_JN).T) for wave in (np.cos, np.sin))
        real = graph.add("Sub", graph.add("Mul", right, cos), graph.add("Mul", left, sin))
        imaginary = graph.add("Add", graph.add("Mul", right, sin), graph.add("Mul", left, cos))
        rows = self._shape(0)
        sums = [graph.add("ReduceSum", part, rows, keepdims=1) for part in (real, imaginary)]
        return sums[0], graph.add("Neg", sums[1])

    def _waves(self, real: str, imaginary: str) -> str:
        """`Carriers.waves`, as (1, 1, DRAWN, DRAWN)."""
        graph = self._graph
        right_JN, down_JN = self._angles(DRAWN)
        cos, sin = (graph.constant(wave(down_JN)) for wave in (np.cos, np.sin))
        even = graph.add("Sub", graph.add("Mul", real, cos), graph.add("Mul", imaginary, sin))
        odd = graph.add("Add", graph.add("Mul", real, sin), graph.add("Mul", imaginary, cos))
        even, odd = (
            graph.add("MatMul", graph.add("Transpose", part, perm=[1, 0]), graph.constant(wave(right_JN)))
            for part, wave in ((even, np.cos), (odd, np.sin))
        )
        return graph.add("Reshape", graph.add("Sub", even, odd), self._shape(1, 1, DRAWN, DRAWN))

    def _angles(self, side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of each wave at each column, and at each row: (J, side)."""
        places_N = (np.arange(side) + 0.5) * (2 * math.pi / side)
        cycles_J2 = self._embedder.carriers.cycles_K22.flatten(0, 1).double().numpy()
        return cycles_J2[:, :1] * places_N, cycles_J2[:, 1:] * places_N

    def _gathered(self, row: str, places: NDArray[np.int64]) -> str:
        return self._graph.add("Gather", row, self._graph.constant(places, "int64"), axis=1)

    def _row(self, values: NDArray[np.float64]) -> str:
        return self._graph.constant(values[None])

    def _mean(self, x: str) -> str:
        return self._graph.add("ReduceMean", x, keepdims=1)

    def _plus(self, x: str, number: float) -> str:
        return self._graph.add("Add", x, self._number(number))

    def _number(self, value: float) -> str:
        return self._graph.constant(np.array([value]))

    def _scalar(self, value: float) -> str:
        return self._graph.constant(np.array(value))

    def _shape(self, *sizes: int) -> str:
        return self._graph.constant(np.array(sizes), "int64")
