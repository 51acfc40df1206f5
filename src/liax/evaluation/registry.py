"""Opens every metric that can be measured here; what cannot is left out with a warning that says why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from liax.errors import LiaxError
from liax.evaluation.face_metrics import FaceMetrics, IdentityMetrics
from liax.evaluation.frechet import open_features
from liax.evaluation.metrics import (
    DistributionMetric,
    FidelityMetrics,
    MetricFamily,
    PerceptualMetric,
    SteadinessMetrics,
)
from liax.evaluation.perceptual import open_perceptual
from liax.evaluation.temporal import TemporalErrorMeter
from liax.face.embed import FaceEmbedder
from liax.face.landmarks import FaceLandmarker

log = logging.getLogger(__name__)
T = TypeVar("T")


@contextmanager
def open_metrics(
    paired: bool,
    frames: int | None,
    first: int,
    cache: Path,
    *,
    perceptual: str = "auto",
    features: str = "auto",
    device: torch.device | str = "cpu",
) -> Iterator[list[MetricFamily]]:
    """All measures that work here.

    Args:
        paired: Whether outputs have a ground truth.
        frames: Most frames compared, None for all.
        first: First frames of which motion is measured, 0 leaves faces and steadiness out.
        cache: Folder for the faces of driving clips.
        perceptual, features: Backbones, of `PERCEPTUAL_BACKBONES` and `FEATURE_BACKBONES`.
        device: Where networks that measure run.
    """
    with ExitStack() as stack:
        measures: list[MetricFamily] = [FidelityMetrics(frames)] if paired else []
        distance = None
        if paired:
            distance = _open_or_warn("The perceptual distance", lambda: open_perceptual(perceptual, device))
            if distance is not None:
                measures.append(PerceptualMetric(frames, distance))
        extractor = _open_or_warn("The Fréchet distance", lambda: open_features(features, device))
        if extractor is not None:
            measures.append(DistributionMetric(frames, extractor))
        if first > 0:
            if _open_or_warn("Steadiness (warping error)", TemporalErrorMeter) is not None:
                measures.append(SteadinessMetrics(first, paired, distance))
            landmarker = _open_or_warn(
                "What faces do", lambda: stack.enter_context(FaceLandmarker(max_faces=1))
            )
            if landmarker is not None:
                measures.append(FaceMetrics(first, paired, landmarker, cache))
                embedder = _open_or_warn("Identity", FaceEmbedder)
                if embedder is not None:
                    measures.append(IdentityMetrics(frames, landmarker, embedder))
        yield measures


def _open_or_warn(what: str, opened: Callable[[], T]) -> T | None:
    try:
        return opened()
    except LiaxError as error:
        log.warning(f"{what} is not measured: {error}")
    except ModuleNotFoundError as error:
        log.warning(
            f"{what} is not measured, for want of the package {error.name}; "
            "install liax with its extra (liax[evaluate])."
        )
    return None
