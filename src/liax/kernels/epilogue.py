"""What follows a convolution, in one pass, for inference: demodulation, bias, activation, a sum, and what the
next layer wants beside the map: the map modulated, and its moments.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, chunks, shape


@triton.jit
def _epilogue(  # type: ignore[no-untyped-def]
    x, scale_BC, shift, gain_C, other, next_BC, out, modulated, sums, other_scale, rows,
    scale_image, shift_image, next_image,
    SLOPE: tl.constexpr, SCALED: tl.constexpr, GAINED: tl.constexpr, ADDED: tl.constexpr,
    MODULATED: tl.constexpr, SUMMED: tl.constexpr,
    CHUNK: tl.constexpr, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    offset = tl.load(shift + image * shift_image + c, mask=c < C, other=0.0)
    begin = tl.program_id(0) * CHUNK
    total = tl.zeros((BLOCK, PADDED), tl.float32)
    square = tl.zeros((BLOCK, PADDED), tl.float32)
    for start in range(0, CHUNK, BLOCK):
        row = begin + start + tl.arange(0, BLOCK)
        here = (row < rows)[:, None] & (c < C)[None, :]
        at = (image * rows + row)[:, None] * C + c[None, :]
        y = tl.load(x + at, mask=here, other=0.0).to(tl.float32)
        if SCALED:
            y *= tl.load(scale_BC + image * scale_image + c, mask=c < C, other=0.0)[None, :]
        y += offset[None, :]
        y = tl.where(y > 0, y, y * SLOPE)
        if GAINED:
            y *= tl.load(gain_C + c, mask=c < C, other=0.0)[None, :]
        if ADDED:
            y += tl.load(other + at, mask=here, other=0.0).to(tl.float32) * other_scale
        tl.store(out + at, y.to(out.dtype.element_ty), mask=here)
        if MODULATED:
            factor = tl.load(next_BC + image * next_image + c, mask=c < C, other=0.0)[None, :]
            tl.store(modulated + at, (y * factor).to(modulated.dtype.element_ty), mask=here)
        if SUMMED:
            y = tl.where(here, y, 0.0)
            total += y
            square += y * y
    if SUMMED:
        place = (image * tl.num_programs(0) + tl.program_id(0)) * 2 * C + c
        tl.store(sums + place, tl.sum(total, 0), mask=c < C)
        tl.store(sums + place + C, tl.sum(square, 0), mask=c < C)


class Epilogue(NamedTuple):
    """gain · leaky_relu(scale · x + shift, slope) + other_scale · other, computed in float32.

    Rows of what has one for each image may be slices of longer ones.

    Args:
        shift: A summand for each channel (C,), or for each image and channel (B, C).
        scale_BC: A factor for each image and channel.
        slope: Of negative values; 1 means no activation.
        gain_C: A factor for each channel.
        other_BCHW: A map that is added.
        other_scale: The factor of that map.
    """

    shift: Tensor
    scale_BC: Tensor | None = None
    slope: float = 1.0
    gain_C: Tensor | None = None
    other_BCHW: Tensor | None = None
    other_scale: float = 1.0

    def __call__(self, x_BCHW: Tensor, *, in_place: bool = True) -> Tensor:
        """Of x, which it replaces if `in_place`."""
        x = channels_last(x_BCHW)
        return self._run(x, x if in_place else torch.empty_like(x))

    def modulated(self, x_BCHW: Tensor, next_BC: Tensor) -> tuple[Tensor, Tensor]:
        """y of x, which it replaces, and next · y."""
        x = channels_last(x_BCHW)
        modulated = torch.empty_like(x)
        return self._run(x, x, next_BC, modulated), modulated

    def summed(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """y of x, which it replaces; and sums of y and y² over parts of each image's rows: (B, parts, 2, C).

        The sums are of y before it is rounded.
        """
        x = channels_last(x_BCHW)
        batch, rows, constants = shape(x)
        parts, _ = chunks(batch, rows, constants["BLOCK"])
        sums = torch.empty(batch, parts, 2, x.shape[1], dtype=torch.float32, device=x.device)
        return self._run(x, x, sums=sums), sums

    def _run(
        self,
        x: Tensor,
        out: Tensor,
        next_BC: Tensor | None = None,
        modulated: Tensor | None = None,
        sums: Tensor | None = None,
    ) -> Tensor:
        shift, scale, gain, slope, other, other_scale = (
            self.shift, self.scale_BC, self.gain_C, self.slope, self.other_BCHW, self.other_scale
        )  # fmt: skip
        other = None if other is None else channels_last(other)
        batch, rows, constants = shape(x)
        parts, chunk = triton.cdiv(rows, constants["BLOCK"]), constants["BLOCK"]
        if sums is not None:
            parts, chunk = chunks(batch, rows, constants["BLOCK"])
        _epilogue[(parts, batch)](
            x, scale, shift, gain, other, next_BC, out, modulated, sums, other_scale, rows,
            0 if scale is None else scale.stride(0),
            0 if shift.dim() == 1 else shift.stride(0),
            0 if next_BC is None else next_BC.stride(0),
            SLOPE=slope, SCALED=scale is not None, GAINED=gain is not None, ADDED=other is not None,
            MODULATED=next_BC is not None, SUMMED=sums is not None, CHUNK=chunk, **constants,
        )  # fmt: skip
        return out


@triton.jit
def _normalising(  # type: ignore[no-untyped-def]
    sums, weight_C, bias_C, m_BC, scale_BC, shift_BC, rows, m_image, eps,
    ALL: tl.constexpr, C: tl.constexpr, WIDTH: tl.constexpr, PADDED: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """One program for each group of WIDTH channels of each image."""
    image = tl.program_id(1).to(tl.int64)
    within = tl.arange(0, PADDED)
    c = tl.program_id(0) * WIDTH + within
    here = within < WIDTH
    total = tl.zeros((PADDED,), tl.float32)
    square = tl.zeros((PADDED,), tl.float32)
    for start in range(0, ALL, PARTS):
        part = start + tl.arange(0, PARTS)
        at = (image * ALL + part)[:, None] * 2 * C + c[None, :]
        ok = (part < ALL)[:, None] & here[None, :]
        total += tl.sum(tl.load(sums + at, mask=ok, other=0.0), 0)
        square += tl.sum(tl.load(sums + at + C, mask=ok, other=0.0), 0)
    count = WIDTH * rows
    mean = tl.sum(total, 0) / count
    variance = tl.maximum(tl.sum(square, 0) / count - mean * mean, 0.0)
    m = tl.load(m_BC + image * m_image + c, mask=here, other=0.0)
    scale = tl.load(weight_C + c, mask=here, other=0.0) * tl.rsqrt(variance + eps)
    shift = tl.load(bias_C + c, mask=here, other=0.0) - mean * scale
    tl.store(scale_BC + image * C + c, scale * m, mask=here)
    tl.store(shift_BC + image * C + c, shift * m, mask=here)


def normalising(
    sums_BP2C: Tensor, rows: int, groups: int, weight_C: Tensor, bias_C: Tensor, eps: float, m_BC: Tensor
) -> tuple[Tensor, Tensor]:
    """Scale and shift, (B, C) each, by which m · group_norm(y) follows from y.

    Args:
        sums_BP2C: Of y, from `Epilogue.summed`.
        rows: Positions of an image.
        m_BC: The modulation of the next layer.
    """
    batch, parts, _, channels = sums_BP2C.shape
    scale_BC, shift_BC = sums_BP2C.new_empty(2, batch, channels)
    width = channels // groups
    padded = triton.next_power_of_2(width)
    _normalising[(groups, batch)](
        sums_BP2C, weight_C, bias_C, m_BC, scale_BC, shift_BC, rows, m_BC.stride(0), eps,
        ALL=parts, C=channels, WIDTH=width, PADDED=padded, PARTS=max(1, min(256, 2048 // padded)),
    )  # fmt: skip
    return scale_BC, shift_BC
