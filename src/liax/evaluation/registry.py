"""Opens every metric family that works on this machine; others are left out, with a warning that says why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from liax.errors import LiaxError, MissingPackageError, NotMeasured
from liax.evaluation.face_metrics import FaceMetrics, IdentityMetrics
from liax.evaluation.frechet import open_features
from liax.evaluation.metrics import (
    DistributionMetric,
    FidelityMetrics,
    MetricFamily,
    PerceptualMetric,
    SteadinessMetrics,
)
from liax.evaluation.mouth_metrics import MouthMetrics
from liax.evaluation.options import EvaluateOptions
from liax.evaluation.perceptual import open_perceptual
from liax.evaluation.temporal import TemporalErrorMeter
from liax.face.embed import FaceEmbedder
from liax.face.landmarks import FaceLandmarker

log = logging.getLogger(__name__)
T = TypeVar("T")


@contextmanager
def open_metrics(
    options: EvaluateOptions, cache: Path, device: torch.device | str = "cpu"
) -> Iterator[list[MetricFamily]]:
    """All metric families that work on this machine.

    Args:
        options: Protocol, frames and backbones.
        cache: Folder for the faces of driving clips.
        device: Where networks that measure run.
    """
    paired, frames, first = options.protocol == "self", options.most_frames, options.first
    with ExitStack() as stack:
        families: list[MetricFamily] = [FidelityMetrics(frames)] if paired else []
        distance = None
        if paired:
            distance = _open_or_warn(
                "The perceptual distance", lambda: open_perceptual(options.perceptual, device)
            )
            if distance is not None:
                families.append(PerceptualMetric(frames, distance))
        extractor = _open_or_warn("The Fréchet distance", lambda: open_features(options.features, device))
        if extractor is not None:
            families.append(DistributionMetric(frames, extractor))
        if first > 0:
            if _open_or_warn("Steadiness (warping error)", TemporalErrorMeter) is not None:
                families.append(SteadinessMetrics(first, paired, distance))
            landmarker = _open_or_warn(
                "What faces do", lambda: stack.enter_context(FaceLandmarker(max_faces=1))
            )
            if landmarker is not None:
                families.append(FaceMetrics(first, paired, landmarker, cache))
                if paired:
                    families.append(MouthMetrics(frames, landmarker, distance))
                embedder = _open_or_warn("Identity", FaceEmbedder)
                if embedder is not None:
                    families.append(IdentityMetrics(frames, landmarker, embedder))
        yield families


def _open_or_warn(what: str, opened: Callable[[], T]) -> T | None:
    try:
        return opened()
    except LiaxError as error:
        log.warning(NotMeasured(what, error))
    except ModuleNotFoundError as error:
        log.warning(NotMeasured(what, MissingPackageError("It", (str(error.name),), "evaluate")))
    return None
