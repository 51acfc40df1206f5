"""The options of `liax interpret`: its command line, and the argument of `interpret`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liax.errors import OptionError

InstrumentName = Literal["mediapipe", "dlib"]


@dataclass(frozen=True)
class InterpretOptions:
    """What is measured of weights, and on what."""

    portraits: Path | None = None
    """A folder of pictures of faces, a person each, to move vectors on; by default the stills of the data and
    the first frames of its clips."""
    split: str = "val"
    """Which split of a manifest is measured; ignored for a folder without a manifest."""
    frames: int = 60
    """How many frames of each clip are looked at, evenly spaced."""
    values: int = 5
    """How many values each vector is moved to, an odd number."""
    count: int = 30
    """How many portraits vectors are moved on; half as many other people verify the controls."""
    heads: Path | None = None
    """A folder of rendered heads whose pose and expression are known; `python -m tools.heads` in a checkout
    makes one."""
    instrument: tuple[InstrumentName, ...] = ("mediapipe", "dlib")
    """What measures faces; the first one calibrates the controls."""
    processes: int = 1
    """How many processes measure faces."""

    def __post_init__(self) -> None:
        if self.values < 3 or self.values % 2 == 0:
            raise OptionError(
                {"values": self.values},
                f"{self.values} values do not lie evenly about 0",
                "choose 3, 5, 7 or another odd number",
            )
        for name in ("frames", "count", "processes"):
            if getattr(self, name) < 1:
                raise OptionError(
                    {name: getattr(self, name)}, f"{name} is {getattr(self, name)}", "choose 1 or more"
                )
