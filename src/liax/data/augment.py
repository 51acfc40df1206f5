"""From two uint8 frames to a training pair: flips, colour, and motion for stills.

What happens to each pair is drawn and computed on the host, by a few hundred operations on a few numbers
each, which a GPU would take longer to be told of than to do. The device changes the pictures alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from liax.data.geometry import SpatialTransform, smooth_elastic
from liax.data.pairs import PairIndices
from liax.data.transfer import to_device
from liax.face.factors import MIRROR
from liax.model.pixels import from_uint8

# Places down and across whose random shifts bend a picture.
_ELASTIC_GRID = (4, 4)


@dataclass(frozen=True)
class AugmentConfig:
    """How pairs are changed; all strengths are the largest that are drawn.

    Args:
        flip: Probability of mirroring a pair.
        colour: A jitter shared by the pair, and hue: a turn of its colours (degrees). still_…: rotation
            (degrees), relative change of scale, shift (fractions of the picture) of the two motions that turn
            a still into a pair. pair_…: of one motion shared by both frames of a clip's pair; the share
            `pair_share` of them gets it.
        stretch, elastic: These pairs, and stills, become wider or narrower, and are bent smoothly (by
            fractions of the picture): other people. driving_…: what only the network's view of the driving
            frame gets, so that the source's looks cannot leak through the coefficients: colour, stretch, and
            the probabilities of being blurred and of being covered by a grey rectangle.
        named_only_share: Share of pairs in which the coefficients that mean something move the source alone;
            the others stay as the source's are.
        self_reenact_share: Share of stills whose source the network in training renders itself, with another
            pose and expression (training/self_reenact.py).
    """

    flip: float = 0.5
    colour: float = 0.3
    hue: float = 0.0
    still_rotation: float = 15.0
    still_scale: float = 0.12
    still_shift: float = 0.08
    self_reenact_share: float = 0.0
    pair_share: float = 0.8
    pair_rotation: float = 14.0
    pair_scale: float = 0.2
    pair_shift: float = 0.08
    stretch: float = 0.16
    elastic: float = 0.0
    driving_colour: float = 0.2
    driving_stretch: float = 0.06
    driving_blur: float = 0.2
    driving_cutout: float = 0.0
    named_only_share: float = 0.25

    @classmethod
    def none(cls) -> AugmentConfig:
        return cls(**{field.name: 0.0 for field in fields(cls)})


@dataclass(frozen=True)
class PairBatch:
    """Args:
    source, target: (B, 3, R, R) in [-1, 1].
    driving: The target as the network is shown it.
    boxes_BP4: The target's eye and mouth boxes as fractions; NaN where unknown.
    source_factors_BK, factors_BK: What the source's and the target's faces do
        (`liax.face.factors.FACTORS`); NaN where unknown.
    named_only_B: Whether the coefficients that mean something move the source alone.
    rendered_BM: The coefficients that sources were rendered with, NaN for real ones; None where all are
        real.
    """

    source: Tensor
    target: Tensor
    driving: Tensor
    boxes_BP4: Tensor
    source_factors_BK: Tensor
    factors_BK: Tensor
    named_only_B: Tensor
    rendered_BM: Tensor | None = None


def augment(
    source_u8: Tensor,
    driving_u8: Tensor,
    pairs: PairIndices,
    config: AugmentConfig,
    generator: torch.Generator,
    part: tuple[int, int] = (0, 1),
) -> PairBatch:
    """The pairs' frames, uint8 (B, 3, R, R), and what is known of them, to a training batch on their device.

    Args:
        generator: Of the host.
        part: (i, n), where they are the pairs i, i + n, … of a batch n times as large; they get the random
            numbers that they have there, however it is divided.
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
    known = (boxes_BP4, source_factors_BK, factors_BK, named_only_B)
    return PairBatch(source, target, driving, *map(sent, known))


def _transform_parameters(u_B4: Tensor, rotation: float, scale: float, shift: float) -> Tensor:
    """Angle in radians, logarithm of the scale, shift in half pictures, from numbers in ±1."""
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
