"""benchmarks/agreement.py: how pictures of two devices are compared."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from liax.model import LIAX
from liax.portrait.animator import Animator
from scripts import load_script


@pytest.fixture(scope="module")
def compared() -> ModuleType:
    return load_script("agreement")


def test_the_readme_has_the_numbers(compared: ModuleType) -> None:
    folder = Path(__file__).parents[2] / "benchmarks"
    results = json.loads((folder / "results" / "agreement-h200.json").read_text())
    assert compared.table(results) in (folder / "README.md").read_text(encoding="utf-8")


def test_the_worst_picture_counts(compared: ModuleType) -> None:
    grey_HW3 = np.full((4, 4, 3), 100, np.uint8)
    found = compared.agreement([grey_HW3, grey_HW3 + 1, grey_HW3 + 2], [grey_HW3] * 3)
    two_levels = 20 * np.log10(255 / 2)
    assert found["pictures"] == 3
    assert found["lowest_dB"] == pytest.approx(two_levels, abs=0.01)
    assert found["mean_dB"] == pytest.approx((99 + 20 * np.log10(255) + two_levels) / 3, abs=0.01)


def test_a_missing_picture_is_an_error(compared: ModuleType) -> None:
    grey_HW3 = np.full((4, 4, 3), 100, np.uint8)
    with pytest.raises(ValueError, match="zip"):
        compared.agreement([grey_HW3], [grey_HW3] * 2)


def test_batches_are_drawn(compared: ModuleType, tiny: LIAX) -> None:
    """The same network in two precisions differs a little, and in another batch size hardly."""
    work = compared.works(0.1, 4)["3 at once"]
    alike = Animator(tiny, "cpu", torch.float32)
    wanted = list(work(alike))
    assert len(wanted) == 4
    assert compared.agreement(wanted, compared.works(0.1, 4)["2 at once"](alike))["lowest_dB"] > 60
    rough = compared.agreement(work(Animator(tiny, "cpu", torch.bfloat16)), wanted)
    assert 20 < rough["lowest_dB"] < 60
