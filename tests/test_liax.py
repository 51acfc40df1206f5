"""`import liax` is quick: the heavy parts come with the first use of what needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import liax
from liax.weights import load


def test_load_is_the_weights_load() -> None:
    assert liax.load is load
    assert {"Animator", "LiaxError", "load"} <= set(dir(liax))


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = liax.nonsense  # type: ignore[attr-defined]


def test_import_brings_no_torch() -> None:
    code = (
        "import sys, liax; print(sorted({'torch', 'av', 'mediapipe', 'huggingface_hub'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
