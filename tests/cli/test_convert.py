"""liax convert, as its command line parses it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import tyro

from liax.cli.convert import convert
from liax.errors import LiaxError, OutputExistsError
from liax.model import LIAX, ModelConfig
from liax.weights import load, save


def test_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = LIAX(
        ModelConfig(512, width=2, max_width=8, latent=12, vectors=5, flow_blocks=1, render_blocks=1)
    )
    own, published, again = (
        tmp_path / "own.safetensors",
        tmp_path / "lia-x.pt",
        tmp_path / "again.safetensors",
    )
    save(network, own, dtype=torch.float32)
    tyro.cli(convert, args=[str(own), "-o", str(published)])
    assert capsys.readouterr().out.startswith(f"{published}: 512² images, 5 motion vectors, latent size 12, ")
    tyro.cli(convert, args=[str(published), "-o", str(again)])
    with pytest.raises(OutputExistsError):
        tyro.cli(convert, args=[str(published), "-o", str(again)])
    tyro.cli(convert, args=[str(published), "-o", str(again), "--overwrite"])
    first, second = load(own).state_dict(), load(again).state_dict()
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=1e-6)


def test_faults_are_told_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """main prints them; a failed conversion writes nothing."""
    with pytest.raises(LiaxError, match=r"There is no file .*absent\.pt"):
        tyro.cli(convert, args=[str(tmp_path / "absent.pt"), "-o", str(tmp_path / "out.safetensors")])
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_help_explains(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tyro.cli(convert, args=["--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Convert a published checkpoint to a weights file of liax, or back." in shown
    assert "of liax" in shown
