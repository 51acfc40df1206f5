"""From two uint8 frames to an augmented training pair.

Parameters are drawn and computed on the host: some hundred operations on a few numbers each, whose launches
would take a GPU longer than their work. Only the pictures are changed on the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from liax.data.config import AugmentConfig
from liax.data.geometry import SpatialTransform, smooth_elastic
from liax.data.pairs import PairIndices
from liax.data.transfer import to_device
from liax.face.factors import MIRROR
from liax.model.pixels import from_uint8

# Rows and columns of the random shifts by which a picture is bent.
_ELASTIC_GRID = (4, 4)


@dataclass(frozen=True)
class PairBatch:
    """A batch of training pairs, augmented.

    Args:
        source, target: (B, 3, R, R) in [-1, 1].
        driving: (B, 3, R, R) in [-1, 1]: the target as the network sees it.
        boxes_BP4: The target's eye and mouth boxes as fractions; NaN where unknown.
        source_factors_BK, factors_BK: The factors of the source's and the target's faces
            (`liax.face.factors.FACTORS`); NaN where unknown.
        named_only_B: Whether only the named coefficients move the source.
        points_B2P2: The landmarks of source and target as fractions, NaN where unknown; None without any.
        rendered_BM: The coefficients that sources were rendered with, NaN for real ones; None if all are
            real.
    """

    source: Tensor
    target: Tensor
    driving: Tensor
    boxes_BP4: Tensor
    source_factors_BK: Tensor
    factors_BK: Tensor
    named_only_B: Tensor
    points_B2P2: Tensor | None = None
    rendered_BM: Tensor | None = None


def augment(
    source_u8: Tensor,
    driving_u8: Tensor,
    pairs: PairIndices,
    config: AugmentConfig,
    generator: torch.Generator,
    part: tuple[int, int] = (0, 1),
) -> PairBatch:
    """A batch of augmented training pairs, on the device of their frames.

    Args:
        source_u8, driving_u8: The pairs' frames, uint8 (B, 3, R, R).
        pairs: What is known of them. Its first pairs are stills.
        generator: On the host.
        part: (i, n) if these are the pairs i, i + n, … of a batch n times as large. They get the same random
            numbers however that batch is divided.
    """
    batch, device = len(source_u8), source_u8.device

    def uniform(*shape: int) -> Tensor:
        index, count = part
        drawn = torch.rand((shape[0] * count, *shape[1:]), generator=generator) * 2 - 1
        return drawn[index::count]

    def happens(probability: float) -> Tensor:
        return uniform(batch) < probability * 2 - 1

    def sent(values: Tensor) -> Tensor:
        return to_device(values, device)

    still = torch.arange(batch) < pairs.stills
    chosen = happens(config.pair_share)
    stretch_B = torch.where(still | chosen, uniform(batch) * config.stretch, 0.0).exp()
    shared = (config.pair_rotation, config.pair_scale, config.pair_shift)
    shared_B4 = torch.where(chosen[:, None], _transform_parameters(uniform(batch, 4), *shared), 0.0)
    apart = (config.still_rotation, config.still_scale, config.still_shift)
    elastic_B2NN = None
    if config.elastic:
        drawn = uniform(batch, 2, *_ELASTIC_GRID) * config.elastic * 2
        elastic_B2NN = smooth_elastic(torch.where((still | chosen)[:, None, None, None], drawn, 0.0))
    at_source, at_target = (
        _transform(
            torch.where(still[:, None], _transform_parameters(uniform(batch, 4), *apart), shared_B4),
            stretch_B,
            elastic_B2NN,
        )
        for _ in range(2)
    )
    source, target = at_source.picture(from_uint8(source_u8)), at_target.picture(from_uint8(driving_u8))
    boxes_BP4 = at_target.boxes(torch.from_numpy(pairs.boxes_BP4))
    flip_B = happens(config.flip)
    flip_B111 = sent(flip_B)[:, None, None, None]
    source, target = (torch.where(flip_B111, image.flip(3), image) for image in (source, target))
    boxes_BP4 = torch.where(flip_B[:, None, None], _flip_boxes(boxes_BP4), boxes_BP4)
    mirror_BK = torch.where(flip_B[:, None], torch.from_numpy(MIRROR), 1.0)

    def factors(measured_BK: NDArray[np.float32], at: SpatialTransform) -> Tensor:
        factors_BK = torch.from_numpy(measured_BK)
        return torch.where((still | chosen)[:, None], at.factors(factors_BK), factors_BK) * mirror_BK

    source_factors_BK = factors(pairs.source_factors_BK, at_source)
    factors_BK = factors(pairs.factors_BK, at_target)

    jitter_B6 = uniform(batch, 6) * config.colour
    turn_B = uniform(batch) * math.radians(config.hue) if config.hue else None
    jitter_B35 = sent(_jitter(jitter_B6, turn_B))
    source, target = _recolour(source, jitter_B35), _recolour(target, jitter_B35)
    driving = _recolour(target, sent(_jitter(uniform(batch, 6) * config.driving_colour)))
    wider_B = (uniform(batch) * config.driving_stretch).exp()
    driving = _transform(torch.zeros(batch, 4), wider_B).picture(driving)
    blurred_B = happens(config.driving_blur)
    driving = torch.where(sent(blurred_B)[:, None, None, None], _blur(driving), driving)
    if config.driving_cutout:
        covered_B = happens(config.driving_cutout)
        driving = _cut_out(driving, torch.where(covered_B[:, None], uniform(batch, 4), -1.0))
    named_only_B = happens(config.named_only_share)
    known = [boxes_BP4, source_factors_BK, factors_BK, named_only_B]
    if pairs.points_B2P2 is not None:
        points_B2P2 = torch.from_numpy(pairs.points_B2P2)
        moved = [at.points(points_B2P2[:, k] * 2 - 1) for k, at in enumerate((at_source, at_target))]
        mirror_B2 = torch.where(flip_B[:, None], torch.tensor([-1.0, 1.0]), 1.0)
        known.append((torch.stack(moved, 1) * mirror_B2[:, None, None] + 1) / 2)
    return PairBatch(source, target, driving, *map(sent, known))


def _transform_parameters(u_B4: Tensor, rotation: float, scale: float, shift: float) -> Tensor:
    """Angle in radians, logarithm of the scale and shift in half pictures, from numbers in ±1: (B, 4)."""
    angle, log_scale, right, down = u_B4.unbind(1)
    return torch.stack(
        [angle * math.radians(rotation), log_scale * math.log1p(scale), right * shift * 2, down * shift * 2],
        1,
    )


def _transform(motion_B4: Tensor, stretch_B: Tensor, elastic_B2NN: Tensor | None = None) -> SpatialTransform:
    return SpatialTransform(motion_B4[:, 0], motion_B4[:, 1], motion_B4[:, 2:], stretch_B, elastic_B2NN)


def _blur(image_B3RR: Tensor) -> Tensor:
    """Half the resolution, and back."""
    return F.interpolate(F.avg_pool2d(image_B3RR, 2), scale_factor=2, mode="bilinear", align_corners=False)


def _cut_out(image_B3RR: Tensor, u_B4: Tensor) -> Tensor:
    """With a grey rectangle, a quarter of the picture wide and high on average, at most half; none for -1."""
    axis = torch.linspace(-1, 1, image_B3RR.shape[-1], device=image_B3RR.device)
    x_B, y_B, wide_B, high_B = to_device(u_B4, image_B3RR.device).unbind(1)
    across_BR = (axis - x_B[:, None]).abs() < (1 + wide_B[:, None]) / 4
    down_BR = (axis - y_B[:, None]).abs() < (1 + high_B[:, None]) / 4
    return image_B3RR.masked_fill((down_BR[:, :, None] & across_BR[:, None, :])[:, None], 0.0)


def _hue_rotation(angle_B: Tensor) -> Tensor:
    """Rotations of the colour space about its grey axis, by radians (Rodrigues' formula): (B, 3, 3)."""
    cos_B11, sin_B11 = torch.cos(angle_B)[:, None, None], torch.sin(angle_B)[:, None, None]
    one = torch.eye(3)
    across = (one.roll(1, 0) - one.roll(-1, 0)) / math.sqrt(3)
    return cos_B11 * one + (1 - cos_B11) / 3 + sin_B11 * across


def _flip_boxes(boxes_BP4: Tensor) -> Tensor:
    """Mirrored left to right; the left eye's box becomes the right eye's."""
    left, top, right, bottom = boxes_BP4.unbind(-1)
    return torch.stack([1 - right, top, 1 - left, bottom], -1)[:, [1, 0, 2]]


def _jitter(u_B6: Tensor, turn_B: Tensor | None = None) -> Tensor:
    """Colours turned, then saturation, contrast and a gain per channel by 1 + u each, and brightness by + u.

    All of it is one affine map of the colour space for each picture, as `_recolour` takes it: (B, 3, 5).
    """
    brightness_B1, contrast_B1, saturation_B1 = u_B6[:, :3, None].unbind(1)
    gain_B3 = 1 + u_B6[:, 3:] / 2
    mix_B33 = (1 + saturation_B1[..., None]) * torch.eye(3) - saturation_B1[..., None] / 3
    if turn_B is not None:
        mix_B33 = mix_B33 @ _hue_rotation(turn_B)
    by_B33 = (gain_B3 * (1 + contrast_B1))[..., None] * mix_B33
    around_B3, plus_B3 = gain_B3 * contrast_B1, gain_B3 - 1 + brightness_B1
    return torch.cat([by_B33, around_B3[..., None], plus_B3[..., None]], 2)


def _recolour(image_B3RR: Tensor, jitter_B35: Tensor) -> Tensor:
    """by · x − around · mean + plus, mean being that of all the picture's values; clipped to [-1, 1]."""
    by_B33, around_B31, plus_B31 = jitter_B35.split([3, 1, 1], 2)
    mean_B11 = image_B3RR.mean((1, 2, 3))[:, None, None]
    changed = torch.baddbmm(plus_B31 - around_B31 * mean_B11, by_B33, image_B3RR.flatten(2))
    return changed.view_as(image_B3RR).clamp_(-1, 1)
