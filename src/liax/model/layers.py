"""Equalised, resampling and modulated convolutions, as StyleGAN2 defines them.

Two rewritings keep the numbers and save memory traffic, which is what bounds this network's speed:

* √2 · leaky_relu(x) is leaky_relu(√2 · x), so every gain is folded into weights and biases.
* A FIR filter beside a strided convolution is folded into that convolution's kernel (`fold_fir`).

Activations keep the dtype of the incoming map while parameters stay float32; styles are always float32.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_GAIN = math.sqrt(2)
_SLOPE = 0.2


def fold_fir(weight_OIKK: Tensor) -> Tensor:
    """The kernel of FIR([1,3,3,1] ⊗ [1,3,3,1] / 64) followed by `weight`: (O, I, K+3, K+3).

    Both are correlations, so their composition is the correlation with the convolved kernels; the FIR is
    symmetric, so the same holds for transposed convolutions.
    """
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=weight_OIKK.dtype, device=weight_OIKK.device) / 8
    out_in = weight_OIKK.flatten(0, 1).unsqueeze(1)
    folded = F.conv2d(out_in, torch.outer(taps, taps)[None, None], padding=3)
    return folded.squeeze(1).unflatten(0, weight_OIKK.shape[:2])


def upsample(x_BCHW: Tensor) -> Tensor:
    """FIR upsampling by two, `upfirdn(x, 4·[1,3,3,1]⊗[1,3,3,1]/64, up=2, pad=(2, 1))`: (B, C, 2H, 2W).

    Sample 2i is ¼ x[i−1] + ¾ x[i] and sample 2i+1 is ¾ x[i] + ¼ x[i+1], zero outside, along each axis. Inside
    the map that is bilinear interpolation; at a border, interpolation repeats x where the filter has zeros.
    """
    if torch.compiler.is_compiling():
        return _upsample_axis(_upsample_axis(x_BCHW, 2), 3)
    y = F.interpolate(x_BCHW, scale_factor=2, mode="bilinear", align_corners=False)
    y[..., :: y.shape[-2] - 1, :] *= 0.75  # the first and the last row, then column
    y[..., :: y.shape[-1] - 1] *= 0.75
    return y


def _upsample_axis(x_BCHW: Tensor, axis: int) -> Tensor:
    """The same along one axis in operations that a compiler fuses, forward and backward."""
    length = x_BCHW.shape[axis]
    padded = F.pad(x_BCHW, (1, 1) if axis == 3 else (0, 0, 1, 1))
    before, after = padded.narrow(axis, 0, length), padded.narrow(axis, 2, length)
    even, odd = 0.25 * before + 0.75 * x_BCHW, 0.75 * x_BCHW + 0.25 * after
    return torch.stack([even, odd], axis + 1).flatten(axis, axis + 1)


class EqualLinear(nn.Module):
    """Linear layer whose N(0, 1) weight is scaled by 1/√fan_in at run time; the bias is added as is."""

    def __init__(self, fan_in: int, out: int, bias_init: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, fan_in))
        self.bias = nn.Parameter(torch.full((out,), bias_init))
        self.scale = 1 / math.sqrt(fan_in)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class EqualConv(nn.Module):
    """Equalised convolution without bias or padding."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.scale = 1 / math.sqrt(in_channels * kernel**2)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return F.conv2d(x_BCHW, (self.weight * self.scale).to(x_BCHW.dtype))


class ConvLayer(nn.Module):
    """Equalised convolution, bias, and gain · leaky_relu(·, 0.2).

    kernel: 1 or 3. down: halve the side, FIR first. gain: √2 by default; callers that average two branches
    fold their 1/√2 in here. `activate=False` leaves out bias and activation and keeps the gain (a "skip").
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        down: bool = False,
        activate: bool = True,
        gain: float = _GAIN,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if activate else None
        self.gain = gain
        self.scale = gain / math.sqrt(in_channels * kernel**2)
        self.down = down
        # Down: the FIR's padding, (2, 2) for a 3×3 kernel and (1, 1) for 1×1; plain: the kernel's half.
        self.padding = 1 + kernel // 2 if down else kernel // 2

    def forward(self, x_BCHW: Tensor) -> Tensor:
        weight = self.weight * self.scale
        if self.down:
            weight = fold_fir(weight)
        bias = None if self.bias is None else (self.bias * self.gain).to(x_BCHW.dtype)
        y = F.conv2d(
            x_BCHW, weight.to(x_BCHW.dtype), bias, stride=2 if self.down else 1, padding=self.padding
        )
        return y if bias is None else F.leaky_relu(y, _SLOPE, inplace=True)


class ModulatedConv(nn.Module):
    """Convolution whose weight is scaled per input channel by m = affine(style), optionally demodulated.

    w' = w · m / √fan_in, then w' · rsqrt(Σ w'² + 1e-8) per output channel. No per-sample weight is built:
    scaling the input by m, convolving with the shared weight and scaling the output is the same product.
    `up` doubles the side: transposed convolution of stride 2, then the FIR (kernel · 4, pad (1, 1)).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        latent: int,
        *,
        demodulate: bool = True,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.affine = EqualLinear(latent, in_channels, bias_init=1.0)
        self.scale = 1 / math.sqrt(in_channels * kernel**2)
        self.demodulate = demodulate
        self.up = up
        self.padding = kernel // 2

    def forward(
        self, x_BCHW: Tensor, style_BD: Tensor, bias_C: Tensor | None = None, gain: float = 1.0
    ) -> Tensor:
        """gain · (modulated convolution + bias): (B, out, H, W), or (B, out, 2H, 2W) with `up`."""
        dtype = x_BCHW.dtype
        weight = self.weight * self.scale
        m_BI = self.affine(style_BD)
        x_BCHW = x_BCHW * m_BI.to(dtype)[:, :, None, None]
        if self.up:
            kernel_IOKK = fold_fir(weight * 4).transpose(0, 1)
            y = F.conv_transpose2d(x_BCHW, kernel_IOKK.to(dtype), stride=2, padding=2)
        else:
            y = F.conv2d(x_BCHW, weight.to(dtype), padding=self.padding)
        if self.demodulate:
            d_BO = torch.rsqrt(m_BI.square() @ weight.square().sum((2, 3)).T + 1e-8) * gain
            y = y * d_BO.to(dtype)[:, :, None, None]
        elif gain != 1.0:
            y = y * gain
        return y if bias_C is None else y + (bias_C * gain).to(dtype)[:, None, None]


class StyledConv(nn.Module):
    """Demodulated 3×3 modulated convolution, bias, √2 · leaky_relu(·, 0.2). No noise input."""

    def __init__(self, in_channels: int, out_channels: int, latent: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(in_channels, out_channels, 3, latent, up=up)
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x_BCHW: Tensor, style_BD: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x_BCHW, style_BD, self.bias, _GAIN), _SLOPE, inplace=True)
