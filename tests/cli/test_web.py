"""`liax web`: what it says, and what it refuses before it loads the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="the extra onnxruntime is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")

from liax.web import folder, runtime

Command = Callable[..., tuple[int, str, str]]


def test_it_writes_a_page(
    command: Command, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in runtime.NAMES:
        (tmp_path / name).touch()
    files = [tmp_path / name for name in runtime.NAMES]
    monkeypatch.setattr(runtime, "runtime_files", lambda: files)
    monkeypatch.setattr(folder, "runtime_files", lambda: files)
    site = tmp_path / "site"
    arguments = ["web", "-o", str(site), "--weights", str(tiny_weights)]
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith(f"{site}: ")
    assert "python -m http.server --directory" in out
    assert json.loads((site / "page.json").read_text())["weights"] == "tiny.safetensors"
    code, out, err = command(*arguments)
    assert (code, out) == (1, "")
    assert err == f"liax: {site} exists already; pass --overwrite to replace it, or name another output.\n"


def test_without_what_the_page_runs_on_nothing_is_loaded(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    code, out, err = command("web", "-o", str(tmp_path / "site"), "--weights", "no-such-weights")
    assert (code, out) == (1, "")
    assert err == "liax: The page needs the package liax-web-runtime; install liax with the extra web.\n"
