"""benchmarks/throughput.py: what it counts, and that benchmarks/README.md has its numbers."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from liax.model import LIAX
from liax.pipeline import mapped
from liax.portrait.engine import EagerEngine
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
    tables = {
        "presets": throughput.presets_table,
        "compile": throughput.compile_table,
        "commands": throughput.commands_table,
    }
    for name, table in tables.items():
        results = json.loads((ROOT / f"benchmarks/results/{name}-h200.json").read_text())
        assert table(results) in text


def test_the_readme_has_the_numbers_of_batches_and_edits() -> None:
    text = " ".join((ROOT / "benchmarks/README.md").read_text(encoding="utf-8").split())
    found = json.loads((ROOT / "benchmarks/results/commands-h200.json").read_text())
    assert f"demo takes {found['edit']['ms']['whole picture']:.0f} ms." in text
    before, after = zip(*(_seconds(found[name]) for name in ("animate", "edit-video")), strict=True)
    assert "after {:.1f} s (`animate`) or {:.1f} s (`edit-video`)".format(*before) in text
    rates = [found["animate"]["frames"] / seconds for seconds in after]
    assert "`animate` writes {:.0f} frames a second and `edit-video` {:.0f}".format(*rates) in text
    large = json.loads((ROOT / "benchmarks/results/commands-large-h200.json").read_text())["animate"]
    rates = large["frames_a_second"], large["frames"] / _seconds(large)[1]
    assert "writes {:.1f} frames a second, and {:.0f} once the first is written".format(*rates) in text
    seconds = json.loads((ROOT / "benchmarks/results/batch-h200.json").read_text())["seconds"]
    alone, beside = seconds["one card"][-1], statistics.mean(seconds["two cards"])
    assert f"does {2 * alone / beside:.2f} times as much as on one" in text
    assert f"takes {beside:.1f} s while two run side by side, and {alone:.1f} s alone" in text


def _seconds(command: dict[str, Any]) -> tuple[float, float]:
    """Before the first frame is written, and from then on."""
    before = command["seconds_before_the_first_frame"]
    return before, command["frames"] / command["frames_a_second"] - before


def test_the_readme_has_the_numbers_of_two_cores(throughput: ModuleType) -> None:
    found = json.loads((ROOT / "benchmarks/results/commands-two-cores.json").read_text())
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    assert throughput.processors_table(found["animate"]) in text
    assert throughput.rest_table(found) in text
    before = json.loads((ROOT / "benchmarks/results/revision-two-cores.json").read_text())
    faster = f"{before['commands']['animate']['times_faster']:.2f} times as fast as revision"
    assert f"1080p is {faster} {before['revision']}" in " ".join(text.split())


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


def test_a_network_that_repeats_itself(throughput: ModuleType, tiny: LIAX) -> None:
    """It is asked once for each thing, and answers as many times as it is asked."""
    engine = throughput.RepeatingEngine(EagerEngine(tiny, torch.float32))
    levels = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    seen = EagerEngine(tiny, torch.float32).encode(levels)
    with torch.inference_mode():
        first, again = engine.encode(levels), engine.encode(levels.flip(0)[:2])
        torch.testing.assert_close(first.alpha_BM, seen.alpha_BM[:1].expand(3, -1))
        assert torch.equal(again.code_BD, first.code_BD[:2])
        still = engine.draw(first.code_BD, first.features).image
        moved = engine.draw(first.code_BD + 1, first.features).image
        assert torch.equal(still[0], still[2])
        assert not torch.allclose(still, moved)
        assert torch.equal(engine.draw(first.code_BD + 2, first.features).image, moved)


def test_a_row_of_results_takes_the_place_of_an_earlier_one(throughput: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text("{}")
    row = {"weights": "live", "size": 256, "runtime": "PyTorch", "dtype": "float32", "driving": "a, 2x2"}
    measured = {"frames": 10, "frames_a_second": 20.0, "processors_used": 1.5, "stages": {}}
    throughput._add_row(file, "animate", row, measured)
    throughput._add_row(file, "animate", row | {"size": 512}, measured)
    throughput._add_row(file, "animate", row, measured | {"frames_a_second": 30.0})
    rows = json.loads(file.read_text())["animate"]
    assert [(each["size"], each["frames_a_second"]) for each in rows] == [(512, 20.0), (256, 30.0)]
    assert [each["processor_ms_a_frame"] for each in rows] == [75.0, 50.0]


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


def options_of(throughput: ModuleType, **given: object) -> argparse.Namespace:
    usual = {
        "presets": ["tiny"],
        "compile": None,
        "ways": None,
        "batches": (1, 8),
        "limit": 60,
        "dtype": None,
        "device": "cpu",
    }
    return argparse.Namespace(**usual | given)


@pytest.mark.parametrize("way", ["shipped", "eager"])
def test_speed_of_a_network(throughput: ModuleType, capsys: pytest.CaptureFixture[str], way: str) -> None:
    *_, results = throughput._network(options_of(throughput), throughput.torch.device("cpu"))
    assert set(results["ms"]["tiny"][way]) == {"1", "8"}
    assert min(results["ms"]["tiny"][way].values()) > 0
    assert results["peak_GiB"] == {}
    assert "tiny" in capsys.readouterr().out


class _Process:
    """In place of a process that compiles: it writes one of two results, and then hangs or ends."""

    hangs = False

    def __init__(self, command: list[str], **_: object) -> None:
        self.pid = 0
        out, batch = (command[command.index(name) + 1] for name in ("--json", "--batches"))
        way = command[command.index("--ways") + 1]
        results = {"ms": {"tiny": {way: {batch: 1.5}}}, "peak_GiB": {"tiny": {way: 0.25}}}
        Path(out).write_text(json.dumps(results))

    def wait(self, seconds: float | None = None) -> None:
        if self.hangs and seconds is not None:
            raise subprocess.TimeoutExpired("search", seconds)


@pytest.mark.parametrize("hangs", [False, True])
def test_a_search_that_does_not_end_is_killed(
    throughput: ModuleType, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    """What it measured until then counts, and what comes after it is measured."""
    killed: list[int] = []
    monkeypatch.setattr(_Process, "hangs", hangs)
    monkeypatch.setattr(throughput.subprocess, "Popen", _Process)
    monkeypatch.setattr(throughput.os, "killpg", lambda pid, _: killed.append(pid))
    monkeypatch.setattr(
        throughput, "_measure", lambda preset, way, batches, *_: ((n, 2.0, None) for n in batches)
    )
    options = options_of(throughput, compile=["default", "max-autotune"])
    *_, results = throughput._network(options, throughput.torch.device("cpu"))
    assert killed == [0, 0]
    for mode in ("default", "max-autotune"):
        assert results["ms"]["tiny"][f"compiled {mode}"] == {"1": 1.5}
        assert results["peak_GiB"]["tiny"][f"compiled {mode}"] == 0.25
    assert results["ms"]["tiny"]["eager"] == {"1": 2.0, "8": 2.0}
    assert list(results["ms"]["tiny"]) == ["shipped", "eager", "compiled default", "compiled max-autotune"]


@pytest.mark.parametrize("without_network", [False, True])
def test_every_command_is_measured(
    throughput: ModuleType,
    tmp_path: Path,
    face_clip: Path,
    portrait_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    without_network: bool,
) -> None:
    """With random weights: animate, edit-video and edit."""
    rows = tmp_path / "rows.json"
    rows.write_text("{}")
    options = argparse.Namespace(
        driving=face_clip,
        source=portrait_path,
        preset="tiny",
        device="cpu",
        only=throughput.COMMANDS,
        dtype=None,
        until=0.2,
        without_network=without_network,
        add=rows,
    )
    monkeypatch.setattr(throughput, "_EDITS", 3)
    *_, results = throughput._commands(options, throughput.torch.device("cpu"))
    assert results["animate"]["frames"] == results["edit-video"]["frames"] > 0
    assert {"decoding", "the network", "pasting", "writing"} <= set(results["edit-video"]["stages"])
    assert min(results["edit"]["ms"].values()) > 0
    assert "edit-video" in capsys.readouterr().out
    added = json.loads(rows.read_text())
    assert [added[name][0]["runtime"] == "nothing" for name in ("animate", "edit-video")] == [
        without_network
    ] * 2
