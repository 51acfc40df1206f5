"""Warping by flow logits, and the blend with the flow state that the next level takes, in one pass."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from liax.kernels.rows import channels_last, new_map, shape


@triton.jit
def _tanh(x):  # type: ignore[no-untyped-def]
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def _corner(  # type: ignore[no-untyped-def]
    feature, start, x, y, weight, inside, H, W, c, C: tl.constexpr
):
    ok = inside & (x >= 0) & (x < W) & (y >= 0) & (y < H)
    at = start + (y * W + x)
    value = tl.load(feature + at[:, None] * C + c[None, :], mask=ok[:, None] & (c < C)[None, :], other=0.0)
    return value.to(tl.float32) * weight[:, None]


@triton.jit
def _warp_blend(  # type: ignore[no-untyped-def]
    feature, logits, h, next_BC, warped, blended, H, W, feature_rows, next_image,
    BLENDED: tl.constexpr, C: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    p = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    image = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, PADDED)
    inside = p < H * W
    row, column = p // W, p % W
    at = image * H * W + p
    # Positions in pixels: the identity grid, from -1 to 1 with the corner pixels at its ends, plus the flow.
    x = column + _tanh(tl.load(logits + at * 3, mask=inside, other=0.0)) * 0.5 * (W - 1)
    y = row + _tanh(tl.load(logits + at * 3 + 1, mask=inside, other=0.0)) * 0.5 * (H - 1)
    mask = tl.sigmoid(tl.load(logits + at * 3 + 2, mask=inside, other=0.0))
    left, top = tl.floor(x), tl.floor(y)
    fx, fy = x - left, y - top
    ix, iy = left.to(tl.int32), top.to(tl.int32)
    start = image * feature_rows
    total = _corner(feature, start, ix, iy, mask * (1 - fx) * (1 - fy), inside, H, W, c, C)
    total += _corner(feature, start, ix + 1, iy, mask * fx * (1 - fy), inside, H, W, c, C)
    total += _corner(feature, start, ix, iy + 1, mask * (1 - fx) * fy, inside, H, W, c, C)
    total += _corner(feature, start, ix + 1, iy + 1, mask * fx * fy, inside, H, W, c, C)
    here = inside[:, None] & (c < C)[None, :]
    place = at[:, None] * C + c[None, :]
    tl.store(warped + place, total.to(warped.dtype.element_ty), mask=here)
    if BLENDED:
        state = tl.load(h + place, mask=here, other=0.0).to(tl.float32)
        total += (1 - mask)[:, None] * state
        total *= tl.load(next_BC + image * next_image + c, mask=c < C, other=0.0)[None, :]
        tl.store(blended + place, total.to(blended.dtype.element_ty), mask=here)


def warp_blend(
    feature_BCHW: Tensor, logits_B3HW: Tensor, h_BCHW: Tensor | None, next_BC: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """The feature warped by the flow and times the mask, w; and next · (w + (1 − mask) · h).

    Args:
        feature_BCHW: Channels-last; of one source (batch 1) for all images, or one for each.
        logits_B3HW: Channels-last: flow (x, y) before its tanh, mask before its sigmoid.
        h_BCHW: The flow state, which the second result replaces; None if nothing is blended.
        next_BC: The modulation of the next level; None if there is none: then h comes back as it is.
    """
    feature = channels_last(feature_BCHW)
    warped = new_map(feature.expand(len(logits_B3HW), -1, -1, -1), *feature.shape[2:])
    h = warped if h_BCHW is None else channels_last(h_BCHW)
    batch, rows, constants = shape(warped)
    grid = (triton.cdiv(rows, constants["BLOCK"]), batch)
    _warp_blend[grid](
        feature, logits_B3HW, h, next_BC, warped, h, *h.shape[2:],
        0 if len(feature) == 1 else rows, 0 if next_BC is None else next_BC.stride(0),
        BLENDED=next_BC is not None, **constants,
    )  # fmt: skip
    return warped, None if h_BCHW is None else h
