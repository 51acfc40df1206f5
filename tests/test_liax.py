"""`import liax` is quick: the heavy parts come with the first use of what needs them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import liax
from liax.portrait import animate
from liax.weights import load


def test_every_public_name_is_there() -> None:
    assert liax.load is load
    assert liax.animate is animate
    assert all(getattr(liax, name) for name in liax.__all__)
    assert set(liax.__all__) <= set(dir(liax))


def test_one_version() -> None:
    assert version("liax") == liax.__version__


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = liax.nonsense  # type: ignore[attr-defined]


def test_import_brings_no_torch() -> None:
    code = (
        "import sys, liax; print(sorted({'torch', 'av', 'mediapipe', 'huggingface_hub'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
