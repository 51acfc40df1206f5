"""`liax live`: what it serves and says, and what it refuses before it serves anything."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import liax.cli.live as module
import liax.cli.model_options as model_options
from liax.app.studio import Studio
from liax.options import LiveOptions

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The studios and ports of pages, which end at once; nothing is served."""
    pages: list[Any] = []

    class Page:
        address = "http://127.0.0.1:7860/"

        def __init__(self, studio: Studio, port: int | None = None) -> None:
            pages.append((studio, port))

        def __enter__(self) -> Page:
            return self

        def __exit__(self, *_: object) -> None:
            pages.append("closed")

    class Stopped:
        def wait(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("liax.app.server.ServedPage", Page)
    monkeypatch.setattr(module, "Event", Stopped)
    return pages


def test_it_serves_the_portrait_with_the_options(
    command: Command, served: list[Any], tiny_weights: Path, portrait_path: Path
) -> None:
    options = ["--strength", "1.5", "--smoothing", "0.2", "--no-mirror", "--port", "8123"]
    code, out, _ = command("live", str(portrait_path), "--weights", str(tiny_weights), *options)
    assert code == 130
    first, second = out.splitlines()
    assert first == "liax live is at http://127.0.0.1:7860/#live until Ctrl-C."
    assert re.fullmatch(r"tiny.safetensors draws about [\d.]+ pictures a second here.*", second)
    (studio, port), closed = served
    assert (port, closed) == (8123, "closed")
    assert studio.live == LiveOptions(strength=1.5, smoothing=0.2, mirror=False)
    assert studio.first_portrait == portrait_path
    assert not studio.folder.exists()


def test_what_does_not_work_is_told_before_anything_is_served(
    command: Command,
    served: list[Any],
    tiny_weights: Path,
    portrait_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Image.new("RGB", (300, 300), (90, 120, 90)).save(tmp_path / "lawn.png")
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    weights = ["--weights", str(tiny_weights)]
    for arguments, told in (
        ([str(tmp_path / "lawn.png")], "lawn.png shows no face"),
        ([str(tmp_path / "none.png")], "none.png"),
        ([str(portrait_path), "--strength", "3"], "There is no strength 3; choose 0 to 2 (--strength)."),
        ([str(portrait_path), "--virtual-camera"], "needs the package pyvirtualcam (GPL)"),
    ):
        code, out, err = command("live", *arguments, *weights)
        assert (code, out) == (1, "")
        assert told in err
        assert err.count("\n") == 1
    assert served == []


@pytest.mark.parametrize(
    ("installed", "named", "wanted"),
    [({"small"}, "", "small"), ({"small", "live"}, "", "live"), ({"small", "live"}, "own", "own")],
)
def test_weights_made_for_it_are_taken_where_they_are_installed(
    monkeypatch: pytest.MonkeyPatch, installed: set[str], named: str, wanted: str
) -> None:
    class Points:
        names = installed

    monkeypatch.setattr(model_options, "entry_points", lambda group: Points)
    monkeypatch.setenv("LIAX_WEIGHTS", named)
    monkeypatch.setattr(model_options, "DEFAULT_WEIGHTS", named or "small")
    assert model_options.live_weights() == wanted
