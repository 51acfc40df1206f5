"""benchmarks/shipped.py: what its numbers come to, and that its README has them."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

from clips import gradients, write_clip
from liax.evaluation.clips import EvaluationClip, Trial
from liax.model import LIAX
from liax.portrait.animator import Animator
from scripts import load_script

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("shipped")


def test_the_three_ways_of_one_network(script: ModuleType, tiny: LIAX, tmp_path: Path) -> None:
    clip = EvaluationClip("a", write_clip(tmp_path / "a.mp4", gradients(6)), "p1")
    exact, shipped = (Animator(tiny, "cpu", dtype) for dtype in (torch.float32, torch.bfloat16))
    found = script.compare(Trial("a", clip, clip), exact, shipped, most=6)
    assert found["frames"] == 6
    assert found["frames_limited"] == 0
    assert found["float32"]["l1"] == pytest.approx(found["limited"]["l1"], abs=0.5 / 255)
    assert found["limits_levels"] == 0
    assert 0 < found["precision_levels"] < 10
    assert script.means([found, found])["frames"] == 12


def test_the_documentation_has_these_numbers(script: ModuleType) -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "shipped.json").read_text(encoding="utf-8"))
    assert found["self"]["mean"]["clips"] == found["cross"]["mean"]["clips"] == 22
    assert script.tables(found) in (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
