"""A studio with tiny weights, and its page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from liax.app.server import ServedPage
from liax.app.studio import Studio
from liax.app.uploads import VisitorLimits
from liax.model import LIAX
from liax.portrait import Animator
from liax.weights.controls import Control, Controls

CONTROLS = (
    Control("yaw", "head", {0: 0.02}, -30, 30, "deg", "turns to the viewer's right"),
    Control("blink", "eyes", {1: 1.0}, 0, 1, meaning="closes the eyes"),
)


@pytest.fixture(scope="module")
def studio(tiny: LIAX) -> Iterator[Studio]:
    """Of a network of 64x64 whose weights name two controls; takes little."""
    animator = Animator(tiny, "cpu")
    animator.controls = Controls(tiny.config.vectors, CONTROLS)
    limits = VisitorLimits(
        megabytes=1,
        visitor_megabytes=100,
        picture_megapixels=2,
        video_megapixels=1,
        seconds=3,
        frames=60,
        waiting=3,
    )
    with Studio(animator, "small", limits) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    """Where the studio's page is served."""
    # Gradio has one folder for uploads in a process: that of the page that was built last.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(studio.folder))
        page = ServedPage(studio)
        yield page.address
        page.close()
