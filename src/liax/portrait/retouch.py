"""Edits carried over to a picture's own pixels: what they leave alone stays as sharp and still as it was.

The network draws everything anew, at its own size: softer than the picture, and a little different in every
frame of a video. But it also says from where it took what it draws. So the picture itself is moved the way
that the network's drawing moves, and of the drawing only what differs beyond that motion is added; at the
border of the network's square both fade out (a feather)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from liax.face.crop import Box, Crop, turned
from liax.model import Encoded
from liax.model.decoder import identity_grid
from liax.model.pixels import to_levels
from liax.portrait.animator import Animator
from liax.portrait.feather import FeatheredSquare, Window

# Where the new drawing differs by about so many levels from the moved old one, it shows something new (teeth,
# a closed lid, the far side of a cheek), and the picture's own detail would be wrong there.
_NEW = 12.0
# The two are compared over this much of the square's side.
_NEIGHBOURHOOD = 1 / 28
# The motion fades to nothing over this much of the square's side outside of it, for a head to move into.
_MARGIN = 0.4
# Along its border, over this much of its side, the square's own motion is bad: a network pads with zeros.
FRINGE = 1 / 16


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
        unlike_B1RR = blurred((drawn_B3RR - moved_B3RR).abs().mean(1, keepdim=True))
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
        shift_RR2 = self._widened(change.shift_RR2)
        moved = self.wide.window_of(_box_of_changes(*shift_RR2.transpose(2, 0, 1)))
        drawn = self.square.window_of(_box_of_changes(change.new_RR, *change.drawn_RR3.transpose(2, 0, 1)))
        if (window := _around(moved, drawn)) is None:
            return picture_HW3
        left, top, right, bottom = window
        if self.wide.roll:
            shift_RR2 = turned(shift_RR2, self.wide.roll).astype(np.float32)
        shift_RR2 *= np.array(self.wide.scale, np.float32)
        weight_HW = self.wide.weight_in(window)
        shift_x_HW, shift_y_HW = (
            weight_HW
            * self.wide.scaled(np.ascontiguousarray(shift_RR2[..., axis]), window, slowly_varying=True)
            for axis in (0, 1)
        )
        result_HWC = _moved(picture_HW3, window, shift_x_HW, shift_y_HW)
        if drawn is not None:
            x0, y0, x1, y1 = drawn
            self._draw(result_HWC[y0 - top : y1 - top, x0 - left : x1 - left, :3], drawn, change)
        np.maximum(result_HWC, 0, out=result_HWC)
        picture_HW3[top:bottom, left:right] = cv2.convertScaleAbs(result_HWC)  # rounded, 255 at most
        return picture_HW3

    def _draw(self, moved_HW3: NDArray[np.float32], window: Window, change: PixelChange) -> None:
        """Add what is drawn to the moved picture in a window of the square."""
        drawn_RR4 = np.dstack([change.drawn_RR3, change.new_RR])
        if (seen_RR := self._seen(change.shift_RR2)) is not None:
            drawn_RR4 *= seen_RR[..., None]
        weight_HW = self.square.weight_in(window)
        # Channel by channel, and merged again, in half the time that broadcasting over them takes.
        *drawn, new_HW = (weight_HW * each_HW for each_HW in cv2.split(self.square.scaled(drawn_RR4, window)))
        moved_HW3 *= cv2.merge([1 - new_HW] * 3)
        moved_HW3 += cv2.merge(drawn)

    def _widened(self, shift_RR2: NDArray[np.float32]) -> NDArray[np.float32]:
        """The square's motion, continued as it is near its border."""
        fringe = round(FRINGE * len(shift_RR2))
        inner, pad = shift_RR2[fringe:-fringe, fringe:-fringe], fringe + self._margin
        return np.asarray(cv2.copyMakeBorder(inner, pad, pad, pad, pad, cv2.BORDER_REPLICATE), np.float32)

    def _seen(self, shift_RR2: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """0 where a pixel comes from outside the square, which only the picture shows; else 1: (R, R).

        None where all are of the square, as for most changes.
        """
        size = len(shift_RR2)
        axis_R = np.arange(size, dtype=np.float32) + 0.5
        x_RR, y_RR = axis_R + shift_RR2[..., 0], axis_R[:, None] + shift_RR2[..., 1]
        outside_RR = (x_RR < 0) | (x_RR > size) | (y_RR < 0) | (y_RR > size)
        if not outside_RR.any():
            return None
        in_picture_N2 = self.square.to_picture(np.stack([x_RR[outside_RR], y_RR[outside_RR]], -1))
        beyond_RR = np.zeros((size, size), np.float32)
        beyond_RR[outside_RR] = ((in_picture_N2 > 0) & (in_picture_N2 < [self.width, self.height])).all(-1)
        return 1 - blurred(torch.from_numpy(beyond_RR)[None, None])[0, 0].numpy()


def blurred(map_B1RR: Tensor) -> Tensor:
    """Averaged twice over a square neighbourhood, as far as that is in the map: nearly a Gaussian."""
    size = map_B1RR.shape[-1]
    averages_RR = _averages(size, max(1, round(size * _NEIGHBOURHOOD / 2)), map_B1RR.device)
    return averages_RR @ map_B1RR @ averages_RR.T


@lru_cache(maxsize=8)
def _averages(size: int, reach: int, device: torch.device) -> Tensor:
    """What averages a row twice over `reach` pixels on both sides, as a matrix (size, size).

    For the neighbourhoods here, multiplying takes a twentieth of the time of pooling on a CPU.
    """
    place_R = torch.arange(size)
    near_RR = ((place_R[:, None] - place_R).abs() <= reach).double()
    once_RR = near_RR / near_RR.sum(1, keepdim=True)
    return (once_RR @ once_RR).float().to(device)


def _box_of_changes(*maps: NDArray[np.float32]) -> Box | None:
    """The box around what is not 0 in maps (R, R), in pixels; None if all is."""
    changed_RR = maps[0] != 0
    for each_RR in maps[1:]:
        changed_RR |= each_RR != 0
    rows, columns = (np.flatnonzero(changed_RR.any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _around(first: Window | None, second: Window | None) -> Window | None:
    """The least window that has both in it."""
    if first is None or second is None:
        return first or second
    (a, b, c, d), (left, top, right, bottom) = first, second
    return min(a, left), min(b, top), max(c, right), max(d, bottom)


def _moved(
    picture_HWC: NDArray[np.uint8],
    window: Window,
    shift_x_HW: NDArray[np.float32],
    shift_y_HW: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The window's pixels (H, W, C), each from where its shift says.

    Beyond the picture is its mirror image.
    """
    left, top, right, bottom = window
    # Only what the shifts can reach is looked at, and what bicubic sampling needs around it.
    reach = math.ceil(max(float(np.abs(shift_HW).max()) for shift_HW in (shift_x_HW, shift_y_HW))) + 2
    x0, y0 = max(0, left - reach), max(0, top - reach)
    part_HWC = picture_HWC[y0 : bottom + reach, x0 : right + reach].astype(np.float32)
    x_HW = shift_x_HW + np.arange(left - x0, right - x0, dtype=np.float32)
    y_HW = shift_y_HW + np.arange(top - y0, bottom - y0, dtype=np.float32)[:, None]
    moved_HWC = cv2.remap(part_HWC, x_HW, y_HW, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved_HWC, np.float32)
