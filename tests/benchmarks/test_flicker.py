"""The flicker of backgrounds, and its place in the documents."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scripts import load_script

flicker = load_script("flicker")


def test_the_page_has_the_numbers() -> None:
    page = flicker.PAGE.read_text(encoding="utf-8")
    assert flicker.filled(page) == page


def test_results_are_put_into_their_place(tmp_path: Path) -> None:
    ratios = {"only mouth": {"a": 1.0, "b": 1.04, "c": 1.01}, "only head,mouth": {"a": 1.2, "b": 1.1}}
    (tmp_path / "flicker.json").write_text(json.dumps({"ratios": ratios}))
    text = flicker.filled("a\n<!-- flicker -->\nold\n<!-- end -->\nb\n", tmp_path / "flicker.json")
    assert text.startswith("a\n<!-- flicker -->\n\n| what is")
    assert text.endswith("\n\n<!-- end -->\nb\n")
    assert "| mouth | 3 | 1.01 | 1.04 |\n| head, mouth | 2 | 1.15 | 1.20 |\n" in text
    assert "old" not in text
    with pytest.raises(ValueError, match="no place"):
        flicker.filled("nothing", tmp_path / "flicker.json")


def test_change_counts_where_both_frames_are_background() -> None:
    frames = [
        np.zeros((2, 2, 3), np.uint8),
        np.full((2, 2, 3), 10, np.uint8),
        np.full((2, 2, 3), 14, np.uint8),
    ]
    everywhere, left = np.ones((2, 2), bool), np.array([[True, False], [True, False]])
    assert flicker.changed(frames, [everywhere] * 3) == 7
    assert flicker.changed(frames, [everywhere, everywhere, left]) == pytest.approx((4 * 10 + 2 * 4) / 6)
