import json
from pathlib import Path

import pytest

from liax.cli.main import main
from liax.training import run as run_module
from liax.training.config import RENAMED, TrainConfig


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """The configurations that training was started with; nothing is trained."""
    seen: list[TrainConfig] = []

    def train(config: TrainConfig) -> Path:
        seen.append(config)
        return config.out / "weights.safetensors"

    monkeypatch.setattr(run_module, "train", train)
    return seen


def ended(*args: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["train", *args])
    return int(stopped.value.code or 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(
        'preset = "tiny"\nsteps = 7\n[loss]\nl1 = 3\nsparse = 0.5\n[data]\nmanifest = "a b.csv"\n'
    )
    return path


def test_defaults_and_the_weights_path(
    trained: list[TrainConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended() == 0
    assert trained == [TrainConfig()]
    assert capsys.readouterr().out == "runs/small/weights.safetensors\n"


@pytest.mark.parametrize("joined", [False, True])
def test_options_win_over_the_file(trained: list[TrainConfig], file: Path, joined: bool) -> None:
    config = [f"--config={file}"] if joined else ["--config", str(file)]
    assert (
        ended("--steps", "9", *config, "--loss.l1", "2", "--loss.warp", "2", "0.5", "--max-minutes", "3") == 0
    )
    (got,) = trained
    assert (got.preset, got.steps, got.max_minutes) == ("tiny", 9, 3.0)
    assert (got.loss.l1, got.loss.sparse, got.loss.warp) == (2.0, 0.5, (2.0, 0.5))
    assert got.data.manifest == Path("a b.csv")
    assert got.optim == TrainConfig().optim


def test_json_and_nothing_for_an_option(trained: list[TrainConfig], tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"data": {"regions": "r.npz"}}))
    assert ended("--config", str(path), "--data.validation", "None", "--data.manifest", "m") == 0
    (got,) = trained
    assert got.data.regions == Path("r.npz")
    assert got.data.validation is None
    assert got.data.manifest == Path("m")


def test_help_shows_the_files_values(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("--config", str(file), "--help") == 0
    out = capsys.readouterr().out
    assert "(default: 7)" in out
    assert "a b.csv" in out


def test_wrong_settings_are_one_sentence(
    trained: list[TrainConfig], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("stepz = 3\n")
    assert ended("--config", str(file)) == 1
    assert capsys.readouterr().err.startswith(
        f"liax: {file} has the unknown key 'stepz'; did you mean steps?"
    )
    assert ended("--config", str(file.with_name("none.toml"))) == 1
    assert "none.toml: No such file or directory; check the path" in capsys.readouterr().err
    assert ended("--stepz", "3") == 2
    assert ended("--precision", "fp16") == 2
    assert trained == []


def test_training_itself_tells_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        ended("--data.manifest", str(tmp_path), "--out", str(tmp_path / "run"), "--accelerator", "cpu") == 1
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "liax: cannot read the manifest" in captured.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("old", RENAMED)
def test_former_options_are_refused_by_their_present_name(
    trained: list[TrainConfig], capsys: pytest.CaptureFixture[str], old: str
) -> None:
    option, present = (f"--{key.replace('_', '-')}" for key in (old, RENAMED[old]))
    for args in ([option, "0.5"], [f"{option}=0.5"], [f"--{old}", "0.5"]):
        assert ended(*args) == 1
        assert capsys.readouterr().err == f"liax: {option} is called {present} now; rename it.\n"
    assert trained == []
