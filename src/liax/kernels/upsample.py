"""FIR upsampling by two, forward and backward; its twin is `liax.model.pointwise.upsample`."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, shape


@triton.jit
def _at(x, image, row, column, H, W, inside, c, C: tl.constexpr):  # type: ignore[no-untyped-def]
    """The map at integer positions, zero outside: (BLOCK, PADDED) float32."""
    ok = inside & (row >= 0) & (row < H) & (column >= 0) & (column < W)
    at = image * H * W + row * W + column
    value = tl.load(x + at[:, None] * C + c[None, :], mask=ok[:, None] & (c < C)[None, :], other=0.0)
    return value.to(tl.float32)


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    x, out, H, W, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    """Each program makes the outputs of one parity of rows and columns for a block of input positions."""
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
    tl.store(out + at[:, None] * C + c[None, :], y.to(out.dtype.element_ty), mask=here)


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    g, x_grad, H, W, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    """Input (i, j) took part in outputs 2i − 1 … 2i + 2 with weights ¼, ¾, ¾, ¼, along columns likewise."""
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
            total += weight * _at(g, image, row, column, 2 * H, 2 * W, inside, c, C)
    here = inside[:, None] & (c < C)[None, :]
    at = image * H * W + p
    tl.store(x_grad + at[:, None] * C + c[None, :], total.to(x_grad.dtype.element_ty), mask=here)


class _Upsample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = channels_last(x)
        batch, rows, constants = shape(x)
        _, channels, height, width = x.shape
        size = (batch, channels, 2 * height, 2 * width)
        out = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        _forward[(triton.cdiv(rows, constants["BLOCK"]), batch, 4)](x, out, height, width, **constants)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        g = channels_last(gradients[0])
        batch, channels, height, width = g.shape
        size = (batch, channels, height // 2, width // 2)
        x_grad = torch.empty(size, dtype=g.dtype, device=g.device, memory_format=torch.channels_last)
        _, rows, constants = shape(x_grad)
        grid = (triton.cdiv(rows, constants["BLOCK"]), batch)
        _backward[grid](g, x_grad, height // 2, width // 2, **constants)
        return x_grad


def upsample(x_BCHW: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, 2H, 2W)."""
    out: Tensor = _Upsample.apply(x_BCHW)
    return out
