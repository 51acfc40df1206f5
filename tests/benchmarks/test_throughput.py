"""benchmarks/throughput.py: what it counts, and that benchmarks/README.md has its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from liax.pipeline import mapped
from scripts import load_script

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def throughput() -> ModuleType:
    return load_script("throughput")


def test_the_readme_has_the_numbers() -> None:
    results = json.loads((ROOT / "benchmarks/results/throughput-h200.json").read_text())
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8").replace("**", "")
    ways = ("written", "training_kernels_graph", "prepared_graph")
    for ms in map(results["ms"].get, ways):
        one, eight = (f"{ms[batch]:.3g}".removeprefix("0") for batch in ("1", "8"))
        assert f" | {one} | {eight} |" in text
    decibels = [f"{results['psnr_to_float32'][way]:.1f}" for way in ways]
    assert "{}, {} and {} dB".format(*decibels) in text


def test_the_readme_has_the_tables(throughput: ModuleType) -> None:
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    for name, table in (("presets", throughput.presets_table), ("commands", throughput.commands_table)):
        results = json.loads((ROOT / f"benchmarks/results/{name}-h200.json").read_text())
        assert table(results) in text


def test_the_main_readme_has_the_same_numbers() -> None:
    presets, commands = (
        json.loads((ROOT / f"benchmarks/results/{name}-h200.json").read_text())
        for name in ("presets", "commands")
    )
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    small, large = (presets["ms"][name]["shipped"]["8"] for name in ("small-512", "large"))
    assert (
        f"takes {small:.3g} ms for a frame of the bundled weights, eight at a time, and {large:.2g} ms"
        in text
    )
    animate, edit_video = (commands[name]["frames_a_second"] for name in ("animate", "edit-video"))
    assert f"`animate` made {animate} frames a second there and `edit-video` {edit_video}," in text


class _Work:
    def outer(self, n: int) -> int:
        return self.inner(n) + 1

    def inner(self, n: int) -> int:
        return sum(range(10_000 + n))


def test_what_is_counted(throughput: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread of a stage, and what one stage calls for that stage only."""
    stages = {"all of it": [("_Work", "outer")], "a part": [("_Work", "inner")]}
    monkeypatch.setattr(throughput, "STAGES", stages)
    monkeypatch.setattr(throughput, "_named", lambda _: _Work)
    outer = _Work.outer
    measured = throughput._measured(
        lambda: len(list(mapped(lambda n: _Work().outer(n), range(50), threads=2)))
    )
    assert _Work.outer is outer
    assert measured["frames"] == 50
    assert list(measured["stages"]) == ["all of it"]
    stage = measured["stages"]["all of it"]
    assert 1 <= stage["threads"] <= 2
    assert 0 < stage["share"] <= stage["threads"]
    assert stage["idle"] == pytest.approx(1 - stage["share"] / stage["threads"], abs=0.002)


@pytest.mark.parametrize("way", ["shipped", "eager"])
def test_speed_of_a_network(throughput: ModuleType, capsys: pytest.CaptureFixture[str], way: str) -> None:
    options = throughput.argparse.Namespace(presets=["tiny"], compile=False)
    results = throughput._network(options, throughput.torch.device("cpu"))
    assert set(results["ms"]["tiny"][way]) == {"1", "8"}
    assert min(results["ms"]["tiny"][way].values()) > 0
    assert results["peak_GiB"] == {}
    assert "tiny" in capsys.readouterr().out
