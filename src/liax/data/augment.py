"""From two uint8 frames to a training pair: flips, colour, and motion for stills, all on the device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from liax.face.crop import FACE_CENTRE
from liax.face.factors import FACTORS, MIRROR


@dataclass(frozen=True)
class AugmentConfig:
    """flip: probability of mirroring a pair. colour: strength of a jitter shared by the pair.
    driving_colour: of one more that only the network's view of the driving frame gets, so that the source's
    looks cannot leak through the coefficients. The rest: largest rotation (degrees), relative change of scale
    and shift (fractions of the picture) of the two warps that turn a still into a pair.
    """

    flip: float = 0.5
    colour: float = 0.15
    driving_colour: float = 0.15
    still_rotation: float = 15.0
    still_scale: float = 0.12
    still_shift: float = 0.08


@dataclass(frozen=True)
class Batch:
    """source, target: (B, 3, R, R) in [-1, 1]; driving: the target as the network is shown it.

    boxes_BP4: the target's eye and mouth boxes as fractions; NaN where unknown.
    factors_BK: what the target's face does (`liax.face.factors.FACTORS`); NaN where unknown.
    """

    source: Tensor
    target: Tensor
    driving: Tensor
    boxes_BP4: Tensor
    factors_BK: Tensor


def augment(
    source_u8: Tensor,
    driving_u8: Tensor,
    boxes_BP4: Tensor,
    factors_BK: Tensor,
    stills: int,
    config: AugmentConfig,
    generator: torch.Generator,
    part: tuple[int, int] = (0, 1),
) -> Batch:
    """uint8 (B, 3, R, R) pairs, the first `stills` of them a still twice, to a training batch.

    part: (i, n), where they are the pairs i, i + n, … of a batch n times as large; they get the random numbers
    that they have there, however it is divided.
    """
    source = source_u8.float() / 127.5 - 1
    target = driving_u8.float() / 127.5 - 1
    batch, device = len(source), source.device

    def uniform(pairs: int, *shape: int) -> Tensor:
        index, count = part
        drawn = torch.rand((batch * count, *shape), device=device, generator=generator) * 2 - 1
        return drawn[index::count][:pairs]

    source_B4, target_B4 = uniform(stills, 4), uniform(stills, 4)
    if stills:
        boxes_BP4 = boxes_BP4.clone()
        boxes_BP4[:stills] = torch.nan
        source = torch.cat([_similarity(source[:stills], source_B4, config), source[stills:]])
        target = torch.cat([_similarity(target[:stills], target_B4, config), target[stills:]])
        factors_BK = torch.cat([_move_factors(factors_BK[:stills], target_B4, config), factors_BK[stills:]])
    flip_B = uniform(batch) < config.flip * 2 - 1
    source = torch.where(flip_B[:, None, None, None], source.flip(3), source)
    target = torch.where(flip_B[:, None, None, None], target.flip(3), target)
    boxes_BP4 = torch.where(flip_B[:, None, None], _flip_boxes(boxes_BP4), boxes_BP4)
    mirror_K = torch.from_numpy(MIRROR).to(device)
    factors_BK = torch.where(flip_B[:, None], factors_BK * mirror_K, factors_BK)

    shared = uniform(batch, 6) * config.colour
    source, target = _jitter(source, shared), _jitter(target, shared)
    driving = _jitter(target, uniform(batch, 6) * config.driving_colour)
    return Batch(source, target, driving, boxes_BP4, factors_BK)


def _motion(u_B4: Tensor, config: AugmentConfig) -> tuple[Tensor, Tensor, Tensor]:
    """A similarity's angle (B,) in radians, logarithm of its scale (B,), shift (B, 2) in half pictures."""
    angle = torch.deg2rad(u_B4[:, 0] * config.still_rotation)
    return angle, u_B4[:, 1] * math.log1p(config.still_scale), u_B4[:, 2:] * config.still_shift * 2


def _similarity(image_B3RR: Tensor, u_B4: Tensor, config: AugmentConfig) -> Tensor:
    """The picture at p' such that p = s R(angle) p' + shift: turned by -angle on the screen, 1/s as large."""
    angle, log_scale, shift_B2 = _motion(u_B4, config)
    cos, sin = torch.cos(angle) * log_scale.exp(), torch.sin(angle) * log_scale.exp()
    theta_B23 = torch.stack(
        [torch.stack([cos, -sin, shift_B2[:, 0]], 1), torch.stack([sin, cos, shift_B2[:, 1]], 1)], 1
    )
    grid = F.affine_grid(theta_B23, list(image_B3RR.shape), align_corners=False)
    return F.grid_sample(image_B3RR, grid, padding_mode="reflection", align_corners=False)


def _move_factors(factors_BK: Tensor, u_B4: Tensor, config: AugmentConfig) -> Tensor:
    """What the face of a still moved by `_similarity` does: pose, position and size follow the picture."""
    angle, log_scale, shift_B2 = _motion(u_B4, config)
    names = list(FACTORS)
    moved = dict(zip(names, factors_BK.unbind(1), strict=True))
    yaw, pitch, roll = (torch.deg2rad(moved[name]) for name in ("yaw", "pitch", "roll"))
    # Rotation about the line of sight, R_z(angle) R_y(yaw) R_x(pitch) R_z(roll); roll counts like the angle:
    # y points down in pictures and up in the pose's camera.
    cos, sin = torch.cos(angle), torch.sin(angle)
    towards_x, towards_y = torch.sin(yaw) * torch.cos(pitch), -torch.sin(pitch)
    x, y = cos * towards_x - sin * towards_y, sin * towards_x + cos * towards_y
    up_x = torch.sin(yaw) * torch.sin(pitch) * torch.cos(roll) - torch.cos(yaw) * torch.sin(roll)
    side_x = torch.cos(yaw) * torch.cos(roll) + torch.sin(yaw) * torch.sin(pitch) * torch.sin(roll)
    side_y, up_y = torch.cos(pitch) * torch.sin(roll), torch.cos(pitch) * torch.cos(roll)
    moved["yaw"] = torch.rad2deg(torch.atan2(x, torch.cos(yaw) * torch.cos(pitch)))
    moved["pitch"] = torch.rad2deg(torch.asin(-y))
    moved["roll"] = torch.rad2deg(torch.atan2(sin * side_x + cos * side_y, sin * up_x + cos * up_y))
    # Where the face's centre gets: p' = R(-angle) (p - shift) / s, in half pictures.
    centre = torch.tensor(FACE_CENTRE, device=factors_BK.device) * 2 - 1
    px, py = moved["x"] * 2 + centre[0] - shift_B2[:, 0], moved["y"] * 2 + centre[1] - shift_B2[:, 1]
    shrink = torch.exp(-log_scale)
    moved["x"] = ((cos * px + sin * py) * shrink - centre[0]) / 2
    moved["y"] = ((cos * py - sin * px) * shrink - centre[1]) / 2
    moved["size"] = moved["size"] - log_scale
    return torch.stack([moved[name] for name in names], 1)


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
