"""Which two frames make a training pair: a pure function of seed and step, so runs resume exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.data.config import DataConfig
from liax.data.frames import first_numbers
from liax.data.landmarks import load_landmarks
from liax.data.manifest import Item, Manifest
from liax.data.regions import PARTS, Regions, load_regions
from liax.face.factors import FACTORS

# Frames drawn for the source of a near-pose pair, of which the one with the nearest head pose is taken, and
# for that of a far-pose pair, of which the furthest is taken.
_NEAR_POSE_DRAWS, _FAR_POSE_DRAWS = 12, 4
# Frames drawn for the source and for the driving frame of a mouth pair, of which the extreme ones are taken.
_MOUTH_DRAWS = 8
# Frames of a neighbour pair are at most so many apart.
_NEIGHBOURS = 3
# Usual deviations of gaze and wink that count at most.
_FURTHEST = 3.0
_POSE = [k for k, factor in enumerate(FACTORS.values()) if factor.group == "head"]
_USUAL_POSE = np.array([factor.usual for factor in FACTORS.values() if factor.group == "head"])
_MOUTH = [list(FACTORS).index(name) for name in ("smile", "jaw")]
_USUAL_MOUTH = np.array([FACTORS[name].usual for name in ("smile", "jaw")])
_ASIDE = [k for k, f in enumerate(FACTORS.values()) if f.group in ("eyes", "gaze") and f.mirrored]
_USUAL_ASIDE = np.array([list(FACTORS.values())[k].usual for k in _ASIDE])


@dataclass(frozen=True)
class PairIndices:
    """A batch of B pairs as frame numbers; the first `stills` of them are one still twice.

    Args:
        boxes_BP4: Eye and mouth boxes of the driving frames as fractions (left, top, right, bottom); NaN
            where unknown.
        source_factors_BK, factors_BK: The factors of the source's and the driving frames' faces
            (`liax.face.factors.FACTORS`); NaN where unknown.
        points_B2P2: The landmarks of the source's and the driving frames as fractions; NaN where unknown,
            None without `config.landmarks`.
    """

    source_B: NDArray[np.int64]
    driving_B: NDArray[np.int64]
    boxes_BP4: NDArray[np.float32]
    source_factors_BK: NDArray[np.float32]
    factors_BK: NDArray[np.float32]
    stills: int
    points_B2P2: NDArray[np.float32] | None = None


class PairSampler:
    """Draws clips by identity, then two frames of one clip; stills are drawn by identity as well.

    With `config.regions`, driving frames with closed eyes or an open mouth are drawn more often
    (`expression_boost`), and those that look aside or wink (`gaze_boost`); and the source of the share
    `near_pose_share` of pairs is the frame, of several drawn, whose head pose is nearest to the driving
    frame's; for the share `far_pose_share` it is the furthest of a few. In the share `mouth_share` the source
    smiles with its mouth shut and the driving frame opens it, each as far as any of several drawn; their
    clips are drawn in proportion to how far the mouth moves in them. In the share `neighbour_share` the
    frames are at most a few apart, or the same.

    With `config.landmarks`, both frames are then replaced by the nearest ones whose landmarks are known.

    Args:
        batch: Pairs of a step, of all devices together.
        seed: Of everything that is drawn.
    """

    def __init__(self, manifest: Manifest, config: DataConfig, *, batch: int, seed: int) -> None:
        self._starts = first_numbers(manifest.items)
        self._items = manifest.items
        self._regions = load_regions(config.regions) if config.regions else {}
        self._landmarks = load_landmarks(config.landmarks) if config.landmarks else {}
        self._clips = _by_identity(manifest.items, "clip")
        self._portraits = _by_identity(manifest.items, "portrait")
        self._batch, self._seed = batch, seed
        kinds = {
            self._near_pose_pair: config.near_pose_share,
            self._far_pose_pair: config.far_pose_share,
            self._neighbour_pair: config.neighbour_share,
            self._mouth_pair: config.mouth_share,
        }
        self._kinds, self._until = list(kinds), np.cumsum(list(kinds.values()))
        self._drawn: tuple[tuple[int, int, int], PairIndices] | None = None
        motion_I = np.array([np.mean([self._motion(item) for item in clips]) for clips in self._clips])
        self._people = _cumulative(motion_I**config.motion_power)
        share = config.still_share if self._portraits else 0.0
        self._stills = batch if not self._clips else round(batch * share)
        self._weights = {
            i: _expressiveness(
                self._regions.get(item.file), item.frames, config.expression_boost, config.gaze_boost
            )
            for i, item in enumerate(manifest.items)
            if item.kind == "clip"
        }
        self._mouth_items = [i for clips in self._clips for i in clips]
        reach_I = np.array([self._mouth_reach(i) / len(clips) for clips in self._clips for i in clips])
        self._mouth_weights = _cumulative(reach_I if reach_I.sum() else np.ones(len(reach_I)))

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
        picks = [self._with_landmarks(*pick) for pick in picks]
        item, source, driving = (np.array(column, np.int64) for column in zip(*picks, strict=True))
        return PairIndices(
            source_B=self._starts[item] + source,
            driving_B=self._starts[item] + driving,
            boxes_BP4=np.stack([self._boxes(i, t) for i, t in zip(item, driving, strict=True)]),
            source_factors_BK=np.stack([self._factors(i, t) for i, t in zip(item, source, strict=True)]),
            factors_BK=np.stack([self._factors(i, t) for i, t in zip(item, driving, strict=True)]),
            stills=stills,
            points_B2P2=self._points(picks) if self._landmarks else None,
        )

    def _with_landmarks(self, item: int, source: int, driving: int) -> tuple[int, int, int]:
        """The pair of nearest frames whose landmarks are known, if any are."""
        known = self._landmarks.get(self._items[item].file)
        if known is None:
            return item, source, driving
        source, driving = (int(known.times_T[known.nearest(time)]) for time in (source, driving))
        return item, source, driving

    def _points(self, picks: list[tuple[int, int, int]]) -> NDArray[np.float32]:
        unknown_P2 = np.full_like(next(iter(self._landmarks.values())).points_TP2[0], np.nan)
        points = []
        for item, *times in picks:
            known = self._landmarks.get(self._items[item].file)
            points.append(
                [unknown_P2 if known is None else known.points_TP2[known.nearest(t)] for t in times]
            )
        return np.array(points)

    def _still(self, rng: np.random.Generator) -> tuple[int, int, int]:
        return int(rng.choice(self._portraits[rng.integers(len(self._portraits))])), 0, 0

    def _clip_pair(self, rng: np.random.Generator) -> tuple[int, int, int]:
        item = int(rng.choice(self._clips[int(np.searchsorted(self._people, rng.random()))]))
        driving = int(np.searchsorted(self._weights[item], rng.random()))
        kind = int(np.searchsorted(self._until, rng.random(), side="right"))
        if kind < len(self._kinds):
            return self._kinds[kind](rng, item, driving)
        return item, int(rng.integers(self._items[item].frames)), driving

    def _near_pose_pair(self, rng: np.random.Generator, item: int, driving: int) -> tuple[int, int, int]:
        sources_N, away_N = self._poses_away(rng, item, driving, _NEAR_POSE_DRAWS)
        return item, int(sources_N[away_N.argmin()]), driving

    def _far_pose_pair(self, rng: np.random.Generator, item: int, driving: int) -> tuple[int, int, int]:
        sources_N, away_N = self._poses_away(rng, item, driving, _FAR_POSE_DRAWS)
        return item, int(sources_N[away_N.argmax()]), driving

    def _neighbour_pair(self, rng: np.random.Generator, item: int, driving: int) -> tuple[int, int, int]:
        source = driving + int(rng.integers(-_NEIGHBOURS, _NEIGHBOURS + 1))
        return item, min(max(source, 0), self._items[item].frames - 1), driving

    def _mouth_pair(self, rng: np.random.Generator, item: int, driving: int) -> tuple[int, int, int]:
        """Of another clip than was drawn, and of other frames."""
        item = self._mouth_items[int(np.searchsorted(self._mouth_weights, rng.random()))]
        times_2N = rng.integers(self._items[item].frames, size=(2, _MOUTH_DRAWS))
        mouths_2NK = np.nan_to_num(self._some_factors(item, times_2N.flatten(), _MOUTH) / _USUAL_MOUTH)
        mouths_2NK = mouths_2NK.reshape(2, _MOUTH_DRAWS, 2)
        source = times_2N[0][(mouths_2NK[0, :, 0] - mouths_2NK[0, :, 1]).argmax()]
        return item, int(source), int(times_2N[1][mouths_2NK[1, :, 1].argmax()])

    def _poses_away(
        self, rng: np.random.Generator, item: int, driving: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """`count` frames of a clip, and how far their head poses are from the driving frame's."""
        sources_N = rng.integers(self._items[item].frames, size=count)
        poses_NK = self._some_factors(item, np.array([driving, *sources_N]), _POSE) / _USUAL_POSE
        return sources_N, np.nan_to_num(np.abs(poses_NK[1:] - poses_NK[0]).sum(1))

    def _some_factors(self, item: int, times_N: NDArray[np.int64], which: list[int]) -> NDArray[np.float64]:
        return np.stack([self._factors(item, int(t)) for t in times_N]).astype(np.float64)[:, which]

    def _mouth_reach(self, item: int) -> float:
        """How far a clip's mouth goes in smiles and jaw, in usual deviations; 0 where that is unknown."""
        regions = self._regions.get(self._items[item].file)
        mouths_TK = np.empty((0, 2)) if regions is None else regions.factors_TK[:, _MOUTH]
        mouths_TK = mouths_TK[~np.isnan(mouths_TK).any(1)]
        if not len(mouths_TK):
            return 0.0
        low_K, high_K = np.quantile(mouths_TK, (0.05, 0.95), axis=0)
        return float(((high_K - low_K) / _USUAL_MOUTH).sum())

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


def _expressiveness(
    regions: Regions | None, frames: int, expression_boost: float, gaze_boost: float
) -> NDArray[np.float64]:
    """Cumulative probabilities of a clip's frames.

    Their weight is 1 + expression_boost · (how closed the eyes + how open the mouth), both relative to the
    clip's own median, as fractions of the clip's largest deviation; + gaze_boost · how far the eyes look
    aside or wink, in usual deviations from the median.
    """
    weight_T = np.ones(frames)
    if regions is not None and np.isfinite(regions.opening_TP[:frames]).any():
        opening_TP = regions.opening_TP[:frames].astype(np.float64)
        eyes_T, mouth_T = opening_TP[:, :2].mean(1), opening_TP[:, 2]
        for deviation_T in (np.nanmedian(eyes_T) - eyes_T, mouth_T - np.nanmedian(mouth_T)):
            positive_T = np.nan_to_num(deviation_T.clip(0))
            # Below 0.05 a deviation is measurement noise, not a blink or a word.
            weight_T[: len(positive_T)] += expression_boost * positive_T / max(float(positive_T.max()), 0.05)
    if gaze_boost and regions is not None and np.isfinite(regions.factors_TK[:frames]).any():
        eyes_TK = regions.factors_TK[:frames, _ASIDE].astype(np.float64)
        known_K = np.isfinite(eyes_TK).any(0)
        away_TK = np.abs(eyes_TK[:, known_K] - np.nanmedian(eyes_TK[:, known_K], axis=0))
        away_TK = np.nan_to_num(away_TK / _USUAL_ASIDE[known_K]).clip(max=_FURTHEST)
        weight_T[: len(away_TK)] += gaze_boost * away_TK.sum(1)
    return _cumulative(weight_T)


def _cumulative(weight_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cumulative probabilities, whose last is 1 exactly; none for no weights."""
    cumulative_N: NDArray[np.float64] = np.cumsum(weight_N)
    return cumulative_N / cumulative_N[-1:]
