"""Perceptual path length in motion space: how far pictures travel between the motions of two real frames.

Unlike everything else that is measured, these pictures are not the ones that users get: they are unrounded
and in float32 on every device, because pictures ε apart are equal in 8 bits, and in bfloat16.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.evaluation.perceptual import PerceptualDistance
from liax.evaluation.summary import bootstrap_interval
from liax.interpretation.observe import Observations
from liax.interpretation.probe import draw_states
from liax.model import Encoded
from liax.model.pixels import to_unit
from liax.portrait.animator import Animator
from liax.portrait.source import Portrait
from liax.progress import Progress, no_progress

# Steps of the whole path, for its straightness.
_STEPS = 8


@dataclass(frozen=True)
class PathLength:
    """Of P paths, straight lines between the coefficients of two frames of one clip, drawn on portraits.

    Args:
        distance: The perceptual distance's name; lengths by different ones do not compare.
        length: Mean of d(G(t), G(t + ε)) / ε² at one random t of each path (Karras et al. 2019, section 4.1;
            there between latent codes, here between motions of one person). Large: pictures change by more,
            or leap.
        straightness: Mean over paths of √d(G(0), G(1)) / Σ √d of 8 equal steps, in (0, 1]: 1 when pictures go
            straight from one end to the other, whatever the distance. d grows with the square of a small
            change; its root is a metric.
        length_low, length_high, straightness_low, straightness_high: Ends of 95 % bootstrap intervals by
            clip; NaN for fewer than two clips.
        length_P, straightness_P: Of each path; straightness is NaN where the ends look alike.
        clip_P: The clip of each path.
    """

    distance: str
    epsilon: float
    length: float
    length_low: float
    length_high: float
    straightness: float
    straightness_low: float
    straightness_high: float
    length_P: NDArray[np.float64]
    straightness_P: NDArray[np.float64]
    clip_P: NDArray[np.int64]


def path_length(
    animator: Animator,
    observed: Observations,
    portraits: Sequence[Portrait],
    distance: PerceptualDistance,
    paths: int = 100,
    epsilon: float = 1e-3,
    seed: int = 0,
    progress: Progress = no_progress,
) -> PathLength:
    """Path length and straightness over `paths` random pairs of frames of one clip.

    Clips take turns, and so do portraits. Clips of a single frame have no paths.

    Args:
        epsilon: The step. With the bundled weights one of .01 reads 7 % shorter, and .1 less than half.

    Raises:
        ValueError: If no clip has two frames, or there is no portrait.
    """
    clips = [
        clip for clip, count in zip(*np.unique(observed.clip_N, return_counts=True), strict=True) if count > 1
    ]
    if not clips or not portraits or paths < 1:
        raise ValueError("a path needs a portrait and two frames of a clip")
    random = np.random.default_rng(seed)
    sources = [_in_float32(portrait.encoded) for portrait in portraits]
    clip_P = np.array([clips[p % len(clips)] for p in range(paths)], np.int64)
    length_P, straightness_P = np.empty(paths), np.empty(paths)
    for p, clip in enumerate(clip_P):
        ends_2M = observed.alpha_NM[random.choice(np.flatnonzero(observed.clip_N == clip), 2, replace=False)]
        begin = random.uniform(0, 1 - epsilon)
        at_T = np.r_[begin, begin + epsilon, np.linspace(0, 1, _STEPS + 1)]
        with _full_float32():
            pictures_T3RR = _pictures_between(animator, sources[p % len(sources)], ends_2M, at_T)
            length_P[p] = float(distance(pictures_T3RR[:1], pictures_T3RR[1:2])) / epsilon**2
            straightness_P[p] = _straightness(pictures_T3RR[2:], distance)
        progress("measuring paths", p + 1, paths)
    length_C = _by_clip(length_P, clip_P, clips)
    straightness_C = _by_clip(straightness_P, clip_P, clips)
    return PathLength(
        distance.name,
        epsilon,
        float(np.nanmean(length_C)),
        *bootstrap_interval(length_C),
        float(np.nanmean(straightness_C)) if np.isfinite(straightness_C).any() else float("nan"),
        *bootstrap_interval(straightness_C),
        length_P,
        straightness_P,
        clip_P,
    )


def _straightness(pictures_T3RR: Tensor, distance: PerceptualDistance) -> float:
    ends = float(distance(pictures_T3RR[:1], pictures_T3RR[-1:]).clamp(min=0).sqrt())
    steps = float(distance(pictures_T3RR[:-1], pictures_T3RR[1:]).clamp(min=0).sqrt().sum())
    return ends / steps if steps > 0 else float("nan")


def _full_float32() -> AbstractContextManager[None]:
    """Convolutions on CUDA without the ten-bit mantissas of TF32, which is otherwise PyTorch's choice."""
    cudnn = torch.backends.cudnn
    flags: AbstractContextManager[None] = cudnn.flags(
        cudnn.enabled, cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False
    )
    return flags


def _in_float32(source: Encoded) -> Encoded:
    """The same source, decoded in float32 whatever the animator's precision."""
    features = tuple(map_1CHW.float() for map_1CHW in source.features)
    return source._replace(features=features)


def _pictures_between(
    animator: Animator, source: Encoded, ends_2M: NDArray[np.float32], at_T: NDArray[np.float64]
) -> Tensor:
    """Unrounded pictures (T, 3, R, R) in [0, 1] on the CPU, at 0 … 1 on a line of coefficients."""
    alphas_TM = (ends_2M[0] + at_T[:, None] * (ends_2M[1] - ends_2M[0])).astype(np.float32)
    return torch.cat([to_unit(state.image).cpu() for state in draw_states(animator, source, alphas_TM)])


def _by_clip(
    values_P: NDArray[np.float64], clip_P: NDArray[np.int64], clips: Sequence[int]
) -> NDArray[np.float64]:
    """Mean of each clip's paths that have a value; NaN where none has."""
    known = np.isfinite(values_P)
    of_clip = [values_P[known & (clip_P == clip)] for clip in clips]
    return np.array([values.mean() if len(values) else np.nan for values in of_clip])
