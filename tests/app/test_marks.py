"""What the page hands out is marked as synthetic."""

from __future__ import annotations

from pathlib import Path

import pytest
from visitor import Visitor

from liax.app.studio import Studio
from liax.app.turn_tab import _SHEET
from liax.marking.verify import read_mark


def marked(studio: Studio) -> dict[str, str]:
    """Name of every result there is -> the operation in its mark."""
    results = [path for path in (studio.folder / "results").rglob("*") if path.is_file()]
    marks = {path.name: read_mark(path) for path in results}
    assert all(mark.marked for mark in marks.values()), marks
    return {name: mark.facts["operation"] for name, mark in marks.items()}


@pytest.mark.timeout(120)
def test_results_are_marked(address: str, studio: Studio, portrait_path: Path, face_clip: Path) -> None:
    visitor = Visitor(address)
    portrait = visitor.upload(portrait_path)
    visitor.change("edit", Your_portrait=portrait, Blink=0.7)
    sheet, clip = (
        list(visitor.press("Turn", Your_portrait=portrait, Save_as=_SHEET[1]))[-1],
        list(visitor.press("Animate", Who_moves_it=visitor.upload(face_clip)))[-1],
    )
    assert "liax-error" not in f"{sheet} {clip}"
    assert marked(studio) == {
        "demo_portrait_blink0.7.png": "edit",
        "demo_portrait_face.mp4": "animate",
        f"demo_portrait_sweep.{_SHEET[1]}": "manipulate",
    }
