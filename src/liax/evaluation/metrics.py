"""Metrics of a trial's frames as they go by: fidelity, perception, distribution, steadiness, time.

A `MetricFamily` says which frames it needs and starts an accumulator for each trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.data.fidelity import fidelity
from liax.evaluation.clip_scan import ClipScan
from liax.evaluation.clips import EvaluationClip, select_frames
from liax.evaluation.frechet import FeatureExtractor
from liax.evaluation.perceptual import PerceptualDistance
from liax.evaluation.reenactors import unit_pictures
from liax.evaluation.temporal import TemporalErrorMeter
from liax.model.pixels import unit_to_uint8

# Most frames of a clip whose features are kept for the Fréchet distance.
FEATURE_FRAMES = 60
# t-LPIPS is measured on one of this many consecutive pairs of frames.
PAIRS_EVERY = 5


@dataclass(frozen=True)
class FrameBatch:
    """Some frames of a trial, in ascending order.

    Args:
        numbers_B: Their numbers.
        driving_BRR3: RGB uint8.
        output_B3RR: float32 in [0, 1], on the device that drew it.
        alpha_BM: The driving's coefficients, if there are any.
        seconds: Time that drawing took, for each frame.
    """

    numbers_B: NDArray[np.int64]
    driving_BRR3: NDArray[np.uint8]
    output_B3RR: Tensor
    alpha_BM: Tensor | None = None
    seconds: float = float("nan")

    @cached_property
    def target_B3RR(self) -> Tensor:
        """The driving frames, float32 in [0, 1]."""
        return unit_pictures(self.driving_BRR3).to(self.output_B3RR.device)

    @cached_property
    def output_BRR3(self) -> NDArray[np.uint8]:
        """The output, RGB uint8."""
        return unit_to_uint8(self.output_B3RR).permute(0, 2, 3, 1).cpu().numpy()

    def only(self, wanted: NDArray[np.int64]) -> FrameBatch | None:
        """The frames with these numbers, None if there are none."""
        chosen_B = np.isin(self.numbers_B, wanted)
        if chosen_B.all():
            return self
        if not chosen_B.any():
            return None
        chosen = torch.from_numpy(chosen_B)
        alpha = None if self.alpha_BM is None else self.alpha_BM[chosen]
        return FrameBatch(
            self.numbers_B[chosen_B],
            self.driving_BRR3[chosen_B],
            self.output_B3RR[chosen.to(self.output_B3RR.device)],
            alpha,
            self.seconds,
        )


class MetricResult(NamedTuple):
    """What a family measured of a trial.

    Args:
        numbers: By the keys of `definitions.METRICS`; NaN where there was nothing to measure.
        arrays: Kept in the trial's npz.
    """

    numbers: Mapping[str, float]
    arrays: Mapping[str, NDArray[Any]]


class MetricAccumulator(Protocol):
    """Measures one trial as its frames come."""

    def add(self, batch: FrameBatch) -> None:
        """Measure the next frames, of those that the family asked for."""
        ...

    def result(self) -> MetricResult: ...


class MetricFamily(Protocol):
    """One family of metrics.

    Attributes:
        name: Of the family.
        backbone: What measures, named beside the numbers; "" if nothing needs naming.
    """

    @property
    def name(self) -> str: ...
    @property
    def backbone(self) -> str: ...

    def frames(self, count: int) -> NDArray[np.int64]:
        """The numbers of the frames that it needs, of a clip of `count`, ascending."""
        ...

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        """Start a trial with this driving clip and this source, RGB uint8."""
        ...


@dataclass(frozen=True)
class FidelityMetrics:
    """L1, PSNR and SSIM of evenly spaced frames; `most` of them, None for all."""

    most: int | None
    name: str = "fidelity"
    backbone: str = ""

    def frames(self, count: int) -> NDArray[np.int64]:
        return select_frames(count, self.most)

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        return _ScoreAccumulator(
            ("l1", "psnr", "ssim"), lambda batch: fidelity(batch.output_B3RR, batch.target_B3RR)
        )


@dataclass(frozen=True)
class PerceptualMetric:
    """Perceptual distance of the same frames."""

    most: int | None
    distance: PerceptualDistance
    name: str = "perceptual"

    @property
    def backbone(self) -> str:
        return self.distance.name

    def frames(self, count: int) -> NDArray[np.int64]:
        return select_frames(count, self.most)

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        return _ScoreAccumulator(
            ("perceptual",), lambda b: self.distance(b.output_B3RR, b.target_B3RR)[:, None]
        )


class _ScoreAccumulator:
    """Means of scores (B, K) over all frames, and without frame 0, which is the source."""

    def __init__(self, keys: tuple[str, ...], score: Any) -> None:
        self._keys, self._score = keys, score
        self._scores: list[NDArray[np.float64]] = []

    @torch.inference_mode()
    def add(self, batch: FrameBatch) -> None:
        self._scores.append(self._score(batch).double().cpu().numpy())

    def result(self) -> MetricResult:
        scores_TK = np.concatenate(self._scores)
        numbers = dict(zip(self._keys, scores_TK.mean(0).tolist(), strict=True))
        if len(scores_TK) > 1:
            rest = scores_TK[1:].mean(0).tolist()
            numbers |= {f"{key}_later": value for key, value in zip(self._keys, rest, strict=True)}
        return MetricResult(numbers, {"scores": scores_TK})


@dataclass(frozen=True)
class DistributionMetric:
    """Features of outputs and driving frames, for the Fréchet distance over all trials."""

    most: int | None
    features: FeatureExtractor
    name: str = "distribution"

    @property
    def backbone(self) -> str:
        return self.features.name

    def frames(self, count: int) -> NDArray[np.int64]:
        return select_frames(count, min(self.most or FEATURE_FRAMES, FEATURE_FRAMES))

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        return _FeatureAccumulator(self.features)


@dataclass
class _FeatureAccumulator:
    features: FeatureExtractor
    _outputs: list[NDArray[np.float32]] = field(default_factory=list)
    _reals: list[NDArray[np.float32]] = field(default_factory=list)

    @torch.inference_mode()
    def add(self, batch: FrameBatch) -> None:
        self._outputs.append(self.features(batch.output_B3RR).numpy())
        self._reals.append(self.features(batch.target_B3RR).numpy())

    def result(self) -> MetricResult:
        return MetricResult(
            {}, {"output": np.concatenate(self._outputs), "real": np.concatenate(self._reals)}
        )


@dataclass(frozen=True)
class SteadinessMetrics:
    """Warping error, and t-LPIPS where there are perceptual distance and ground truth, of first frames."""

    most: int
    paired: bool
    distance: PerceptualDistance | None
    name: str = "steadiness"

    @property
    def backbone(self) -> str:
        return (
            f"{TemporalErrorMeter.flow_name}; {self.distance.name}"
            if self.distance
            else TemporalErrorMeter.flow_name
        )

    def frames(self, count: int) -> NDArray[np.int64]:
        return np.arange(min(count, self.most))

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        return _SteadinessAccumulator(
            TemporalErrorMeter(self.distance if self.paired else None, PAIRS_EVERY), self.paired
        )


@dataclass
class _SteadinessAccumulator:
    temporal: TemporalErrorMeter
    paired: bool

    def add(self, batch: FrameBatch) -> None:
        for output_RR3, driving_RR3 in zip(batch.output_BRR3, batch.driving_BRR3, strict=True):
            self.temporal.add(output_RR3, driving_RR3 if self.paired else None)

    def result(self) -> MetricResult:
        steady = self.temporal.result()
        numbers = {"warping": steady.warping}
        if self.paired:
            numbers |= {"reference_warping": steady.reference_warping, "t_lpips": steady.t_lpips}
        return MetricResult(numbers, {})


@dataclass(frozen=True)
class TimeAndCoefficients:
    """Time of encoding and decoding a frame, and the coefficients, of whatever frames other families need.

    Args:
        backbone: What draws.
        timed: Whether its time means anything.
    """

    backbone: str
    timed: bool
    name: str = "drawing"

    def frames(self, count: int) -> NDArray[np.int64]:
        return np.zeros(0, np.int64)

    def prepare(
        self, driving: EvaluationClip, scan: ClipScan, source_RR3: NDArray[np.uint8]
    ) -> MetricAccumulator:
        return _TimeAccumulator(self.timed)


@dataclass
class _TimeAccumulator:
    timed: bool
    _alphas: list[NDArray[np.float32]] = field(default_factory=list)
    _seconds: list[float] = field(default_factory=list)

    def add(self, batch: FrameBatch) -> None:
        self._seconds.append(batch.seconds)
        if batch.alpha_BM is not None:
            self._alphas.append(batch.alpha_BM.numpy())

    def result(self) -> MetricResult:
        # The median, because the first batch also warms up.
        numbers = {"milliseconds": 1000 * float(np.median(self._seconds))} if self.timed else {}
        return MetricResult(numbers, {"alpha": np.concatenate(self._alphas)} if self._alphas else {})
