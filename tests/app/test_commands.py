"""What is copied from the page does what the page did."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clips import moving_face, write_clip
from liax.app.commands import Invocation
from liax.cli.main import main
from liax.media.images import read_image
from liax.media.video import Video

SETTINGS = {"#0": 0.4, "#3": -0.25}


@pytest.fixture
def folder(
    tmp_path: Path, portrait_path: Path, portrait_HW3: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> Path:
    (tmp_path / "my portrait.jpg").write_bytes(portrait_path.read_bytes())
    write_clip(tmp_path / "talk.mp4", moving_face(portrait_HW3, 6), rate=6)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _by_command(call: Invocation) -> None:
    words = shlex.split(call.command_line())
    assert words[0] == "liax"
    with pytest.raises(SystemExit) as ended:
        main(words[1:])
    assert not ended.value.code


def _pictures(path: Path) -> list[Any]:
    return [read_image(path)] if path.suffix == ".png" else [frame.rgb() for frame in Video(path)]


def _calls(weights: str) -> list[Invocation]:
    portrait, video = "my portrait.jpg", "talk.mp4"
    return [
        Invocation("edit", [portrait], "edited.png", SETTINGS, {"paste": True, "face": 1}, weights),
        Invocation("edit", [portrait], "whole.png", SETTINGS, {"crop": False}, weights),
        Invocation(
            "animate", [portrait, video], "animated.mp4", SETTINGS, {"smooth": True, "compare": True}, weights
        ),
        Invocation(
            "animate",
            [portrait, video],
            "copied.mp4",
            {},
            {"relative": False, "strength": {"all": 0.5}},
            weights,
        ),
        Invocation("edit-video", [video], "edited.mp4", SETTINGS, {"paste": False}, weights),
        Invocation("manipulate", [portrait], "sweep.png", {}, {"sweep": "#1,#2", "extent": 0.5}, weights),
    ]


@pytest.mark.parametrize("number", range(6))
def test_the_command_and_the_program_make_the_same(
    folder: Path, tiny_weights: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    call = _calls(str(tiny_weights))[number]
    _by_command(call)
    by_command = _pictures(folder / call.output)
    (folder / call.output).unlink()
    exec(compile(call.python(), "copied", "exec"), {})
    by_program = _pictures(folder / call.output)
    assert len(by_command) == len(by_program)
    # Faces in videos are followed by threads, which do not add up in the same order each time.
    apart = [np.abs(a.astype(int) - b).mean() for a, b in zip(by_command, by_program, strict=True)]
    assert max(apart) < 3


def test_what_is_not_changed_is_not_written() -> None:
    call = Invocation("edit", ["portrait.jpg"], "edited.png", {"yaw": 10.0})
    assert call.command_line() == "liax edit portrait.jpg -o edited.png --set yaw=10"


@pytest.mark.parametrize("name", ["a b.jpg", "it's.jpg", '"; rm -rf .jpg', "$(x).jpg", "日本.jpg"])
def test_names_of_files_stay_names(name: str) -> None:
    call = Invocation("edit", [name], "edited.png")
    assert shlex.split(call.command_line())[2] == name
    names = [node.value for node in ast.walk(ast.parse(call.python())) if isinstance(node, ast.Constant)]
    assert name in names
