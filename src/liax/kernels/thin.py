"""1 × 1 convolutions from and to three channels, which libraries are slow with, and what surrounds them:
pixel values, flow logits and images that are doubled from the level below.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, shape


@triton.jit
def _from_levels(  # type: ignore[no-untyped-def]
    levels, weight_3C, bias_C, out, rows, SLOPE: tl.constexpr,
    C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    at = image * rows + row
    y = tl.load(bias_C + c, mask=c < C, other=0.0)[None, :] + tl.zeros((BLOCK, PADDED), tl.float32)
    for k in tl.static_range(3):
        value = tl.load(levels + at * 3 + k, mask=row < rows, other=0).to(tl.float32) / 127.5 - 1
        y += value[:, None] * tl.load(weight_3C + k * C + c, mask=c < C, other=0.0)[None, :]
    y = tl.where(y > 0, y, y * SLOPE)
    here = (row < rows)[:, None] & (c < C)[None, :]
    tl.store(out + at[:, None] * C + c[None, :], y.to(out.dtype.element_ty), mask=here)


def from_levels(
    levels_BHW3: Tensor, weight_3C: Tensor, bias_C: Tensor, slope: float, dtype: torch.dtype
) -> Tensor:
    """leaky_relu(weight · pixel + bias, slope) of uint8 pictures, taken as [-1, 1].

    Returns:
        (B, C, H, W), channels-last.
    """
    batch, height, width, _ = levels_BHW3.shape
    size = (batch, len(bias_C), height, width)
    out = torch.empty(size, dtype=dtype, device=levels_BHW3.device, memory_format=torch.channels_last)
    _, rows, constants = shape(out)
    grid = (triton.cdiv(rows, constants["BLOCK"]), batch)
    _from_levels[grid](levels_BHW3, weight_3C, bias_C, out, rows, SLOPE=slope, **constants)
    return out


@triton.jit
def _doubled(below, image, row, column, H, W, k, inside):  # type: ignore[no-untyped-def]
    """One channel of the map of half the side at positions of the whole one: `pointwise.upsample`."""
    i, j = row // 2, column // 2
    near_i, near_j = i + 2 * (row % 2) - 1, j + 2 * (column % 2) - 1
    in_i = inside & (near_i >= 0) & (near_i < H // 2)
    in_j = inside & (near_j >= 0) & (near_j < W // 2)
    half_W = W // 2
    first = below + image * (H // 2) * half_W * 3 + k
    y = 0.5625 * tl.load(first + (i * half_W + j) * 3, mask=inside, other=0.0)
    y += 0.1875 * tl.load(first + (near_i * half_W + j) * 3, mask=in_i, other=0.0)
    y += 0.1875 * tl.load(first + (i * half_W + near_j) * 3, mask=in_j, other=0.0)
    return y + 0.0625 * tl.load(first + (near_i * half_W + near_j) * 3, mask=in_i & in_j, other=0.0)


@triton.jit
def _to_three(  # type: ignore[no-untyped-def]
    x, weight_3C, m_BC, inner_3, outer_3, below, out, H, W, m_image,
    SLOPE: tl.constexpr, MODULATED: tl.constexpr, ADDED: tl.constexpr,
    C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    inside = p < H * W
    row, column = p // W, p % W
    at = image * H * W + p
    here = inside[:, None] & (c < C)[None, :]
    value = tl.load(x + at[:, None] * C + c[None, :], mask=here, other=0.0).to(tl.float32)
    if MODULATED:
        value *= tl.load(m_BC + image * m_image + c, mask=c < C, other=0.0)[None, :]
    for k in tl.static_range(3):
        y = tl.sum(value * tl.load(weight_3C + k * C + c, mask=c < C, other=0.0)[None, :], 1)
        y += tl.load(inner_3 + k)
        y = tl.where(y > 0, y, y * SLOPE) + tl.load(outer_3 + k)
        if ADDED:
            y += _doubled(below, image, row, column, H, W, k, inside)
        tl.store(out + at * 3 + k, y, mask=inside)


def to_three(
    x_BCHW: Tensor,
    weight_3C: Tensor,
    inner_3: Tensor,
    outer_3: Tensor,
    below_B3hw: Tensor | None,
    *,
    m_BC: Tensor | None = None,
    slope: float = 1.0,
) -> Tensor:
    """leaky_relu(weight · (m · x) + inner, slope) + outer + upsample(below), in float32.

    Args:
        m_BC: A factor for each image and channel; rows may be slices of longer ones.
        below_B3hw: From the level of half the side, channels-last.

    Returns:
        (B, 3, H, W), channels-last.
    """
    x = channels_last(x_BCHW)
    batch, rows, constants = shape(x)
    height, width = x.shape[2:]
    out = torch.empty((batch, height, width, 3), dtype=torch.float32, device=x.device).permute(0, 3, 1, 2)
    grid = (triton.cdiv(rows, constants["BLOCK"]), batch)
    _to_three[grid](
        x, weight_3C, m_BC, inner_3, outer_3, below_B3hw, out, height, width,
        0 if m_BC is None else m_BC.stride(0),
        SLOPE=slope, MODULATED=m_BC is not None, ADDED=below_B3hw is not None, **constants,
    )  # fmt: skip
    return out
