"""What the pixels of pictures say: whether the invisible mark is in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from liax.marking.carriers import BITS
from liax.marking.pixel_mark import WORD_K, carries_mark, mark_networks, seen_luma

MOST_WRONG = 2
"""Bits of 32 that may be wrong in a mark that is found."""

LOOKS = 2
"""Words that are read of the same pictures: as if they were whole, and as the crop that they seem to be."""

FALSE_ALARMS = LOOKS * sum(comb(BITS, wrong) for wrong in range(MOST_WRONG + 1)) / 2**BITS
"""The most likely that pictures without a mark, whose bits are like coins, are taken for marked."""

KEPT_G = torch.linspace(0.8, 1, 26)
"""Shares of width and of height that may be left of a picture, which are tried in turn."""

_SURE = 4.0  # a bit's logit from which on it is no surer


@dataclass(frozen=True)
class PixelMark:
    """What pixels say.

    Args:
        marked: Whether they carry the mark.
        right: How many of 32 bits are those of the mark; some 16 are by chance.
        frames: How many pictures were read together.
        kept: What share of the marked picture's width and height is left, as far as it can be told.
        problem: Why nothing was read.
    """

    marked: bool = False
    right: int = 0
    frames: int = 0
    kept: tuple[float, float] = (1.0, 1.0)
    problem: str = ""


@torch.inference_mode()
def read_pixels(pictures: Iterable[NDArray[np.uint8]]) -> PixelMark:
    """What RGB uint8 pictures (H, W, 3) say together, such as frames of one video."""
    reader = mark_networks().reader
    maps = [reader.maps(seen_luma(Image.fromarray(one_HW3))) for one_HW3 in pictures if carries_mark(one_HW3)]
    if not maps:
        return PixelMark(problem="it is too small to carry the mark in its pixels")
    whole_K = torch.stack([reader.logits(maps_1MNN)[0] for maps_1MNN in maps]).mean(0)
    found = _found(whole_K, len(maps), (1.0, 1.0))
    if found.marked:
        return found
    logits_GGK = torch.stack([reader.crop_logits(maps_1MNN, KEPT_G)[0] for maps_1MNN in maps]).mean(0)
    # How sure the bits are, whatever they say: the word itself must not choose the crop.
    sure_GG = logits_GGK.abs().clamp(max=_SURE).mean(-1)
    right, down = divmod(int(sure_GG.argmax()), len(KEPT_G))
    return _found(logits_GGK[right, down], len(maps), (float(KEPT_G[right]), float(KEPT_G[down])))


def _found(logits_K: Tensor, frames: int, kept: tuple[float, float]) -> PixelMark:
    right = int(((logits_K > 0) == (torch.tensor(WORD_K) > 0)).sum())
    return PixelMark(right >= BITS - MOST_WRONG, right, frames, kept)
