"""`liax batch` as a user meets it: what is printed, which exit code, and a real Ctrl-C in the middle."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import flat_frames, write_clip
from liax.cli.main import main
from liax.media.video import Video

# The third takes long enough to be caught in the middle.
JOBS = """
sources = ["a.png"]
drivings = ["x.mp4", "y.mp4", "z.mp4"]
output = "out/{driving}.mp4"
[defaults]
crop = false
"""


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    Image.fromarray(np.full((64, 64, 3), 80, np.uint8)).save(tmp_path / "a.png")
    for name, count in (("x", 3), ("y", 5), ("z", 1500)):
        write_clip(tmp_path / f"{name}.mp4", flat_frames(count))
    path = tmp_path / "jobs.toml"
    path.write_text(JOBS)
    return path


@pytest.fixture
def liax(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple]:
    """Run the command line in this process: exit code, standard output's lines as words, standard error."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(*args: object) -> tuple[int, list[list[str]], str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return int(stopped.value.code or 0), [line.split() for line in out.splitlines()], err

    return run


def test_brackets_in_names_are_no_markup(liax: Callable[..., tuple], jobs: Path, tiny_weights: Path) -> None:
    text = jobs.read_text().replace("out/{driving}.mp4", "out/[/bogus]{driving}.mp4").replace(', "z.mp4"', "")
    jobs.write_text(text)
    code, lines, err = liax("batch", jobs, "--weights", tiny_weights)
    assert (code, err) == (0, "")
    assert [line[1] for line in lines if "done" in line] == ["out/[/bogus]x.mp4", "out/[/bogus]y.mp4"]


def test_several_devices_have_flags(liax: Callable[..., tuple], jobs: Path, tiny_weights: Path) -> None:
    weights = ("--weights", tiny_weights)
    for given, told in (
        (("--devices", "cpu,abacus"), "abacus is not a device; use cpu, cuda, cuda:N or mps."),
        (
            ("--devices", "cpu", "--device", "cpu"),
            "One device is not several; leave out --device or --devices.",
        ),
        (
            ("--devices", "cpu", "--address", "auto"),
            "A cluster chooses its own devices; leave out --devices or --address.",
        ),
    ):
        assert liax("batch", jobs, *given, *weights) == (1, [], f"liax: {told}\n")
    assert not (jobs.parent / "out").exists()


def test_success_failure_and_what_remains(liax: Callable[..., tuple], jobs: Path, tiny_weights: Path) -> None:
    short = jobs.read_text().replace('"z.mp4"', '"no.mp4"')
    jobs.write_text(short)
    code, lines, err = liax("batch", jobs, "--weights", tiny_weights)
    assert code == 1
    assert err.splitlines() == [
        f"liax: job 3: {jobs.parent / 'no.mp4'} does not exist; check the driving video's name and folder.",
        "liax: 1 of 3 jobs failed; correct them and run the same command again, "
        "which skips those that are done.",
    ]
    assert ["job", "output", "status", "frames", "length", "took"] in lines
    rows = {line[1]: line[2:6] for line in lines if line and line[0].isdigit()}
    assert rows["out/x.mp4"][:4] == ["done", "3", "0.1", "s"]
    assert rows["out/y.mp4"][:4] == ["done", "5", "0.2", "s"]
    assert rows["out/no.mp4"][0] == "failed"

    write_clip(jobs.parent / "no.mp4", flat_frames(2))
    code, lines, err = liax("batch", jobs, "--weights", tiny_weights)
    assert (code, err) == (0, "")
    assert [line[2] for line in lines if line and line[0].isdigit()] == ["skipped", "skipped", "done"]


def test_a_wrong_file_is_refused_before_weights_are_loaded(liax: Callable[..., tuple], jobs: Path) -> None:
    jobs.write_text(JOBS + "smoth = true\n")
    code, lines, err = liax("batch", jobs, "--weights", "there-are-none")
    assert (code, lines) == (1, [])
    assert err == f"liax: {jobs}: [defaults] has the unknown key 'smoth'; did you mean smooth?\n"
    assert sorted(os.listdir(jobs.parent)) == ["a.png", "jobs.toml", "x.mp4", "y.mp4", "z.mp4"]


def test_a_stopped_batch_is_clean_and_resumes(
    liax: Callable[..., tuple], jobs: Path, tiny_weights: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "liax", "batch", "jobs.toml", "--weights", str(tiny_weights)],
        cwd=jobs.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out = jobs.parent / "out"
    for _ in range(600):
        names = os.listdir(out) if out.is_dir() else []
        if {"x.mp4", "y.mp4"} <= {*names} and any(name.startswith(".z") for name in names):
            break  # two results, and the third half written
        time.sleep(0.1)
    time.sleep(0.2)
    assert any(name.startswith(".z") for name in os.listdir(out)), "it ended before it could be stopped"
    process.send_signal(signal.SIGINT)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    rows = [line.split()[1:3] for line in printed.splitlines() if line.strip()[:1].isdigit()]
    assert rows == [["out/x.mp4", "done"], ["out/y.mp4", "done"], ["out/z.mp4", "stopped"]]
    assert sorted(os.listdir(out)) == ["x.mp4", "y.mp4"]
    assert [len(list(Video(out / name))) for name in ("x.mp4", "y.mp4")] == [3, 5]

    write_clip(jobs.parent / "z.mp4", flat_frames(4))
    code, lines, _ = liax("batch", jobs, "--weights", tiny_weights)
    assert code == 0
    assert [line[2] for line in lines if line and line[0].isdigit()] == ["skipped", "skipped", "done"]
    assert sorted(os.listdir(out)) == ["x.mp4", "y.mp4", "z.mp4"]
