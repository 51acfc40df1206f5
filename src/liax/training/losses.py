"""The loss of equation (9), except for its adversarial term (`liax.training.adversarial`)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.data.augment import PairBatch
from liax.data.regions import PARTS
from liax.model.decoder import State
from liax.training.config import LossConfig
from liax.training.perceptual import PerceptualLoss

_CROP = 64  # least side of the eye and mouth crops


def hoyer(alpha_BM: Tensor) -> Tensor:
    """Hoyer sparsity (√M − ‖a‖₁/‖a‖₂) / (√M − 1) per row: 0 all equal, 1 a single non-zero; (B,)."""
    root = math.sqrt(alpha_BM.shape[1])
    return (root - l1_over_l2(alpha_BM)) / (root - 1)


def l1_over_l2(alpha_BM: Tensor) -> Tensor:
    """‖a‖₁/‖a‖₂ per row, from 1 (a single non-zero) to √M (all equal): (B,)."""
    return alpha_BM.abs().sum(1) / (alpha_BM.norm(dim=1) + 1e-6)


def centred(alpha_BM: Tensor) -> Tensor:
    """The coefficients less the batch's mean."""
    return alpha_BM - alpha_BM.mean(0, keepdim=True)


def masked_mean(values: Tensor, known: Tensor) -> Tensor:
    """The mean of the values where the mask `known` of the same shape is true: a scalar, 0 if it never is."""
    return (values * known).sum() / known.sum().clamp(min=1)


class SparsityController(nn.Module):
    """Raises the weight of the coefficients' L1/L2 ratio until their Hoyer sparsity reaches a target.

    An L1 penalty alone can be met by shrinking all coefficients while the decoder amplifies them; the ratio
    does not depend on scale. It is taken of the coefficients less the batch's mean, because one large
    constant coefficient would pass for sparsity otherwise. The weight integrates the shortfall.
    """

    weight: Tensor

    def __init__(self, largest: float, target: float, rate: float = 5e-4) -> None:
        super().__init__()
        self.largest, self.target, self.rate = largest, target, rate
        self.register_buffer("weight", torch.zeros(()))

    def forward(self, alpha_BM: Tensor) -> Tensor:
        return self.weight * (l1_over_l2(centred(alpha_BM)) / math.sqrt(alpha_BM.shape[1])).mean()

    @torch.no_grad()
    def update(self, measured: Tensor) -> None:
        """Moves the weight towards the target.

        Args:
            measured: The batch's mean Hoyer sparsity, a scalar.
        """
        self.weight.add_(self.rate * (self.target - measured)).clamp_(0, self.largest)


class ReconstructionLoss(nn.Module):
    """Pixels, features, coarse levels, flow, and eyes and mouth against the target frame."""

    warp_weight: Tensor
    region_weight_P: Tensor

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self.perceptual = PerceptualLoss(config.backbone)
        self.register_buffer("warp_weight", torch.tensor(config.warp[0]), persistent=False)
        weight_P = [config.eye_weight if "eye" in part else config.mouth_weight for part in PARTS]
        self.register_buffer("region_weight_P", torch.tensor(weight_P), persistent=False)

    def schedule(self, step: int) -> None:
        """Sets the flow's weight, which falls linearly over the first `warp_steps` steps."""
        first, last = self.config.warp
        self.warp_weight.fill_(first + (last - first) * min(step / max(self.config.warp_steps, 1), 1.0))

    def forward(self, levels: list[State], batch: PairBatch, dtype: torch.dtype) -> dict[str, Tensor]:
        """The unweighted terms, each a scalar; `dtype` is the perceptual network's precision."""
        image, target = levels[-1].image, batch.target
        terms = {"l1": (image - target).abs().mean()}
        if self.config.l2:
            terms["l2"] = (image - target).square().mean()
        if self.config.perceptual:
            terms["perceptual"] = self.perceptual(image.to(dtype), target.to(dtype), scales=3).mean()
        coarse = [level for level in levels[:-1] if level.image.shape[-1] >= 32]
        terms["deep"] = image.new_zeros(())
        terms["warp"] = image.new_zeros(())
        for level in coarse:
            side = level.image.shape[-1]
            small_target = F.adaptive_avg_pool2d(target, side)
            small_source = F.adaptive_avg_pool2d(batch.source, side)
            moved = F.grid_sample(small_source, level.grid, padding_mode="border", align_corners=True)
            terms["deep"] = terms["deep"] + (level.image - small_target).abs().mean()
            terms["warp"] = terms["warp"] + (moved - small_target).abs().mean()
        if self.config.region_loss:
            terms["parts"] = self._region_loss(image, batch, dtype)
        if self.config.landmark_flow and batch.points_B2P2 is not None:
            grids = [level.grid for level in levels if level.image.shape[-1] >= 32]
            off = [landmark_flow_error(grid, batch.points_B2P2) for grid in grids]
            terms["landmarks"] = torch.stack(off).mean()
        return terms

    def _region_loss(self, image: Tensor, batch: PairBatch, dtype: torch.dtype) -> Tensor:
        """L1 plus one-scale perceptual distance of the eye and mouth crops that are known."""
        got, want, known_N = region_crops(image, batch)
        distance_N = (got - want).abs().mean((1, 2, 3))
        distance_N = distance_N + self.perceptual(got.to(dtype), want.to(dtype), scales=1)
        return masked_mean(distance_N * self.region_weight_P.repeat(len(image)), known_N)

    def weighted(self, terms: dict[str, Tensor]) -> Tensor:
        """The terms' weighted sum."""
        weights: dict[str, float | Tensor] = {
            "l1": self.config.l1,
            "l2": self.config.l2,
            "perceptual": self.config.perceptual,
            "deep": self.config.deep_supervision,
            "warp": self.warp_weight,
            "parts": self.config.region_loss,
            "landmarks": self.config.landmark_flow,
        }
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def landmark_flow_error(grid_BHW2: Tensor, points_B2P2: Tensor) -> Tensor:
    """How far from a landmark's place in the source the flow looks for it, at its place in the target.

    Args:
        grid_BHW2: Where the source is sampled, with the centres of the corner pixels at ±1.
        points_B2P2: Landmarks of source and target as fractions of the picture, NaN where unknown.

    Returns:
        The mean distance, |x| + |y|, in half pictures, over landmarks that are known and within the target: a
        scalar, 0 if there is none.
    """
    source_BP2, target_BP2 = points_B2P2.nan_to_num(-1.0).unbind(1)
    known_BP = ~points_B2P2.isnan().any(3).any(1) & ((target_BP2 > 0) & (target_BP2 < 1)).all(2)
    side = grid_BHW2.shape[1]
    flow_B2HW = grid_BHW2.permute(0, 3, 1, 2)
    found_B2P = F.grid_sample(flow_B2HW, target_BP2[:, None] * 2 - 1, align_corners=False)[:, :, 0]
    wanted_BP2 = (source_BP2 * side - 0.5) / (side - 1) * 2 - 1
    return masked_mean((found_B2P.transpose(1, 2) - wanted_BP2).abs().sum(2), known_BP)


def crop_side(size: int) -> int:
    """Of the crops of eyes and mouth of pictures of `size`: a quarter of it, but for small ones."""
    return max(_CROP, size // 4)


def region_crops(image_B3RR: Tensor, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Eyes and mouths of a batch's pictures and of its targets.

    Returns:
        The crops of the pictures and of the targets, (B · P, 3, side, side) each, at the places that they
        have in the targets; and which of them are known, (B · P,).
    """
    known_N = ~batch.boxes_BP4.isnan().any(2).flatten()
    boxes_BP4 = batch.boxes_BP4.nan_to_num(0.0)
    side = crop_side(image_B3RR.shape[-1])
    return sample_boxes(image_B3RR, boxes_BP4, side), sample_boxes(batch.target, boxes_BP4, side), known_N


def sample_boxes(image_B3RR: Tensor, boxes_BP4: Tensor, side: int = _CROP) -> Tensor:
    """Boxes (left, top, right, bottom as fractions of the picture) resampled to (B · P, 3, side, side)."""
    parts = boxes_BP4.shape[1]
    axis = (torch.arange(side, device=image_B3RR.device) + 0.5) / side
    left, top, right, bottom = (edge[..., None] for edge in boxes_BP4.unbind(-1))
    x_BPS, y_BPS = left + (right - left) * axis, top + (bottom - top) * axis
    grid_BPSS2 = torch.stack(
        [x_BPS[:, :, None, :].expand(-1, -1, side, -1), y_BPS[..., None].expand(-1, -1, -1, side)], -1
    )
    # One sampling for all boxes of a picture, as one tall picture.
    crops = F.grid_sample(
        image_B3RR, grid_BPSS2.flatten(1, 2) * 2 - 1, padding_mode="border", align_corners=False
    )
    return crops.unflatten(2, (parts, side)).transpose(1, 2).flatten(0, 1)
