"""Flicker of the output: warping error and t-LPIPS over consecutive frames, with two frames in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from liax.evaluation.perceptual import PerceptualDistance
from liax.model.pixels import unit_from_uint8


@dataclass(frozen=True)
class TemporalErrors:
    """Means over a clip's pairs of consecutive frames; NaN where there was none to measure.

    Args:
        warping: Warping error of the output, in [0, 1], lower is better.
        reference_warping: That of the reference itself, from changing light, noise and errors of the flow. An
            output as steady as the real clip has the same; a smaller one means that less detail moves.
        t_lpips: How differently output and reference change, ≥ 0, lower is better.
    """

    warping: float
    reference_warping: float
    t_lpips: float


class TemporalErrorMeter:
    """Takes a clip's frames one by one, in order and without gaps.

    Warping error (Lai et al. 2018, arXiv 1808.00449, here of absolute differences): the reference's flow from
    t to t + 1 tells where each pixel goes; |o_t(x) - o_{t+1}(x + flow)| is averaged over the pixels that both
    frames of the reference show, and over channels.
    t-LPIPS (Chu et al. 2020, arXiv 1811.09393): |d(o_t, o_{t+1}) - d(g_t, g_{t+1})| of output o and reference
    g, by the perceptual distance d.

    Args:
        distance: Of t-LPIPS, which is NaN without it.
        every: t-LPIPS is measured on one of this many pairs, because it takes most of the time.
    """

    flow_name = "DIS optical flow"  # of OpenCV (Kroeger et al. 2016, arXiv 1603.03590)

    def __init__(self, distance: PerceptualDistance | None = None, every: int = 1) -> None:
        import cv2

        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._distance, self._every, self._pairs = distance, every, 0
        self._previous: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None
        self._sums_3, self._counts_3 = np.zeros(3), np.zeros(3)

    def add(self, output_HW3: NDArray[np.uint8], reference_HW3: NDArray[np.uint8] | None = None) -> None:
        """The next frame, RGB uint8 (H, W, 3), and the reference's of the same size.

        Where there is no ground truth (cross-reenactment), give no reference: the flow is then the output's
        own, and only the output's warping error is measured.
        """
        paired = reference_HW3 is not None
        reference_HW3 = output_HW3 if reference_HW3 is None else reference_HW3
        if output_HW3.shape != reference_HW3.shape:
            raise ValueError(f"frames of {output_HW3.shape} and {reference_HW3.shape} do not compare")
        if self._previous is not None:
            values_3 = self._measure(*self._previous, output_HW3, reference_HW3, paired)
            self._sums_3 += np.nan_to_num(values_3)
            self._counts_3 += np.isfinite(values_3)
            self._pairs += 1
        self._previous = output_HW3, reference_HW3

    def result(self) -> TemporalErrors:
        """Of all frames so far."""
        with np.errstate(invalid="ignore"):
            means_3 = self._sums_3 / self._counts_3
        return TemporalErrors(*means_3.tolist())

    def _measure(
        self,
        output_HW3: NDArray[np.uint8],
        reference_HW3: NDArray[np.uint8],
        next_output_HW3: NDArray[np.uint8],
        next_reference_HW3: NDArray[np.uint8],
        paired: bool,
    ) -> NDArray[np.float64]:
        flow_HW2 = self._flow(reference_HW3, next_reference_HW3)
        seen_HW = visible_mask(flow_HW2, self._flow(next_reference_HW3, reference_HW3))
        values_3 = np.full(3, np.nan)
        values_3[0] = warping_error(output_HW3, next_output_HW3, flow_HW2, seen_HW)
        if paired:
            values_3[1] = warping_error(reference_HW3, next_reference_HW3, flow_HW2, seen_HW)
        if paired and self._distance is not None and self._pairs % self._every == 0:
            now, then = _pictures(output_HW3, reference_HW3), _pictures(next_output_HW3, next_reference_HW3)
            of_output, of_reference = self._distance(now, then).tolist()
            values_3[2] = abs(of_output - of_reference)
        return values_3

    def _flow(self, from_HW3: NDArray[np.uint8], to_HW3: NDArray[np.uint8]) -> NDArray[np.float32]:
        import cv2

        from_HW = cv2.cvtColor(from_HW3, cv2.COLOR_RGB2GRAY)
        to_HW = cv2.cvtColor(to_HW3, cv2.COLOR_RGB2GRAY)
        start_HW2 = np.zeros((*from_HW.shape, 2), np.float32)
        return np.asarray(self._dis.calc(from_HW, to_HW, start_HW2), np.float32)


def warping_error(
    image_HW3: NDArray[np.uint8],
    next_HW3: NDArray[np.uint8],
    flow_HW2: NDArray[np.float32],
    seen_HW: NDArray[np.bool_],
) -> float:
    """Mean |image(x) - next(x + flow)| / 255 over channels and the pixels that are seen; NaN if none is.

    Args:
        image_HW3, next_HW3: RGB uint8, consecutive.
        flow_HW2: x and y in pixels.
        seen_HW: Which pixels count (`visible_mask`).
    """
    if not seen_HW.any():
        return float("nan")
    difference_HW3 = image_HW3 - _pull(next_HW3.astype(np.float32), flow_HW2)
    return float(np.abs(difference_HW3[seen_HW]).mean() / 255)


def visible_mask(forward_HW2: NDArray[np.float32], backward_HW2: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels (H, W) of a frame that the next one shows too: there and back, the flow returns to them.

    |f + b|² < 0.01 (|f|² + |b|²) + 0.5 (Sundaram et al. 2010), with b taken where f arrives, in the picture.
    """
    height, width = forward_HW2.shape[:2]
    x_HW, y_HW = _arrival(forward_HW2)
    inside_HW = (x_HW >= 0) & (x_HW <= width - 1) & (y_HW >= 0) & (y_HW <= height - 1)
    back_HW2 = _pull(backward_HW2, forward_HW2)
    gap_HW = np.square(forward_HW2 + back_HW2).sum(-1)
    lengths_HW = np.square(forward_HW2).sum(-1) + np.square(back_HW2).sum(-1)
    return inside_HW & (gap_HW < 0.01 * lengths_HW + 0.5)


def _arrival(flow_HW2: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y (H, W) of where each pixel goes."""
    height, width = flow_HW2.shape[:2]
    x_W, y_H = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return x_W + flow_HW2[..., 0], y_H[:, None] + flow_HW2[..., 1]


def _pull(map_HWC: NDArray[np.float32], flow_HW2: NDArray[np.float32]) -> NDArray[np.float32]:
    """map(x + flow(x)), bilinear."""
    import cv2

    return np.asarray(cv2.remap(map_HWC, *_arrival(flow_HW2), cv2.INTER_LINEAR), np.float32)


def _pictures(*images_HW3: NDArray[np.uint8]) -> torch.Tensor:
    return unit_from_uint8(torch.from_numpy(np.stack(images_HW3)).permute(0, 3, 1, 2))
