"""benchmarks/drawn_size.py: two sizes of one network, and that the README has its figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from clips import gradients, write_clip
from liax.model import LIAX, ModelConfig
from liax.portrait import Animator
from liax.weights import load, save
from scripts import load_script

ROOT = Path(__file__).parents[2]


def test_both_sizes_of_one_network(tmp_path: Path) -> None:
    script = load_script("drawn_size")
    torch.manual_seed(0)
    save(LIAX(ModelConfig(128, width=4, max_width=16, latent=32, vectors=8)), tmp_path / "w.safetensors")
    full, half = (Animator(load(tmp_path / "w.safetensors", size=size), "cpu") for size in (128, 64))
    clip = write_clip(tmp_path / "c.mp4", gradients(8, 128))
    seconds, scores, shown = zip(*script.compared(full, half, clip, 3), strict=True)
    assert len(seconds) == 3
    assert all(value > 0 for each in seconds for value in each)
    between, truth, reduced = scores[0]
    assert 0 < between < 60
    assert truth != reduced
    assert {picture.shape for picture in shown[0]} == {(64, 64, 3)}


def test_the_readme_has_these_figures() -> None:
    cost = json.loads((ROOT / "benchmarks/results/drawn_size.json").read_text())
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    for figure in (
        f"{cost['drawing']:.2f} of the time",
        f"frame {cost['whole']:.2f}",
        f"{cost['psnr']:.1f} dB",
    ):
        assert figure in text
    assert f"{cost['truth']:.1f} dB, reduced {cost['truth_reduced']:.1f} dB" in text
    assert cost["whole"] == pytest.approx(5 / 6, abs=0.03)  # "a sixth of the time" in docs/animating.md
