"""FIR filters that double, halve or keep the side of a map; their twins are in `liax.model.pointwise`."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, new_map, shape


@triton.jit
def _at(x, image, row, column, H, W, inside, c, C: tl.constexpr):  # type: ignore[no-untyped-def]
    """The map at integer positions, and zero outside it: (BLOCK, PADDED) float32."""
    ok = inside & (row >= 0) & (row < H) & (column >= 0) & (column < W)
    at = image * H * W + row * W + column
    value = tl.load(x + at[:, None] * C + c[None, :], mask=ok[:, None] & (c < C)[None, :], other=0.0)
    return value.to(tl.float32)


@triton.jit
def _spread(  # type: ignore[no-untyped-def]
    x, out, H, W, gain, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    """Each program computes the outputs of one parity of rows and columns for a block of input positions."""
    p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    down, right = tl.program_id(2) // 2, tl.program_id(2) % 2
    c = tl.arange(0, PADDED)
    inside = p < H * W
    i, j = p // W, p % W
    near_i, near_j = i + 2 * down - 1, j + 2 * right - 1
    y = 0.5625 * _at(x, image, i, j, H, W, inside, c, C)
    y += 0.1875 * _at(x, image, near_i, j, H, W, inside, c, C)
    y += 0.1875 * _at(x, image, i, near_j, H, W, inside, c, C)
    y += 0.0625 * _at(x, image, near_i, near_j, H, W, inside, c, C)
    at = image * 4 * H * W + (2 * i + down) * (2 * W) + 2 * j + right
    here = inside[:, None] & (c < C)[None, :]
    tl.store(out + at[:, None] * C + c[None, :], (y * gain).to(out.dtype.element_ty), mask=here)


@triton.jit
def _gather(  # type: ignore[no-untyped-def]
    x, out, H, W, gain, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    """The transpose of `_spread`: weights ¼, ¾, ¾, ¼ for rows 2i − 1 … 2i + 2, and likewise for columns."""
    p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    inside = p < H * W
    i, j = p // W, p % W
    total = tl.zeros((BLOCK, PADDED), tl.float32)
    for down in tl.static_range(4):
        for right in tl.static_range(4):
            weight = (0.25 + 0.25 * down * (3 - down)) * (0.25 + 0.25 * right * (3 - right))
            row, column = 2 * i + down - 1, 2 * j + right - 1
            total += weight * _at(x, image, row, column, 2 * H, 2 * W, inside, c, C)
    here = inside[:, None] & (c < C)[None, :]
    at = image * H * W + p
    tl.store(out + at[:, None] * C + c[None, :], (total * gain).to(out.dtype.element_ty), mask=here)


@triton.jit
def _smooth(  # type: ignore[no-untyped-def]
    x, out, scale_BC, shift_C, next_BC, modulated, H, W, out_H, out_W, padding, gain, scale_image, next_image,
    SLOPE: tl.constexpr, ACTIVATED: tl.constexpr, MODULATED: tl.constexpr,
    C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Each program computes a block of columns of a few rows, and reads every input row once for them."""
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    top = tl.program_id(1) * ROWS
    image = tl.program_id(2).to(tl.int64)
    c = tl.arange(0, PADDED)
    inside = column < out_W
    here = inside[:, None] & (c < C)[None, :]
    above = tl.zeros((BLOCK, PADDED), tl.float32)
    first = tl.zeros((BLOCK, PADDED), tl.float32)
    second = tl.zeros((BLOCK, PADDED), tl.float32)
    # Unrolled, because in a loop on GPUs, carried values that all start as zeros stay zeros.
    for i in tl.static_range(ROWS + 3):
        row, left = top + i - padding, column - padding
        last = _at(x, image, row, left, H, W, inside, c, C) + _at(x, image, row, left + 3, H, W, inside, c, C)
        last += 3 * _at(x, image, row, left + 1, H, W, inside, c, C)
        last += 3 * _at(x, image, row, left + 2, H, W, inside, c, C)
        if i >= 3:
            out_row = top + i - 3
            at = (image * out_H + out_row) * out_W + column
            y = (above + last + 3 * (first + second)) * (gain / 64)
            ready = here & (out_row < out_H)
            if ACTIVATED:
                y *= tl.load(scale_BC + image * scale_image + c, mask=c < C, other=0.0)[None, :]
                y += tl.load(shift_C + c, mask=c < C, other=0.0)[None, :]
                y = tl.where(y > 0, y, y * SLOPE)
            tl.store(out + at[:, None] * C + c[None, :], y.to(out.dtype.element_ty), mask=ready)
            if MODULATED:
                y *= tl.load(next_BC + image * next_image + c, mask=c < C, other=0.0)[None, :]
                tl.store(modulated + at[:, None] * C + c[None, :], y.to(out.dtype.element_ty), mask=ready)
        above = first
        first = second
        second = last


_ROWS = 8  # output rows per program of `_smooth`


def _double(x: Tensor, gain: float) -> Tensor:
    x = channels_last(x)
    batch, rows, constants = shape(x)
    height, width = x.shape[2:]
    out = new_map(x, 2 * height, 2 * width)
    _spread[(triton.cdiv(rows, constants["BLOCK"]), batch, 4)](x, out, height, width, gain, **constants)
    return out


def _halve(x: Tensor, gain: float) -> Tensor:
    x = channels_last(x)
    height, width = x.shape[2] // 2, x.shape[3] // 2
    out = new_map(x, height, width)
    batch, rows, constants = shape(out)
    _gather[(triton.cdiv(rows, constants["BLOCK"]), batch)](x, out, height, width, gain, **constants)
    return out


class _Upsample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _double(x, 1.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _halve(gradients[0], 1.0)


class _Downsample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: float) -> Tensor:
        ctx.gain = gain
        return _halve(x, gain / 4)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _double(gradients[0], ctx.gain / 4), None


class _Smooth(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, padding: int, gain: float) -> Tensor:
        ctx.padding, ctx.gain = padding, gain
        return _smoothed(x, padding, gain)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return _smoothed(gradients[0], 3 - ctx.padding, ctx.gain), None, None  # the filter is symmetric


def _smoothed(x: Tensor, padding: int, gain: float) -> Tensor:
    out, _ = _run_smooth(x, padding, gain, None, None, None, 1.0)
    return out


def _run_smooth(
    x: Tensor,
    padding: int,
    gain: float,
    scale: Tensor | None,
    shift: Tensor | None,
    following: Tensor | None,
    slope: float,
) -> tuple[Tensor, Tensor | None]:
    x = channels_last(x)
    height, width = x.shape[2:]
    out = new_map(x, height + 2 * padding - 3, width + 2 * padding - 3)
    modulated = None if following is None else torch.empty_like(out)
    batch, _, constants = shape(out)
    grid = (triton.cdiv(out.shape[3], constants["BLOCK"]), triton.cdiv(out.shape[2], _ROWS), batch)
    _smooth[grid](
        x, out, scale, shift, following, modulated, height, width, *out.shape[2:], padding, gain,
        0 if scale is None else scale.stride(0), 0 if following is None else following.stride(0),
        SLOPE=slope, ACTIVATED=scale is not None, MODULATED=following is not None, **constants, ROWS=_ROWS,
    )  # fmt: skip
    return out, modulated


def smooth_activate(
    x_BCHW: Tensor,
    padding: int,
    gain: float,
    scale_BC: Tensor,
    shift_C: Tensor,
    slope: float,
    next_BC: Tensor,
) -> tuple[Tensor, Tensor]:
    """y = leaky_relu(scale · smooth(x, padding, gain) + shift, slope), and next · y; for inference only."""
    y, modulated = _run_smooth(x_BCHW, padding, gain, scale_BC, shift_C, next_BC, slope)
    assert modulated is not None
    return y, modulated


def upsample(x_BCHW: Tensor) -> Tensor:
    """The twin of `pointwise.upsample`: (B, C, H, W) -> (B, C, 2H, 2W)."""
    out: Tensor = _Upsample.apply(x_BCHW)
    return out


def downsample(x_BCHW: Tensor, gain: float) -> Tensor:
    """gain · FIR with padding 1 and stride 2: (B, C, H, W) with even sides -> (B, C, H/2, W/2)."""
    out: Tensor = _Downsample.apply(x_BCHW, float(gain))
    return out


def smooth(x_BCHW: Tensor, padding: int, gain: float) -> Tensor:
    """gain · FIR of the zero-padded map: (B, C, H + 2 · padding − 3, W + 2 · padding − 3)."""
    out: Tensor = _Smooth.apply(x_BCHW, padding, float(gain))
    return out
