"""From two uint8 frames to a training pair: flips, colour, and motion for stills, all on the device."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from liax.data.motion import Motion
from liax.data.pairs import Pairs
from liax.data.sending import send
from liax.face.factors import MIRROR


@dataclass(frozen=True)
class AugmentConfig:
    """How pairs are changed; all strengths are the largest that are drawn.

    flip: probability of mirroring a pair. colour: a jitter shared by the pair.
    still_…: rotation (degrees), relative change of scale, shift (fractions of the picture) of the two motions
    that turn a still into a pair. pair_…: of one motion shared by both frames of a clip's pair; the share
    `pair_share` of them gets it. stretch: these pairs, and stills, become wider or narrower: other people.
    driving_…: what only the network's view of the driving frame gets, so that the source's looks cannot leak
    through the coefficients: colour, stretch, and the probability of being blurred.
    alone: share of pairs in which the coefficients that mean something move the source alone; the others
    stay as the source's are.
    """

    flip: float = 0.5
    colour: float = 0.15
    still_rotation: float = 15.0
    still_scale: float = 0.12
    still_shift: float = 0.08
    pair_share: float = 0.5
    pair_rotation: float = 10.0
    pair_scale: float = 0.12
    pair_shift: float = 0.05
    stretch: float = 0.1
    driving_colour: float = 0.2
    driving_stretch: float = 0.06
    driving_blur: float = 0.2
    alone: float = 0.25

    @classmethod
    def none(cls) -> AugmentConfig:
        return cls(**{field.name: 0.0 for field in fields(cls)})


@dataclass(frozen=True)
class Batch:
    """source, target: (B, 3, R, R) in [-1, 1]; driving: the target as the network is shown it.

    boxes_BP4: the target's eye and mouth boxes as fractions; NaN where unknown.
    source_factors_BK, factors_BK: what the source's and the target's faces do
        (`liax.face.factors.FACTORS`); NaN where unknown.
    alone_B: whether the coefficients that mean something move the source alone.
    """

    source: Tensor
    target: Tensor
    driving: Tensor
    boxes_BP4: Tensor
    source_factors_BK: Tensor
    factors_BK: Tensor
    alone_B: Tensor


def augment(
    source_u8: Tensor,
    driving_u8: Tensor,
    pairs: Pairs,
    config: AugmentConfig,
    generator: torch.Generator,
    part: tuple[int, int] = (0, 1),
) -> Batch:
    """The pairs' frames, uint8 (B, 3, R, R), and what is known of them, to a training batch on their device.

    part: (i, n), where they are the pairs i, i + n, … of a batch n times as large; they get the random
    numbers that they have there, however it is divided.
    """
    source = source_u8.float() / 127.5 - 1
    target = driving_u8.float() / 127.5 - 1
    batch, device = len(source), source.device

    def uniform(*shape: int) -> Tensor:
        index, count = part
        drawn = torch.rand((shape[0] * count, *shape[1:]), device=device, generator=generator) * 2 - 1
        return drawn[index::count]

    still = torch.arange(batch, device=device) < pairs.stills
    chosen = uniform(batch) < config.pair_share * 2 - 1
    stretch_B = torch.where(still | chosen, uniform(batch) * config.stretch, 0.0).exp()
    shared = (config.pair_rotation, config.pair_scale, config.pair_shift)
    shared_B4 = torch.where(chosen[:, None], _strong(uniform(batch, 4), *shared), 0.0)
    apart = (config.still_rotation, config.still_scale, config.still_shift)
    at_source, at_target = (
        _motion(torch.where(still[:, None], _strong(uniform(batch, 4), *apart), shared_B4), stretch_B)
        for _ in range(2)
    )
    source, target = at_source.picture(source), at_target.picture(target)
    boxes_BP4 = at_target.boxes(send(pairs.boxes_BP4, device))
    flip_B = uniform(batch) < config.flip * 2 - 1
    source = torch.where(flip_B[:, None, None, None], source.flip(3), source)
    target = torch.where(flip_B[:, None, None, None], target.flip(3), target)
    boxes_BP4 = torch.where(flip_B[:, None, None], _flip_boxes(boxes_BP4), boxes_BP4)
    mirror_BK = torch.where(flip_B[:, None], send(MIRROR, device), 1.0)

    def factors(measured_BK: NDArray[np.float32], at: Motion) -> Tensor:
        factors_BK = send(measured_BK, device)
        return torch.where((still | chosen)[:, None], at.factors(factors_BK), factors_BK) * mirror_BK

    source_factors_BK = factors(pairs.source_factors_BK, at_source)
    factors_BK = factors(pairs.factors_BK, at_target)

    jitter_B6 = uniform(batch, 6) * config.colour
    source, target = _jitter(source, jitter_B6), _jitter(target, jitter_B6)
    driving = _jitter(target, uniform(batch, 6) * config.driving_colour)
    wider_B = (uniform(batch) * config.driving_stretch).exp()
    driving = _motion(torch.zeros(batch, 4, device=device), wider_B).picture(driving)
    blurred_B = uniform(batch) < config.driving_blur * 2 - 1
    driving = torch.where(blurred_B[:, None, None, None], _blur(driving), driving)
    alone_B = uniform(batch) < config.alone * 2 - 1
    return Batch(source, target, driving, boxes_BP4, source_factors_BK, factors_BK, alone_B)


def _strong(u_B4: Tensor, rotation: float, scale: float, shift: float) -> Tensor:
    """Angle in radians, logarithm of the scale, shift in half pictures, from numbers in ±1."""
    angle, log_scale, right, down = u_B4.unbind(1)
    return torch.stack(
        [angle * math.radians(rotation), log_scale * math.log1p(scale), right * shift * 2, down * shift * 2],
        1,
    )


def _motion(motion_B4: Tensor, stretch_B: Tensor) -> Motion:
    return Motion(motion_B4[:, 0], motion_B4[:, 1], motion_B4[:, 2:], stretch_B)


def _blur(image_B3RR: Tensor) -> Tensor:
    """Half the resolution, and back."""
    return F.interpolate(F.avg_pool2d(image_B3RR, 2), scale_factor=2, mode="bilinear", align_corners=False)


def _flip_boxes(boxes_BP4: Tensor) -> Tensor:
    """Mirrored left to right; the left eye's box becomes the right eye's."""
    left, top, right, bottom = boxes_BP4.unbind(-1)
    return torch.stack([1 - right, top, 1 - left, bottom], -1)[:, [1, 0, 2]]


def _jitter(image_B3RR: Tensor, u_B6: Tensor) -> Tensor:
    """Brightness, contrast, saturation and a gain per channel, by 1 + u each (brightness: + u)."""
    brightness, contrast, saturation = (u_B6[:, i, None, None, None] for i in range(3))
    gain_B3 = 1 + u_B6[:, 3:, None, None] / 2
    grey = image_B3RR.mean(1, keepdim=True)
    mean = grey.mean((2, 3), keepdim=True)
    image = grey + (image_B3RR - grey) * (1 + saturation)
    image = mean + (image - mean) * (1 + contrast)
    return (((image + 1) * gain_B3 - 1) + brightness).clamp(-1, 1)
