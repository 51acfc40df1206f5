import sys

import pytest

from liax.cli import progress as progress_module
from liax.cli.progress import ProgressDisplay


def test_lines_now_and_then_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 4))  # four seconds pass with every frame
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: float(next(clock)))
    with ProgressDisplay() as progress:
        for k in range(1, 8):
            progress("animating", k, 10)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "animating: 4 of 10 frames, about 18 s left",
        "animating: 7 of 10 frames, about 10 s left",
    ]


def test_unknown_length(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 11))
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: float(next(clock)))
    with ProgressDisplay() as progress:
        for k in (1, 2, 3):
            progress("finding the face", k, None if k < 3 else 2)
    assert capsys.readouterr().err == "finding the face: 2 frames\nfinding the face: 3 frames\n"


def test_bar_in_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with ProgressDisplay() as progress:
        for stage in ("finding the face", "animating"):
            for k in (1, 2):
                progress(stage, k, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "animating" in err
    assert "2/2" in err
