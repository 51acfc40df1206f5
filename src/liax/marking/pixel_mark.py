"""The invisible mark: both networks in one file of weights, and the word that they draw into pictures."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageChops
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from liax.marking.carriers import Carriers
from liax.marking.mark_network import DRAWN, SEEN, MarkEmbedder, MarkReader

WORD_K = tuple(int(bit) for byte in b"liax" for bit in f"{byte:08b}")
"""The 32 bits that every mark says, 15 ones among them."""

PSNR_OF_SIDE = {256: 47.0, 512: 48.5}
"""Shorter side in pixels -> how weak the mark is, in dB of a marked picture against the one without.

Between these sides it follows the logarithm, and beyond them it stays. Larger pictures have longer waves, of
which encoders leave more. benchmarks/pixel_mark.py measures what each strength buys.
"""

SMALLEST = 128
"""The shorter side of the smallest pictures that carry a mark, in pixels: its waves need two pixels each."""

HOLD = 4
"""Frames of a video for which a mark stays, which costs less than a new one for each."""

_GREY = (128, 128, 128)  # what readers see behind transparent pixels


class MarkNetworks(nn.Module):
    """The embedder and the reader, with the same waves."""

    def __init__(self, carriers: Carriers | None = None) -> None:
        super().__init__()
        carriers = carriers or Carriers.drawn()
        self.embedder = MarkEmbedder(carriers)
        self.reader = MarkReader(carriers)


@cache
def mark_networks() -> MarkNetworks:
    """Those that are trained, on the CPU."""
    tensors = load_safetensors(files("liax.assets").joinpath("mark.safetensors").read_bytes())
    networks = MarkNetworks()
    networks.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return networks.requires_grad_(False).eval()


def rms_of(psnr: float) -> float:
    """The root mean square in levels of a mark with this PSNR in dB."""
    return 255 * 10 ** (-psnr / 20)


def psnr_of_side(side: int) -> float:
    """How weak the mark is on pictures with this shorter side, in dB."""
    sides = np.log2(list(PSNR_OF_SIDE))
    return float(np.interp(np.log2(side), sides, list(PSNR_OF_SIDE.values())))


def carries_mark(picture_HWC: NDArray[np.uint8]) -> bool:
    """Whether a picture is large enough."""
    return min(picture_HWC.shape[:2]) >= SMALLEST


def seen_luma(image: Image.Image) -> Tensor:
    """Levels (1, 1, SEEN, SEEN) of what the networks see of an RGB picture."""
    square = image.convert("L").resize((SEEN, SEEN), Image.Resampling.BILINEAR, reducing_gap=3)
    return torch.from_numpy(np.array(square)).float()[None, None]


class PixelMarker:
    """Draws the mark into pictures, one after the other; a still picture needs one of its own.

    Args:
        hold: For how many frames of a video a mark is kept before it is drawn anew.
        psnr: How weak the mark is, in dB; None chooses it by the side (`psnr_of_side`).
    """

    def __init__(self, hold: int = HOLD, psnr: float | None = None) -> None:
        self._hold, self._psnr = hold, psnr
        self._drawn: tuple[Image.Image, Image.Image] | None = None
        self._frames = 0

    def mark(self, picture_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An RGB or RGBA uint8 picture with the mark over all of it.

        Transparency stays, and pixels that are wholly transparent stay as they are. So does a picture that is
        too small (`carries_mark`).
        """
        if not carries_mark(picture_HWC):
            return picture_HWC
        image = Image.fromarray(np.ascontiguousarray(picture_HWC[..., :3]))
        alpha_HW = picture_HWC[..., 3] if picture_HWC.shape[2] == 4 else None
        if self._drawn is None or self._frames % self._hold == 0 or self._drawn[0].size != image.size:
            self._drawn = self._draw(image if alpha_HW is None else _shown(image, alpha_HW))
        self._frames += 1
        lighter, darker = self._drawn
        marked = ImageChops.subtract(ImageChops.add(image, lighter), darker)
        if alpha_HW is None:
            return np.asarray(marked)
        marked.paste(image, mask=Image.fromarray(np.where(alpha_HW == 0, np.uint8(255), np.uint8(0))))
        return np.dstack([np.asarray(marked), alpha_HW])

    @torch.inference_mode()
    def _draw(self, shown: Image.Image) -> tuple[Image.Image, Image.Image]:
        """What is added to all channels, and what is subtracted."""
        size = (shown.height, shown.width)
        rms = rms_of(self._psnr or psnr_of_side(min(size)))
        mark_BCHW = mark_networks().embedder(seen_luma(shown), torch.tensor(WORD_K)[None], rms)
        smaller = min(size) < DRAWN
        mark_BCHW = F.interpolate(mark_BCHW, size, mode="bilinear", align_corners=False, antialias=smaller)
        mark_HW = mark_BCHW[0, 0].round_()
        lighter, darker = (
            Image.fromarray(signed.clamp(0, 255).byte().numpy()) for signed in (mark_HW, -mark_HW)
        )
        return Image.merge("RGB", [lighter] * 3), Image.merge("RGB", [darker] * 3)


def _shown(image: Image.Image, alpha_HW: NDArray[np.uint8]) -> Image.Image:
    """A picture as readers show it where it is transparent."""
    return Image.composite(image, Image.new("RGB", image.size, _GREY), Image.fromarray(alpha_HW))
