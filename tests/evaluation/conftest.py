"""A data set of two people, small enough to evaluate in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from clips import gradients, write_clip


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    """A manifest with clips a (12 frames) and b (7) of 64x64 whose colours change, of two people."""
    data = tmp_path / "data"
    data.mkdir()
    for name, count in (("a", 12), ("b", 7)):
        write_clip(data / f"{name}.mp4", gradients(count))
    (data / "manifest.csv").write_text(
        "file,type,split,identity,frames\na.mp4,clip,val,p1,12\nb.mp4,clip,val,p2,7\n"
    )
    return data
