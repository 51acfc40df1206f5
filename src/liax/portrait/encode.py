"""From a driving video to its motion template."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from liax.portrait.animator import Animator
from liax.portrait.clip import Progress, silent
from liax.portrait.driving import open_driving
from liax.portrait.moment import Moment
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

    def counted() -> Iterator[Moment]:
        for done, moment in enumerate(source.moments(), 1):
            progress("encoding", done, source.total)
            yield moment

    return Template.of(counted(), source.rate, animator.network)
