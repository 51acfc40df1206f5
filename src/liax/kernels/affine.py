"""gain · leaky_relu(scale · x + shift) + other_scale · other in one pass, and its gradients in another."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, chunks, new_map, shape


@triton.jit
def _forward(  # type: ignore[no-untyped-def]
    x,
    scale_BC,
    shift,
    gain_C,
    other,
    out,
    other_scale,
    rows,
    x_row,
    out_row,
    shift_image,
    SLOPE: tl.constexpr,
    SCALED: tl.constexpr,
    SHIFTED: tl.constexpr,
    GAINED: tl.constexpr,
    ADDED: tl.constexpr,
    C: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    here = (row < rows)[:, None] & (c < C)[None, :]
    first = image * rows
    y = tl.load(x + (first + row)[:, None] * x_row + c[None, :], mask=here, other=0.0).to(tl.float32)
    if SCALED:
        y *= tl.load(scale_BC + image * C + c, mask=c < C, other=0.0)[None, :]
    if SHIFTED:
        y += tl.load(shift + image * shift_image + c, mask=c < C, other=0.0)[None, :]
    y = tl.where(y > 0, y, y * SLOPE)
    if GAINED:
        y *= tl.load(gain_C + c, mask=c < C, other=0.0)[None, :]
    if ADDED:
        more = tl.load(other + (first + row)[:, None] * C + c[None, :], mask=here, other=0.0)
        y += more.to(tl.float32) * other_scale
    tl.store(out + (first + row)[:, None] * out_row + c[None, :], y.to(out.dtype.element_ty), mask=here)


@triton.jit
def _backward(  # type: ignore[no-untyped-def]
    x,
    scale_BC,
    shift,
    gain_C,
    out_grad,
    x_grad,
    scale_grad,
    shift_grad,
    gain_grad,
    rows,
    x_row,
    out_row,
    shift_image,
    SLOPE: tl.constexpr,
    SCALED: tl.constexpr,
    SHIFTED: tl.constexpr,
    GAINED: tl.constexpr,
    SUMMED: tl.constexpr,
    CHUNK: tl.constexpr,
    C: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    first = image * rows
    scale = tl.full((PADDED,), 1.0, tl.float32)
    offset = tl.zeros((PADDED,), tl.float32)
    gain = tl.full((PADDED,), 1.0, tl.float32)
    if SCALED:
        scale = tl.load(scale_BC + image * C + c, mask=c < C, other=0.0)
    if SHIFTED:
        offset = tl.load(shift + image * shift_image + c, mask=c < C, other=0.0)
    if GAINED:
        gain = tl.load(gain_C + c, mask=c < C, other=0.0)
    scale_sum = tl.zeros((BLOCK, PADDED), tl.float32)
    shift_sum = tl.zeros((BLOCK, PADDED), tl.float32)
    gain_sum = tl.zeros((BLOCK, PADDED), tl.float32)
    begin = tl.program_id(0) * CHUNK
    for start in range(0, CHUNK, BLOCK):
        row = begin + start + tl.arange(0, BLOCK)
        here = (row < rows)[:, None] & (c < C)[None, :]
        at = (first + row)[:, None]
        value = tl.load(x + at * x_row + c[None, :], mask=here, other=0.0).to(tl.float32)
        g = tl.load(out_grad + at * out_row + c[None, :], mask=here, other=0.0).to(tl.float32)
        z = value * scale[None, :] + offset[None, :]
        slope = tl.where(z > 0, 1.0, SLOPE)
        if SUMMED and GAINED:
            gain_sum += g * z * slope
        g = g * gain[None, :] * slope
        tl.store(x_grad + at * C + c[None, :], (g * scale[None, :]).to(x_grad.dtype.element_ty), mask=here)
        if SUMMED:
            scale_sum += g * value
            shift_sum += g
    place = (image * tl.num_programs(0) + tl.program_id(0)) * C + c
    if SUMMED and SCALED:
        tl.store(scale_grad + place, tl.sum(scale_sum, 0), mask=c < C)
    if SUMMED and SHIFTED:
        tl.store(shift_grad + place, tl.sum(shift_sum, 0), mask=c < C)
    if SUMMED and GAINED:
        tl.store(gain_grad + place, tl.sum(gain_sum, 0), mask=c < C)


def _flags(x: Tensor, scale: Tensor | None, shift: Tensor | None, gain: Tensor | None) -> dict[str, Any]:
    return {
        "x_row": x.stride(3),
        "shift_image": 0 if shift is None or shift.dim() == 1 else x.shape[1],
        "SCALED": scale is not None,
        "SHIFTED": shift is not None,
        "GAINED": gain is not None,
    }


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        scale: Tensor | None,
        shift: Tensor | None,
        gain: Tensor | None,
        other: Tensor | None,
        other_scale: float,
        slope: float,
    ) -> Tensor:
        x = channels_last(x)
        scale, shift, gain = (None if t is None else t.float().contiguous() for t in (scale, shift, gain))
        other = None if other is None else channels_last(other)
        ctx.save_for_backward(x, scale, shift, gain)
        ctx.other_scale = None if other is None else other_scale
        ctx.slope = slope
        out = torch.empty_like(x)
        run_forward(x, scale, shift, gain, other, other_scale, slope, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, shift, gain = ctx.saved_tensors
        g = channels_last(gradients[0])
        x_grad, sums = run_backward(x, scale, shift, gain, ctx.slope, g, any(ctx.needs_input_grad[1:4]))
        other_grad = None
        if ctx.other_scale is not None:
            other_grad = g if ctx.other_scale == 1 else g * ctx.other_scale
        return x_grad, *sums, other_grad, None, None


def run_forward(
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    gain: Tensor | None,
    other: Tensor | None,
    other_scale: float,
    slope: float,
    out: Tensor,
) -> None:
    """Compute `affine` into `out`, a channels-last map like x, or a slice of channels of such a map."""
    batch, rows, constants = shape(x)
    grid = (triton.cdiv(rows, constants["BLOCK"]), batch)
    flags = _flags(x, scale, shift, gain)
    _forward[grid](
        x, scale, shift, gain, other, out, other_scale, rows, out_row=out.stride(3),
        SLOPE=slope, ADDED=other is not None, **flags, **constants,
    )  # fmt: skip


def run_backward(
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    gain: Tensor | None,
    slope: float,
    out_grad: Tensor,
    summed: bool = True,
) -> tuple[Tensor, list[Tensor | None]]:
    """The gradient of x, and those of scale, shift and gain, each None if it is None or `summed` is false."""
    batch, rows, constants = shape(x)
    count, chunk = chunks(batch, rows, constants["BLOCK"])
    x_grad = new_map(x, *x.shape[2:])
    partial = [
        None if t is None or not summed else x.new_empty(batch, count, x.shape[1], dtype=torch.float32)
        for t in (scale, shift, gain)
    ]
    flags = _flags(x, scale, shift, gain)
    _backward[(count, batch)](
        x, scale, shift, gain, out_grad, x_grad, *partial, rows, out_row=out_grad.stride(3),
        SLOPE=slope, SUMMED=summed, CHUNK=chunk, **flags, **constants,
    )  # fmt: skip
    sums = [
        None if p is None or t is None else p.sum(1) if t.dim() == 2 else p.sum((0, 1))
        for t, p in zip((scale, shift, gain), partial, strict=True)
    ]
    return x_grad, sums


def affine(
    x_BCHW: Tensor,
    scale_BC: Tensor | None = None,
    shift: Tensor | None = None,
    gain_C: Tensor | None = None,
    other_BCHW: Tensor | None = None,
    other_scale: float = 1.0,
    slope: float = 1.0,
) -> Tensor:
    """gain · leaky_relu(scale · x + shift, slope) + other_scale · other, computed in float32.

    Factors and summands that are None are left out.

    Args:
        x_BCHW: The map.
        scale_BC: A factor for each image and channel.
        shift: A summand for each image and channel (B, C), or for each channel (C,).
        gain_C: A factor for each channel.
        other_BCHW: A map that is added.
        other_scale: The factor of that map.
        slope: Of negative values; 1 means no activation.

    Returns:
        (B, C, H, W), channels-last, in the dtype of x.
    """
    out: Tensor = _Affine.apply(x_BCHW, scale_BC, shift, gain_C, other_BCHW, other_scale, slope)
    return out


class _RectifyBoth(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, bias_C: Tensor, b: Tensor, bias_D: Tensor) -> Tensor:
        a, b, bias_C, bias_D = channels_last(a), channels_last(b), bias_C.float(), bias_D.float()
        batch, channels, height, width = a.shape
        size = (batch, channels + b.shape[1], height, width)
        out = torch.empty(size, dtype=a.dtype, device=a.device, memory_format=torch.channels_last)
        run_forward(a, None, bias_C, None, None, 1.0, 0.0, out[:, :channels])
        run_forward(b, None, bias_D, None, None, 1.0, 0.0, out[:, channels:])
        ctx.save_for_backward(a, bias_C, b, bias_D)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        a, bias_C, b, bias_D = ctx.saved_tensors
        g, channels = channels_last(gradients[0]), a.shape[1]
        a_grad, _ = run_backward(a, None, bias_C, None, 0.0, g[:, :channels], summed=False)
        b_grad, _ = run_backward(b, None, bias_D, None, 0.0, g[:, channels:], summed=False)
        return a_grad, None, b_grad, None


def rectify_both(a_BCHW: Tensor, bias_C: Tensor, b_BDHW: Tensor, bias_D: Tensor) -> Tensor:
    """relu(a + bias) and relu(b + bias), concatenated along the channels; the biases get no gradient."""
    out: Tensor = _RectifyBoth.apply(a_BCHW, bias_C, b_BDHW, bias_D)
    return out
