"""Does the output flicker? Warping error and t-LPIPS over consecutive frames, with two frames in memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
import torch
from numpy.typing import NDArray

from liax.evaluation.perceptual import PerceptualDistance


@dataclass(frozen=True)
class Steadiness:
    """Means over a clip's pairs of consecutive frames; NaN where there was none to measure.

    warping: warping error of the output, in [0, 1], lower is better. reference_warping: the same of the
        reference, which is what light, noise and errors of the flow amount to; an output is as steady as the
        real clip when the two are equal. t_lpips: how differently output and reference change, ≥ 0, lower is
        better.
    """

    warping: float
    reference_warping: float
    t_lpips: float


class Temporal:
    """Takes a clip's frames one by one, in order and without gaps.

    distance: for t-LPIPS, which is NaN without.
    """

    flow_name = "DIS optical flow"

    def __init__(self, distance: PerceptualDistance | None = None) -> None:
        raise NotImplementedError

    def add(self, output_HW3: NDArray[np.uint8], reference_HW3: NDArray[np.uint8] | None = None) -> None:
        """The next frame, RGB uint8 (H, W, 3), and the reference's (same size).

        Where there is no ground truth (cross-reenactment), give no reference: the flow is then the output's
        own, and t-LPIPS is NaN.
        """
        raise NotImplementedError

    def result(self) -> Steadiness:
        raise NotImplementedError
