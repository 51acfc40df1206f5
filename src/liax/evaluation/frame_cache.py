"""Outputs kept as pictures, so that what one machine draws another can measure."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from liax.evaluation.reenactors import DrawFrames, to_unit
from liax.files import atomic_file
from liax.media.images import read_image

# Of WebP: 15 kB a frame of 256².
_QUALITY = 95


@dataclass(frozen=True)
class CachedFrames:
    """Outputs of one trial in `folder`, each called by its number."""

    folder: Path

    def has(self, numbers: NDArray[np.int64]) -> bool:
        """Whether all of these are there."""
        return all(self._path(number).exists() for number in numbers)

    def keep(self, numbers_B: NDArray[np.int64], output_BRR3: NDArray[np.uint8]) -> None:
        """Write some, RGB uint8."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, output_RR3 in zip(numbers_B, output_BRR3, strict=True):
            packed = io.BytesIO()
            Image.fromarray(output_RR3).save(packed, "WEBP", quality=_QUALITY)
            with atomic_file(self._path(number)) as file:
                file.write(packed.getbuffer())

    def draw(self) -> DrawFrames:
        """Reads them in place of drawing."""

        def read(numbers_B: NDArray[np.int64], driving_BRR3: NDArray[np.uint8]) -> tuple[Tensor, None]:
            return torch.cat([to_unit(read_image(self._path(n))[None]) for n in numbers_B]), None

        return read

    def _path(self, number: int | np.int64) -> Path:
        return self.folder / f"{number:06d}.webp"
