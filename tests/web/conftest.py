"""Pages as any host of files serves them, in headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

pytest.importorskip("onnx", reason="the extra onnxruntime is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")

from browsers import CHROMIUM, FLAGS
from liax.errors import LiaxError
from liax.model import LIAX
from liax.web.folder import write_page
from liax.web.runtime import runtime_files
from liax.weights import load
from liax.weights.controls import Control, Controls

_CONTROLS = (
    Control("yaw", "head", {0: 0.03}, -30, 30, "deg", "turns to the viewer's right"),
    Control("jaw", "mouth", {2: 0.8}, 0, 1, meaning="opens the mouth"),
)


@pytest.fixture(scope="session")
def _runtime() -> None:
    try:
        runtime_files()
    except LiaxError as missing:
        pytest.skip(f"needs the page's runtime: {missing}")


@pytest.fixture(scope="session")
def tiny_page(_runtime: None, tiny: LIAX, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network of 64x64 with two named controls."""
    folder = tmp_path_factory.mktemp("page") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny, "metadata", {"controls": Controls(tiny.config.vectors, _CONTROLS).to_json()})
        write_page(tiny, folder, "tiny")
    return folder


@pytest.fixture
def changed_page(tiny_page: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes one of that page's files anew, or another beside them, in a copy: the copy."""

    def change(name: str, text: str) -> Path:
        copy = tmp_path / "page"
        shutil.copytree(tiny_page, copy, copy_function=os.link)
        (copy / name).unlink(missing_ok=True)  # the link
        (copy / name).write_text(text)
        return copy

    return change


@pytest.fixture(scope="session")
def live() -> LIAX:
    """The bundled weights that `liax web` takes by itself; they draw 256x256."""
    return load("live")


@pytest.fixture(scope="session")
def live_page(_runtime: None, live: LIAX, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "live"
    write_page(live, folder, "live", precisions=["float32"])
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served as `python -m http.server` does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def visit(playwright: Any) -> Iterator[Callable[..., object]]:
    """`visit(folder, "--flag", width=390, dark=True)`: the page, once it has drawn its first picture.

    With `bypass`, scripts of tests may run in it. At the end no page has asked another host for anything, nor
    raised an error that it did not word.
    """
    asked: list[str] = []
    errors: list[str] = []
    own: list[str] = []
    open_now = []

    def visit(
        folder: Path,
        *flags: str,
        width: int = 1280,
        dark: bool = False,
        query: str = "",
        bypass: bool = False,
    ) -> object:
        serving = served(folder)
        address = serving.__enter__()
        own.append(address)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        open_now.append((browser, serving))
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            bypass_csp=bypass,
        )
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(180_000)  # a machine may do other things too
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address + query)
        page.locator("html[data-state=ready]").wait_for(state="attached")
        return page

    yield visit
    for browser, serving in open_now:
        browser.close()
        serving.__exit__(None, None, None)
    assert [url for url in asked if not url.startswith((*own, "data:", "blob:"))] == []
    assert errors == []
