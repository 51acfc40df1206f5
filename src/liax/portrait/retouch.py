"""Edits carried over to a picture's own pixels: what they leave alone stays as sharp and still as it was.

The network draws everything anew, at its own size: softer than the picture, and a little different in every
frame of a video. But it also says from where it took what it draws. So the picture itself is moved the way
that the network's drawing moves, and of the drawing only what differs beyond that motion is added; at the
border of the network's square both fade out (a feather)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from liax.face.crop import Crop, turned
from liax.model import Encoded
from liax.model.decoder import identity_grid
from liax.model.pixels import to_levels
from liax.portrait.animator import Animator
from liax.portrait.feather import FeatheredSquare

# Where the new drawing differs by about so many levels from the moved old one, it shows something new (teeth,
# a closed lid, the far side of a cheek), and the picture's own detail would be wrong there.
_NEW = 12.0
# The two are compared over this much of the square's side.
_NEIGHBOURHOOD = 1 / 28
# The motion fades to nothing over this much of the square's side outside of it, for a head to move into.
_MARGIN = 0.4
# Along its border, over this much of its side, the square's own motion is bad: a network pads with zeros.
_FRINGE = 1 / 16


@dataclass(frozen=True)
class PixelChange:
    """What other coefficients do to a picture, at the network's size; all zero where they do nothing.

    Args:
        shift_RR2: From where to take a pixel, (x, y) in pixels of the square, relative to its place.
        new_RR: How much is newly drawn, from 0 (the picture's own pixels, moved) to 1 (the network's
            drawing).
        drawn_RR3: What is to be added to the moved picture times 1 − new, in levels: the drawing minus 1 −
            new times the moved drawing of the picture as it was.
        picture_RR3: The drawing itself, RGB uint8.
    """

    shift_RR2: NDArray[np.float32]
    new_RR: NDArray[np.float32]
    drawn_RR3: NDArray[np.float32]
    picture_RR3: NDArray[np.uint8]


class EditDelta:
    """Draws portraits with other coefficients, and yields what that changes.

    Args:
        source: One portrait (batch 1), or as many as there will be coefficients.
    """

    @torch.inference_mode()
    def __init__(self, animator: Animator, source: Encoded) -> None:
        self._animator, self._source = animator, source
        self._image_B3RR, self._grid_BRR2 = self._draw(source.alpha_BM)

    @torch.inference_mode()
    def __call__(self, alpha_BM: NDArray[np.floating]) -> Iterator[PixelChange]:
        """How G(z_sr + Q a') differs from G(z_sr + Q a_s), for each of the coefficients a' (B, M)."""
        alpha = torch.from_numpy(np.asarray(alpha_BM, np.float32)).to(self._animator.device)
        drawn_B3RR, grid_BRR2 = self._draw(alpha)
        size = self._animator.size
        # Both grids lead to the same source; their difference, to first order, from one drawing to the other.
        shift_BRR2 = grid_BRR2 - self._grid_BRR2
        moved_B3RR = F.grid_sample(
            self._image_B3RR.expand_as(drawn_B3RR),
            identity_grid(size, shift_BRR2.device) + shift_BRR2,
            padding_mode="border",
            align_corners=True,
        )
        unlike_B1RR = _blurred((drawn_B3RR - moved_B3RR).abs().mean(1, keepdim=True))
        new_B1RR = 1 - torch.exp(-((unlike_B1RR / _NEW) ** 2))
        rest_B3RR = drawn_B3RR - (1 - new_B1RR) * moved_B3RR
        picture_B3RR = drawn_B3RR.round().clamp(0, 255).to(torch.uint8)
        for shift_RR2, new_1RR, rest_3RR, picture_3RR in zip(
            (shift_BRR2 * ((size - 1) / 2)).cpu().numpy(),
            new_B1RR.cpu().numpy(),
            rest_B3RR.cpu().numpy(),
            picture_B3RR.cpu().numpy(),
            strict=True,
        ):
            picture_RR3 = picture_3RR.transpose(1, 2, 0)
            yield PixelChange(shift_RR2, new_1RR[0], rest_3RR.transpose(1, 2, 0), picture_RR3)

    def stream(self, alphas: Iterable[NDArray[np.floating]]) -> Iterator[PixelChange]:
        """The change for each of the coefficients (M,), as they come; memory is that of a batch."""
        waiting = iter(alphas)
        while chunk := list(islice(waiting, self._animator.batch_size)):
            yield from self(np.stack(chunk))

    def _draw(self, alpha_BM: Tensor) -> tuple[Tensor, Tensor]:
        """The picture in levels (B, 3, R, R), and from where in the source its pixels are (B, R, R, 2)."""
        image_B3RR, grid_BRR2 = self._animator.draw(self._source, alpha_BM)
        return to_levels(image_B3RR), grid_BRR2


class Retouch:
    """Puts changes into the pictures that their squares were cut from.

    The network's drawing fades in within `square`. The motion is whole there and fades beyond it, to the
    border of `wide`, so that a head may leave the square and nothing is seen twice.

    Args:
        crop: The square; it may leave the picture. None when the whole picture was squashed to a square.
        width, height: Of the pictures; as attributes of what comes out: even, an odd picture loses its last
            row or column.
        size: Side R of what the network sees.
    """

    def __init__(self, crop: Crop | None, width: int, height: int, size: int) -> None:
        self._margin = 0 if crop is None else round(_MARGIN * size)
        self.square = FeatheredSquare(crop, width, height, size)
        wide = size + 2 * self._margin
        around = None if crop is None else crop.grown(wide / size)
        self.wide = FeatheredSquare(around, width, height, wide, max(1, self._margin) / wide)
        self.width, self.height = self.wide.width, self.wide.height

    def __call__(self, picture_HW3: NDArray[np.uint8], change: PixelChange) -> NDArray[np.uint8]:
        """The RGB uint8 picture with a change in its square, (self.height, self.width, 3).

        What is beside RGB in a picture (H, W, 4) moves with it.
        """
        picture_HW3 = picture_HW3[: self.height, : self.width].copy()
        if self.wide.empty:
            return picture_HW3
        left, top, right, bottom = self.wide.window
        shift_RR2 = self._widened(change.shift_RR2) * np.array(self.wide.scale, np.float32)
        shift_HW2 = _scaled(turned(shift_RR2, self.wide.roll).astype(np.float32), self.wide)
        shift_HW2 *= self.wide.weight_HW[..., None]
        result_HW3 = _moved(picture_HW3, self.wide.window, shift_HW2)
        if not self.square.empty:
            x0, y0, x1, y1 = self.square.window
            inside_HW3 = result_HW3[y0 - top : y1 - top, x0 - left : x1 - left, :3]
            weight_HW1 = self.square.weight_HW[..., None]
            seen_RR1 = self._seen(change.shift_RR2)[..., None]
            inside_HW3 *= 1 - weight_HW1 * _scaled(seen_RR1 * change.new_RR[..., None], self.square)
            inside_HW3 += weight_HW1 * _scaled(seen_RR1 * change.drawn_RR3, self.square)
        picture_HW3[top:bottom, left:right] = result_HW3.round().clip(0, 255)
        return picture_HW3

    def _widened(self, shift_RR2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The square's motion, continued as it is near its border."""
        fringe = round(_FRINGE * len(shift_RR2))
        pad = fringe + self._margin
        return np.pad(shift_RR2[fringe:-fringe, fringe:-fringe], ((pad, pad), (pad, pad), (0, 0)), "edge")

    def _seen(self, shift_RR2: NDArray[np.float32]) -> NDArray[np.float32]:
        """0 where a pixel comes from outside the square, which only the picture shows; else 1: (R, R)."""
        size = len(shift_RR2)
        axis_R = np.arange(size, dtype=np.float32) + 0.5
        from_RR2 = np.stack(np.meshgrid(axis_R, axis_R), -1) + shift_RR2
        in_picture_RR2 = self.square.to_picture(from_RR2)
        outside_RR = ((from_RR2 < 0) | (from_RR2 > size)).any(-1)
        shown_RR = ((in_picture_RR2 > 0) & (in_picture_RR2 < [self.width, self.height])).all(-1)
        beyond_11RR = torch.from_numpy(outside_RR & shown_RR)[None, None].float()
        return 1 - _blurred(beyond_11RR)[0, 0].numpy()


def _blurred(map_B1RR: Tensor) -> Tensor:
    """Averaged twice over a square neighbourhood, which is nearly a Gaussian."""
    reach = max(1, round(map_B1RR.shape[-1] * _NEIGHBOURHOOD / 2))
    for _ in range(2):
        map_B1RR = F.avg_pool2d(map_B1RR, 2 * reach + 1, 1, reach, count_include_pad=False)
    return map_B1RR


def _scaled(map_RRC: NDArray[np.float32], place: FeatheredSquare) -> NDArray[np.float32]:
    """What the place's window shows of a map of the square, channel by channel."""
    channels = (np.ascontiguousarray(map_RRC[..., channel]) for channel in range(map_RRC.shape[2]))
    return np.stack([np.asarray(place.scaled(Image.fromarray(channel))) for channel in channels], -1)


def _moved(
    picture_HW3: NDArray[np.uint8], window: tuple[int, int, int, int], shift_HW2: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The window's pixels, each from where its shift (x, y) says; beyond the picture is its mirror image."""
    left, top, right, bottom = window
    # Only what the shifts can reach is looked at, and what bicubic sampling needs around it.
    reach = math.ceil(float(np.abs(shift_HW2).max())) + 2
    x0, y0 = max(0, left - reach), max(0, top - reach)
    part_HW3 = picture_HW3[y0 : bottom + reach, x0 : right + reach]
    y_HW, x_HW = np.mgrid[top - y0 : bottom - y0, left - x0 : right - x0].astype(np.float32)
    # Of n pixels, number i has its centre at (2 i + 1) / n − 1.
    sides_2 = np.array(part_HW3.shape[1::-1], np.float32)
    grid_HW2 = (2 * (np.stack([x_HW, y_HW], -1) + shift_HW2) + 1) / sides_2 - 1
    moved_13HW = F.grid_sample(
        torch.from_numpy(part_HW3).permute(2, 0, 1)[None].float(),
        torch.from_numpy(grid_HW2)[None],
        mode="bicubic",
        padding_mode="reflection",
        align_corners=False,
    )
    return moved_13HW[0].permute(1, 2, 0).numpy()
