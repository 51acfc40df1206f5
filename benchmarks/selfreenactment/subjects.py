"""What is evaluated: a network, or copying the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from liax.errors import LiaxError
from liax.model import LIAX, PRESETS


class Subject(Protocol):
    """Draws driving frames from a source.

    name: as tables call it. key: changes whenever its outputs could.
    """

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...

    def reenact(
        self, source_HW3: NDArray[np.uint8], driving_THW3: NDArray[np.uint8]
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Batches of outputs (B, 3, H, W) float32 in [0, 1], and coefficients a_d (B, M) if there are any."""
        ...


@dataclass(frozen=True)
class Copy:
    """No model: every output is the source."""

    batch: int = 16
    name: str = "copy the source"
    key: str = "copy"

    def reenact(
        self, source_HW3: NDArray[np.uint8], driving_THW3: NDArray[np.uint8]
    ) -> Iterator[tuple[Tensor, None]]:
        source = to_unit(source_HW3[None])
        for start in range(0, len(driving_THW3), self.batch):
            yield source.expand(min(self.batch, len(driving_THW3) - start), -1, -1, -1), None


@dataclass(frozen=True)
class Network:
    """Decodes z_sr + Q a_d, as trained. Clips of another side than the network's are resized, and back."""

    network: LIAX
    name: str
    key: str
    device: torch.device
    batch: int = 8

    def reenact(
        self, source_HW3: NDArray[np.uint8], driving_THW3: NDArray[np.uint8]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        side = source_HW3.shape[0]
        with torch.inference_mode():
            source = self.network.encode(self._input(source_HW3[None]))
            for start in range(0, len(driving_THW3), self.batch):
                driving = self._input(driving_THW3[start : start + self.batch])
                alpha_BM = self.network.encode(driving).alpha_BM
                features = tuple(f.expand(len(driving), -1, -1, -1) for f in source.features)
                code_BD = self.network.reenact(source.code_BD, alpha_BM)
                output = (self.network.decode(code_BD, features).clamp(-1, 1) + 1) / 2
                yield resize(output.float(), side).clamp(0, 1), alpha_BM.float().cpu()

    def _input(self, frames_THW3: NDArray[np.uint8]) -> Tensor:
        images = to_unit(frames_THW3).to(self.device)
        return resize(images, self.network.config.size).clamp(0, 1) * 2 - 1


def to_unit(frames_THW3: NDArray[np.uint8]) -> Tensor:
    """RGB uint8 (T, H, W, 3) as float32 (T, 3, H, W) in [0, 1]."""
    return torch.from_numpy(frames_THW3).permute(0, 3, 1, 2).float() / 255


def resize(images_B3HW: Tensor, side: int) -> Tensor:
    """Bicubic, antialiased when it shrinks; unchanged when the side is right already."""
    if images_B3HW.shape[-1] == side:
        return images_B3HW
    return F.interpolate(images_B3HW, (side, side), mode="bicubic", antialias=True)


def open_network(weights: str | None, random: str | None, device: torch.device, batch: int) -> Network:
    """The network of a weights file or hub name, or an untrained preset (seed 0) for trying the benchmark."""
    if random is not None:
        if random not in PRESETS:
            raise LiaxError(f"'{random}' is no preset; choose one of {', '.join(PRESETS)}.")
        torch.manual_seed(0)
        network, name, key = LIAX(PRESETS[random]), f"untrained {random}", f"random {random}"
    else:
        assert weights is not None
        from liax.weights import fingerprint, load

        network, name = load(weights, device), Path(weights).name
        key = f"weights {fingerprint(network)}"
    return Network(network.to(device).eval(), name, key, device, batch)
