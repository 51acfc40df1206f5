"""benchmarks/backends.py: what it measures, and that benchmarks/README.md has its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

from liax.export.runtime_choice import missing_packages
from liax.portrait.engine import EagerEngine, Engine
from scripts import load_script

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def backends() -> ModuleType:
    return load_script("backends")


@pytest.mark.parametrize("name", ["backends", "backends-xeon", "backends-live"])
def test_the_readme_has_the_numbers(backends: ModuleType, name: str) -> None:
    results = json.loads((ROOT / f"benchmarks/results/{name}.json").read_text())
    assert backends.table(results) in (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")


def test_ratios_are_those_of_one_precision(backends: ModuleType) -> None:
    ways = {
        "torch float32": {"read_ms": 10.0, "draw_ms": 30.0, "picture_db": 200.0, "start_s": 1.0},
        "torch bfloat16": {"read_ms": 5.0, "draw_ms": 15.0, "picture_db": 56.0, "start_s": 1.0},
        "openvino bfloat16": {"read_ms": 4.0, "draw_ms": 12.0, "picture_db": 55.0, "start_s": 2.0},
    }
    lines = backends.table({"threads": {"2": ways}}).splitlines()
    assert lines[-1] == "| 2 | openvino bfloat16 | 4 ms | 12 ms | 1.25 × | 55.0 dB | 2.0 s |"


def test_what_is_measured(backends: ModuleType, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads and pictures are each backend's own: one that draws something else has fewer dB."""

    class Darker(EagerEngine):
        def draw(self, code_BD: torch.Tensor, features: tuple[torch.Tensor, ...]) -> object:
            drawn = super().draw(code_BD, features)
            return drawn._replace(image=drawn.image - 0.01)

    def engine(network: object, backend: str, precision: str) -> Engine:
        threads.append(torch.get_num_threads())
        return (Darker if backend == "other" else EagerEngine)(network, torch.float32)

    threads: list[int] = []
    monkeypatch.setattr(backends, "_ways", lambda: [("torch", "float32"), ("other", "float32")])
    monkeypatch.setattr(backends, "_engine", engine)
    before = torch.get_num_threads()
    results = backends.measure(str(tiny_weights), [1, 2], 1)
    assert (threads, torch.get_num_threads()) == ([1, 1, 2, 2], before)
    for found in results["threads"].values():
        assert found["torch float32"]["picture_db"] == 200
        assert 40 < found["other float32"]["picture_db"] < 60
        assert found["other float32"]["draw_ms"] > 0


def test_every_installed_backend_is_measured(backends: ModuleType) -> None:
    names = {name for name, _ in backends._ways()}
    installed = {name for name in ("onnxruntime", "openvino") if not missing_packages(name)}
    assert names == {"torch"} | installed
