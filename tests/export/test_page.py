"""The program of docs/exporting.md, which uses nothing of liax, draws what liax draws."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("onnx", reason="the extra onnxruntime is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")

from liax.export.folder import export_folder
from liax.media.images import read_image
from liax.model import LIAX
from liax.portrait.animator import Animator
from liax.weights import load, save
from liax.weights.controls import Control, Controls

PAGE = Path(__file__).parents[2] / "docs" / "exporting.md"


def test_the_program_of_the_page(
    tiny: LIAX, portrait_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaw = Control("yaw", "head", {1: 0.05, 4: -0.1}, -25, 25, "deg")
    controls = Controls(tiny.config.vectors, (yaw,)).to_json()
    save(tiny, tmp_path / "named.safetensors", metadata={"controls": controls})
    network = load(tmp_path / "named.safetensors")
    export_folder(network, tmp_path / "exported", precisions=["float32"])
    shutil.copy(portrait_path, tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)
    program = next(
        code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "yaw" in code
    )
    exec(compile(program, str(PAGE), "exec"), {"__name__": "page"})
    animator = Animator(network, "cpu", torch.float32, "torch")
    square = Image.open(portrait_path).convert("RGB").resize((animator.size, animator.size))
    square_HW3 = np.asarray(square)
    turned, still = (
        next(animator.animate(square_HW3, [square_HW3], edit={"yaw": amount})) for amount in (10.0, 0.0)
    )
    found = read_image(tmp_path / "turned.png").astype(int)
    assert np.abs(found - turned).max() <= 1
    assert np.abs(found - still).max() > 10
