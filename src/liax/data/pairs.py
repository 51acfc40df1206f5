"""Which two frames make a training pair: a pure function of seed and step, so runs resume exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.data.config import DataConfig
from liax.data.frames import first_numbers
from liax.data.manifest import Item, Manifest
from liax.data.regions import PARTS, Regions, load_regions
from liax.face.factors import FACTORS

# Frames drawn for the source of a near-pose pair, of which the one with the nearest head pose is taken, and
# for that of a far-pose pair, of which the furthest is taken.
_NEAR_POSE_DRAWS, _FAR_POSE_DRAWS = 12, 4
_POSE = [k for k, factor in enumerate(FACTORS.values()) if factor.group == "head"]
_USUAL_POSE = np.array([factor.usual for factor in FACTORS.values() if factor.group == "head"])


@dataclass(frozen=True)
class PairIndices:
    """A batch of B pairs as frame numbers; the first `stills` of them are one still twice.

    Args:
        boxes_BP4: Eye and mouth boxes of the driving frames as fractions (left, top, right, bottom); NaN
            where unknown.
        source_factors_BK, factors_BK: The factors of the source's and the driving frames' faces
            (`liax.face.factors.FACTORS`); NaN where unknown.
    """

    source_B: NDArray[np.int64]
    driving_B: NDArray[np.int64]
    boxes_BP4: NDArray[np.float32]
    source_factors_BK: NDArray[np.float32]
    factors_BK: NDArray[np.float32]
    stills: int


class PairSampler:
    """Draws clips by identity, then two frames of one clip; stills are drawn by identity as well.

    With `config.regions`, driving frames with closed eyes or an open mouth are drawn more often
    (`expression_boost`), and the source of the share `near_pose_share` of pairs is the frame, of several
    drawn, whose head pose is nearest to the driving frame's; for the share `far_pose_share` it is the
    furthest of a few.

    Args:
        batch: Pairs of a step, of all devices together.
        seed: Of everything that is drawn.
    """

    def __init__(self, manifest: Manifest, config: DataConfig, *, batch: int, seed: int) -> None:
        self._starts = first_numbers(manifest.items)
        self._items = manifest.items
        self._regions = load_regions(config.regions) if config.regions else {}
        self._clips = _by_identity(manifest.items, "clip")
        self._portraits = _by_identity(manifest.items, "portrait")
        self._batch, self._seed = batch, seed
        self._near_pose_share, self._far_pose_share = config.near_pose_share, config.far_pose_share
        self._drawn: tuple[tuple[int, int, int], PairIndices] | None = None
        motion_I = np.array([np.mean([self._motion(item) for item in clips]) for clips in self._clips])
        self._people = _cumulative(motion_I**config.motion_power)
        share = config.still_share if self._portraits else 0.0
        self._stills = batch if not self._clips else round(batch * share)
        self._weights = {
            i: _expressiveness(self._regions.get(item.file), item.frames, config.expression_boost)
            for i, item in enumerate(manifest.items)
            if item.kind == "clip"
        }

    def batch(self, step: int, part: tuple[int, int] = (0, 1)) -> PairIndices:
        """A step's pairs, or of part (i, n) the pairs i, i + n, …; every part has its share of the stills.

        Pair k of a step is the same for the same seed, however the batch is divided.
        """
        wanted = (step, *part)
        if self._drawn is None or self._drawn[0] != wanted:
            self._drawn = (wanted, self._draw(*wanted))
        return self._drawn[1]

    def _draw(self, step: int, index: int, count: int) -> PairIndices:
        numbers = range(index, self._batch, count)
        stills = len(range(index, self._stills, count))
        rngs = [np.random.default_rng([self._seed, 0, step, k]) for k in numbers]
        picks = [self._still(rng) for rng in rngs[:stills]] + [self._clip_pair(rng) for rng in rngs[stills:]]
        item, source, driving = (np.array(column, np.int64) for column in zip(*picks, strict=True))
        return PairIndices(
            source_B=self._starts[item] + source,
            driving_B=self._starts[item] + driving,
            boxes_BP4=np.stack([self._boxes(i, t) for i, t in zip(item, driving, strict=True)]),
            source_factors_BK=np.stack([self._factors(i, t) for i, t in zip(item, source, strict=True)]),
            factors_BK=np.stack([self._factors(i, t) for i, t in zip(item, driving, strict=True)]),
            stills=stills,
        )

    def _still(self, rng: np.random.Generator) -> tuple[int, int, int]:
        return int(rng.choice(self._portraits[rng.integers(len(self._portraits))])), 0, 0

    def _clip_pair(self, rng: np.random.Generator) -> tuple[int, int, int]:
        item = int(rng.choice(self._clips[int(np.searchsorted(self._people, rng.random()))]))
        driving = int(np.searchsorted(self._weights[item], rng.random()))
        kind, frames = rng.random(), self._items[item].frames
        if kind >= self._near_pose_share + self._far_pose_share:
            return item, int(rng.integers(frames)), driving
        near = kind < self._near_pose_share
        sources = rng.integers(frames, size=_NEAR_POSE_DRAWS if near else _FAR_POSE_DRAWS)
        poses_NK = (
            np.stack([self._factors(item, int(t)) for t in (driving, *sources)])[:, _POSE] / _USUAL_POSE
        )
        away_N = np.nan_to_num(np.abs(poses_NK[1:] - poses_NK[0]).sum(1))
        return item, int(sources[away_N.argmin() if near else away_N.argmax()]), driving

    def _motion(self, item: int) -> float:
        """How far a clip's head poses lie apart, in usual deviations; 1 where that is unknown."""
        regions = self._regions.get(self._items[item].file)
        poses_TK = np.empty((0, 1)) if regions is None else regions.factors_TK[:, _POSE]
        poses_TK = poses_TK[~np.isnan(poses_TK).any(1)]
        return float((poses_TK.std(0) / _USUAL_POSE).sum()) + 0.05 if len(poses_TK) else 1.0

    def _boxes(self, item: int, frame: int) -> NDArray[np.float32]:
        regions = self._regions.get(self._items[item].file)
        if regions is None or frame >= len(regions.boxes_TP4):
            return np.full((len(PARTS), 4), np.nan, np.float32)
        return regions.boxes_TP4[frame]

    def _factors(self, item: int, frame: int) -> NDArray[np.float32]:
        regions = self._regions.get(self._items[item].file)
        if regions is None or frame >= len(regions.factors_TK):
            return np.full(len(FACTORS), np.nan, np.float32)
        return regions.factors_TK[frame]


def _by_identity(items: tuple[Item, ...], kind: str) -> list[list[int]]:
    """Indices of the items of one kind, grouped by identity in order of first appearance."""
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        if item.kind == kind:
            groups.setdefault(item.identity, []).append(index)
    return list(groups.values())


def _expressiveness(regions: Regions | None, frames: int, strength: float) -> NDArray[np.float64]:
    """Cumulative probabilities of a clip's frames: 1 + strength · (how closed the eyes + how open the mouth).

    Both are relative to the clip's own median, as fractions of the clip's largest deviation.
    """
    weight_T = np.ones(frames)
    if regions is not None and np.isfinite(regions.opening_TP[:frames]).any():
        opening_TP = regions.opening_TP[:frames].astype(np.float64)
        eyes_T, mouth_T = opening_TP[:, :2].mean(1), opening_TP[:, 2]
        for deviation_T in (np.nanmedian(eyes_T) - eyes_T, mouth_T - np.nanmedian(mouth_T)):
            positive_T = np.nan_to_num(deviation_T.clip(0))
            # Below 0.05 a deviation is measurement noise, not a blink or a word.
            weight_T[: len(positive_T)] += strength * positive_T / max(float(positive_T.max()), 0.05)
    return _cumulative(weight_T)


def _cumulative(weight_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cumulative probabilities, whose last is 1 exactly; none for no weights."""
    cumulative_N: NDArray[np.float64] = np.cumsum(weight_N)
    return cumulative_N / cumulative_N[-1:]
