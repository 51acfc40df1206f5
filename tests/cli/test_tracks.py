"""Tracks, keyframes and idle life on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liax.media.video import Video
from liax.tracks import read_track
from liax.weights import set_controls
from liax.weights.controls import Control

CommandResult = tuple[int, str, str]
Command = Callable[..., CommandResult]


@pytest.fixture
def weights(tiny_weights: Path, tmp_path: Path) -> Path:
    """Weights that can turn and smile."""
    controls = [Control("yaw", "head", {0: 0.05}, -20, 20, "deg"), Control("smile", "mouth", {1: 1.0}, -1, 1)]
    set_controls(tiny_weights, tmp_path / "named.safetensors", controls)
    return tmp_path / "named.safetensors"


def test_a_video_as_a_table_and_back(
    command: Command, face_clip: Path, portrait_path: Path, weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "motion.csv"
    code, printed, errors = command("encode", face_clip, "-o", out, "--weights", weights)
    assert (code, errors) == (0, "")
    assert printed == f"{out}: 12 frames, 1.0 s, {out.stat().st_size / 1000:,.0f} KB\n"
    assert read_track(out).controls == ("yaw", "smile")
    code, printed, _ = command("animate", portrait_path, out, "-o", tmp_path / "a.mp4", "--weights", weights)
    assert (code, printed) == (0, f"{tmp_path / 'a.mp4'}: 12 frames, 1.0 s, 64x64\n")


def test_keys_drive_and_convert(command: Command, portrait_path: Path, weights: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text("rate = 10\n[[key]]\nat = '0.3s'\nyaw = '50deg'\nsmile = 0.6\n")
    code, _, errors = command("animate", portrait_path, keys, "-o", tmp_path / "a.mp4", "--weights", weights)
    assert code == 0
    assert errors == (
        f"liax: {keys} goes out of range, and is held at its ends: yaw is 50deg at 0.30 s (-20 to 20 deg).\n"
    )
    frames = [frame.rgb() for frame in Video(tmp_path / "a.mp4")]
    assert len(frames) == 4
    code, _, errors = command("encode", keys, "-o", tmp_path / "face.csv", "--live-link")
    assert (code, errors) == (0, "")
    assert (tmp_path / "face.csv").read_text().startswith("Timecode,BlendshapeCount,EyeBlinkLeft,")


def test_idle_life(command: Command, portrait_path: Path, weights: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "a.gif", tmp_path / "b.gif", tmp_path / "c.gif"]
    for out, seed in zip(outputs, (1, 1, 2), strict=True):
        code, printed, _ = command(
            *("animate", portrait_path, "--idle", "2s", "--seed", seed, "-o", out, "--weights", weights),
            "--no-mark",  # a signature is another one each time
        )
        assert (code, printed) == (0, f"{out}: 50 frames, 2.0 s, 64x64\n")
    one, same, other = (path.read_bytes() for path in outputs)
    assert one == same
    assert one != other


def test_what_does_not_work(
    command: Command, portrait_path: Path, face_clip: Path, weights: Path, tmp_path: Path
) -> None:
    for arguments, reason in (
        (("animate", portrait_path), "by its own driving; give one of them (--idle, --faces)"),
        (("animate", portrait_path, face_clip, "--idle", "3s"), "give one of them (--idle, --faces)"),
        (("animate", portrait_path, "--idle", "soon"), "'soon' is no time"),
        (("animate", portrait_path, "--idle", "1s"), "lasts 2 to 600 s"),
        (("animate", portrait_path, face_clip, "--keys", tmp_path / "no.toml"), "cannot read"),
    ):
        code, _, errors = command(*arguments, "-o", tmp_path / "a.mp4", "--weights", weights)
        assert code == 1, arguments
        assert reason in errors
    code, _, errors = command("encode", face_clip, "-o", tmp_path / "a.json", "--live-link")
    assert (code, "name it one of .csv" in errors) == (1, True)
    assert not (tmp_path / "a.mp4").exists()
    assert np.all([path.suffix != ".part" for path in tmp_path.iterdir()])
