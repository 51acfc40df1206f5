"""docs/reliability.md has the figures of the results, which hold what it promises."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reliability", ROOT / "benchmarks" / "reliability.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def results(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def test_the_page_has_the_results(script: ModuleType) -> None:
    text = script.PAGE.read_text(encoding="utf-8")
    assert script.page(text) == text


def test_mutations(script: ModuleType) -> None:
    formats = results("fuzz")["formats"].values()
    assert sum(counts["mutations"] for counts in formats) >= 100_000
    for counts in formats:
        assert counts["faults"] == []
        assert counts["mutations"] == counts.get("fine", 0) + counts.get("refused", 0)


def test_kills(script: ModuleType) -> None:
    commands = results("kill")
    assert commands.keys() == {"animate", "edit-video", "batch", "prepare", "train", "studio"}
    assert sum(counts["trials"] for counts in commands.values()) >= 100
    assert sum(counts["with_unfinished_files"] for counts in commands.values()) > 0
    for counts in commands.values():
        assert [counts[kind] for kind in script.KILLED] == [0, 0, 0]


def test_soak() -> None:
    found = results("soak")
    assert found.keys() == {"animate", "paste", "edit-video", "studio"}
    assert all(told["well"] for told in found.values())
    assert found["studio"]["jobs"] >= 300
    for name in ("animate", "paste", "edit-video"):
        assert found[name]["minutes"] == [1, 10]
        assert found[name]["long"]["frames"] == 600 * found[name]["rate"]


def test_a_figure_that_changes_is_noticed(script: ModuleType, tmp_path: Path) -> None:
    for name in ("fuzz", "kill", "soak"):
        (tmp_path / f"{name}.json").write_text(json.dumps(results(name)))
    changed = results("kill")
    changed["animate"]["trials"] += 1
    (tmp_path / "kill.json").write_text(json.dumps(changed))
    text = script.PAGE.read_text(encoding="utf-8")
    assert script.page(text, tmp_path) != text
