"""A portrait's transparency in what is made of it, where it moves as the picture does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.media import images, writer
from liax.portrait.animator import Animator
from liax.portrait.device_retouch import retouch_on
from liax.portrait.retouch import PixelChange
from liax.portrait.source import Portrait

_KEEPING = ", ".join(dict.fromkeys(images.ALPHA_SUFFIXES + writer.ALPHA_SUFFIXES))


def transparency_lost(portrait: Portrait, output: Path, keeps: bool) -> str:
    """A sentence for a portrait's transparency that `output` cannot hold; "" where nothing is lost."""
    if portrait.alpha_HW is None or keeps:
        return ""
    return f"{output} cannot hold the portrait's transparency, which is laid over grey; {_KEEPING} can."


class Cutout:
    """Results of a portrait that is transparent in places, as RGBA uint8.

    Args:
        animator: Draws what is to be put in.
        portrait: Its alpha is known.
        paste: Whether results are full pictures, or what is shown of the square.

    Attributes:
        width, height: Of the results.
    """

    def __init__(self, animator: Animator, portrait: Portrait, paste: bool) -> None:
        assert portrait.alpha_HW is not None
        self._portrait, self._paste = portrait, paste
        picture_HW3, alpha_HW = portrait.picture_HW3, portrait.alpha_HW
        if paste:
            height, width = alpha_HW.shape
            self._retouch = retouch_on(animator, portrait.framing.crop, width, height)
            self.width, self.height = self._retouch.width, self._retouch.height
        else:
            picture_HW3 = portrait.square_RR3
            size = animator.size
            alpha_HW = portrait.framing.to_square(_thrice(alpha_HW), size)[..., 0]
            self._retouch = retouch_on(animator, None, size, size)
            self.width, self.height = portrait.framing.width, portrait.framing.height
        self._before_HW4 = np.dstack([picture_HW3, alpha_HW])
        self.before_HW4 = self._shown(self._before_HW4[: self._retouch.height, : self._retouch.width])
        """The portrait as it was, of the results' size."""

    def __call__(self, change: PixelChange) -> NDArray[np.uint8]:
        """The portrait once it is changed so: (height, width, 4)."""
        result_HW4 = self._retouch(self._before_HW4, change)
        if not self._paste:
            result_HW4[..., :3] = change.picture_RR3
        return self._shown(result_HW4)

    def _shown(self, result_HW4: NDArray[np.uint8]) -> NDArray[np.uint8]:
        picture_HW3, alpha_HW = result_HW4[..., :3], result_HW4[..., 3]
        if not self._paste:
            picture_HW3 = self._portrait.from_square(picture_HW3)
            alpha_HW = self._portrait.from_square(_thrice(alpha_HW))[..., 0]
        return np.dstack([_without_background(picture_HW3, alpha_HW), alpha_HW])


def _thrice(alpha_HW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(alpha_HW[..., None], 3, 2)


def _without_background(picture_HW3: NDArray[np.uint8], alpha_HW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colours that were laid over grey; as they are where nothing is seen of them."""
    share_HW1 = alpha_HW[..., None].astype(np.float32) / 255
    background_3 = np.array(images.BACKGROUND, np.float32)
    own_HW3 = background_3 + (picture_HW3 - background_3) / share_HW1.clip(1 / 255)
    return np.where(share_HW1 > 0, own_HW3.round().clip(0, 255), picture_HW3).astype(np.uint8)
