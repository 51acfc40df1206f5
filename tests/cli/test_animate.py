"""`liax animate` and `liax demo` as a user meets them: what is printed, what is written, which exit code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import flat_frames, moving_face, write_clip
from liax.cli import demo as demo_module
from liax.cli.main import main
from liax.media.video import Video
from liax.model import LIAX
from liax.options import Amount, AnimateOptions, MarkOptions, Seconds, Square
from liax.portrait.clip import WrittenFile
from liax.weights import set_controls
from liax.weights.controls import Control


class CommandResult:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def liax(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., CommandResult]:
    """Run the command line in this process."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(*args: object) -> CommandResult:
        with pytest.raises(SystemExit) as stopped:
            main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return CommandResult(int(stopped.value.code or 0), out, err)

    return run


@pytest.fixture
def bad(
    liax: Callable[..., CommandResult],
    tmp_path: Path,
    portrait_path: Path,
    face_clip: Path,
    tiny_weights: Path,
) -> Callable[..., str]:
    """Run `liax animate` with something wrong; checks what all errors share and gives the sentence.

    source, driving, output, weights: default to good ones.
    """

    def run(*options: object, **given: object) -> str:
        output = given.pop("output", tmp_path / "out.mp4")
        source, driving = given.pop("source", portrait_path), given.pop("driving", face_clip)
        weights = given.pop("weights", tiny_weights)
        before = sorted(os.listdir(tmp_path))
        ended = liax("animate", source, driving, "-o", output, "--weights", weights, *options)
        assert ended.code == 1
        assert ended.out == ""
        lines = [line for line in ended.err.splitlines() if line.startswith("liax: ")]
        assert ended.err.count("\n") == len(lines)
        assert "Traceback" not in ended.err
        assert sorted(os.listdir(tmp_path)) == before
        return lines[-1].removeprefix("liax: ")

    return run


def test_animate(
    liax: Callable[..., CommandResult],
    portrait_path: Path,
    face_clip: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.mp4"
    ended = liax("animate", portrait_path, face_clip, "-o", out, "--weights", tiny_weights, "--device", "cpu")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{out}: 12 frames, 1.0 s, 64x64\n"
    assert len(list(Video(out))) == 12


@pytest.fixture(scope="module")
def named_weights(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that name a head and a mouth."""
    controls = [
        Control("yaw", "head", {1: 0.016, 3: -0.012}, -50, 50, "deg"),
        Control("smile", "mouth", {5: 2.0}, -1, 1),
    ]
    path = tmp_path_factory.mktemp("named") / "named.safetensors"
    set_controls(tiny_weights, path, controls)
    return path


def test_options_reach_the_animator(
    liax: Callable[..., CommandResult],
    monkeypatch: pytest.MonkeyPatch,
    portrait_path: Path,
    face_clip: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    """What each does is tested with `animate`; here, that none is lost on the way or mistaken for another."""
    given: dict[str, object] = {}

    def heard(
        animator: object,
        source: Path,
        driving: Path,
        output: Path,
        options: AnimateOptions,
        *,
        mark: MarkOptions,
        overwrite: bool,
        progress: object,
    ) -> WrittenFile:
        given.update(options=options, mark=mark, overwrite=overwrite, files=(source, driving, output))
        return WrittenFile(output, 1, 0.1, 64, 64)

    monkeypatch.setattr(sys.modules["liax.portrait.animate"], "animate_file", heard)
    out = tmp_path / "o.mp4"
    command = ["animate", portrait_path, face_clip, "-o", out, "--weights", tiny_weights]
    assert liax(*command).code == 0
    files = (portrait_path, face_clip, out)
    assert given == {"options": AnimateOptions(), "mark": MarkOptions(), "overwrite": False, "files": files}
    for arguments, options in [
        ("--absolute", AnimateOptions(absolute=True)),
        ("--reference best", AnimateOptions(reference="best")),
        ("--reference 1:02.5", AnimateOptions(reference=Seconds(62.5))),
        ("--first-frame", AnimateOptions(reference="first")),
        ("--from 2s --to 6s", AnimateOptions(since=Seconds(2), until=Seconds(6))),
        ("--square 120,40,600", AnimateOptions(square=Square(120, 40, 600))),
        ("--quality 90", AnimateOptions(quality=90)),
        ("--align pose", AnimateOptions(align="pose")),
        ("--only mouth,eyes", AnimateOptions(only=("mouth", "eyes"))),
        ("--without head", AnimateOptions(without=("head",))),
        ("--strength 1.3", AnimateOptions(strength=1.3)),
        ("--strength 1.2,mouth=1.5", AnimateOptions(strength={"all": 1.2, "mouth": 1.5})),
        ("--smooth", AnimateOptions(smooth=True)),
        ("--set yaw=15deg --set 3=.5", AnimateOptions(set={"yaw": Amount(15, "deg"), "#3": Amount(0.5)})),
        ("--force", AnimateOptions(force=True)),
        ("--paste", AnimateOptions(paste=True)),
        ("--compare", AnimateOptions(compare=True)),
        ("--no-crop", AnimateOptions(crop=False)),
        ("--face 2", AnimateOptions(face=2)),
        ("--driving-face 3", AnimateOptions(driving_face=3)),
        ("--rate 29.97", AnimateOptions(rate=Fraction(2997, 100))),
    ]:
        assert liax(*command, *arguments.split()).code == 0, arguments
        assert given["options"] == options, arguments
    assert liax(*command, "--overwrite", "--no-mark", "--badge").code == 0
    assert (given["overwrite"], given["mark"]) == (True, MarkOptions(mark=False, badge=True))


def test_options_change_the_video(
    liax: Callable[..., CommandResult],
    portrait_path: Path,
    face_clip: Path,
    named_weights: Path,
    tmp_path: Path,
) -> None:
    pictures = {}
    for name, options in {
        "plain": [],
        "absolute": ["--absolute"],
        "set": ["--set", "yaw=50deg", "--set", "smile=-0.9"],
        "one_set": ["--set", "yaw=50"],
        "strength": ["--strength", "all=4,head=0"],
        "compare": ["--compare"],
    }.items():
        out = tmp_path / f"{name}.mp4"
        common = ["animate", portrait_path, face_clip, "-o", out, "--weights", named_weights]
        assert liax(*common, *options).code == 0
        pictures[name] = list(Video(out))[-1].rgb().astype(int)
    assert pictures["compare"].shape == (64, 192, 3)
    assert np.abs(pictures["compare"][:, 128:] - pictures["plain"]).mean() < 4
    for name in ("absolute", "set", "strength"):
        assert np.abs(pictures[name] - pictures["plain"]).mean() > 0.5, name
    assert np.abs(pictures["set"] - pictures["one_set"]).mean() > 0.5


def test_a_webcam_is_recorded(
    liax: Callable[..., CommandResult],
    bad: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    portrait_path: Path,
    face_clip: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    """A clip stands in for the camera."""
    asked = []

    @contextmanager
    def camera(index: int, seconds: float, progress: Callable[[int], None]) -> Iterator[Path]:
        asked.append((index, seconds))
        progress(12)
        yield face_clip

    monkeypatch.setattr("liax.media.webcam.webcam_video", camera)
    out = tmp_path / "o.mp4"
    common = ["-o", out, "--weights", tiny_weights]
    ended = liax("animate", portrait_path, "webcam:1", "--seconds", "3", *common)
    assert (ended.code, ended.out) == (0, f"{out}: 12 frames, 1.0 s, 64x64\n")
    assert asked == [(1, 3.0)]
    assert "webcam:x names no camera" in bad(driving="webcam:x")


def test_a_folder_and_a_picture_drive(
    liax: Callable[..., CommandResult],
    portrait_path: Path,
    portrait_HW3: np.ndarray,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k, frame in enumerate(moving_face(portrait_HW3, 3)):
        Image.fromarray(frame).save(folder / f"{k}.png")
    out = tmp_path / "o.mp4"
    common = ["--weights", tiny_weights]
    ended = liax("animate", portrait_path, folder, "-o", out, "--rate", "10", *common)
    assert (ended.code, ended.out) == (0, f"{out}: 3 frames, 0.3 s, 64x64\n")
    ended = liax("animate", portrait_path, folder / "0.png", "-o", tmp_path / "o.png", *common)
    assert ended.code == 0
    assert "has no motion" in ended.err
    with Image.open(tmp_path / "o.png") as picture:
        assert picture.size == (64, 64)


@pytest.mark.parametrize("suffix", [".webm", ".gif"])
def test_other_outputs(
    liax: Callable[..., CommandResult],
    portrait_path: Path,
    face_clip: Path,
    tiny_weights: Path,
    tmp_path: Path,
    suffix: str,
) -> None:
    out = tmp_path / f"out{suffix}"
    assert liax("animate", portrait_path, face_clip, "-o", out, "--weights", tiny_weights).code == 0
    assert len(list(Video(out))) == 12


def test_overwrite(
    liax: Callable[..., CommandResult],
    bad: Callable[..., str],
    portrait_path: Path,
    face_clip: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    assert "pass --overwrite to replace it" in bad(output=out)
    assert out.read_bytes() == b"precious"
    common = ["animate", portrait_path, face_clip, "-o", out, "--weights", tiny_weights]
    assert liax(*common, "--overwrite").code == 0
    assert len(list(Video(out))) == 12


def test_bad_inputs(bad: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("neither picture nor video")
    Image.fromarray(flat_frames(1, 200, 200)[0]).save(tmp_path / "grey.png")
    write_clip(tmp_path / "grey.mp4", flat_frames(3, 200, 200))
    cases = {
        ("source", "nowhere.png"): "nowhere.png does not exist",
        ("source", "empty"): "empty is empty (0 bytes)",
        ("source", "text"): "text is not a picture; give a JPEG, PNG or WebP as portrait",
        ("source", "grey.mp4"): "grey.mp4 shows no face that can be found",
        ("source", "grey.png"): "grey.png shows no face that can be found; use one with a face",
        ("driving", "nowhere.mp4"): "nowhere.mp4 does not exist",
        ("driving", "empty"): "empty is empty (0 bytes)",
        ("driving", "text"): "text is not a video",
        ("driving", "grey.mp4"): "grey.mp4 shows no face that can be found",
        ("weights", "nowhere.safetensors"): "nowhere.safetensors",
        ("weights", "text"): "text",
        ("output", "out.avi"): "out.avi has no ending that can be written; name it one of .mp4",
        ("output", "nowhere/out.mp4"): "nowhere is not a folder; create it",
    }
    for (role, name), sentence in cases.items():
        assert sentence in bad(**{role: tmp_path / name}), (role, name)


def test_bad_options(bad: Callable[..., str], face_clip: Path) -> None:
    cases = {
        ("--set", "8=0.1"): "no motion vector #8; these weights have #0 to #7",
        ("--set", "3=9"): "#3=9 is out of its range -2 to 2; stay within it, or pass --force",
        ("--set", "smile"): "'smile' is no setting; write a control or motion vector and how much of it",
        ("--set", "smile=1"): "These weights have no control 'smile'",
        ("--only", "head"): "These weights name no motion, so 'head' cannot be told from the rest",
        ("--strength", "loud"): "'loud' is no strength; write a factor such as 1.3",
        ("--strength", "5"): "5 is no strength for all; give 0 to 4",
        ("--paste", "--no-crop"): "leave out --paste or --no-crop",
        ("--absolute", "--best-frame"): "leave out --reference or --absolute",
        ("--absolute", "--align", "all"): "leave out --absolute or --align",
        ("--face", "2"): "has 1 face(s); --face goes from 1 (the largest) to 1",
        ("--driving-face", "4"): "face.mp4 has 1 face(s); --driving-face goes",
        ("--device", "toaster"): "toaster is not a device",
        ("--device", "cuda:77"): "cuda:77 is not available",
    }
    for options, sentence in cases.items():
        assert sentence in bad(*options), options
    assert "is also an input" in bad("--overwrite", output=face_clip)


def test_unknown_weights(bad: Callable[..., str]) -> None:
    assert "no_such_weights" in bad(weights="no_such_weights")


def test_full_disk(
    bad: Callable[..., str], full_disk: Callable[[int], AbstractContextManager[None]], tmp_path: Path
) -> None:
    with full_disk(3000):
        told = bad("--compare")
    assert "out.mp4 cannot be completed because the disk is full" in told


def test_damaged_driving(
    liax: Callable[..., CommandResult],
    portrait_path: Path,
    portrait_HW3: np.ndarray,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    clip = write_clip(tmp_path / "d.mkv", moving_face(portrait_HW3, 40), options={"g": "5"})
    data = bytearray(clip.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    clip.write_bytes(data)
    out = tmp_path / "out.mp4"
    ended = liax("animate", portrait_path, clip, "-o", out, "--weights", tiny_weights)
    assert ended.code == 0
    (told,) = [line for line in ended.err.splitlines() if line.startswith("liax: ")]
    count = len(list(Video(out)))
    assert 10 < count < 40
    assert told.startswith(f"liax: {clip} is damaged or cut off; using the {count} frames")


def test_wrong_usage_is_exit_code_2(liax: Callable[..., CommandResult], portrait_path: Path) -> None:
    assert liax("animate", portrait_path).code == 2
    assert liax("animate", "--no-such-option").code == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_leaves_nothing(
    portrait_path: Path,
    portrait_HW3: np.ndarray,
    tiny_weights: Path,
    tmp_path: Path,
    number: signal.Signals,
    code: int,
) -> None:
    clip = write_clip(tmp_path / "d.mp4", moving_face(portrait_HW3, 100) * 4)
    out = tmp_path / "out" / "out.mp4"
    out.parent.mkdir()
    out.write_bytes(b"precious")
    args = ["animate", portrait_path, clip, "-o", out, "--weights", tiny_weights, "--overwrite", "--no-crop"]
    process = subprocess.Popen(
        [sys.executable, "-m", "liax", *map(str, args)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if len(os.listdir(out.parent)) > 1:
            break
        time.sleep(0.1)
    assert len(os.listdir(out.parent)) > 1, "writing has not begun"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert os.listdir(out.parent) == ["out.mp4"]
    assert out.read_bytes() == b"precious"


def test_demo(
    liax: Callable[..., CommandResult],
    monkeypatch: pytest.MonkeyPatch,
    tiny: LIAX,
    portrait_path: Path,
    face_clip: Path,
    tmp_path: Path,
) -> None:
    """Own media and weights stand in for the bundled ones, which take a minute."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "demo_portrait.jpg").write_bytes(portrait_path.read_bytes())
    (assets / "demo_driving.mp4").write_bytes(face_clip.read_bytes())
    monkeypatch.setattr(demo_module, "files", lambda package: assets)
    monkeypatch.setattr("liax.weights.load", lambda name, size=None: tiny)
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # the second replaces the first
        ended = liax("demo")
        assert (ended.code, ended.err) == (0, "")
        assert str(tmp_path / "demo.mp4") in ended.out
    video = Video(tmp_path / "demo.mp4")
    assert (video.width, video.height) == (192, 64)
