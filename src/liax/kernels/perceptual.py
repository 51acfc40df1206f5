"""Kernels of the perceptual loss: the distance of two feature maps, and max pooling over 3 × 3 windows.

Their twins are `feature_distance` and `keep_and_pool` of `liax.training.perceptual`.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, chunks, new_map, shape

_EPS = tl.constexpr(1e-6)


@triton.jit
def _units(a, b, image, row, rows, c, C: tl.constexpr):  # type: ignore[no-untyped-def]
    """Both maps' rows scaled to unit length, and the scale of a's."""
    at = (image * rows + row)[:, None] * C + c[None, :]
    here = (row < rows)[:, None] & (c < C)[None, :]
    x = tl.load(a + at, mask=here, other=0.0).to(tl.float32)
    y = tl.load(b + at, mask=here, other=0.0).to(tl.float32)
    over_x = tl.rsqrt(tl.sum(x * x, 1) + _EPS)
    over_y = tl.rsqrt(tl.sum(y * y, 1) + _EPS)
    return x * over_x[:, None], y * over_y[:, None], over_x, at, here


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    a, b, sums, rows, CHUNK: tl.constexpr, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    total = tl.zeros((BLOCK,), tl.float32)
    begin = tl.program_id(0) * CHUNK
    for start in range(0, CHUNK, BLOCK):
        row = begin + start + tl.arange(0, BLOCK)
        x, y, _, _, _ = _units(a, b, image, row, rows, c, C)
        total += tl.sum((x - y) * (x - y), 1)
    tl.store(sums + image * tl.num_programs(0) + tl.program_id(0), tl.sum(total, 0))


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    a, b, distance_grad, a_grad, rows, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x, y, over, at, here = _units(a, b, image, row, rows, c, C)
    g = tl.load(distance_grad + image) * 2 / rows
    difference = x - y
    along = tl.sum(difference * x, 1)
    result = g * over[:, None] * (difference - x * along[:, None])
    tl.store(a_grad + at, result.to(a_grad.dtype.element_ty), mask=here)


class _Distance(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        a, b = channels_last(a), channels_last(b)
        ctx.save_for_backward(a, b)
        batch, rows, constants = shape(a)
        count, chunk = chunks(batch, rows, constants["BLOCK"])
        sums = a.new_empty(batch, count, dtype=torch.float32)
        _forward[(count, batch)](a, b, sums, rows, CHUNK=chunk, **constants)
        return sums.sum(1) / rows

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        a, b = ctx.saved_tensors
        batch, rows, constants = shape(a)
        a_grad = torch.empty_like(a)
        grid = (triton.cdiv(rows, constants["BLOCK"]), batch)
        _backward[grid](a, b, gradients[0].contiguous(), a_grad, rows, **constants)
        return a_grad, None


def feature_distance(a_BCHW: Tensor, b_BCHW: Tensor) -> Tensor:
    """Mean over positions of the squared distance between unit-length rows: (B,); b gets no gradient."""
    out: Tensor = _Distance.apply(a_BCHW, b_BCHW)
    return out


@triton.jit
def _pool(  # type: ignore[no-untyped-def]
    x, out, place, H, W, out_W, rows,
    KEPT: tl.constexpr, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """If KEPT, also store which of a window's nine places is the largest, the first of equal ones."""
    p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    inside = (p < rows)[:, None] & (c < C)[None, :]
    i, j = p // out_W, p % out_W
    best = tl.full((BLOCK, PADDED), float("-inf"), tl.float32)
    which = tl.zeros((BLOCK, PADDED), tl.int32)
    for down in tl.static_range(3):
        for right in tl.static_range(3):
            row, column = 2 * i + down, 2 * j + right
            here = inside & ((row < H) & (column < W))[:, None]
            at = (image * H * W + row * W + column)[:, None] * C + c[None, :]
            value = tl.load(x + at, mask=here, other=float("-inf")).to(tl.float32)
            which = tl.where(value > best, 3 * down + right, which)
            best = tl.maximum(value, best)
    at = (image * rows + p)[:, None] * C + c[None, :]
    tl.store(out + at, best.to(out.dtype.element_ty), mask=inside)
    if KEPT:
        tl.store(place + at, which.to(tl.uint8), mask=inside)


@triton.jit
def _spread(  # type: ignore[no-untyped-def]
    out_grad, place, kept_grad, x_grad, H, W, out_H, out_W,
    ADDED: tl.constexpr, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Each program sums, for a block of positions, the gradients of the up to four windows around each."""
    p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    inside = (p < H * W)[:, None] & (c < C)[None, :]
    i, j = p // W, p % W
    here_at = (image * H * W + p)[:, None] * C + c[None, :]
    total = tl.zeros((BLOCK, PADDED), tl.float32)
    if ADDED:
        total += tl.load(kept_grad + here_at, mask=inside, other=0.0).to(tl.float32)
    for up in tl.static_range(2):
        for left in tl.static_range(2):
            row, column = i // 2 - up, j // 2 - left
            down, right = i - 2 * row, j - 2 * column
            in_row = (row >= 0) & (row < out_H) & (down < 3)
            in_window = in_row & (column >= 0) & (column < out_W) & (right < 3)
            here = inside & in_window[:, None]
            at = (image * out_H * out_W + row * out_W + column)[:, None] * C + c[None, :]
            which = tl.load(place + at, mask=here, other=9).to(tl.int32)
            chosen = here & (which == (3 * down + right)[:, None])
            total += tl.load(out_grad + at, mask=chosen, other=0.0).to(tl.float32)
    tl.store(x_grad + here_at, total.to(x_grad.dtype.element_ty), mask=inside)


def _windows(side: int) -> int:
    """Number of windows of three places with stride two; the last one may extend beyond the border."""
    return max(triton.cdiv(side - 3, 2), 0) + 1


class _KeepAndPool(torch.autograd.Function):
    """Sums the gradients of both outputs in one pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        x = channels_last(x)
        height, width = x.shape[2:]
        out = new_map(x, _windows(height), _windows(width))
        kept = ctx.needs_input_grad[0]
        place = torch.empty_like(out, dtype=torch.uint8) if kept else None
        batch, rows, constants = shape(out)
        grid = (triton.cdiv(rows, constants["BLOCK"]), batch)
        _pool[grid](x, out, place, height, width, out.shape[3], rows, KEPT=kept, **constants)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(place)
        ctx.sides = height, width
        return x.view_as(x), out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Tensor | None:
        kept, pooled = gradients
        if pooled is None:
            return kept
        (place,) = ctx.saved_tensors
        x_grad = new_map(pooled, *ctx.sides)
        pooled, kept = channels_last(pooled), None if kept is None else channels_last(kept)
        batch, rows, constants = shape(x_grad)
        grid = (triton.cdiv(rows, constants["BLOCK"]), batch)
        _spread[grid](
            pooled, place, kept, x_grad, *ctx.sides, *pooled.shape[2:], ADDED=kept is not None, **constants
        )
        return x_grad


def keep_and_pool(x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """The map itself, and its maxima over 3 × 3 windows with stride 2, which may cross the border."""
    kept, pooled = _KeepAndPool.apply(x_BCHW)
    return kept, pooled
