"""Changes put into pictures on a GPU, where the network has drawn them."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from liax.face.crop import Crop, turned
from liax.portrait.animator import Animator
from liax.portrait.feather import FeatheredSquare
from liax.portrait.retouch import FRINGE, PixelChange, Retouch, blurred


def retouch_on(animator: Animator, crop: Crop | None, width: int, height: int) -> Retouch:
    """The fastest `Retouch` for what an animator draws, where it draws."""
    if animator.device.type == "cuda":
        return DeviceRetouch(animator.device, crop, width, height, animator.size)
    return Retouch(crop, width, height, animator.size)


class DeviceRetouch(Retouch):
    """A `Retouch` by PyTorch; a picture for which the device has no room is left to the CPU.

    Args:
        device: Any of PyTorch's; on CPUs, `Retouch` is faster.
        crop, width, height, size: As for `Retouch`.
    """

    def __init__(self, device: torch.device, crop: Crop | None, width: int, height: int, size: int) -> None:
        super().__init__(crop, width, height, size)
        self._device = device
        self._moving, self._drawing = _Shown(self.wide, device), _Shown(self.square, device)
        # From the square's directions and pixels to those of the picture.
        self._turn_22 = self._tensor(turned(np.eye(2), self.wide.roll) * np.array(self.wide.scale))
        origin_2, right_2, down_2 = self.square.to_picture(np.array([(0.0, 0), (1, 0), (0, 1)]))
        self._axes_22 = self._tensor(np.stack([right_2 - origin_2, down_2 - origin_2]))
        self._origin_2 = self._tensor(origin_2)
        self._end_2 = self._tensor(np.array([self.width, self.height]))
        left, top, right, bottom = self.wide.window
        self._window_HW2 = self._places(np.arange(left, right), np.arange(top, bottom))
        self._square_RR2 = self._places(np.arange(size) + 0.5, np.arange(size) + 0.5)

    @torch.inference_mode()
    def __call__(self, picture_HW3: NDArray[np.uint8], change: PixelChange) -> NDArray[np.uint8]:
        changed_HW3 = picture_HW3[: self.height, : self.width].copy()
        if self.wide.empty:
            return changed_HW3
        left, top, right, bottom = self.wide.window
        try:
            changed_HW3[top:bottom, left:right] = self._window(changed_HW3, change)
        except torch.OutOfMemoryError:
            return super().__call__(picture_HW3, change)
        return changed_HW3

    def _window(self, picture_HWC: NDArray[np.uint8], change: PixelChange) -> NDArray[np.uint8]:
        """What the window of `wide` shows of the changed picture."""
        shift_12RR = self._sent(change.shift_RR2)
        window_1CHW = self._moved(self._sent(picture_HWC).float(), shift_12RR)
        if not self.square.empty:
            drawn_14RR = torch.cat([self._sent(change.drawn_RR3), self._sent(change.new_RR[..., None])], 1)
            drawn_14HW = self._drawing(drawn_14RR * self._of_square(shift_12RR))
            (left, top, _, _), (x0, y0, x1, y1) = self.wide.window, self.square.window
            square_13HW = window_1CHW[:, :3, y0 - top : y1 - top, x0 - left : x1 - left]
            square_13HW.mul_(1 - drawn_14HW[:, 3:]).add_(drawn_14HW[:, :3])
        levels_CHW = window_1CHW[0].round().clamp(0, 255).to(torch.uint8)
        window_HWC: NDArray[np.uint8] = levels_CHW.permute(1, 2, 0).contiguous().cpu().numpy()
        return window_HWC

    def _moved(self, picture_1CHW: Tensor, shift_12RR: Tensor) -> Tensor:
        """The window's pixels, each from where its shift says; beyond the picture is its mirror image."""
        fringe = round(FRINGE * shift_12RR.shape[-1])
        pad = fringe + self._margin
        shift_12RR = F.pad(shift_12RR[..., fringe:-fringe, fringe:-fringe], (pad,) * 4, mode="replicate")
        shift_12RR = torch.einsum("bcij,cd->bdij", shift_12RR, self._turn_22)
        shift_1HW2 = self._moving(shift_12RR, slowly_varying=True).permute(0, 2, 3, 1)
        grid_1HW2 = (2 * (shift_1HW2 + self._window_HW2) + 1) / self._end_2 - 1
        return F.grid_sample(picture_1CHW, grid_1HW2, "bicubic", "reflection", align_corners=False)

    def _of_square(self, shift_12RR: Tensor) -> Tensor:
        """(1, 1, R, R): 0 where a pixel comes from outside the square, which the picture shows, else 1."""
        from_1RR2 = shift_12RR.permute(0, 2, 3, 1) + self._square_RR2
        outside_1RR = ((from_1RR2 < 0) | (from_1RR2 > self.square.size)).any(-1)
        in_picture_1RR2 = from_1RR2 @ self._axes_22 + self._origin_2
        shown_1RR = ((in_picture_1RR2 > 0) & (in_picture_1RR2 < self._end_2)).all(-1)
        return 1 - blurred((outside_1RR & shown_1RR).float()[:, None])

    def _sent(self, map_HWC: NDArray[np.generic]) -> Tensor:
        """A map (H, W, C) on the device, (1, C, H, W)."""
        return torch.from_numpy(np.ascontiguousarray(map_HWC)).to(self._device)[None].permute(0, 3, 1, 2)

    def _places(self, x_W: NDArray[np.generic], y_H: NDArray[np.generic]) -> Tensor:
        """(x, y) of each place of a grid, (H, W, 2)."""
        return self._tensor(np.stack(np.meshgrid(x_W, y_H), -1))

    def _tensor(self, numbers: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(numbers).to(self._device, torch.float32)


class _Shown:
    """What the window shows of maps of a square (1, C, R, R), faded in: (1, C, H, W) of the window's size."""

    def __init__(self, square: FeatheredSquare, device: torch.device) -> None:
        # Sampling does not smooth: what becomes smaller is reduced first.
        self._side = min(square.size, math.ceil(min(square.scale) * square.size))
        left, top, right, bottom = square.window
        centres_HW2 = np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), -1) + 0.5
        at_HW2 = square.to_square(centres_HW2) * self._side - 0.5
        grid_1HW2 = (2 * at_HW2 / max(1, self._side - 1) - 1)[None]
        self._grid_1HW2 = torch.from_numpy(grid_1HW2).to(device, torch.float32)
        self._weight_HW = torch.from_numpy(np.ascontiguousarray(square.weight_HW)).to(device)

    def __call__(self, map_1CRR: Tensor, *, slowly_varying: bool = False) -> Tensor:
        if self._side < map_1CRR.shape[-1]:
            map_1CRR = F.interpolate(map_1CRR, (self._side, self._side), mode="bicubic", antialias=True)
        lines = "bilinear" if slowly_varying else "bicubic"
        return self._weight_HW * F.grid_sample(map_1CRR, self._grid_1HW2, lines, "border", align_corners=True)
