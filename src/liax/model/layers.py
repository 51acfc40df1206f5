"""Equalised, resampling and modulated convolutions, as StyleGAN2 defines them.

Two rewritings keep the numbers and save memory traffic, which is what bounds this network's speed:

* √2 · leaky_relu(x) is leaky_relu(√2 · x), so every gain is folded into weights and biases.
* On GPUs, out of training, a FIR filter beside a strided convolution is folded into its kernel (`fold_fir`).

What happens between convolutions is in `pointwise.py`, where training fuses it.

Activations keep the dtype of the incoming map while parameters stay float32; styles are always float32.
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
    """Whether to fold: on a GPU that costs less than another pass over the map, unless a kernel makes it."""
    return x_BCHW.is_cuda and not pointwise.use_kernels(x_BCHW)


def _eight_channels(x: Tensor) -> Tensor:
    """A picture, or a weight for it, with zeros for five more channels: cuDNN is slow with three."""
    return F.pad(x, (0, 0, 0, 0, 0, 5)) if x.is_cuda and x.shape[1] == 3 else x


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
        return F.conv2d(x_BCHW, scaled(self.weight, self.scale, x_BCHW.dtype))


class ConvLayer(nn.Module):
    """Equalised convolution, bias, and gain · leaky_relu(·, 0.2).

    Args:
        kernel: 1 or 3.
        down: Halve the side, FIR first.
        gain: √2 by default; callers that average two branches fold their 1/√2 in here. `activate=False`
            leaves out bias and activation and keeps the gain (a "skip").
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
        """The layer's output, plus add_scale · add_BCHW where another branch of the same shape is given."""
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

    w' = w · m / √fan_in, then w' · rsqrt(Σ w'² + 1e-8) per output channel. No per-sample weight is built:
    scaling the input by m, convolving with the shared weight and scaling the output is the same product.
    The caller scales: `modulation` before, `demodulation` after, so that both fuse with what is beside them.
    `up` doubles the side: transposed convolution of stride 2, then the FIR (kernel · 4, pad (1, 1)).
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
        """m: (B, in)."""
        return self.affine(style_BD)

    def demodulation(self, m_BI: Tensor, gain: float = 1.0) -> Tensor:
        """gain · rsqrt(Σ w'² + 1e-8): (B, out)."""
        squares_OI = self.weight.square().sum((2, 3))
        return torch.rsqrt(m_BI.square() @ squares_OI.T * (self.scale / gain) ** 2 + 1e-8 / gain**2)

    def forward(self, modulated_BCHW: Tensor) -> Tensor:
        """The shared weight over the scaled input: (B, out, H, W), or (B, out, 2H, 2W) with `up`."""
        dtype = modulated_BCHW.dtype
        if self.up and _folds(modulated_BCHW):
            kernel_IOKK = fold_fir(self.weight * (4 * self.scale)).transpose(0, 1)
            return F.conv_transpose2d(modulated_BCHW, kernel_IOKK.to(dtype), stride=2, padding=2)
        weight = scaled(self.weight, self.scale, dtype)
        if self.up:
            return fir(F.conv_transpose2d(modulated_BCHW, weight.transpose(0, 1), stride=2), 1, gain=4)
        return F.conv2d(modulated_BCHW, weight, padding=self.padding)


class StyledConv(nn.Module):
    """Demodulated 3×3 modulated convolution, bias, √2 · leaky_relu(·, 0.2). No noise input."""

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
