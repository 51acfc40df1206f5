"""Perceptual path length in motion space: how far pictures travel between the motions of two real frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.evaluation.perceptual import PerceptualDistance
from liax.evaluation.summary import bootstrap_interval
from liax.interpretation.observe import Observations
from liax.model import Encoded
from liax.model.pixels import to_unit
from liax.portrait.animator import Animator
from liax.portrait.source import Portrait

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
            change; its root is a metric. (…)_low, (…)_high: 95 % bootstrap intervals by clip; NaN for fewer
            than two clips. length_P, straightness_P (NaN where the ends look alike), clip_P: of each path,
            clip_P indexing the clips.
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
    progress: Progress | None = None,
) -> PathLength:
    """Over `paths` random pairs of frames, drawn clip by clip in turn, each on the next of the portraits.

    Args:
        epsilon: With the bundled weights a step of .01 reads 7 % shorter, and .1 less than half. Pictures are
            computed in full float32 on every device; smaller steps drown in the rounding of anything less.
            Clips of a single frame have no paths.

    Raises:
        ValueError: Without a clip of two frames, or a portrait.
    """
    clips = [
        clip for clip, count in zip(*np.unique(observed.clip_N, return_counts=True), strict=True) if count > 1
    ]
    if not clips or not portraits or paths < 1:
        raise ValueError("a path needs a portrait and two frames of a clip")
    random = np.random.default_rng(seed)
    sources = [_precise(portrait.encoded) for portrait in portraits]
    clip_P = np.array([clips[p % len(clips)] for p in range(paths)], np.int64)
    length_P, straightness_P = np.empty(paths), np.empty(paths)
    for p, clip in enumerate(clip_P):
        ends_2M = observed.alpha_NM[random.choice(np.flatnonzero(observed.clip_N == clip), 2, replace=False)]
        begin = random.uniform(0, 1 - epsilon)
        at_T = np.r_[begin, begin + epsilon, np.linspace(0, 1, _STEPS + 1)]
        with _full_float32():
            pictures_T3RR = _drawn(animator, sources[p % len(sources)], ends_2M, at_T)
            length_P[p] = float(distance(pictures_T3RR[:1], pictures_T3RR[1:2])) / epsilon**2
            straightness_P[p] = _straightness(pictures_T3RR[2:], distance)
        if progress is not None:
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


def _precise(source: Encoded) -> Encoded:
    """In float32: pictures ε apart would be equal in the bfloat16 that GPUs draw in."""
    features = tuple(map_1CHW.float() for map_1CHW in source.features)
    return source._replace(features=features)


@torch.inference_mode()
def _drawn(
    animator: Animator, source: Encoded, ends_2M: NDArray[np.float32], at_T: NDArray[np.float64]
) -> Tensor:
    """Pictures (T, 3, R, R) in [0, 1], float32 on the CPU and not rounded to 8 bits, at 0…1 of a line."""
    alpha_TM = torch.from_numpy(ends_2M[0] + at_T[:, None] * (ends_2M[1] - ends_2M[0])).float()
    pictures = []
    for alpha_BM in alpha_TM.split(animator.batch_size):
        code_BD = animator.network.reenact(source.code_BD, alpha_BM.to(animator.device))
        pictures.append(to_unit(animator.network.decode(code_BD, source.features)).cpu())
    return torch.cat(pictures)


def _by_clip(
    values_P: NDArray[np.float64], clip_P: NDArray[np.int64], clips: Sequence[int]
) -> NDArray[np.float64]:
    """Mean of each clip's paths that have a value; NaN where none has."""
    known = np.isfinite(values_P)
    of_clip = [values_P[known & (clip_P == clip)] for clip in clips]
    return np.array([values.mean() if len(values) else np.nan for values in of_clip])
