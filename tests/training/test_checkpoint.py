import json
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from liax.errors import LiaxError
from liax.training import checkpoint as checkpoint_module
from liax.training.checkpoint import (
    check_resumable,
    describe_run,
    load_checkpoint,
    save_checkpoint,
    write_atomically,
)
from liax.training.config import TrainConfig, to_dict

CPU = torch.device("cpu")
STATE = {"step": 7, "network": OrderedDict(w=torch.arange(4.0)), "nested": {"lr": 0.5, "on": True}}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    loaded = load_checkpoint(path, CPU)
    assert torch.equal(loaded["network"]["w"], torch.arange(4.0))
    assert loaded["step"] == 7
    assert loaded["nested"] == STATE["nested"]
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_what_was_there_survives_a_failed_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)

    def killed(state, file) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint_module.torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, {"step": 8})
    assert load_checkpoint(path, CPU)["step"] == 7


class Surprise:
    def __reduce__(self):
        return print, ("code from a checkpoint ran",)


def test_no_code_of_a_checkpoint_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"step": Surprise()}, path)
    with pytest.raises(LiaxError, match=r"cannot resume from .*; move it away to start afresh"):
        load_checkpoint(path, CPU)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_damaged_checkpoints_are_one_sentence(tmp_path: Path, size: int) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, STATE)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(LiaxError, match=r"cannot resume from .*; move it away to start afresh") as caught:
        load_checkpoint(path, CPU)
    assert "\n" not in str(caught.value)


def test_other_files_are_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    for other in (torch.zeros(3), {"w": torch.zeros(3)}):
        torch.save(other, path)
        with pytest.raises(LiaxError, match=r"cannot resume from .* no run's state"):
            load_checkpoint(path, CPU)


def recorded(folder: Path, config: TrainConfig) -> None:
    write_atomically(folder / "config.json", json.dumps(to_dict(config)))


def test_changed_settings_are_named(tmp_path: Path) -> None:
    config = TrainConfig(out=tmp_path)
    recorded(tmp_path, config)
    check_resumable(config, tmp_path)
    other = replace(config, seed=3, loss=replace(config.loss, l1=9.0), data=replace(config.data, stills=0.5))
    with pytest.raises(LiaxError, match=r"started with another seed, loss, data.stills; use those settings"):
        check_resumable(other, tmp_path)


def test_what_does_not_change_the_course_is_free(tmp_path: Path) -> None:
    config = TrainConfig(out=tmp_path)
    recorded(tmp_path, config)
    data = replace(config.data, manifest=Path("elsewhere.csv"), frames="stream", workers=1, validation=None)
    check_resumable(replace(config, steps=9, log_every=1, max_minutes=3.0, data=data), tmp_path)


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_lost_configuration(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(LiaxError, match=r"config\.json .*; move the folder away to start afresh"):
        check_resumable(TrainConfig(), tmp_path)


def test_a_runs_description() -> None:
    about = describe_run(TrainConfig(seed=5), "abc")
    assert about["seed"] == 5
    assert about["manifest_sha256"] == "abc"
    assert about["torch"] == torch.__version__
    assert json.loads(json.dumps(about)) == about


def test_text_files_are_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_atomically(path, "one")
    write_atomically(path, "two")
    assert path.read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]
