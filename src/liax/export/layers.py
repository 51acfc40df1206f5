"""The network's layers as ONNX operations. Whatever depends on weights alone is computed beforehand."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from liax.export.graph import Graph
from liax.model.layers import ConvLayer
from liax.model.pointwise import fir_taps

GAIN = math.sqrt(2)
_SLOPE = 0.2


def over_map(values_C: Tensor) -> Tensor:
    """(C,) as (1, C, 1, 1), which broadcasts over a map."""
    return values_C.detach().reshape(1, -1, 1, 1)


def leaky(graph: Graph, x: str) -> str:
    """leaky_relu(x, 0.2)."""
    return graph.add("LeakyRelu", x, alpha=_SLOPE)


def conv(
    graph: Graph, x: str, weight: Tensor, bias_C: Tensor | None = None, *, stride: int = 1, padding: int = 0
) -> str:
    """A convolution with weights (O, I, K, K), and with a bias if one is given."""
    bias = [] if bias_C is None else [graph.constant(bias_C)]
    kernel = list(weight.shape[2:])
    return graph.add(
        "Conv",
        x,
        graph.constant(weight),
        *bias,
        kernel_shape=kernel,
        strides=[stride] * 2,
        pads=[padding] * 4,
    )


def conv_layer(graph: Graph, x: str, layer: ConvLayer) -> str:
    """A `ConvLayer` that keeps the side."""
    assert layer.bias is not None
    weight, bias_C = layer.weight * layer.scale, layer.bias * layer.gain
    return leaky(graph, conv(graph, x, weight, bias_C, padding=layer.kernel // 2))


def conv_layer_down(graph: Graph, x: str, layer: ConvLayer) -> str:
    """A `ConvLayer` that halves the side, after the FIR filter."""
    weight = layer.weight * layer.scale
    channels = weight.shape[1]
    if layer.kernel == 1:
        return conv(graph, fir(graph, x, channels, padding=1, stride=2), weight)
    assert layer.bias is not None
    smooth = fir(graph, x, channels, padding=2)
    return leaky(graph, conv(graph, smooth, weight, layer.bias * layer.gain, stride=2))


def fir(graph: Graph, x: str, channels: int, *, padding: int, stride: int = 1, gain: float = 1.0) -> str:
    """The FIR filter of each channel, `liax.model.pointwise.fir`, as one convolution.

    It is not folded into the convolution beside it, because the folded kernel has four times the operations.
    """
    weight = (fir_taps(torch.zeros(())) * gain).expand(channels, 1, 4, 4)
    return graph.add(
        "Conv",
        x,
        graph.constant(weight),
        group=channels,
        kernel_shape=[4, 4],
        strides=[stride] * 2,
        pads=[padding] * 4,
    )


def upsample(graph: Graph, x: str, side: int) -> str:
    """The FIR filter that doubles the side, `liax.model.pointwise.upsample`.

    Args:
        side: Of the input.
    """
    scales = graph.constant(np.array([1, 1, 2, 2]), "float32")
    doubled = graph.add("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
    axis = np.ones(2 * side)
    axis[[0, -1]] = 0.75
    return graph.add("Mul", doubled, graph.constant(np.outer(axis, axis)[None, None]))


def upsample_three(graph: Graph, x: str) -> str:
    """The same of three channels in float32, as one transposed convolution.

    Where OpenVINO computes in bfloat16, it rounds what it interpolates, and leaves this as it is.
    """
    weight = (fir_taps(torch.zeros(())) * 4).expand(3, 1, 4, 4)
    return graph.add(
        "ConvTranspose",
        x,
        graph.constant(weight, "float32"),
        group=3,
        kernel_shape=[4, 4],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
    )


def group_norm(graph: Graph, x: str, norm: nn.GroupNorm, side: int) -> str:
    """Group norm without its scale and shift, as one instance norm over the groups.

    Runtimes have a kernel for that, and take GroupNormalization apart.
    """
    groups, channels = norm.num_groups, norm.num_channels
    if groups < channels:
        x = graph.add("Reshape", x, graph.constant(np.array([0, groups, -1]), "int64"))
    ones, zeros = graph.constant(np.ones(groups)), graph.constant(np.zeros(groups))
    x = graph.add("InstanceNormalization", x, ones, zeros, epsilon=norm.eps)
    if groups < channels:
        x = graph.add("Reshape", x, graph.constant(np.array([0, channels, side, side]), "int64"))
    return x
