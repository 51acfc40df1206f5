"""What is copied from the page does what the page did."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clips import moving_face, write_clip
from liax.app.commands import AnyOptions, Invocation, result_name
from liax.cli.main import main
from liax.media.images import read_image
from liax.media.video import Video
from liax.options import AnimateOptions, EditOptions, EditVideoOptions, ManipulateOptions

SETTINGS = {"#0": 0.4, "#3": -0.25}


@pytest.fixture
def folder(
    tmp_path: Path, portrait_path: Path, portrait_HW3: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> Path:
    (tmp_path / "my portrait.jpg").write_bytes(portrait_path.read_bytes())
    write_clip(tmp_path / "talk.mp4", moving_face(portrait_HW3, 6), rate=6)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _by_command(call: Invocation[AnyOptions]) -> None:
    words = shlex.split(call.command_line())
    assert words[0] == "liax"
    with pytest.raises(SystemExit) as ended:
        main(words[1:])
    assert not ended.value.code


def _pictures(path: Path) -> list[Any]:
    return [read_image(path)] if path.suffix == ".png" else [frame.rgb() for frame in Video(path)]


def _calls(weights: str) -> list[Invocation[AnyOptions]]:
    portrait, video = "my portrait.jpg", "talk.mp4"
    smooth = AnimateOptions(smooth=True, compare=True, set=SETTINGS)
    copied = AnimateOptions(absolute=True, strength={"all": 0.5})
    sheet = ManipulateOptions(extent=0.5)
    return [
        Invocation([portrait], "edited.png", EditOptions(paste=True, face=1), SETTINGS, weights=weights),
        Invocation([portrait], "whole.png", EditOptions(crop=False), SETTINGS, weights=weights),
        Invocation([portrait, video], "animated.mp4", smooth, weights=weights),
        Invocation([portrait, video], "copied.mp4", copied, weights=weights),
        Invocation([video], "edited.mp4", EditVideoOptions(paste=False), SETTINGS, weights=weights),
        Invocation([portrait], "sweep.png", sheet, sweep=("#1", "#2"), weights=weights),
        Invocation([portrait], "faces.mp4", AnimateOptions(set=SETTINGS), faces={1: video}, weights=weights),
    ]


@pytest.mark.parametrize("number", range(7))
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
    call = Invocation(["portrait.jpg"], "edited.png", EditOptions(), {"yaw": 10.0})
    assert call.command_line() == "liax edit portrait.jpg -o edited.png --set yaw=10"
    call = Invocation(["portrait.jpg"], "circle.mp4", ManipulateOptions(turns=2))
    assert call.command_line() == "liax manipulate portrait.jpg -o circle.mp4 --orbit --turns 2"


def test_the_program_imports_what_it_needs() -> None:
    short = Invocation(["portrait.jpg"], "edited.png", EditOptions(), {"yaw": 10.0})
    assert short.python() == (
        """from pathlib import Path

import liax
from liax.media.images import write_image
from liax.portrait import edit_image

animator = liax.Animator(liax.load("small"))
edited = edit_image(animator, Path("portrait.jpg"), {"yaw": 10.0})
write_image(Path("edited.png"), edited.picture_HW3)"""
    )
    long = Invocation(["portrait.jpg", "talk.mp4"], "animated.mp4", AnimateOptions(smooth=True))
    assert long.python() == (
        """from pathlib import Path

import liax
from liax.options import AnimateOptions
from liax.portrait import animate_file

animator = liax.Animator(liax.load("small"))
animate_file(
    animator,
    Path("portrait.jpg"),
    Path("talk.mp4"),
    Path("animated.mp4"),
    AnimateOptions(smooth=True),
)"""
    )


@pytest.mark.parametrize(
    ("given", "settings", "name"),
    [
        (["astronaut.jpg"], {"yaw": 10.0}, "astronaut_yaw10"),
        (
            ["astronaut.jpg"],
            {"yaw": -2.5, "x": 0.1, "jaw": 1.0, "smile": 0.2},
            "astronaut_yaw-2.5_x0.1_jaw1",
        ),
        (["astronaut.jpg"], {}, "astronaut_done"),
        (["astronaut.jpg", "my talk.mp4"], {}, "astronaut_my talk"),
        (["a" * 300 + ".jpg"], {}, "a" * 60 + "_done"),
    ],
)
def test_results_are_called_after_what_they_are_made_of(
    given: list[str], settings: dict[str, float], name: str
) -> None:
    assert result_name(given, settings, "done") == name


@pytest.mark.parametrize("name", ["a b.jpg", "it's.jpg", '"; rm -rf .jpg', "$(x).jpg", "日本.jpg"])
def test_names_of_files_stay_names(name: str) -> None:
    call = Invocation([name], "edited.png", EditOptions())
    assert shlex.split(call.command_line())[2] == name
    names = [node.value for node in ast.walk(ast.parse(call.python())) if isinstance(node, ast.Constant)]
    assert name in names
