"""The network's operations word by word as StyleGAN2 defines them: slow twins to compare the layers with."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64)
FIR = torch.outer(TAPS, TAPS) / TAPS.sum() ** 2


def upfirdn(x_BCHW: Tensor, kernel_KK: Tensor, up: int, down: int, pad: tuple[int, int]) -> Tensor:
    """Insert up - 1 zeros after each sample, pad, correlate with the flipped kernel, keep every down-th."""
    batch, channels, height, width = x_BCHW.shape
    spread = x_BCHW.new_zeros(batch, channels, height * up, width * up)
    spread[:, :, ::up, ::up] = x_BCHW
    padded = F.pad(spread, (pad[0], pad[1], pad[0], pad[1]))
    size = kernel_KK.shape[0]
    flipped = kernel_KK.flip(0, 1).to(x_BCHW)
    rows, columns = padded.shape[2] - size + 1, padded.shape[3] - size + 1
    out = x_BCHW.new_zeros(batch, channels, rows, columns)
    for i in range(size):
        for j in range(size):
            out += flipped[i, j] * padded[:, :, i : i + rows, j : j + columns]
    return out[:, :, ::down, ::down]


def fused_activation(x_BCHW: Tensor, bias_C: Tensor) -> Tensor:
    return math.sqrt(2) * F.leaky_relu(x_BCHW + bias_C[:, None, None], 0.2)


def conv_layer(
    x_BCHW: Tensor, weight_OIKK: Tensor, bias_O: Tensor | None, *, down: bool = False, up: bool = False
) -> Tensor:
    """[FIR] → equalised convolution → fused activation; without bias there is no activation either."""
    size = weight_OIKK.shape[2]
    weight = weight_OIKK / math.sqrt(weight_OIKK[0].numel())
    if down:
        pad = (2, 2) if size == 3 else (1, 1)
        y = F.conv2d(upfirdn(x_BCHW, FIR, 1, 1, pad), weight, stride=2)
    else:
        x = upfirdn(x_BCHW, FIR * 4, 2, 1, (2, 1)) if up else x_BCHW
        y = F.conv2d(x, weight, padding=size // 2)
    return y if bias_O is None else fused_activation(y, bias_O)


def modulated_conv(
    x_BCHW: Tensor, m_BI: Tensor, weight_OIKK: Tensor, *, demodulate: bool = True, up: bool = False
) -> Tensor:
    """A weight of its own for every sample: w' = w · m / √fan_in, demodulated per output channel."""
    out, size = weight_OIKK.shape[0], weight_OIKK.shape[2]
    images = []
    for x_CHW, m_I in zip(x_BCHW, m_BI, strict=True):
        weight = weight_OIKK * m_I[None, :, None, None] / math.sqrt(weight_OIKK[0].numel())
        if demodulate:
            weight = weight * torch.rsqrt(weight.square().sum((1, 2, 3)) + 1e-8).reshape(out, 1, 1, 1)
        if up:
            y = F.conv_transpose2d(x_CHW[None], weight.transpose(0, 1), stride=2)
            images.append(upfirdn(y, FIR * 4, 1, 1, (1, 1)))
        else:
            images.append(F.conv2d(x_CHW[None], weight, padding=size // 2))
    return torch.cat(images)
