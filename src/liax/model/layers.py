"""Equalised, resampling and modulated convolutions, as StyleGAN2 defines them.

Memory traffic bounds this network's speed. Two rewritings save some of it and change no number:

* √2 · leaky_relu(x) is leaky_relu(√2 · x), so every gain is folded into weights and biases.
* On GPUs, outside training, an FIR filter beside a strided convolution is folded into its kernel
(`fold_fir`).

The operations between convolutions are in `pointwise.py`, where training fuses them.

Maps keep the dtype of the incoming map, while parameters and styles are float32.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.model import pointwise
from liax.model.pointwise import fir, fir_taps, scaled

_GAIN = math.sqrt(2)


def fold_fir(weight_OIKK: Tensor) -> Tensor:
    """The kernel of FIR([1,3,3,1] ⊗ [1,3,3,1] / 64) followed by `weight`: (O, I, K+3, K+3).

    Both are correlations, so their composition is the correlation with the convolved kernels; the FIR is
    symmetric, so the same holds for transposed convolutions.
    """
    out_in = weight_OIKK.flatten(0, 1).unsqueeze(1)
    folded = F.conv2d(out_in, fir_taps(weight_OIKK)[None, None], padding=3)
    return folded.squeeze(1).unflatten(0, weight_OIKK.shape[:2])


def _folds(x_BCHW: Tensor) -> bool:
    """Whether to fold: on GPUs that is cheaper than a pass over the map, unless a kernel filters it."""
    return x_BCHW.is_cuda and not pointwise.use_kernels(x_BCHW)


def _eight_channels(x: Tensor) -> Tensor:
    """On GPUs, pad three input channels with zeros to eight, because cuDNN is slow with three."""
    return F.pad(x, (0, 0, 0, 0, 0, 5)) if x.is_cuda and x.shape[1] == 3 else x


class EqualLinear(nn.Module):
    """Linear layer whose N(0, 1) weight is scaled by 1/√fan_in at run time; the bias is not scaled."""

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
        return F.conv2d(x_BCHW, scaled(self.weight, self.scale, x_BCHW.dtype))


class ConvLayer(nn.Module):
    """Equalised convolution, bias, and gain · leaky_relu(·, 0.2).

    Args:
        in_channels, out_channels: Of the maps.
        kernel: 1 or 3.
        down: Halve the side, after an FIR filter.
        activate: If false, leave out bias and activation, but keep the gain (a skip connection).
        gain: √2 by default. Callers that average two branches fold their 1/√2 into it.
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
        self.kernel = kernel

    def forward(self, x_BCHW: Tensor, add_BCHW: Tensor | None = None, add_scale: float = 1.0) -> Tensor:
        """The layer's output, plus add_scale · add_BCHW if another branch of the same shape is given."""
        y = self._convolve(x_BCHW)
        if self.bias is None:
            return y
        if add_BCHW is None:
            return pointwise.activate(y, self.bias * self.gain)
        return pointwise.activate_add(y, self.bias * self.gain, add_BCHW, add_scale)

    def _convolve(self, x_BCHW: Tensor) -> Tensor:
        half, dtype = self.kernel // 2, x_BCHW.dtype
        # The FIR pads by (2, 2) before a 3×3 kernel and by (1, 1) before 1×1.
        if self.down and _folds(x_BCHW):
            weight = fold_fir(self.weight * self.scale).to(dtype)
            return F.conv2d(x_BCHW, weight, stride=2, padding=1 + half)
        weight = scaled(self.weight, self.scale, dtype)
        if not self.down:
            return F.conv2d(_eight_channels(x_BCHW), _eight_channels(weight), padding=half)
        if self.kernel == 1:
            return F.conv2d(fir(x_BCHW, 1, stride=2), weight)
        return F.conv2d(fir(x_BCHW, 2), weight, stride=2)


class ModulatedConv(nn.Module):
    """Convolution whose weight is scaled per input channel by m = affine(style), optionally demodulated.

    The weight is w' = w · m / √fan_in, then w' · rsqrt(Σ w'² + 1e-8) per output channel. No weight per sample
    is built: scaling the input by m, convolving with the shared weight and scaling the output is the same
    product. The caller scales, by `modulation` before and `demodulation` after, so that both fuse with their
    neighbours.

    Args:
        in_channels, out_channels: Of the maps.
        kernel: 1 or 3.
        latent: Dimension D of the style.
        up: Double the side: a transposed convolution of stride 2, then the FIR filter (kernel · 4, padding
            1).
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, latent: int, *, up: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.affine = EqualLinear(latent, in_channels, bias_init=1.0)
        self.scale = 1 / math.sqrt(in_channels * kernel**2)
        self.up = up
        self.padding = kernel // 2

    def modulation(self, style_BD: Tensor) -> Tensor:
        """m, the scale of every input channel: (B, in)."""
        return self.affine(style_BD)

    def demodulation(self, m_BI: Tensor, gain: float = 1.0) -> Tensor:
        """gain · rsqrt(Σ w'² + 1e-8), the scale of every output channel: (B, out)."""
        squares_OI = self.weight.square().sum((2, 3))
        return torch.rsqrt(m_BI.square() @ squares_OI.T * (self.scale / gain) ** 2 + 1e-8 / gain**2)

    def forward(self, modulated_BCHW: Tensor) -> Tensor:
        """Convolve the modulated input: (B, out, H, W), or (B, out, 2H, 2W) with `up`."""
        dtype = modulated_BCHW.dtype
        if self.up and _folds(modulated_BCHW):
            kernel_IOKK = fold_fir(self.weight * (4 * self.scale)).transpose(0, 1)
            return F.conv_transpose2d(modulated_BCHW, kernel_IOKK.to(dtype), stride=2, padding=2)
        weight = scaled(self.weight, self.scale, dtype)
        if self.up:
            return fir(F.conv_transpose2d(modulated_BCHW, weight.transpose(0, 1), stride=2), 1, gain=4)
        return F.conv2d(modulated_BCHW, weight, padding=self.padding)


class StyledConv(nn.Module):
    """Modulated and demodulated 3×3 convolution, bias, and √2 · leaky_relu(·, 0.2); no noise input."""

    def __init__(self, in_channels: int, out_channels: int, latent: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(in_channels, out_channels, 3, latent, up=up)
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x_BCHW: Tensor, style_BD: Tensor) -> Tensor:
        m_BI = self.conv.modulation(style_BD)
        y = self.conv(pointwise.modulate(x_BCHW, m_BI))
        return pointwise.demodulate(y, self.conv.demodulation(m_BI, _GAIN), self.bias * _GAIN)

    def residual(self, x_BCHW: Tensor, style_BD: Tensor, norm: nn.GroupNorm, gamma_C: Tensor) -> Tensor:
        """x + γ · styled(group_norm(x))."""
        m_BI = self.conv.modulation(style_BD)
        normed = pointwise.normalise_modulate(x_BCHW, norm.num_groups, norm.weight, norm.bias, norm.eps, m_BI)
        d_BO = self.conv.demodulation(m_BI, _GAIN)
        return pointwise.demodulate_add(self.conv(normed), d_BO, self.bias * _GAIN, gamma_C, x_BCHW)
