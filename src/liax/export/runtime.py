"""What runs the network in place of PyTorch: arrays in, arrays out, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Runtime(Protocol):
    """Runs the network that it was made of. It sees no later changes of the weights; threads may share it."""

    def encode(self, image_B3RR: Array) -> tuple[Array, Array, tuple[Array, ...]]:
        """Codes, coefficients and features of images in [-1, 1], as `LIAX.encode`."""

    def read(self, image_B3RR: Array) -> Array:
        """Only the coefficients (B, M) of images in [-1, 1], as `LIAX.read`."""

    def draw(self, code_BD: Array, features: Sequence[Array]) -> tuple[Array, Array]:
        """Image and grid of codes, as the last state of `LIAX.render`.

        Args:
            code_BD: The codes to draw.
            features: Of each code's source, or of one source (batch 1) for all codes.
        """
