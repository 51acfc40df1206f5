"""Mean and mean square of each channel of each image, for group norm."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.affine import run_forward
from liax.kernels.rows import channels_last, chunks, shape


@triton.jit
def _sums(  # type: ignore[no-untyped-def]
    x, sums, squares, rows, CHUNK: tl.constexpr, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    total = tl.zeros((BLOCK, PADDED), tl.float32)
    square = tl.zeros((BLOCK, PADDED), tl.float32)
    begin = tl.program_id(0) * CHUNK
    for start in range(0, CHUNK, BLOCK):
        row = begin + start + tl.arange(0, BLOCK)
        here = (row < rows)[:, None] & (c < C)[None, :]
        value = tl.load(x + (image * rows + row)[:, None] * C + c[None, :], mask=here, other=0.0).to(
            tl.float32
        )
        total += value
        square += value * value
    place = (image * tl.num_programs(0) + tl.program_id(0)) * C + c
    tl.store(sums + place, tl.sum(total, 0), mask=c < C)
    tl.store(squares + place, tl.sum(square, 0), mask=c < C)


class _ChannelMoments(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        x = channels_last(x)
        ctx.save_for_backward(x)
        batch, rows, constants = shape(x)
        count, chunk = chunks(batch, rows, constants["BLOCK"])
        sums = x.new_empty(2, batch, count, x.shape[1], dtype=torch.float32)
        _sums[(count, batch)](x, sums[0], sums[1], rows, CHUNK=chunk, **constants)
        mean, square = sums.sum(2) / rows
        return mean, square

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        rows = x.shape[2] * x.shape[3]
        shift, scale = gradients[0] / rows, gradients[1] * (2 / rows)
        x_grad = torch.empty_like(x)
        run_forward(x, scale.contiguous(), shift.contiguous(), None, None, 1.0, 1.0, x_grad)
        return x_grad


def channel_moments(x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean square over the positions of each image: two float32 tensors (B, C)."""
    mean_BC, square_BC = _ChannelMoments.apply(x_BCHW)
    return mean_BC, square_BC
