"""Training nodes often have neither PyAV nor MediaPipe nor tyro."""

import subprocess
import sys

_CODE = """
import sys
for absent in ("av", "mediapipe", "tyro"):
    sys.modules[absent] = None
import liax.training.trainer
"""


def test_training_imports_without_media_faces_and_command_line() -> None:
    subprocess.run([sys.executable, "-c", _CODE], check=True, timeout=120)
