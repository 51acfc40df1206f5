"""The elementwise chains between convolutions. On GPUs training runs each as one kernel: it is memory-bound.

Plain PyTorch reads and writes a map once for every operation. Within `fused()` the functions here make one
pass forward and one backward (`liax.kernels`); elsewhere they run as written, which defines them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

_SLOPE = 0.2
_FEWEST = 8  # channels below which a map is too thin for the kernels, and too small to matter
_fused = False


@contextmanager
def fused(on: bool = True) -> Iterator[None]:
    """Lets the functions of this module use kernels for GPU maps while it lasts.

    The kernels' gradients cannot be differentiated again.
    """
    global _fused
    before, _fused = _fused, on
    try:
        yield
    finally:
        _fused = before


def fuses(map_BCHW: Tensor) -> bool:
    """Whether this map is one for the kernels (Triton's interpreter runs them on a CPU, for tests)."""
    runs = map_BCHW.is_cuda or os.environ.get("TRITON_INTERPRET") == "1"
    return _fused and runs and map_BCHW.shape[1] >= _FEWEST


def _over_map(values: Tensor, like: Tensor) -> Tensor:
    """(C,) or (B, C) to broadcast over a map, in its type."""
    return values.to(like.dtype)[..., None, None]


def _leaky(fresh_BCHW: Tensor) -> Tensor:
    return F.leaky_relu(fresh_BCHW, _SLOPE, inplace=True)


def modulate(x_BCHW: Tensor, m_BC: Tensor) -> Tensor:
    """m · x."""
    if fuses(x_BCHW):
        from liax.kernels.affine import affine

        return affine(x_BCHW, m_BC)
    return x_BCHW * _over_map(m_BC, x_BCHW)


def activate(y_BCHW: Tensor, bias_C: Tensor) -> Tensor:
    """leaky_relu(y + bias, 0.2); y, fresh from a convolution, is used up."""
    if fuses(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, shift=bias_C, slope=_SLOPE)
    return _leaky(y_BCHW.add_(_over_map(bias_C, y_BCHW)))


def activate_add(y_BCHW: Tensor, bias_C: Tensor, other_BCHW: Tensor, scale: float) -> Tensor:
    """leaky_relu(y + bias, 0.2) + scale · other; y is used up."""
    if fuses(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, shift=bias_C, other_BCHW=other_BCHW, other_scale=scale, slope=_SLOPE)
    return torch.add(_leaky(y_BCHW.add_(_over_map(bias_C, y_BCHW))), other_BCHW, alpha=scale)


def demodulate(y_BCHW: Tensor, d_BC: Tensor, bias_C: Tensor) -> Tensor:
    """leaky_relu(d · y + bias, 0.2)."""
    if fuses(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, d_BC, bias_C, slope=_SLOPE)
    return _leaky(torch.addcmul(_over_map(bias_C, y_BCHW), y_BCHW, _over_map(d_BC, y_BCHW)))


def demodulate_add(
    y_BCHW: Tensor, d_BC: Tensor, bias_C: Tensor, gamma_C: Tensor, other_BCHW: Tensor
) -> Tensor:
    """γ · leaky_relu(d · y + bias, 0.2) + other."""
    if fuses(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, d_BC, bias_C, gamma_C, other_BCHW, slope=_SLOPE)
    y = _leaky(torch.addcmul(_over_map(bias_C, y_BCHW), y_BCHW, _over_map(d_BC, y_BCHW)))
    return torch.addcmul(other_BCHW, _over_map(gamma_C, y), y)


def normalise_modulate(
    x_BCHW: Tensor, groups: int, weight_C: Tensor, bias_C: Tensor, eps: float, m_BC: Tensor
) -> Tensor:
    """m · group_norm(x)."""
    if not fuses(x_BCHW):
        weight, bias = weight_C.to(x_BCHW.dtype), bias_C.to(x_BCHW.dtype)
        return F.group_norm(x_BCHW, groups, weight, bias, eps) * _over_map(m_BC, x_BCHW)
    from liax.kernels.affine import affine
    from liax.kernels.moments import moments

    # Group norm is a scale and a shift of every channel, which the modulation scales once more.
    mean_BG1, square_BG1 = (
        each_BC.unflatten(1, (groups, -1)).mean(2, keepdim=True) for each_BC in moments(x_BCHW)
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
    if fuses(x_BCHW):
        from liax.kernels import upsample as kernel

        return kernel.upsample(x_BCHW)
    y = F.interpolate(x_BCHW, scale_factor=2, mode="bilinear", align_corners=False)
    y[..., :: y.shape[-2] - 1, :] *= 0.75  # the first and the last row, then column
    y[..., :: y.shape[-1] - 1] *= 0.75
    return y
