"""What the network is trained to minimise: equation (9); its adversarial term has its own file."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.data.augment import Batch
from liax.model.decoder import State
from liax.training.config import LossConfig
from liax.training.perceptual import PerceptualLoss

_CROP = 64  # side of the eye and mouth crops


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
        """measured: the batch's mean Hoyer sparsity, a scalar."""
        self.weight.add_(self.rate * (self.target - measured)).clamp_(0, self.largest)


class Reconstruction(nn.Module):
    """Pixels, features, coarse levels, flow, and eyes and mouth against the target frame."""

    def __init__(self, config: LossConfig, compile: bool = False) -> None:
        super().__init__()
        self.config = config
        self.perceptual = PerceptualLoss(config.backbone, compile)

    def forward(self, levels: list[State], batch: Batch, dtype: torch.dtype) -> dict[str, Tensor]:
        """The unweighted terms, each a scalar; `dtype` is the perceptual network's precision."""
        image, target = levels[-1].image, batch.target
        terms = {"l1": (image - target).abs().mean()}
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
        if self.config.parts:
            terms["parts"] = self._parts(image, batch, dtype)
        return terms

    def _parts(self, image: Tensor, batch: Batch, dtype: torch.dtype) -> Tensor:
        """L1 plus one-scale perceptual distance of the eye and mouth crops that are known."""
        boxes_N4 = batch.boxes_BP4.flatten(0, 1)
        known_N = ~boxes_N4.isnan().any(1)
        whole = boxes_N4.new_tensor([0.0, 0.0, 1.0, 1.0])
        boxes_N4 = torch.where(known_N[:, None], boxes_N4, whole)
        parts = batch.boxes_BP4.shape[1]
        got = crop(image.repeat_interleave(parts, 0), boxes_N4)
        want = crop(batch.target.repeat_interleave(parts, 0), boxes_N4)
        distance_N = (got - want).abs().mean((1, 2, 3))
        distance_N = distance_N + self.perceptual(got.to(dtype), want.to(dtype), scales=1)
        return (distance_N * known_N).sum() / known_N.sum().clamp(min=1)

    def weighted(self, terms: dict[str, Tensor], step: int) -> Tensor:
        """The terms' weighted sum; the flow's weight falls linearly over the first `warp_steps` steps."""
        first, last = self.config.warp
        progress = min(step / max(self.config.warp_steps, 1), 1.0)
        weights = {
            "l1": self.config.l1,
            "perceptual": self.config.perceptual,
            "deep": self.config.deep,
            "warp": first + (last - first) * progress,
            "parts": self.config.parts,
        }
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def crop(image_N3RR: Tensor, boxes_N4: Tensor, side: int = _CROP) -> Tensor:
    """Boxes (left, top, right, bottom as fractions of the picture) resampled to (N, 3, side, side)."""
    low_N2, high_N2 = boxes_N4[:, :2] * 2 - 1, boxes_N4[:, 2:] * 2 - 1
    half_N2, centre_N2 = (high_N2 - low_N2) / 2, (high_N2 + low_N2) / 2
    zero = torch.zeros_like(half_N2[:, 0])
    theta_N23 = torch.stack(
        [
            torch.stack([half_N2[:, 0], zero, centre_N2[:, 0]], 1),
            torch.stack([zero, half_N2[:, 1], centre_N2[:, 1]], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta_N23, [len(boxes_N4), 3, side, side], align_corners=False)
    return F.grid_sample(image_N3RR, grid, padding_mode="border", align_corners=False)
