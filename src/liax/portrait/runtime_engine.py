"""The network in another runtime than PyTorch, on the CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from liax.export.runtime import Array, Runtime
from liax.model import Encoded
from liax.model.pixels import from_uint8, to_uint8
from liax.portrait.engine import Drawing


class RuntimeEngine:
    """An `Engine`.

    Args:
        runtime: What runs the network.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._features: tuple[tuple[Tensor, ...], tuple[Array, ...]] = ((), ())

    def encode(self, levels_BRR3: Tensor) -> Encoded:
        code_BD, alpha_BM, features = self._runtime.encode(_image(levels_BRR3))
        tensors = tuple(torch.from_numpy(each) for each in (code_BD, alpha_BM, *features))
        return Encoded(tensors[0], tensors[1], tensors[2:])

    def coefficients(self, levels_BRR3: Tensor) -> Tensor:
        return torch.from_numpy(self._runtime.read(_image(levels_BRR3)))

    def draw(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Drawing:
        drawn = self._runtime.draw(_array(code_BD), self._arrays(features))
        return Drawing(*(torch.from_numpy(each) for each in drawn))

    def draw_levels(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        return to_uint8(self.draw(code_BD, features).image).permute(0, 2, 3, 1)

    def _arrays(self, features: tuple[Tensor, ...]) -> tuple[Array, ...]:
        """The features as arrays; those of the same source are converted once."""
        tensors, arrays = self._features
        if tensors is not features:
            arrays = tuple(_array(each) for each in features)
            self._features = features, arrays
        return arrays


def _image(levels_BRR3: Tensor) -> Array:
    return _array(from_uint8(levels_BRR3.permute(0, 3, 1, 2)))


def _array(values: Tensor) -> Array:
    return np.ascontiguousarray(values.float().cpu().numpy())
