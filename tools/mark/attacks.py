"""What happens to pictures after they are marked, as far as gradients can follow it.

All take lumas (B, 1, H, W) in levels from 0 to 255.
"""

from __future__ import annotations

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 8
# Table K.1 of the JPEG standard (ITU-T T.81), for luma at quality 50.
_JPEG = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def rounded(luma_B1HW: Tensor) -> Tensor:
    """Whole levels from 0 to 255; gradients pass."""
    return luma_B1HW + (luma_B1HW.round().clamp(0, 255) - luma_B1HW).detach()


def jpeg(luma_B1HW: Tensor, quality_B: Tensor) -> Tensor:
    """JPEG of qualities from 1 to 100."""
    scale_B = torch.where(quality_B < 50, 50 / quality_B, 2 - quality_B / 50)
    table = torch.tensor(_JPEG, device=luma_B1HW.device, dtype=torch.float32)
    step_B88 = (table * scale_B[:, None, None]).round().clamp(1, 255)
    return _quantised(luma_B1HW, step_B88[:, None, None], torch.full_like(quality_B, 0.5))


def video(luma_B1HW: Tensor, step_B: Tensor, deadzone_B: Tensor) -> Tensor:
    """About what an H.264 encoder does to a frame: one step for all frequencies, finer where little happens.

    Args:
        step_B: The quantiser's step, in levels. At crf 23, x264 harms a mark about as much as 17 does at
            256 x 256 pixels, and 23 at 512 x 512.
        deadzone_B: What is added before a number is cut to a whole one, 1/2 for rounding; encoders use 1/6 to
            1/3.
    """
    blocks = _blocks(luma_B1HW)
    busy = blocks.var((-2, -1)).add(1).log()
    finer = (0.17 * (busy - busy.mean((1, 2), keepdim=True))).exp().clamp(0.5, 2).detach()
    return _quantised(luma_B1HW, (step_B[:, None, None] * finer)[..., None, None], deadzone_B)


def _quantised(luma_B1HW: Tensor, step: Tensor, offset_B: Tensor) -> Tensor:
    """Steps: (B, rows, columns, 8, 8), or what broadcasts to it."""
    height, width = luma_B1HW.shape[-2:]
    basis = _cosines(luma_B1HW.device)
    x = (basis @ (_blocks(luma_B1HW) - 128) @ basis.T) / step
    cut = x.sign() * (x.abs() + offset_B[:, None, None, None, None]).floor()
    x = (x + (cut - x).detach()) * step
    blocks = basis.T @ x @ basis + 128
    return blocks.transpose(2, 3).flatten(3, 4).flatten(1, 2)[:, None, :height, :width]


def _blocks(luma_B1HW: Tensor) -> Tensor:
    """(B, rows, columns, 8, 8)."""
    height, width = luma_B1HW.shape[-2:]
    padded = F.pad(luma_B1HW, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")[:, 0]
    return padded.unflatten(2, (-1, _BLOCK)).unflatten(1, (-1, _BLOCK)).transpose(2, 3)


def _cosines(device: torch.device) -> Tensor:
    k = torch.arange(_BLOCK, device=device, dtype=torch.float32)
    basis = (math.pi / _BLOCK * k[:, None] * (k + 0.5)).cos() * math.sqrt(2 / _BLOCK)
    basis[0] /= math.sqrt(2)
    return basis


def cropped(luma_B1HW: Tensor, kept_B2: Tensor, corner_B2: Tensor) -> Tensor:
    """A part of each picture, scaled to the side that the whole had.

    Args:
        kept_B2: What share of width and height is kept.
        corner_B2: From 0 to 1: where in the rest.
    """
    middle_B2 = (1 - kept_B2) * (2 * corner_B2 - 1)
    theta_B23 = torch.diag_embed(kept_B2)
    grid = F.affine_grid(
        torch.cat([theta_B23, middle_B2[..., None]], 2), list(luma_B1HW.shape), align_corners=False
    )
    return F.grid_sample(luma_B1HW, grid, mode="bilinear", padding_mode="border", align_corners=False)


def scaled(luma_B1HW: Tensor, factor: float) -> Tensor:
    """All pictures, `factor` as wide and high."""
    size = [max(_BLOCK, round(side * factor)) for side in luma_B1HW.shape[-2:]]
    return F.interpolate(luma_B1HW, size, mode="bilinear", antialias=True, align_corners=False)


def blurred(luma_B1HW: Tensor, share_B: Tensor) -> Tensor:
    """A share of each picture replaced by its blur over 3 pixels."""
    blur = F.avg_pool2d(F.pad(luma_B1HW, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return torch.lerp(luma_B1HW, blur, share_B[:, None, None, None])


def random_attacks(luma_B1HW: Tensor, severity: float) -> tuple[Tensor, Tensor]:
    """Each picture after several of these by chance.

    Args:
        severity: From 0, where hardly anything happens, to 1.

    Returns:
        The pictures, and what share of width and height (B, 2) is left of each.
    """
    batch, device = len(luma_B1HW), luma_B1HW.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(batch, *shape, device=device)

    def some(share: float, changed: Tensor, kept: Tensor) -> Tensor:
        chosen_B = torch.rand(batch, device=device) < share * severity
        return torch.where(chosen_B.view(-1, *[1] * (changed.dim() - 1)), changed, kept)

    x = rounded(luma_B1HW)
    kept_B2 = some(0.5, uniform(0.82, 1, 2), torch.ones(batch, 2, device=device))
    x = cropped(x, kept_B2, uniform(0, 1, 2))
    if random.random() < 0.6 * severity:
        x = scaled(x, math.exp(random.uniform(math.log(0.45), math.log(2))))
    brighter = (x - 128) * uniform(0.8, 1.25, 1, 1, 1) + 128 + uniform(-20, 20, 1, 1, 1)
    x = some(0.3, brighter, x)
    x = some(0.2, blurred(x, uniform(0, 1)), x)
    x = some(0.3, x + torch.randn_like(x) * uniform(0, 4, 1, 1, 1), x)
    compressed = torch.where(
        (torch.rand(batch, device=device) < 0.5)[:, None, None, None],
        jpeg(x, uniform(35, 95)),
        video(x, uniform(3, 26), uniform(0.15, 0.4)),
    )
    return rounded(some(0.8, compressed, x)), kept_B2
