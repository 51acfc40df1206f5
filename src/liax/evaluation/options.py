"""The options of `liax evaluate`: its command line, and the argument of `evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liax.errors import OptionError

ProtocolName = Literal["self", "cross"]
PerceptualBackbone = Literal["auto", "st-lpips", "lpips-alex", "lpips-vgg"]
FeatureBackbone = Literal["auto", "efficientnet-lite0", "inception"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class EvaluateOptions:
    """Who drives whom, what is compared, and how."""

    protocol: ProtocolName = "self"
    """self: the first frame of a clip is the source and the clip drives it, so that every output has a ground
    truth. cross: the clip drives other people's portraits."""

    pairs: Path | None = None
    """For cross: a CSV with the columns source and driving, each the name of a clip or still of the data, or
    a file by its path from the CSV. By default pairs are drawn: stills of other people or, without stills,
    the first frames of their clips."""

    sources: int = 1
    """For cross: how many people each clip drives."""

    seed: int = 0
    """For cross: seed of the draw."""

    split: str = "val"
    """Which split of a manifest is evaluated."""

    limit: int | None = None
    """Evaluate only this many clips, from the beginning."""

    frames: int | Literal["all"] = 60
    """How many frames of a clip are compared at most, evenly spaced; or all."""

    first: int = 150
    """On how many first frames of a clip faces and steadiness are measured; 0 leaves both out."""

    size: int | None = None
    """Side at which frames are compared, in pixels, 32 to 4096; by default the clips' own, or 256 for clips
    that are cropped here."""

    crop: bool = False
    """Find the face in each clip and cut it out first; otherwise clips are cropped around it already."""

    baseline: tuple[Path, ...] = ()
    """Folder of a finished evaluation of the same clips and options, to show beside; may be repeated."""

    perceptual: PerceptualBackbone = "auto"
    """Backbone of the perceptual distance; auto is st-lpips, which works offline."""

    features: FeatureBackbone = "auto"
    """Backbone of the Fréchet distance; auto is efficientnet-lite0, which works offline."""

    cache: Path | None = None
    """Folder that keeps the measures of driving faces for other evaluations; by default inside the output."""

    keep_frames: bool = False
    """Keep the outputs as pictures, about 15 kB each, for metrics that this machine lacks."""

    batch: int = 8
    """How many frames are drawn at once."""

    def __post_init__(self) -> None:
        if self.protocol == "self" and self.pairs is not None:
            raise OptionError(
                {"pairs": self.pairs, "protocol": "self"},
                "Pairs are for cross-reenactment",
                "choose the protocol cross, or leave the pairs out",
            )
        if self.frames != "all" and self.frames < 1:
            raise OptionError(
                {"frames": self.frames},
                f"{self.frames} frames cannot be compared",
                "choose 1 or more, or all",
            )
        if self.first < 0:
            raise OptionError(
                {"first": self.first}, f"The first {self.first} frames cannot be measured", "choose 0 or more"
            )
        if self.size is not None and not 32 <= self.size <= 4096:
            raise OptionError(
                {"size": self.size}, f"Frames cannot be compared at {self.size} pixels", "choose 32 to 4096"
            )
        for name in ("sources", "limit", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError({name: value}, f"{name} is {value}", "choose at least 1")

    @property
    def most_frames(self) -> int | None:
        """Most frames of a clip that are compared, None for all."""
        return None if self.frames == "all" else self.frames

    @property
    def compared(self) -> dict[str, object]:
        """What results of two evaluations must have in common to compare."""
        return {
            "protocol": self.protocol,
            "frames": self.most_frames,
            "first": self.first,
            "size": self.size,
            "crop": self.crop,
        }
