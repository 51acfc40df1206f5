"""Warping by a flow with a mask, as one kernel forward and one backward; its twin is `model.decoder.warp`.

Features are channels-last, so the four neighbours of a position are four contiguous rows.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, shape


@triton.jit
def _position(grid, p, inside, H, W):  # type: ignore[no-untyped-def]
    """The pixel above and to the left of the position in the grid, and the fractional distance from it."""
    x = (tl.load(grid + 2 * p, mask=inside, other=0.0) + 1) * 0.5 * (W - 1)
    y = (tl.load(grid + 2 * p + 1, mask=inside, other=0.0) + 1) * 0.5 * (H - 1)
    left, top = tl.floor(x), tl.floor(y)
    return left.to(tl.int32), top.to(tl.int32), x - left, y - top


@triton.jit
def _corner(feature, image, x, y, inside, H, W, channel, C: tl.constexpr):  # type: ignore[no-untyped-def]
    """Offsets of the rows at integer positions, and which of their elements are within the map."""
    within = inside & (x >= 0) & (x < W) & (y >= 0) & (y < H)
    row = image * (H * W) + (y * W + x)
    return row[:, None] * C + channel[None, :], within[:, None] & (channel < C)[None, :]


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    feature, grid, mask, out, H, W, positions, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    p = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = p < positions
    image = p // (H * W)
    ix, iy, fx, fy = _position(grid, p, inside, H, W)
    share = tl.load(mask + p, mask=inside, other=0.0)
    channel = tl.arange(0, PADDED)
    at, ok = _corner(feature, image, ix, iy, inside, H, W, channel, C)
    total = tl.load(feature + at, mask=ok, other=0.0).to(tl.float32) * (share * (1 - fx) * (1 - fy))[:, None]
    at, ok = _corner(feature, image, ix + 1, iy, inside, H, W, channel, C)
    total += tl.load(feature + at, mask=ok, other=0.0).to(tl.float32) * (share * fx * (1 - fy))[:, None]
    at, ok = _corner(feature, image, ix, iy + 1, inside, H, W, channel, C)
    total += tl.load(feature + at, mask=ok, other=0.0).to(tl.float32) * (share * (1 - fx) * fy)[:, None]
    at, ok = _corner(feature, image, ix + 1, iy + 1, inside, H, W, channel, C)
    total += tl.load(feature + at, mask=ok, other=0.0).to(tl.float32) * (share * fx * fy)[:, None]
    here = inside[:, None] & (channel < C)[None, :]
    tl.store(out + p[:, None] * C + channel[None, :], total.to(out.dtype.element_ty), mask=here)


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    feature,
    grid,
    mask,
    out_grad,
    feature_grad,
    grid_grad,
    mask_grad,
    H,
    W,
    positions,
    C: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    p = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = p < positions
    image = p // (H * W)
    ix, iy, fx, fy = _position(grid, p, inside, H, W)
    share = tl.load(mask + p, mask=inside, other=0.0)
    channel = tl.arange(0, PADDED)
    here = inside[:, None] & (channel < C)[None, :]
    g = tl.load(out_grad + p[:, None] * C + channel[None, :], mask=here, other=0.0).to(tl.float32)
    shared = g * share[:, None]

    at, ok = _corner(feature, image, ix, iy, inside, H, W, channel, C)
    tl.atomic_add(feature_grad + at, shared * ((1 - fx) * (1 - fy))[:, None], mask=ok, sem="relaxed")
    f00 = tl.sum(tl.load(feature + at, mask=ok, other=0.0).to(tl.float32) * g, 1)
    at, ok = _corner(feature, image, ix + 1, iy, inside, H, W, channel, C)
    tl.atomic_add(feature_grad + at, shared * (fx * (1 - fy))[:, None], mask=ok, sem="relaxed")
    f10 = tl.sum(tl.load(feature + at, mask=ok, other=0.0).to(tl.float32) * g, 1)
    at, ok = _corner(feature, image, ix, iy + 1, inside, H, W, channel, C)
    tl.atomic_add(feature_grad + at, shared * ((1 - fx) * fy)[:, None], mask=ok, sem="relaxed")
    f01 = tl.sum(tl.load(feature + at, mask=ok, other=0.0).to(tl.float32) * g, 1)
    at, ok = _corner(feature, image, ix + 1, iy + 1, inside, H, W, channel, C)
    tl.atomic_add(feature_grad + at, shared * (fx * fy)[:, None], mask=ok, sem="relaxed")
    f11 = tl.sum(tl.load(feature + at, mask=ok, other=0.0).to(tl.float32) * g, 1)

    along_x = ((f10 - f00) * (1 - fy) + (f11 - f01) * fy) * share * 0.5 * (W - 1)
    along_y = ((f01 - f00) * (1 - fx) + (f11 - f10) * fx) * share * 0.5 * (H - 1)
    tl.store(grid_grad + 2 * p, along_x, mask=inside)
    tl.store(grid_grad + 2 * p + 1, along_y, mask=inside)
    sampled = (f00 * (1 - fx) + f10 * fx) * (1 - fy) + (f01 * (1 - fx) + f11 * fx) * fy
    tl.store(mask_grad + p, sampled, mask=inside)


class _MaskedSample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, feature_BCHW: Tensor, grid_BHW2: Tensor, mask_B1HW: Tensor) -> Tensor:
        feature_BCHW = channels_last(feature_BCHW)
        grid_BHW2, mask_B1HW = grid_BHW2.contiguous(), mask_B1HW.contiguous()
        ctx.save_for_backward(feature_BCHW, grid_BHW2, mask_B1HW)
        out = torch.empty_like(feature_BCHW)
        _launch(_forward, feature_BCHW, feature_BCHW, grid_BHW2, mask_B1HW, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        feature_BCHW, grid_BHW2, mask_B1HW = ctx.saved_tensors
        out_grad = channels_last(gradients[0])
        feature_grad = torch.zeros_like(feature_BCHW, dtype=torch.float32)
        grid_grad, mask_grad = torch.empty_like(grid_BHW2), torch.empty_like(mask_B1HW)
        saved = (feature_BCHW, grid_BHW2, mask_B1HW)
        _launch(_backward, feature_BCHW, *saved, out_grad, feature_grad, grid_grad, mask_grad)
        return feature_grad.to(feature_BCHW.dtype), grid_grad, mask_grad


def _launch(kernel: Any, feature_BCHW: Tensor, *tensors: Tensor) -> None:
    batch, rows, constants = shape(feature_BCHW)
    _, _, height, width = feature_BCHW.shape
    positions = batch * rows
    grid = (triton.cdiv(positions, constants["BLOCK"]),)
    kernel[grid](*tensors, height, width, positions, **constants)


def masked_sample(feature_BCHW: Tensor, grid_BHW2: Tensor, mask_B1HW: Tensor) -> Tensor:
    """mask · grid_sample(feature, grid); differentiable in all three.

    Args:
        feature_BCHW: The map.
        grid_BHW2: Positions as (x, y), with the centres of the corner pixels at ±1, in float32.
        mask_B1HW: In float32.
    """
    return _MaskedSample.apply(feature_BCHW, grid_BHW2, mask_B1HW)
