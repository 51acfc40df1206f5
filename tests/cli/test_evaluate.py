"""`liax evaluate` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clips import flat_frames, moving_face, write_clip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("one", "two"):
        write_clip(folder / f"{name}.mp4", flat_frames(6, 64, 64))
    return folder


def test_any_folder_of_videos(
    data: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "out"
    code, said, told = command(
        "evaluate", data, "-o", out, "--random", "tiny", "--frames", 3, "--first", 2, "--device", "cpu"
    )
    assert code == 0, told
    assert said.startswith("# Self-reenactment: untrained tiny\n\n2 clips of 2 people from clips;")
    assert {path.name for path in out.iterdir()} >= {
        "results.json",
        "results.csv",
        "results.md",
        "report.html",
    }
    results = json.loads((out / "results.json").read_text())
    assert results["backbones"].keys() >= {"fidelity", "drawing", "faces", "steadiness"}
    assert results["means"]["faceless"]["mean"] == 1
    code, _, told = command("evaluate", data, "-o", out, "--copy", "--frames", 3, "--first", 2)
    assert (code, told) == (
        1,
        f"liax: {out} holds results made with other animator; name another folder.\n",
    )


def test_pairs_by_name(data: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("source,driving\none,two\n")
    options = ["--protocol", "cross", "--pairs", pairs, "--copy", "--frames", 2, "--first", 2]
    code, said, told = command("evaluate", data, "-o", tmp_path / "out", *options)
    assert code == 0, told
    assert "| one__two | 6 |" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--copy", "--random", "tiny"], "only one of"),
        (["--copy", "--pairs", "pairs.csv"], "Pairs are for cross-reenactment"),
        (["--absolute"], "--absolute is for --protocol cross"),
        (["--copy", "--limit", "0"], "at least 1"),
        (["--copy", "--frames", "0"], "0 frames cannot be compared"),
        (["--weights", "nothing.safetensors"], "no file nothing.safetensors"),
        (["--videos", "nowhere"], "nowhere is no folder"),
    ],
)
def test_wrong_wishes_write_nothing(
    data: Path,
    tmp_path: Path,
    options: list[str],
    said: str,
    command: Callable[..., tuple[int, str, str]],
) -> None:
    code, _, told = command("evaluate", data, "-o", tmp_path / "out", *options)
    assert code == 1
    assert said in told
    assert not (tmp_path / "out").exists()


def test_uncropped_footage(
    tmp_path: Path, portrait_HW3: object, command: Callable[..., tuple[int, str, str]]
) -> None:
    data = tmp_path / "wide"
    data.mkdir()
    write_clip(data / "face.mp4", moving_face(portrait_HW3, 4))  # type: ignore[arg-type]
    options = ["--copy", "--frames", 2, "--first", 0]
    code, _, told = command("evaluate", data, "-o", tmp_path / "out", *options)
    assert code == 1
    assert "320x240 pixels and not square" in told
    code, said, told = command("evaluate", data, "-o", tmp_path / "cropped", *options, "--crop", "--size", 96)
    assert code == 0, told
    assert "Clips of 320x240 pixels, cut around the face here, compared at 96×96" in said
