"""From a driving video to its motion template."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from liax.portrait.animator import Animator
from liax.portrait.clip import Progress, counted, silent
from liax.portrait.driving import open_driving
from liax.portrait.template import Template


def encode(
    animator: Animator,
    driving: Path,
    *,
    crop: bool = True,
    face: int | None = None,
    rate: Fraction | None = None,
    progress: Progress = silent,
) -> Template:
    """The motion of `driving` as a template: coefficients, times and shots; no pixel, sound, name or place.

    All arguments are those of `open_driving`. Memory grows by 169 bytes a frame, for 40 motion vectors.
    Raises LiaxError when `driving` cannot drive.
    """
    source = open_driving(animator, driving, crop=crop, face=face, rate=rate, progress=progress)
    moments = counted(source.moments(), "encoding", source.total, progress)
    return Template.of(moments, source.rate, animator.network)
