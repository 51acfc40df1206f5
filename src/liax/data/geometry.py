"""Geometric augmentation: pictures moved as a whole, with the boxes and the factors of the faces in them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from liax.data.transfer import to_device
from liax.face.crop import FACE_CENTRE
from liax.face.factors import FACTORS

_FINE = 32  # side to which a bend is interpolated smoothly


@dataclass(frozen=True)
class SpatialTransform:
    """One affine motion for each of B pictures: the moved picture has at p' what was at p = s R(angle) K p' +
    shift, K = diag(stretch, 1): it is turned by -angle on the screen, 1/s as large, 1/stretch as wide.

    The numbers are the host's, also where the pictures are a GPU's. angle_B in radians; log_scale_B = log s;
    shift_B2 in half pictures, as p; stretch_B around 1.

    Args:
        elastic_B2NN: How far the picture is bent before that, at N × N places spread over it, in half
            pictures (`smooth_elastic`); boxes and measures do not follow it.
    """

    angle_B: Tensor
    log_scale_B: Tensor
    shift_B2: Tensor
    stretch_B: Tensor
    elastic_B2NN: Tensor | None = None

    def picture(self, image_B3RR: Tensor) -> Tensor:
        """The moved pictures, mirrored beyond their borders."""
        scale_B = self.log_scale_B.exp()
        cos, sin = torch.cos(self.angle_B) * scale_B, torch.sin(self.angle_B) * scale_B
        x, y = self.shift_B2.unbind(1)
        theta_B23 = torch.stack(
            [
                torch.stack([cos * self.stretch_B, -sin, x], 1),
                torch.stack([sin * self.stretch_B, cos, y], 1),
            ],
            1,
        )
        grid = F.affine_grid(
            to_device(theta_B23, image_B3RR.device), list(image_B3RR.shape), align_corners=False
        )
        if self.elastic_B2NN is not None:
            elastic_B2NN = to_device(self.elastic_B2NN, grid.device)
            bends = F.grid_sample(elastic_B2NN, grid, padding_mode="border", align_corners=True)
            grid = grid + bends.permute(0, 2, 3, 1)
        return F.grid_sample(image_B3RR, grid, padding_mode="reflection", align_corners=False)

    def points(self, p_BN2: Tensor) -> Tensor:
        """Where points get: p' = K⁻¹ R(-angle) (p - shift) / s, in half pictures from the middle."""
        cos, sin = torch.cos(self.angle_B)[:, None], torch.sin(self.angle_B)[:, None]
        x, y = (p_BN2 - self.shift_B2[:, None]).unbind(-1)
        shrink = torch.exp(-self.log_scale_B)[:, None]
        return torch.stack(
            [(cos * x + sin * y) * shrink / self.stretch_B[:, None], (cos * y - sin * x) * shrink], -1
        )

    def boxes(self, boxes_BP4: Tensor) -> Tensor:
        """Boxes (left, top, right, bottom as fractions) that go with the picture, but do not turn with it."""
        low, high = boxes_BP4[..., :2], boxes_BP4[..., 2:]
        centre_BP2 = (self.points(low + high - 1) + 1) / 2
        half_BP2 = (high - low) / 2 * torch.exp(-self.log_scale_B)[:, None, None]
        half_BP2 = torch.stack([half_BP2[..., 0] / self.stretch_B[:, None], half_BP2[..., 1]], -1)
        return torch.cat([centre_BP2 - half_BP2, centre_BP2 + half_BP2], -1)

    def factors(self, factors_BK: Tensor) -> Tensor:
        """What the moved faces do: pose, position and size follow the picture.

        A stretch is taken for another face, not for a turn of the head.
        """
        names = list(FACTORS)
        moved = dict(zip(names, factors_BK.unbind(1), strict=True))
        yaw, pitch, roll = (torch.deg2rad(moved[name]) for name in ("yaw", "pitch", "roll"))
        # Rotation about the line of sight, R_z(angle) R_y(yaw) R_x(pitch) R_z(roll); roll counts like the
        # angle: y points down in pictures and up in the pose's camera.
        cos, sin = torch.cos(self.angle_B), torch.sin(self.angle_B)
        towards_x, towards_y = torch.sin(yaw) * torch.cos(pitch), -torch.sin(pitch)
        x, y = cos * towards_x - sin * towards_y, sin * towards_x + cos * towards_y
        up_x = torch.sin(yaw) * torch.sin(pitch) * torch.cos(roll) - torch.cos(yaw) * torch.sin(roll)
        side_x = torch.cos(yaw) * torch.cos(roll) + torch.sin(yaw) * torch.sin(pitch) * torch.sin(roll)
        side_y, up_y = torch.cos(pitch) * torch.sin(roll), torch.cos(pitch) * torch.cos(roll)
        moved["yaw"] = torch.rad2deg(torch.atan2(x, torch.cos(yaw) * torch.cos(pitch)))
        moved["pitch"] = torch.rad2deg(torch.asin(-y))
        moved["roll"] = torch.rad2deg(torch.atan2(sin * side_x + cos * side_y, sin * up_x + cos * up_y))
        centre = torch.tensor(FACE_CENTRE) * 2 - 1
        centre_B2 = torch.stack([moved["x"], moved["y"]], 1) * 2 + centre
        moved["x"], moved["y"] = ((self.points(centre_B2[:, None])[:, 0] - centre) / 2).unbind(1)
        moved["size"] = moved["size"] - self.log_scale_B
        return torch.stack([moved[name] for name in names], 1)


def smooth_elastic(shifts_B2KL: Tensor) -> Tensor:
    """A `SpatialTransform`'s bend that goes smoothly through shifts, less what it is in the middle of the
    face.

    Args:
        shifts_B2KL: At K × L places spread over the picture, in half pictures.
    """
    smooth = F.interpolate(shifts_B2KL, (_FINE, _FINE), mode="bicubic", align_corners=True)
    centre = (torch.tensor(FACE_CENTRE) * 2 - 1).expand(len(smooth), 1, 1, 2)
    return smooth - F.grid_sample(smooth, centre, align_corners=True)
