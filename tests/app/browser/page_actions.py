"""What a visitor does on the page, for the tests."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TABS = ("Animate", "Live", "Edit image", "Edit video", "Turn", "Inspect")
Visit = Callable[..., Any]


def block(page: Any, label: str) -> Any:
    """The component with this label on the open tab."""
    return page.locator(".block:visible", has=page.get_by_text(label, exact=True))


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True).filter(visible=True)


def give(page: Any, label: str, path: Path) -> None:
    """Upload a file to the component with this label, in place of what is there."""
    from playwright.sync_api import TimeoutError as TookTooLong

    for patience in (4_000, 8_000, 20_000):  # a component that is being emptied may drop the file
        clear = block(page, label).get_by_role("button", name="Clear")
        if clear.count():
            clear.click()
        try:
            with page.expect_response(lambda answer: "/upload?" in answer.url, timeout=patience):
                block(page, label).locator("input[type=file]").set_input_files(path, timeout=patience)
            return
        except TookTooLong:
            if patience == 20_000:
                raise


def said(page: Any, kind: str = "done") -> str:
    """What the open tab tells when the work is "done", or of an "error" or "note", once it does."""
    return str(page.locator(f".liax-{kind}:visible").first.inner_text())


def downloaded(page: Any, folder: Path) -> Path:
    """The result, as the button Download gives it."""
    with page.expect_download() as coming:
        page.get_by_text("Download", exact=True).filter(visible=True).first.click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def slide(page: Any, label: str, value: float) -> None:
    """Set a slider by its number field."""
    field = page.get_by_label(f"number input for {label}", exact=True).filter(visible=True)
    field.fill(str(value))
    field.press("Enter")


def pixels(page: Any, image: Any) -> NDArray[np.int64]:
    """The picture in an `img` of the page, RGB (H, W, 3)."""
    answer = page.request.get(image.get_attribute("src"))
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"), np.int64)


def kept(page: Any, *texts: str) -> None:
    """Wait until the page has noted all of this, for when it is loaded again."""
    page.wait_for_function(
        "texts => texts.every(text => Object.values(sessionStorage).some(noted => noted.includes(text)))",
        arg=list(texts),
    )


def until(page: Any, happened: Callable[[], bool]) -> None:
    """Wait until it happens, for a minute at most."""
    for _ in range(300):
        if happened():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it did not happen in a minute")


class Shown:
    """The picture in the component called "Result"."""

    def __init__(self, page: Any) -> None:
        self._page, self._image = page, block(page, "Result").locator("img")
        self._source: str | None = None

    def next(self) -> NDArray[np.int64]:
        """The picture, RGB (H, W, 3), once it is another than the last."""
        self._image.wait_for()
        self._page.wait_for_function(
            "([image, old]) => image.src !== old", arg=[self._image.element_handle(), self._source]
        )
        return self._read()

    def becomes(self, wanted: Callable[[NDArray[np.int64]], bool]) -> None:
        """Wait until the picture is as it is wanted; one of an earlier setting may still come before it."""
        self._image.wait_for()
        until(self._page, lambda: wanted(self._read()))

    def _read(self) -> NDArray[np.int64]:
        self._source = self._image.get_attribute("src")
        return pixels(self._page, self._image)
