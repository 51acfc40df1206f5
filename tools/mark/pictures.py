"""Lumas of a data set's pictures and of some frames of its clips, all in one tensor."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from liax.data.frames import decode_item
from liax.data.manifest import Item, read_manifest
from liax.marking.mark_network import DRAWN

Say = Callable[[str], None]

_LUMA = (0.299, 0.587, 0.114)


def read_lumas(folder: Path, split: str, every: int, most: int, workers: int, say: Say) -> Tensor:
    """uint8 (N, 1, DRAWN, DRAWN): all stills, and each `every`-th frame of the clips.

    Args:
        folder: It holds manifest.csv.
        split: Of the manifest.
        most: How many items are read; chosen evenly if there are more.
        workers: Threads that decode.
        say: Gets a sentence.
    """
    items = read_manifest(folder, split).items
    items = items[:: -(-len(items) // most)]

    def lumas_of(item: Item) -> list[Tensor]:
        return [
            _square(torch.from_numpy(frame_HW3.copy()))
            for number, frame_HW3 in enumerate(decode_item(folder, item))
            if number % every == 0
        ]

    with ThreadPoolExecutor(workers) as pool:
        lumas = [one for some in pool.map(lumas_of, items) for one in some]
    say(f"{len(lumas)} pictures of {len(items)} files of the split '{split}'")
    return torch.stack(lumas)


def _square(picture_HW3: Tensor) -> Tensor:
    luma_1HW = (picture_HW3.float() @ torch.tensor(_LUMA))[None]
    if luma_1HW.shape[-2:] != (DRAWN, DRAWN):
        luma_1HW = F.interpolate(luma_1HW[None], (DRAWN, DRAWN), mode="bilinear", antialias=True)[0]
    return luma_1HW.round().clamp(0, 255).to(torch.uint8)
