from collections.abc import Callable
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.weights import load

CommandResult = tuple[int, str, str]


@pytest.fixture
def stills(portrait_HW3: NDArray[np.uint8], tmp_path: Path) -> Path:
    folder = tmp_path / "stills"
    folder.mkdir()
    for k in range(4):
        Image.fromarray(portrait_HW3[40 * k : 40 * k + 360, 60:420]).resize((96, 96)).save(
            folder / f"{k}.png"
        )
    return folder


def test_weights_are_measured_and_written(
    command: Callable[..., CommandResult],
    tiny_weights: Path,
    stills: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Random weights draw no faces: the real instrument finds nothing, and nothing is what is reported.
    from liax.interpretation import run

    lacking = ("stlpips_pytorch", "dlib")
    monkeypatch.setattr(run, "find_spec", lambda name: None if name in lacking else util.find_spec(name))
    monkeypatch.setattr("sys.argv", ["/bin/liax", "interpret", "my weights"])
    out, written = tmp_path / "out", tmp_path / "named.safetensors"
    code, said, told = command(
        "interpret", tiny_weights, "--data", stills, "-o", out, "--values", 3, "--count", 2,
        "--instrument", "mediapipe", "--write", written,
    )  # fmt: skip
    assert (code, said) == (0, f"{out / 'report.html'}: 0 controls\n{written}: 0 controls\n")
    assert "liax: The perceptual path length needs the package stlpips-pytorch" in told
    assert len(load(written).metadata) == len(load(tiny_weights).metadata) + 1
    page = (out / "report.html").read_text()
    assert "No controls could be named and calibrated." in page
    assert "<code>liax interpret &#39;my weights&#39;</code>" in page


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--data", "none.csv", "-o", "out"), "cannot read the manifest none.csv"),
        (("--data", ".", "-o", "0.png/out"), "0.png/out cannot be made"),
        (("--data", ".", "-o", "out", "--values", "4"), "4 values do not lie evenly about 0"),
        (("--data", ".", "-o", "out", "--write", "x.pt"), "x.pt has no ending that can be written"),
        (("--data", ".", "-o", "out", "--heads", "none"), "none holds no rendered heads"),
        (("--data", ".", "-o", "."), "has something else in it"),
    ],
)
def test_bad_input_is_one_sentence(
    command: Callable[..., CommandResult],
    tiny_weights: Path,
    stills: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(stills)
    code, said, told = command("interpret", tiny_weights, *arguments)
    assert (code, said) == (1, "")
    assert told.count("\n") == 1
    assert told.startswith("liax: ")
    assert sentence in told
    assert not (stills / "out").exists()
