"""`liax edit-video` as a user meets it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from clips import flat_frames, write_clip
from liax.media.video import Video

CommandResult = tuple[int, str, str]


@pytest.fixture
def liax(command: Callable[..., CommandResult], tiny_weights: Path) -> Callable[..., CommandResult]:
    """Run `liax edit-video`; exit code, standard output, standard error without progress."""
    return lambda *args: command("edit-video", *args, "--weights", tiny_weights, "--device", "cpu")


def last_of(path: Path) -> np.ndarray:
    return [frame.rgb() for frame in Video(path)][-1].astype(int)


def test_edit_video(liax: Callable[..., CommandResult], face_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    told = (0, f"{out}: 12 frames, 1.0 s, 320x240\n", "")
    # Without the invisible mark, which is over the whole frame.
    assert liax(face_clip, "--set", "0=1,3=-1", "-o", out, "--no-mark") == told
    assert Video(out).rate == 12
    with av.open(out) as container:
        assert len(container.streams.audio) == 1
    apart = np.abs(last_of(out) - last_of(face_clip))
    assert apart[50:120, 90:160].mean() > 1
    assert apart[:, 250:].mean() < 1.5  # encoding only


def test_options_reach_the_edit(liax: Callable[..., CommandResult], face_clip: Path, tmp_path: Path) -> None:
    pictures = {}
    for name, options in {
        "plain": [],
        "first": ["--from-first-frame"],
        "square": ["--no-paste"],
        "whole": ["--no-crop"],
        "more": ["--set", "3=-1"],
        "forced": ["--set", "3=5", "--force"],
    }.items():
        out = tmp_path / f"{name}.mp4"
        assert liax(face_clip, "-o", out, "--set", "0=1", *options)[0] == 0, name
        pictures[name] = last_of(out)
    assert pictures.pop("square").shape == (64, 64, 3)
    plain = pictures.pop("plain")
    for name, picture in pictures.items():
        assert np.abs(picture - plain).mean() > 0.3, name


def test_bad_use(liax: Callable[..., CommandResult], face_clip: Path, tmp_path: Path) -> None:
    """One sentence, exit code 1, and nothing written."""
    write_clip(tmp_path / "grey.mp4", flat_frames(3, 200, 200))
    (tmp_path / "text.mp4").write_text("no video")
    out = tmp_path / "out.mp4"
    before = sorted(os.listdir(tmp_path))
    cases: dict[tuple[object, ...], str] = {
        (face_clip, "-o", out): "Nothing is to be changed; say what with --set",
        (face_clip, "-o", out, "--set", "yaw"): "'yaw' is no setting",
        (face_clip, "-o", out, "--set", "yaw=10deg"): "no control 'yaw'",
        (face_clip, "-o", out, "--set", "8=0.1"): "no motion vector #8",
        (face_clip, "-o", out, "--set", "3=9"): "#3=9 is out of its range -2 to 2; stay within it, or pass",
        (face_clip, "-o", out, "--set", "3=1", "--face", "2"): "--face goes from 1 (the largest) to 1",
        (face_clip, "-o", tmp_path / "out.png", "--set", "3=1"): "out.png has no ending that can be written",
        (face_clip, "-o", face_clip, "--overwrite", "--set", "3=1"): "is also an input",
        (tmp_path / "grey.mp4", "-o", out, "--set", "3=1"): "grey.mp4 shows no face that can be found",
        (tmp_path / "text.mp4", "-o", out, "--set", "3=1"): "text.mp4 is not a video",
        (tmp_path / "none.mp4", "-o", out, "--set", "3=1"): "none.mp4 does not exist",
    }
    for args, sentence in cases.items():
        code, told, error = liax(*args)
        lines = [line for line in error.splitlines() if line.startswith("liax: ")]
        assert (code, told, len(lines)) == (1, "", error.count("\n")), args
        assert sentence in lines[-1], args
    assert sorted(os.listdir(tmp_path)) == before


def test_an_existing_output_is_kept(
    liax: Callable[..., CommandResult], face_clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    code, _, error = liax(face_clip, "-o", out, "--set", "3=1")
    assert code == 1
    assert "pass --overwrite" in error
    assert out.read_bytes() == b"precious"
    assert liax(face_clip, "-o", out, "--set", "3=1", "--overwrite")[0] == 0
    assert len(list(Video(out))) == 12
