"""Sampling the source's features where the flow points."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from liax.model import pointwise


def warp(feature_BCHW: Tensor, grid_BHW2: Tensor, mask_B1HW: Tensor) -> Tensor:
    """mask · bilinear sampling with zeros outside and aligned corners: (B, C, H, W) in the feature's type.

    grid: (x, y) with the centres of the corner pixels at ±1, float32 (a bfloat16 grid is pixels wide).
    Positions are sampled in float32. Within `pointwise.fused()` a GPU runs it as one kernel.
    """
    if pointwise.fuses(feature_BCHW):
        from liax.kernels.masked_sample import masked_sample

        return masked_sample(feature_BCHW, grid_BHW2, mask_B1HW)
    sampled = F.grid_sample(
        feature_BCHW.float(), grid_BHW2, mode="bilinear", padding_mode="zeros", align_corners=True
    )
    return sampled.to(feature_BCHW.dtype) * mask_B1HW.to(feature_BCHW.dtype)
