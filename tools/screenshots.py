"""Pictures of the pages for the documents, of the bundled weights and the pages' own examples.

    python -m tools.screenshots [FOLDER] [--web]

Writes studio-edit.webp, studio-motion.webp, studio-inspect.webp and web-page.webp into docs, or into another
folder; with --web only the last one. Needs the extras studio and web, Playwright and Chromium. Look at them
before you commit them. With --phone-in-the-dark they are dark, as wide as a phone, and only to be looked at.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from liax.app.server import ServedPage
from liax.app.studio import Studio
from liax.portrait import Animator
from liax.web.folder import write_page
from liax.weights import load
from liax.weights.licence import licence_of

DOCS = Path(__file__).parents[1] / "docs"
_WIDTH, _PHONE = 1280, 390
_PATIENCE = 900_000  # milliseconds; a whole clip is read
_QUALITY = 85


def edit(page: Page) -> None:
    """A face with its handles, and the sliders that follow."""
    page.locator(".liax-handle").first.wait_for()
    for name, amount in (("Yaw (°)", "14"), ("Smile", "0.5")):
        field = page.get_by_label(f"number input for {name}", exact=True).filter(visible=True)
        field.fill(amount)
        field.press("Enter")
    page.wait_for_timeout(8000)
    page.locator(".liax-handle").first.wait_for()
    page.locator(".liax-surface").hover()


def motion(page: Page) -> None:
    """Curves of the example, one of them with a key."""
    page.get_by_role("button", name="Edit the motion").click()
    page.get_by_role("button", name="Read the curves").click()
    row = page.get_by_role("region", name="Yaw (°)", exact=True)
    row.wait_for()
    playhead = page.locator("#liax-playhead input[type=number]")
    playhead.fill("2.0")
    playhead.press("Tab")
    row.get_by_role("button", name="Add a key").click()
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    page.get_by_alt_text("The portrait at the playhead").wait_for()
    page.wait_for_timeout(8000)
    page.locator("#liax-edit-motion").evaluate("part => part.scrollIntoView()")
    page.wait_for_timeout(500)


def inspect(page: Page) -> None:
    """Which movements the example uses."""
    page.get_by_role("button", name="Read the motion", exact=True).click()
    page.locator(".liax-moment").wait_for()
    page.wait_for_timeout(1000)


def web(page: Page) -> None:
    """The portrait as sliders move it."""
    page.locator("html[data-state=ready]").wait_for(state="attached")
    page.locator("#controls summary").nth(1).click()
    for name, value in (("yaw", "14"), ("smile", "0.5")):
        page.locator(f"input[name={name}]").fill(value)
    page.wait_for_timeout(8000)
    page.evaluate("scrollTo(0, 0)")


# Name -> tab in the address, height in pixels, and what is done there.
PICTURES: dict[str, tuple[str, int, Callable[[Page], None]]] = {
    "studio-edit": ("edit-image", 800, edit),
    "studio-motion": ("animate", 900, motion),
    "studio-inspect": ("inspect", 1312, inspect),
}


def main(arguments: list[str]) -> None:
    phone = "--phone-in-the-dark" in arguments
    folder = Path(next((each for each in arguments if not each.startswith("-")), DOCS))
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])

        def shoot(name: str, height: int, address: str, act: Callable[[Page], None]) -> None:
            page = browser.new_page(
                viewport={"width": _PHONE if phone else _WIDTH, "height": height},
                color_scheme="dark" if phone else "light",
            )
            page.set_default_timeout(_PATIENCE)
            page.goto(address)
            act(page)
            shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            shown.save(folder / f"{name}.webp", quality=_QUALITY, method=6)
            page.close()

        with _web_page() as address:
            shoot("web-page", 900, address, web)
        if "--web" not in arguments:
            with Studio(Animator(load("small"))) as studio:
                os.environ["GRADIO_TEMP_DIR"] = str(studio.folder)
                served = ServedPage(studio)
                for name, (tab, height, act) in PICTURES.items():
                    shoot(name, height, f"{served.address}#{tab}", act)
                served.close()
        browser.close()


@contextmanager
def _web_page() -> Iterator[str]:
    """The address of the page of `liax web`."""
    with tempfile.TemporaryDirectory() as folder:
        network = load("small")
        licence = licence_of("small", network.metadata)
        write_page(network, Path(folder) / "page", "small", licence, precisions=["float32"])
        handler = partial(SimpleHTTPRequestHandler, directory=f"{folder}/page")
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main(sys.argv[1:])
