"""Opens everything that can measure here; what cannot is left out with a warning that says why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from liax.errors import LiaxError
from liax.evaluation.face_measures import FaceMotion, Identity
from liax.evaluation.frechet import open_features
from liax.evaluation.measures import Distribution, Fidelity, Measure, Perceptual, Steadiness
from liax.evaluation.perceptual import open_perceptual
from liax.evaluation.temporal import Temporal
from liax.face.embed import FaceEmbedder
from liax.face.landmarks import FaceLandmarker

log = logging.getLogger(__name__)
T = TypeVar("T")


@contextmanager
def open_measures(
    paired: bool,
    frames: int | None,
    first: int,
    cache: Path,
    *,
    perceptual: str = "auto",
    features: str = "auto",
    device: torch.device | str = "cpu",
) -> Iterator[list[Measure]]:
    """All measures that work here.

    paired: whether outputs have a ground truth. frames: most frames compared, None for all.
    first: first frames of which motion is measured, 0 leaves faces and steadiness out.
    cache: folder for the faces of driving clips. perceptual, features: backbones, of `perceptual.NAMES` and
    `frechet.NAMES`. device: where networks that measure run.
    """
    with ExitStack() as stack:
        measures: list[Measure] = [Fidelity(frames)] if paired else []
        distance = None
        if paired:
            distance = _tried("The perceptual distance", lambda: open_perceptual(perceptual, device))
            if distance is not None:
                measures.append(Perceptual(frames, distance))
        extractor = _tried("The Fréchet distance", lambda: open_features(features, device))
        if extractor is not None:
            measures.append(Distribution(frames, extractor))
        if first > 0:
            if _tried("Steadiness (warping error)", Temporal) is not None:
                measures.append(Steadiness(first, paired, distance))
            landmarker = _tried("What faces do", lambda: stack.enter_context(FaceLandmarker(max_faces=1)))
            if landmarker is not None:
                measures.append(FaceMotion(first, paired, landmarker, cache))
                embedder = _tried("Identity", FaceEmbedder)
                if embedder is not None:
                    measures.append(Identity(frames, landmarker, embedder))
        yield measures


def _tried(what: str, opened: Callable[[], T]) -> T | None:
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
