"""benchmarks/revision_speed.py: what is compared, and how."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from clips import flat_frames, write_clip
from scripts import load_script


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("revision_speed")


def test_medians_are_compared(script: ModuleType) -> None:
    """One slow round changes nothing."""
    assert script._ratio({"before": [3.0, 90.0, 3.3], "now": [2.0, 2.2, 70.0]}) == 1.5


def test_two_versions_take_turns(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their pictures are compared as they are decoded."""
    turns: list[str] = []

    def run(name: str, tree: Path, options: object, out: Path) -> None:
        turns.append(tree.name)
        time.sleep(0.02)
        if not out.exists():
            write_clip(out, flat_frames(4))

    monkeypatch.setattr(script, "_run", run)
    monkeypatch.setattr(script, "_processor_seconds", lambda: float(len(turns)))
    options = script.Options("main", tmp_path / "driving.mp4", rounds=2)
    found = script._compared("animate", {"before": Path("old"), "now": Path("new")}, options, tmp_path)
    assert turns == ["old", "new"] * 2
    assert found["frames"] == 4
    assert found["levels_apart"] == {"largest": 0, "mean": 0.0}
    assert found["processor_s"] == {"before": [1, 1], "now": [1, 1]}
    assert found["times_less_processor_time"] == 1
    assert min(found["seconds"]["before"] + found["seconds"]["now"]) >= 0.02


def test_a_command_that_fails_ends_all(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no such portrait')"]
    real = script.subprocess.run
    monkeypatch.setattr(script.subprocess, "run", lambda _, **how: real(failing, **how))
    with pytest.raises(SystemExit, match=r"animate with .*: no such portrait"):
        script._run("animate", tmp_path, script.Options("main", tmp_path / "x.mp4"), tmp_path / "out.mp4")
