"""The tab "Live" with a clip as Chromium's camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from page_actions import slide
from playwright.sync_api import Browser, Page, expect

from clips import moving_face, write_clip
from liax.marking.verify import read_mark
from liax.media.video import Video


@pytest.fixture
def camera(portrait_HW3: NDArray[np.uint8], tmp_path: Path) -> Path:
    """A face that moves to and fro for a second and a half, then an empty room, again and again."""
    there = moving_face(portrait_HW3, 18)
    frames = [*there, *there[::-1], *[np.full((240, 320, 3), 90, np.uint8)] * 32]
    return write_clip(tmp_path / "camera.mjpeg", frames, rate=25, codec="mjpeg", pixels="yuvj420p")


@pytest.fixture
def filmed(launch: Callable[..., Browser], url: str, camera: Path) -> Iterator[Page]:
    """The page at the tab, in a browser whose camera shows the clip, and whose microphone beeps."""
    media = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    media.append(f"--use-file-for-fake-video-capture={camera}")
    with launch(*media) as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        outside: list[str] = []
        errors: list[str] = []
        page.on("request", lambda asked: outside.append(asked.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{url}#live")
        yield page
        own = (url, url.replace("http", "ws", 1), "data:", "blob:")
        assert [asked for asked in outside if not asked.startswith(own)] == []
        assert errors == []


def _count(page: Page) -> int:
    """How many pictures were shown."""
    return int(page.evaluate("liax.live.times.length"))


def _more(page: Page, count: int = 5) -> None:
    """Wait until so many more pictures are shown."""
    page.wait_for_function("n => liax.live.times.length >= n", arg=_count(page) + count)


def _picture(page: Page) -> str:
    return str(page.evaluate("document.querySelector('#liax-camera canvas').toDataURL()"))


def _held_picture(page: Page) -> str:
    """The picture, once what was drawn before is shown and it stays."""
    for _ in range(10):
        held = _picture(page)
        page.wait_for_timeout(300)
        if _picture(page) == held:
            return held
    raise AssertionError("the picture does not stay")


def _place(page: Page, name: str) -> Any:
    return page.locator(f"#liax-camera [data-live={name}]")


def test_a_face_before_the_camera_moves_the_portrait(filmed: Page, camera: Path, tmp_path: Path) -> None:
    page = filmed
    start, neutral, freeze, record = (_place(page, name) for name in ("start", "neutral", "freeze", "record"))
    expect(neutral).to_be_disabled()
    start.click()
    _more(page, 5)
    expect(start).to_have_text("Stop the camera")
    expect(_place(page, "figures")).to_contain_text("pictures a second")
    assert page.evaluate("liax.live.times.every(t => t.shown > t.captured && t.server > 0)")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390

    # A recording with sound, by keys; in its midst the pose becomes neutral.
    page.keyboard.press("r")
    expect(record).to_have_attribute("aria-pressed", "true")
    _more(page)
    page.keyboard.press("n")
    _more(page, 10)
    page.keyboard.press("r")
    link = page.get_by_text("Download the recording")
    with page.expect_download() as coming:
        link.click()
    coming.value.save_as(tmp_path / "live.mp4")
    assert read_mark(tmp_path / "live.mp4").marked
    assert len(list(Video(tmp_path / "live.mp4"))) >= 10
    with av.open(tmp_path / "live.mp4") as recorded:
        assert recorded.streams.audio
    assert "silent" not in _place(page, "recorded").inner_text()

    # An empty room: the last pose stays, and the page says so.
    expect(_place(page, "status")).to_contain_text("No face is seen; the last pose stays.")
    held = _held_picture(page)
    expect(_place(page, "status")).not_to_contain_text("No face is seen")
    _more(page)
    assert _picture(page) != held

    freeze.click()
    expect(freeze).to_have_attribute("aria-pressed", "true")
    _held_picture(page)
    freeze.click()
    _more(page)

    # Nothing is sent while the tab is not seen.
    page.get_by_role("tab", name="Turn", exact=True).click()
    page.wait_for_timeout(500)
    before = _count(page)
    page.wait_for_timeout(500)
    assert _count(page) == before
    page.get_by_role("tab", name="Live", exact=True).click()
    _more(page)

    # Strength 0 is the portrait as it is.
    slide(page, "Strength", 0)
    page.wait_for_function("n => liax.live.times.length >= n", arg=_count(page) + 10)
    still = _picture(page)
    _more(page, 3)
    assert _picture(page) == still

    # The camera is pulled out, and a clip takes its place.
    page.locator(".liax-stage video").evaluate(
        "video => video.srcObject.getTracks()[0].dispatchEvent(new Event('ended'))"
    )
    expect(_place(page, "status")).to_contain_text("The camera is gone; connect it")
    expect(start).to_have_text("Start the camera")
    clip = write_clip(tmp_path / "clip.webm", list(_frames(camera)), rate=25, codec="libvpx-vp9")
    _place(page, "clip").set_input_files(clip)
    _more(page)
    start.click()
    expect(start).to_have_text("Start the camera")


def _frames(clip: Path) -> Iterator[NDArray[np.uint8]]:
    with av.open(clip, format="mjpeg") as opened:
        for number, frame in enumerate(opened.decode(video=0)):
            if number < 30:
                yield frame.to_ndarray(format="rgb24")
