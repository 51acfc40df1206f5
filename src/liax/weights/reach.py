"""How far motion coefficients go on real faces: no portrait is moved further by what is added to its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError

# The key of a weights file's metadata under which its reach lies as JSON.
METADATA_KEY = "reach"
# Of the material's faces, how many may lie beyond on each side.
_BEYOND = 0.005


@dataclass(frozen=True, eq=False)
class Reach:
    """Each coefficient's lowest and highest value on all but the rarest faces of the training material, (M,).

    Additions know nothing of where they start: a smile added to a smile is one that nobody has, and the
    network draws it as badly as that sounds.
    """

    low_M: NDArray[np.float64]
    high_M: NDArray[np.float64]

    @classmethod
    def of(cls, alpha_NM: NDArray[np.floating]) -> Reach:
        """That of N faces, best thousands of many people."""
        low_M, high_M = np.quantile(alpha_NM, (_BEYOND, 1 - _BEYOND), axis=0)
        return cls(low_M, high_M)

    def hold(self, alpha_M: NDArray[np.floating], *seen_M: NDArray[np.floating]) -> NDArray[np.floating]:
        """Coefficients (M,) that go no further than this, or than some that a face was seen to have.

        Several at once, (B, M), each beside those that were seen of the same face.
        """
        return alpha_M.clip(reduce(np.minimum, seen_M, self.low_M), reduce(np.maximum, seen_M, self.high_M))

    def to_json(self) -> str:
        return json.dumps({"low": self.low_M.round(4).tolist(), "high": self.high_M.round(4).tolist()})


def read_reach(metadata: Mapping[str, str], count: int) -> Reach | None:
    """What a weights file's metadata says of its `count` coefficients; None where it says nothing.

    Raises LiaxError for what is no reach.
    """
    text = metadata.get(METADATA_KEY)
    if text is None:
        return None
    try:
        values = json.loads(text)
        low_M, high_M = (np.array(values[end], np.float64) for end in ("low", "high"))
        if low_M.shape != (count,) or high_M.shape != (count,) or not (low_M <= high_M).all():
            raise ValueError(f"it is not {count} ordered pairs of numbers")
    except (ValueError, TypeError, KeyError) as error:
        raise LiaxError(
            f"The weights' reach cannot be used ({error}); get or make the weights anew."
        ) from error
    return Reach(low_M, high_M)
