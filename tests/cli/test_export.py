"""`liax export` and --backend as a user meets them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from liax.export import runtime_choice
from liax.export.runtime_choice import missing_packages
from liax.media.images import read_image

Command = Callable[..., tuple[int, str, str]]
needs_onnxruntime = pytest.mark.skipif(
    bool(missing_packages("onnxruntime")), reason="the extra onnxruntime is not installed"
)


@needs_onnxruntime
def test_export(command: Command, tiny_weights: Path, tmp_path: Path) -> None:
    args = ("export", tiny_weights, "-o", tmp_path / "out", "--precision", "float32")
    code, out, err = command(*args)
    assert (code, err) == (0, "")
    assert out.startswith(f"{tmp_path}/out: 3 models, 1 MB; beside PyTorch float32 1")
    assert sorted(os.listdir(tmp_path / "out")) == [
        "card.json",
        "decoder.onnx",
        "driver.onnx",
        "encoder.onnx",
    ]
    assert command(*args)[2] == (
        f"liax: {tmp_path}/out exists already; pass --overwrite to replace it, or name another output.\n"
    )
    code, out, err = command(*args, "--overwrite", "--json")
    assert json.loads(out)["parity_db"]["float32"] >= 100


def test_without_its_packages(
    command: Command, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_choice, "find_spec", lambda name: None)
    code, _, err = command("export", tiny_weights, "-o", tmp_path / "out")
    assert code == 1
    assert err.startswith(
        "liax: The export needs the packages onnx and onnxruntime; install liax with the extra "
    )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_backends_draw_the_same(
    command: Command,
    tiny_weights: Path,
    portrait_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
) -> None:
    if missing := missing_packages(backend):  # type: ignore[arg-type]
        pytest.skip(f"{' and '.join(missing)} not installed (extra {backend})")
    monkeypatch.setattr("liax.portrait.animator.choose_precision", lambda *device: torch.float32)
    for name in ("torch", backend):
        output = tmp_path / f"{name}.png"
        options = ("--set", "3=0.4", "--weights", tiny_weights, "--backend", name)
        assert command("edit", portrait_path, "-o", output, *options) == (0, f"{output}: 64x64\n", "")
    apart = read_image(tmp_path / f"{backend}.png").astype(int) - read_image(tmp_path / "torch.png")
    assert np.abs(apart).max() <= 3


def test_backends_run_on_the_cpu(
    command: Command, tiny_weights: Path, portrait_path: Path, tmp_path: Path
) -> None:
    code, _, err = command(
        *("edit", portrait_path, "-o", tmp_path / "a.png", "--set", "3=0.4", "--weights", tiny_weights),
        *("--backend", "openvino", "--device", "cuda"),
    )
    assert code == 1
    assert err == "liax: openvino runs on the CPU, not on cuda; leave out --backend or --device.\n"
