"""A real page in headless Chromium; skips where Playwright or Chromium is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from browsers import CHROMIUM, FLAGS
from clips import moving_face, write_clip
from liax.app.server import ServedPage
from liax.app.studio import Studio
from liax.app.uploads import VisitorLimits
from liax.model import LIAX
from liax.portrait import Animator
from liax.weights.controls import Control, Controls

_PATIENCE = 60_000  # milliseconds: a machine may do other things too
expect.set_options(timeout=_PATIENCE)

_CONTROLS = (
    Control("yaw", "head", {0: 0.03}, -30, 30, "deg", "turns to the viewer's right"),
    Control("pitch", "head", {1: 0.05}, -15, 15, "deg", "nods down"),
    Control("jaw", "mouth", {2: 0.8}, 0, 1, meaning="opens the mouth"),
)


@pytest.fixture(scope="session")
def page_studio(tiny: LIAX) -> Iterator[Studio]:
    """With a network of 64x64 and three named controls."""
    animator = Animator(tiny, "cpu")
    animator.controls = Controls(tiny.config.vectors, _CONTROLS)
    limits = VisitorLimits(megabytes=2, picture_megapixels=2, video_megapixels=1, seconds=60, frames=2000)
    with Studio(animator, "small", limits) as studio:
        yield studio


@pytest.fixture(scope="session")
def url(page_studio: Studio) -> Iterator[str]:
    """Where its page is served."""
    # Gradio has one folder for uploads in a process: that of the page that was built last.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(page_studio.folder))
        page = ServedPage(page_studio)
        yield page.address
        page.close()


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def kept_context(chromium: Browser) -> BrowserContext:
    """Its cache keeps the page's scripts, which opens a page in two thirds of the time."""
    return chromium.new_context()


@pytest.fixture
def launch(chromium: Browser) -> Callable[..., Browser]:
    """`launch("--flag")`: another browser."""
    return lambda *flags: chromium.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])


@pytest.fixture
def visit(chromium: Browser, kept_context: BrowserContext, url: str) -> Iterator[Callable[..., Page]]:
    """`visit("Turn", width=390, dark=True)`: the page as a new visitor sees it, open at a tab.

    With `axe=True`, scripts of tests may run in it.

    At the end no visitor's page has asked another host for anything, nor logged an error.
    """
    contexts, pages, outside, errors = [], [], [], []

    def open_page(
        tab: str = "Animate", width: int = 1280, height: int = 900, dark: bool = False, axe: bool = False
    ) -> Page:
        if pages or axe:
            # The page's policy would refuse the tests' scripts as any other.
            context = chromium.new_context(bypass_csp=axe)
            contexts.append(context)
        else:
            context = kept_context
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(_PATIENCE)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        context.new_cdp_session(page).send(
            "Storage.clearDataForOrigin", {"origin": url.rstrip("/"), "storageTypes": "cookies,local_storage"}
        )
        page.on("request", lambda asked: outside.append(asked.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.get_by_role("tab", name=tab, exact=True).click()
        return page

    yield open_page
    for closed in (*pages, *contexts):
        closed.close()
    assert [asked for asked in outside if not asked.startswith((url, "data:", "blob:"))] == []
    assert errors == []


@pytest.fixture(scope="session")
def long_clip(portrait_HW3: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 frames of a face: longer to animate than it takes to press Stop."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    return write_clip(path, moving_face(portrait_HW3, 100) * 2, rate=25)


@pytest.fixture(scope="session")
def faceless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a colour gradient."""
    path = tmp_path_factory.mktemp("faceless") / "wall.png"
    Image.radial_gradient("L").convert("RGB").save(path)
    return path
