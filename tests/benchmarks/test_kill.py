"""benchmarks/kill/run.py at a few moments: killed commands, run again, end where undisturbed ones do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_killed_and_run_again(tmp_path: Path) -> None:
    output = tmp_path / "kill.json"
    words = [sys.executable, str(ROOT / "benchmarks" / "kill" / "run.py"), "--moments", "2"]
    ended = subprocess.run(
        [*words, "--only", "batch", "-o", str(output)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(output.read_text())
    told = found["batch"]
    assert (told["files"], told["trials"], told["faults"]) == (4, 2, [])
