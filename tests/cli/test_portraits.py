"""`liax edit`, `liax manipulate` and `liax controls` as a user meets them."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liax.media.images import read_image
from liax.media.video import Video
from liax.weights import set_controls
from liax.weights.controls import Control, VerifiedRange

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def named(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("named") / "named.safetensors"
    controls = [
        Control("smile", "mouth", {i: 0.5 + i / 8 for i in range(6)}, 0, 1, meaning="draws the mouth wide"),
        Control(
            "yaw",
            "head",
            {1: 0.02},
            -25,
            20,
            "deg",
            "turns the head to the viewer's right",
            VerifiedRange(-10, 12, 4, 0.88),
        ),
        Control("pitch", "head", {2: 0.02}, -20, 20, "deg"),
    ]
    set_controls(tiny_weights, path, controls)
    return path


@pytest.fixture
def edit(command: Command, named: Path, portrait_path: Path, tmp_path: Path) -> Command:
    def run(*options: object, image: object = portrait_path, output: str = "out.png") -> tuple[int, str, str]:
        common = ("edit", image, "-o", tmp_path / output, "--weights", named, "--device", "cpu")
        return command(*common, *options)

    return run


def test_edit(edit: Command, tmp_path: Path) -> None:
    assert edit("--set", "yaw=15deg", "--set", "smile=0.5,7=-0.2") == (0, f"{tmp_path}/out.png: 64x64\n", "")
    assert edit("--set", "yaw=0", output="zero.png")[0] == 0
    apart = read_image(tmp_path / "out.png").astype(int) - read_image(tmp_path / "zero.png")
    assert np.abs(apart).mean() > 1
    assert sorted(os.listdir(tmp_path)) == ["out.png", "zero.png"]


@pytest.mark.parametrize(("ending", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_edit_writes_formats(edit: Command, tmp_path: Path, ending: str, kind: str) -> None:
    assert edit("--set", "yaw=15", output=f"out.{ending}")[0] == 0
    with Image.open(tmp_path / f"out.{ending}") as image:
        assert (image.format, image.size, image.mode) == (kind, (64, 64), "RGB")


def test_edit_pasted_with_a_sheet(edit: Command, tmp_path: Path, portrait_path: Path) -> None:
    out, sheet = tmp_path / "out.png", tmp_path / "sheet.png"
    # Without the invisible mark, which is over the whole picture.
    told = edit("--set", "yaw=15", "--paste", "--sheet", sheet, "--no-mark")
    assert told == (0, f"{out}, {sheet}: 512x512\n", "")
    assert (read_image(out)[-4:] == read_image(portrait_path)[-4:]).mean() > 0.9
    height, width = read_image(sheet).shape[:2]
    assert 128 < width < 150
    assert 64 < height < 100


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "Nothing is to be changed; say what with --set"),
        (["--set", "yaw"], "'yaw' is no setting"),
        (
            ["--set", "yaw=30deg"],
            "yaw=30deg is out of its range -25 to 20 deg (verified to ±4 in -10 to 12); "
            "stay within it, or pass --force",
        ),
        (["--set", "smlie=1"], "did you mean smile"),
        (["--set", "yaw=1", "--face", "3"], "--face goes from 1"),
        (["--set", "yaw=1", "--paste", "--no-crop"], "leave out --paste or --no-crop"),
        (["--set", "yaw=1", "--sheet", "sheet.bmp"], "name it one of .png"),
    ],
)
def test_edit_refuses(edit: Command, tmp_path: Path, options: list[str], words: str) -> None:
    code, out, err = edit(*options)
    assert (code, out, os.listdir(tmp_path)) == (1, "", [])
    assert words in err
    assert err.count("\n") == 1


def test_edit_keeps_what_was_there(edit: Command, tmp_path: Path, portrait_path: Path) -> None:
    (tmp_path / "out.png").write_bytes(b"mine")
    assert "exists already" in edit("--set", "yaw=1")[2]
    assert "name two files" in edit("--set", "yaw=1", "--sheet", tmp_path / "out.png", "--overwrite")[2]
    copy = tmp_path / "portrait.jpg"
    copy.write_bytes(portrait_path.read_bytes())
    told = edit("--set", "yaw=1", "--overwrite", image=copy, output="portrait.jpg")
    assert "is also an input" in told[2]
    assert (tmp_path / "out.png").read_bytes() == b"mine"
    assert copy.read_bytes() == portrait_path.read_bytes()
    assert edit("--set", "yaw=40", "--force", "--overwrite")[0] == 0
    assert read_image(tmp_path / "out.png").shape == (64, 64, 3)


@pytest.fixture
def manipulate(command: Command, named: Path, portrait_path: Path, tmp_path: Path) -> Command:
    def run(output: str, *options: object) -> tuple[int, str, str]:
        common = ("manipulate", portrait_path, "-o", tmp_path / output, "--weights", named, "--device", "cpu")
        return command(*common, *options)

    return run


def test_sweep(manipulate: Command, tmp_path: Path) -> None:
    told = manipulate("sweep.mp4", "--sweep", "yaw,smile,7", "--label")
    assert told == (0, f"{tmp_path}/sweep.mp4: 193 frames, 16.1 s, 64x64\n", "")
    video = Video(tmp_path / "sweep.mp4")
    assert (video.rate, len(list(video))) == (12, 193)


def test_orbit(manipulate: Command, tmp_path: Path) -> None:
    told = manipulate("orbit.gif", "--orbit", "--seconds", "0.4", "--turns", "2", "--extent", "1")
    assert told == (0, f"{tmp_path}/orbit.gif: 20 frames, 0.8 s, 64x64\n", "")


def test_grids(manipulate: Command, tmp_path: Path) -> None:
    for name, way, rows in (("sweep.png", ["--sweep", "yaw,pitch"], 2), ("orbit.webp", ["--orbit"], 5)):
        assert manipulate(name, *way)[0] == 0
        height, width = read_image(tmp_path / name).shape[:2]
        assert 64 * rows < height < 90 * rows
        assert 64 * 5 < width < 64 * 5 + 120


@pytest.mark.parametrize(
    ("output", "options", "words"),
    [
        ("out.mp4", [], "either --sweep with controls, such as yaw,pitch,roll, or --orbit"),
        ("out.mp4", ["--sweep", "yaw", "--orbit"], "either --sweep"),
        ("out.mp4", ["--sweep", "yaw,frown"], "no control 'frown'"),
        ("out.mp4", ["--orbit", "--extent", "2"], "give more than 0, up to 1 (--extent)"),
        ("out.mp4", ["--orbit", "--turns", "0"], "are no orbit"),
        ("out.avi", ["--orbit"], "name it one of .mp4, .webm, .mov, .webp, .gif, .png, .jpg, .jpeg"),
    ],
)
def test_manipulate_refuses(
    manipulate: Command, tmp_path: Path, output: str, options: list[str], words: str
) -> None:
    code, out, err = manipulate(output, *options)
    assert (code, out, os.listdir(tmp_path)) == (1, "", [])
    assert words in err
    assert err.count("\n") == 1


def test_controls_are_listed_by_group(command: Command, named: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, out, err = command("controls", named)
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert [row[:2] for row in rows if row[0] in ("head", "mouth")] == [
        ["head", "yaw"],
        ["head", "pitch"],
        ["mouth", "smile"],
    ]
    shown = " ".join(out.split())
    assert "-25 to 20 deg #1 turns the head to the viewer's right ±4 in -10 to 12" in shown
    assert "-20 to 20 deg #2" in shown
    assert "#5 #4 #3 #2 and 2 more" in shown


def test_what_weights_say_of_controls_is_no_markup_and_steers_no_terminal(
    command: Command, tiny_weights: Path, tmp_path: Path
) -> None:
    meaning = "a [/bogus] [red]b[/red] \x1b[2J\x07"
    set_controls(
        tiny_weights, tmp_path / "w.safetensors", [Control("yaw", "head", {0: 1.0}, -1, 1, "", meaning)]
    )
    code, out, err = command("controls", tmp_path / "w.safetensors")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert "\x07" not in out
    assert r"a [/bogus] [red]b[/red] \x1b[2J\x07" in " ".join(out.split())


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "yaw=" + "1" * 5000], "is no setting"),
        (["--set", "1" * 5000 + "=1"], "is no setting"),
        (["--set", "\x1b[2J=1"], "have no control '\\x1b[2j'"),
        (["--set", "yaw=1e308"], "yaw=1e+308 is no amount; give a finite number"),
        (["--set", "yaw=1", "--weights", "a\0b"], ""),
        (["--set", "yaw=1", "-o", "x" * 300 + ".png"], "has a name that is too long; name another file"),
    ],
    ids=range(6),
)
def test_absurd_options_are_one_sentence(edit: Command, options: list[str], words: str) -> None:
    code, out, err = edit(*options)
    assert (code, out) == (1, "")
    assert err.startswith("liax: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert len(err) < 500
    assert words in err


def test_weights_without_controls(command: Command, tiny_weights: Path) -> None:
    code, out, _ = command("controls", tiny_weights)
    assert code == 0
    assert "names no controls. Its 8 motion vectors go by number, #0 to #7, within -2 to 2" in out


def test_controls_are_drawn(command: Command, named: Path, tiny_weights: Path, tmp_path: Path) -> None:
    for weights, rows in ((named, 3), (tiny_weights, 8)):
        sheet = tmp_path / f"{rows}.png"
        code, out, err = command("controls", weights, "-o", sheet, "--device", "cpu")
        assert (code, err) == (0, "")
        height, width = read_image(sheet).shape[:2]
        assert out.endswith(f"{sheet}: {width}x{height}\n")
        assert 64 * rows < height < 90 * rows


def test_controls_drawn_on_another_portrait(
    command: Command, named: Path, portrait_path: Path, tmp_path: Path
) -> None:
    flat = tmp_path / "flat.png"
    Image.new("RGB", (80, 80), "grey").save(flat)
    assert "exists already" in command("controls", named, "-o", flat)[2]
    code, _, err = command("controls", named, "-o", tmp_path / "sheet.png", "--portrait", flat)
    assert (code, err.count("\n")) == (1, 1)
    assert f"{flat} shows no face" in err
    mirrored = tmp_path / "mirrored.png"
    Image.open(portrait_path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored)
    for sheet, options in (("a.png", []), ("b.png", ["--portrait", mirrored])):
        assert command("controls", named, "-o", tmp_path / sheet, *options)[0] == 0
    assert (read_image(tmp_path / "a.png") != read_image(tmp_path / "b.png")).mean() > 0.2
