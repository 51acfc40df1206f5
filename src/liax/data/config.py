"""Which frames a run trains on, how pairs are drawn from them, and how they are augmented.

Each field's docstring is what `liax train --help` says about it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from liax.errors import LiaxError


@dataclass(frozen=True)
class DataConfig:
    """The frames of a run, and how pairs are drawn from them."""

    manifest: Path = Path("data/manifest.csv")
    """The data set: a folder that `liax prepare` made, or a CSV file with one line per clip or still."""
    split: str = "train"
    """The split of the manifest to train on."""
    validation: str | None = "val"
    """The split to validate on; None skips validation."""
    regions: Path | None = None
    """The file of measured eyes, mouths and factors that `liax regions` wrote for the manifest; None trains
    without emphasis on eyes and mouths and without named controls."""
    landmarks: Path | None = None
    """The file of landmarks that `liax.data.landmarks.measure_landmarks` wrote for the manifest, which
    loss.landmark_flow needs. Of its clips only frames with landmarks are drawn."""
    frames: Literal["auto", "device", "memory", "stream"] = "auto"
    """Where decoded frames are kept: on the GPU (device), in main memory (memory), or nowhere, so that clips
    are decoded when they are drawn (stream). auto takes the first that fits."""
    workers: int = 8
    """Threads that decode clips."""
    frame_cache: Path | None = None
    """A folder that keeps the decoded frames on disk, so that later runs on the same frames start at once
    (11 GB for 57,000 frames of 256x256)."""
    still_share: float = 0.15
    """Share of each batch that is stills, each turned into a pair by two random transforms."""
    expression_boost: float = 4.0
    """How much more often than by chance frames with closed eyes or an open mouth are drawn; 0 draws all
    frames equally often."""
    near_pose_share: float = 0.35
    """Share of pairs whose source is chosen to have nearly the head pose of the driving frame, so that mostly
    the expression differs."""
    far_pose_share: float = 0.0
    """Share of pairs whose source is chosen to have a very different head pose."""
    neighbour_share: float = 0.0
    """Share of pairs whose frames are neighbours in time or the same, which keeps the source's own picture as
    it is."""
    mouth_share: float = 0.0
    """Share of pairs whose source smiles with its mouth shut and whose driving frame opens it wide."""
    gaze_boost: float = 0.0
    """How much more often than by chance frames are drawn whose eyes look aside or wink; 0 does not heed
    that."""
    motion_power: float = 0.0
    """People whose heads turn further are drawn more often: in proportion to this power of how far they turn.
    0 draws all people equally often."""

    def check(self) -> None:
        """Raises LiaxError for shares that no pairs can have."""
        if self.near_pose_share + self.far_pose_share + self.neighbour_share + self.mouth_share > 1:
            raise LiaxError(
                "data.near_pose_share, far_pose_share, neighbour_share and mouth_share are shares of the "
                "same pairs",
                "make their sum at most 1",
            )


@dataclass(frozen=True)
class AugmentConfig:
    """How pairs are augmented. Strengths are the largest that are drawn; 0 leaves an augmentation out."""

    flip: float = 0.5
    """Probability of mirroring a pair."""
    colour: float = 0.3
    """Strength of the colour jitter that both frames of a pair share."""
    hue: float = 0.0
    """Largest rotation of a pair's hue, in degrees."""
    still_rotation: float = 15.0
    """Largest rotation of the two transforms that make a pair of a still, in degrees."""
    still_scale: float = 0.12
    """Their largest relative change of scale."""
    still_shift: float = 0.08
    """Their largest shift, as a fraction of the picture."""
    self_reenact_share: float = 0.0
    """Share of stills whose source the network in training renders itself, with another pose and expression;
    the network then has to reproduce the real still from it."""
    pair_share: float = 0.8
    """Share of pairs from clips that get one random transform for both frames."""
    pair_rotation: float = 14.0
    """Largest rotation of that transform, in degrees."""
    pair_scale: float = 0.2
    """Its largest relative change of scale."""
    pair_shift: float = 0.08
    """Its largest shift, as a fraction of the picture."""
    stretch: float = 0.16
    """How much wider or narrower such pairs and stills become at most: faces of other proportions."""
    elastic: float = 0.0
    """How far such pairs and stills are bent smoothly at most, as a fraction of the picture."""
    driving_colour: float = 0.2
    """Strength of a colour jitter of the driving frame alone, so that the coefficients cannot carry how the
    source looks; the target stays as it is."""
    driving_stretch: float = 0.06
    """How much wider or narrower the driving frame alone becomes at most."""
    driving_blur: float = 0.2
    """Probability of blurring the driving frame."""
    driving_cutout: float = 0.0
    """Probability of covering a part of the driving frame with a grey rectangle."""
    named_only_share: float = 0.25
    """Share of pairs in which only the named coefficients move the source; the others keep the source's
    values."""

    @classmethod
    def none(cls) -> AugmentConfig:
        """Every strength, share and probability 0."""
        return cls(**{field.name: 0.0 for field in fields(cls)})
