"""The invisible mark: both networks in one file of weights, and the word that they draw into pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from threading import Lock

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
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


@dataclass(frozen=True)
class _Drawn:
    """A mark as it is added to levels, which stop at 0 and 255; all (H, W, 3).

    Args:
        most: 255 less `lighter`.
        lighter, darker: What is added to each channel, and what is subtracted then.
    """

    most: NDArray[np.uint8]
    lighter: NDArray[np.uint8]
    darker: NDArray[np.uint8]

    @classmethod
    def of(cls, mark_HW: Tensor) -> _Drawn:
        """A mark in levels."""
        lighter, darker = (
            np.asarray(Image.fromarray(signed.clamp(0, 255).byte().numpy()).convert("RGB"))
            for signed in (mark_HW, -mark_HW)
        )
        return cls(255 - lighter, lighter, darker)

    def on(self, picture_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture with the mark. Within bytes, it takes a fifteenth of the time of wider numbers."""
        marked_HW3 = np.minimum(picture_HW3, self.most)
        marked_HW3 += self.lighter
        np.maximum(marked_HW3, self.darker, out=marked_HW3)
        marked_HW3 -= self.darker
        return marked_HW3


class _Held:
    """A mark for some frames, drawn once, by the thread that needs it first.

    Args:
        size: Of the pictures, (height, width).
        draw: It and what it holds are let go once it has drawn.
    """

    def __init__(self, size: tuple[int, ...], draw: Callable[[], _Drawn]) -> None:
        self.size = size
        self._made: _Drawn | Callable[[], _Drawn] = draw
        self._lock = Lock()

    def drawn(self) -> _Drawn:
        with self._lock:
            if not isinstance(self._made, _Drawn):
                self._made = self._made()
            return self._made


class PixelMarker:
    """Draws the mark into pictures, one after the other; a still picture needs one of its own.

    Args:
        hold: For how many frames of a video a mark is kept before it is drawn anew.
        psnr: How weak the mark is, in dB; None chooses it by the side (`psnr_of_side`).
    """

    def __init__(self, hold: int = HOLD, psnr: float | None = None) -> None:
        self._hold, self._psnr = hold, psnr
        self._held: _Held | None = None
        self._frames = 0

    def mark(self, picture_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An RGB or RGBA uint8 picture with the mark over all of it.

        Transparency stays, and pixels that are wholly transparent stay as they are. So does a picture that is
        too small (`carries_mark`).
        """
        return self.later(picture_HWC)()

    def later(self, picture_HWC: NDArray[np.uint8]) -> Callable[[], NDArray[np.uint8]]:
        """As `mark`, which only the order of these calls decides; any thread may compute it, in any order.

        Args:
            picture_HWC: Stays unchanged until then, as do those of the frames with the same mark.

        Returns:
            What gives the marked picture.
        """
        if not carries_mark(picture_HWC):
            return lambda: picture_HWC
        size = picture_HWC.shape[:2]
        if self._held is None or self._frames % self._hold == 0 or self._held.size != size:
            self._held = _Held(size, partial(self._draw, picture_HWC))
        self._frames += 1
        return partial(_marked, picture_HWC, self._held)

    @torch.inference_mode()
    def _draw(self, picture_HWC: NDArray[np.uint8]) -> _Drawn:
        size = picture_HWC.shape[:2]
        rms = rms_of(self._psnr or psnr_of_side(min(size)))
        mark_BCHW = mark_networks().embedder(seen_luma(_shown(picture_HWC)), torch.tensor(WORD_K)[None], rms)
        smaller = min(size) < DRAWN
        mark_BCHW = F.interpolate(mark_BCHW, size, mode="bilinear", align_corners=False, antialias=smaller)
        return _Drawn.of(mark_BCHW[0, 0].round_())


def _marked(picture_HWC: NDArray[np.uint8], held: _Held) -> NDArray[np.uint8]:
    picture_HW3 = picture_HWC[..., :3]
    marked_HW3 = held.drawn().on(picture_HW3)
    if picture_HWC.shape[2] == 3:
        return marked_HW3
    alpha_HW = picture_HWC[..., 3]
    transparent_HW = alpha_HW == 0
    marked_HW3[transparent_HW] = picture_HW3[transparent_HW]
    return np.dstack([marked_HW3, alpha_HW])


def _shown(picture_HWC: NDArray[np.uint8]) -> Image.Image:
    """A picture as readers show it where it is transparent."""
    image = Image.fromarray(np.ascontiguousarray(picture_HWC[..., :3]))
    if picture_HWC.shape[2] == 3:
        return image
    return Image.composite(image, Image.new("RGB", image.size, _GREY), Image.fromarray(picture_HWC[..., 3]))
