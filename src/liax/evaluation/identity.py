"""Is it still the same person? dlib's face embedding of outputs against that of the source."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from liax.face.embed import FaceEmbedder
from liax.face.landmarks import Face


@dataclass(frozen=True)
class Likeness:
    """How near two embeddings are; NaN where no face is seen.

    cosine: similarity, at most 1, higher is better. All faces are alike to dlib: on the validation clips it
        is .97 (5 to 95 %: .94 to .99) for one person in two clips, and .83 (.77 to .89) for two people.
    distance: Euclidean, ≥ 0, lower is better. There .36 (.21 to .49) and .85 (.69 to .99).
    """

    cosine: float
    distance: float


def likeness(a_128: NDArray[np.float64], b_128: NDArray[np.float64]) -> Likeness:
    """Of two embeddings (128,)."""
    product = np.linalg.norm(a_128) * np.linalg.norm(b_128)
    return Likeness(float(a_128 @ b_128 / product), float(np.linalg.norm(a_128 - b_128)))


class SameFace:
    """Compares faces with that of one source picture."""

    name = "dlib ResNet (128-d)"

    def __init__(self, embedder: FaceEmbedder, source_HW3: NDArray[np.uint8], face: Face) -> None:
        """face: as `FaceLandmarker` found it in the RGB uint8 source (H, W, 3)."""
        self._embedder = embedder
        self._source_128 = embedder.embed(source_HW3, face)

    def compare(self, image_HW3: NDArray[np.uint8], face: Face | None) -> Likeness:
        """Of an RGB uint8 image (H, W, 3) with the face found in it, if any."""
        if face is None:
            return Likeness(nan, nan)
        return likeness(self._source_128, self._embedder.embed(image_HW3, face))
