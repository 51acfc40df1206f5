"""The chains of elementwise operations between convolutions.

Plain PyTorch reads and writes a map once for every operation, and training is bound by memory traffic. Within
`fused()`, each function here makes one pass forward and one backward, by a kernel of `liax.kernels`.
Elsewhere it runs as written, which is the kernel's definition.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_SLOPE = 0.2
_MIN_CHANNELS = 8  # maps with fewer channels are too thin for the kernels, and too small to matter
_fused = False


@contextmanager
def fused(on: bool = True) -> Iterator[None]:
    """Use kernels for maps on GPUs within the block; their gradients cannot be differentiated again."""
    global _fused
    before, _fused = _fused, on
    try:
        yield
    finally:
        _fused = before


def use_kernels(map_BCHW: Tensor) -> bool:
    """Whether to use a kernel for this map; for tests, Triton's interpreter runs kernels on CPUs."""
    runs = map_BCHW.is_cuda or os.environ.get("TRITON_INTERPRET") == "1"
    return _fused and runs and map_BCHW.shape[1] >= _MIN_CHANNELS


def _over_map(values: Tensor, like: Tensor) -> Tensor:
    """Reshape (C,) or (B, C) to broadcast over a map, in its dtype."""
    return values.to(like.dtype)[..., None, None]


def _leaky(fresh_BCHW: Tensor) -> Tensor:
    return F.leaky_relu(fresh_BCHW, _SLOPE, inplace=True)


def modulate(x_BCHW: Tensor, m_BC: Tensor) -> Tensor:
    """m · x."""
    if use_kernels(x_BCHW):
        from liax.kernels.affine import affine

        return affine(x_BCHW, m_BC)
    return x_BCHW * _over_map(m_BC, x_BCHW)


def activate(y_BCHW: Tensor, bias_C: Tensor) -> Tensor:
    """leaky_relu(y + bias, 0.2); y, a convolution's output, may be overwritten."""
    if use_kernels(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, shift=bias_C, slope=_SLOPE)
    return _leaky(y_BCHW.add_(_over_map(bias_C, y_BCHW)))


def activate_add(y_BCHW: Tensor, bias_C: Tensor, other_BCHW: Tensor, scale: float) -> Tensor:
    """leaky_relu(y + bias, 0.2) + scale · other; y, a convolution's output, may be overwritten."""
    if use_kernels(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, shift=bias_C, other_BCHW=other_BCHW, other_scale=scale, slope=_SLOPE)
    return torch.add(_leaky(y_BCHW.add_(_over_map(bias_C, y_BCHW))), other_BCHW, alpha=scale)


def demodulate(y_BCHW: Tensor, d_BC: Tensor, bias_C: Tensor) -> Tensor:
    """leaky_relu(d · y + bias, 0.2)."""
    if use_kernels(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, d_BC, bias_C, slope=_SLOPE)
    return _leaky(torch.addcmul(_over_map(bias_C, y_BCHW), y_BCHW, _over_map(d_BC, y_BCHW)))


def demodulate_add(
    y_BCHW: Tensor, d_BC: Tensor, bias_C: Tensor, gamma_C: Tensor, other_BCHW: Tensor
) -> Tensor:
    """γ · leaky_relu(d · y + bias, 0.2) + other."""
    if use_kernels(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, d_BC, bias_C, gamma_C, other_BCHW, slope=_SLOPE)
    y = _leaky(torch.addcmul(_over_map(bias_C, y_BCHW), y_BCHW, _over_map(d_BC, y_BCHW)))
    return torch.addcmul(other_BCHW, _over_map(gamma_C, y), y)


def normalise_modulate(
    x_BCHW: Tensor, groups: int, weight_C: Tensor, bias_C: Tensor, eps: float, m_BC: Tensor
) -> Tensor:
    """m · group_norm(x)."""
    if not use_kernels(x_BCHW):
        weight, bias = weight_C.to(x_BCHW.dtype), bias_C.to(x_BCHW.dtype)
        return F.group_norm(x_BCHW, groups, weight, bias, eps) * _over_map(m_BC, x_BCHW)
    from liax.kernels.affine import affine
    from liax.kernels.group_norm import channel_moments

    # Group norm scales and shifts every channel; the modulation multiplies both.
    mean_BG1, square_BG1 = (
        each_BC.unflatten(1, (groups, -1)).mean(2, keepdim=True) for each_BC in channel_moments(x_BCHW)
    )
    deviation_BG1 = ((square_BG1 - mean_BG1.square()).clamp(min=0) + eps).sqrt()
    scale_BGc = weight_C.unflatten(0, (groups, -1)) / deviation_BG1
    shift_BGc = bias_C.unflatten(0, (groups, -1)) - mean_BG1 * scale_BGc
    return affine(x_BCHW, scale_BGc.flatten(1) * m_BC, shift_BGc.flatten(1) * m_BC)


def upsample(x_BCHW: Tensor) -> Tensor:
    """FIR upsampling by two, `upfirdn(x, 4·[1,3,3,1]⊗[1,3,3,1]/64, up=2, pad=(2, 1))`: (B, C, 2H, 2W).

    Sample 2i is ¼ x[i−1] + ¾ x[i] and sample 2i+1 is ¾ x[i] + ¼ x[i+1], zero outside, along each axis. Inside
    the map that is bilinear interpolation; at a border, interpolation repeats x where the filter has zeros.
    """
    if use_kernels(x_BCHW):
        from liax.kernels.fir import upsample as kernel

        return kernel(x_BCHW)
    y = F.interpolate(x_BCHW, scale_factor=2, mode="bilinear", align_corners=False)
    y[..., :: y.shape[-2] - 1, :] *= 0.75  # the first and the last row, then column
    y[..., :: y.shape[-1] - 1] *= 0.75
    return y


def fir(x_BCHW: Tensor, padding: int, stride: int = 1, gain: float = 1.0) -> Tensor:
    """gain · FIR([1,3,3,1] ⊗ [1,3,3,1] / 64) of each channel of the zero-padded map.

    Stride 2 is for padding 1 and maps with even sides only.
    """
    if use_kernels(x_BCHW):
        from liax.kernels.fir import downsample, smooth

        return downsample(x_BCHW, gain) if stride == 2 else smooth(x_BCHW, padding, gain)
    channels = x_BCHW.shape[1]
    kernel_C144 = (fir_taps(x_BCHW) * gain).expand(channels, 1, 4, 4)
    return F.conv2d(x_BCHW, kernel_C144, stride=stride, padding=padding, groups=channels)


def fir_taps(like: Tensor) -> Tensor:
    """[1,3,3,1] ⊗ [1,3,3,1] / 64, computed on the device because a CUDA graph cannot copy from the host."""
    i = torch.arange(4, dtype=like.dtype, device=like.device)
    taps = (1 + i * (3 - i)) / 8
    return torch.outer(taps, taps)


def branch(x_BCHW: Tensor, count: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """The first `count` images of a map (None: all), and the map twice, for two convolutions."""
    if use_kernels(x_BCHW) and x_BCHW.requires_grad:
        first: tuple[Tensor, Tensor, Tensor] = _Branch.apply(x_BCHW, count)
        return first
    return x_BCHW[:count], x_BCHW, x_BCHW


class _Branch(torch.autograd.Function):
    """Sums the branches' gradients in their own layout; PyTorch would pad the first one in another layout."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, count: int | None) -> tuple[Tensor, Tensor, Tensor]:
        ctx.count = count
        return x[:count], x.view_as(x), x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        first, a, b = gradients
        total = a + b
        total[: ctx.count] += first
        return total, None


def scaled(weight: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
    """scale · weight in another dtype."""
    if _fused and weight.is_cuda:
        out: Tensor = _Scaled.apply(weight, scale, dtype)
        return out
    return (weight * scale).to(dtype)


class _Scaled(torch.autograd.Function):
    """One kernel in each direction instead of two, because a step has hundreds of weights."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, scale: float, dtype: torch.dtype) -> Tensor:
        ctx.scale, ctx.dtype = scale, weight.dtype
        return torch.mul(weight, scale, out=torch.empty_like(weight, dtype=dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        gradient = torch.empty_like(gradients[0], dtype=ctx.dtype)
        return torch.mul(gradients[0], ctx.scale, out=gradient), None, None
