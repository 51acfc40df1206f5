"""A download that stopped early: its table of contents is whole, its frames are not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import fast_start, write_clip
from liax.media.video import Video

Command = Callable[..., tuple[int, str, str]]
COMMANDS = {
    "animate": ("animate", "face.png", "cut.mp4", "-o", "out.mp4", "--no-crop"),
    "animate aligned": ("animate", "face.png", "cut.mp4", "-o", "out.mp4", "--no-crop", "--align", "all"),
    "animate best": ("animate", "face.png", "cut.mp4", "-o", "out.mp4", "--no-crop", "--best-frame"),
    "animate as source": ("animate", "face.png", "cut.mp4", "-o", "out.gif"),
    "encode": ("encode", "cut.mp4", "-o", "out.safetensors", "--no-crop"),
    "encode the face": ("encode", "cut.mp4", "-o", "out.safetensors"),
    "edit-video": ("edit-video", "cut.mp4", "-o", "out.mp4", "--set", "0=1", "--no-crop"),
    "edit-video faces": ("edit-video", "cut.mp4", "-o", "out.mp4", "--set", "0=1"),
    "edit-video from first": (
        *("edit-video", "cut.mp4", "-o", "out.mp4", "--set", "0=1", "--no-crop", "--from-first-frame"),
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_cut_within_its_first_frame(
    command: Command, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    noise = list(np.random.default_rng(0).integers(0, 255, (10, 64, 64, 3), np.uint8))
    data = fast_start(write_clip(tmp_path / "a.mp4", noise), tmp_path / "b.mp4").read_bytes()
    Path("cut.mp4").write_bytes(data[: data.index(b"mdat") + 5000])
    assert Video(Path("cut.mp4")).width == 64  # what is there of the first frame can be shown
    Image.fromarray(noise[0]).save("face.png")
    code, out, err = command(*COMMANDS[name], "--weights", tiny_weights, "--device", "cpu")
    told = err.splitlines()[-1]
    assert (code, out) == (1, "")
    assert "cut.mp4 is damaged or cut off within its first frame; give another" in told or "no face" in told
    assert "StopIteration" not in err
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4", "cut.mp4", "face.png"]
