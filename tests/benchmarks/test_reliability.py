"""docs/reliability.md has the figures of the results, which hold what it promises."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scripts import load_script

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("reliability")


def results(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not there; docs/reliability.md says which script makes it")
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_page_has_the_results(script: ModuleType) -> None:
    text = script.PAGE.read_text(encoding="utf-8")
    assert script.page(text) == text


def test_mutations(script: ModuleType) -> None:
    formats = results("fuzz")["formats"].values()
    assert sum(counts["mutations"] for counts in formats) >= 100_000
    for counts in formats:
        assert counts["faults"] == []
        assert counts["mutations"] == counts.get("fine", 0) + counts.get("refused", 0)


def test_heads_that_begin_turned() -> None:
    found = results("turned")
    assert len(found["pairs"]) == 30
    told = found["ways"]["default"]
    assert told["without_a_face"] == 0
    assert told["worst"] < found["ways"]["free"]["worst"]


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


COUNTS = {"trials": 17, "with_unfinished_files": 3, "harmed": 0, "failed": 0, "left": 0}


def test_the_page_follows_the_results(script: ModuleType, tmp_path: Path) -> None:
    text = script.PAGE.read_text(encoding="utf-8")
    (tmp_path / "kill.json").write_text(json.dumps({"animate": COUNTS, "train": COUNTS | {"left": 2}}))
    shown = script.page(text, tmp_path)
    assert "| train | 17 | 3 | 0 | 0 | 2 |\n| **together** | 34 | 6 | 0 | 0 | 2 |" in shown
    assert script.page(shown, tmp_path) == shown
    formats = {
        "mp4": {"mutations": 5, "fine": 2, "refused": 2, "hang": 1, "peak_mb": 300, "faults": []},
        "gif": {"mutations": 3000, "fine": 3000, "peak_mb": 200, "faults": []},
    }
    table = script.fuzz_table({"formats": formats})
    assert "| mp4 | 5 | 2 | 2 | 0 | 1 | 0 | 0 | 0 | 300 MB |" in table
    assert "| **together** | 3,005 | 3,002 | 2 | 0 | 1 | 0 | 0 | 0 | 300 MB |" in table


def test_the_tables_of_a_soak(script: ModuleType) -> None:
    run = {"frames": 300, "peak_mb": 500, "open_files": 7}
    found = {
        "animate": {"short": run, "long": run | {"frames": 3000, "peak_mb": 510}},
        "studio": {
            "jobs": 3,
            "outcomes": {"edit: done": 2, "animate: refused": 1},
            "early": {"memory_mb": 600.5},
            "late": {"memory_mb": 601.0},
        },
    }
    assert "| animate | 300 | 500 MB | 3,000 | 510 MB | 7 |" in script.soak_table(found)
    assert "3 jobs: 2 done, 1 refused, 0 stopped, 0 fault." in script.studio_table(found)
    assert "| memory in MB | 600.5 | 601.0 |" in script.studio_table(found)
