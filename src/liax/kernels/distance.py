"""The perceptual distance of two feature maps; its twin is `liax.training.perceptual.feature_distance`."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, chunks, shape

_EPS = tl.constexpr(1e-6)


@triton.jit
def _units(a, b, image, row, rows, c, C: tl.constexpr):  # type: ignore[no-untyped-def]
    """Both maps' rows at unit length, and what a's were divided by."""
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
    """Mean over positions of the squared difference of unit-length rows: (B,); b gets no gradient."""
    out: Tensor = _Distance.apply(a_BCHW, b_BCHW)
    return out
