"""benchmarks/taught_controls.py: what it measures on real portraits."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import load_script

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_heads_turn_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    script = load_script("taught_controls")
    monkeypatch.setattr(script, "AMOUNTS", {"yaw": (20.0,), "roll": (-15.0,)})
    found = script.measure("live", SHARED / "manifest.csv", "val2", 2)
    yaw, roll = found["rows"]
    assert (yaw["control"], yaw["asked"], yaw["people"]) == ("yaw", 20.0, 2)
    assert yaw["mean"] == pytest.approx(20, abs=5)
    assert roll["mean"] == pytest.approx(-15, abs=3)
