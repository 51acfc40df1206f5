import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from liax.errors import LiaxError
from liax.training.checkpoint import (
    check_resumable,
    describe_run,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
    state_tensors,
    write_atomically,
)
from liax.training.config import RENAMED, TrainConfig, to_dict
from liax.training.optimizer import init_adam_state


def module(seed: int) -> tuple[torch.nn.Module, torch.optim.Adam]:
    """A small one after a step, its weights laid out as on GPUs."""
    torch.manual_seed(seed)
    layer = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(layer.parameters(), betas=(0.0, 0.9))
    init_adam_state(optimizer)
    layer(torch.rand(1, 3, 4, 4)).sum().backward()
    optimizer.step()
    return layer, optimizer


def saved(out: Path, step: int = 7) -> dict[str, torch.Tensor]:
    tensors = state_tensors("network", *module(step))
    save_checkpoint(out, step, tensors, {"step": step, "minutes": 0.5})
    return tensors


def test_round_trip(tmp_path: Path) -> None:
    kept = saved(tmp_path)
    layer, optimizer = module(8)
    tensors = state_tensors("network", layer, optimizer)
    assert not torch.equal(tensors["network.weight"], kept["network.weight"])
    path = tmp_path / "checkpoint-00000007"
    assert load_checkpoint(path, tensors) == {"step": 7, "minutes": 0.5}
    assert {"network.weight", "network.bias.exp_avg_sq", "network.bias.step"} < tensors.keys() == kept.keys()
    assert all(torch.equal(tensors[name], kept[name]) for name in kept)
    assert torch.equal(layer.weight, kept["network.weight"])  # the module's own
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert optimizer.state[layer.bias]["step"] == 1


def test_the_newest_replaces_the_others(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path) is None
    saved(tmp_path, 7)
    (tmp_path / "checkpoint-00000009.partial").mkdir()  # of a killed run
    (tmp_path / "checkpoint-00000009.partial" / "shard").write_text("half")
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint-00000007"
    saved(tmp_path, 9)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000009"]
    assert "shard" not in {path.name for path in (tmp_path / "checkpoint-00000009").iterdir()}


def test_what_was_there_survives_a_full_disk(tmp_path: Path, full_disk) -> None:
    saved(tmp_path, 7)
    with (
        full_disk(500),
        pytest.raises(LiaxError, match=r"checkpoint-00000008 cannot be written .*; free some"),
    ):
        saved(tmp_path, 8)
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint-00000007"
    load_checkpoint(tmp_path / "checkpoint-00000007", state_tensors("network", *module(0)))


@pytest.mark.parametrize("size", [0, 1, 100, 600])
def test_damaged_checkpoints_are_one_sentence(
    tmp_path: Path, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    saved(tmp_path)
    path = tmp_path / "checkpoint-00000007"
    for name in [file.name for file in path.iterdir()]:
        whole = (path / name).read_bytes()
        if size >= len(whole):
            continue
        (path / name).write_bytes(whole[:size])
        with pytest.raises(LiaxError, match=r"cannot resume from .*; move it away to start afresh") as caught:
            load_checkpoint(path, state_tensors("network", *module(0)))
        assert "\n" not in str(caught.value)
        (path / name).write_bytes(whole)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_checkpoints_of_other_networks_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    path = tmp_path / "checkpoint-00000007"
    for other in ({"other.weight": torch.zeros(4)}, {"network.weight": torch.zeros(5, 3, 3, 3)}):
        with pytest.raises(LiaxError, match=r"cannot resume from .*; move it away to start afresh"):
            load_checkpoint(path, other)


def recorded(folder: Path, config: TrainConfig) -> None:
    write_atomically(folder / "config.json", json.dumps(to_dict(config)))


def test_changed_settings_are_named(tmp_path: Path) -> None:
    config = TrainConfig(out=tmp_path)
    recorded(tmp_path, config)
    check_resumable(config, tmp_path)
    other = replace(
        config, seed=3, loss=replace(config.loss, l1=9.0), data=replace(config.data, still_share=0.5)
    )
    with pytest.raises(
        LiaxError, match=r"started with another seed, loss, data.still_share; use those settings"
    ):
        check_resumable(other, tmp_path)


def test_what_does_not_change_the_course_is_free(tmp_path: Path) -> None:
    config = TrainConfig(out=tmp_path)
    recorded(tmp_path, config)
    data = replace(config.data, manifest=Path("elsewhere.csv"), frames="stream", workers=1, validation=None)
    free = replace(config, steps=9, log_every=1, max_minutes=3.0, data=data)
    check_resumable(replace(free, devices=4, nodes=2, strategy="fsdp", accumulate=2), tmp_path)


@pytest.mark.parametrize("old", RENAMED)
def test_runs_begun_under_former_names_resume(tmp_path: Path, old: str) -> None:
    config = TrainConfig(out=tmp_path)
    values = to_dict(config)
    table = values[old.partition(".")[0]] if "." in old else values
    table[old.rpartition(".")[2]] = table.pop(RENAMED[old].rpartition(".")[2])
    write_atomically(tmp_path / "config.json", json.dumps(values))
    check_resumable(config, tmp_path)
    with pytest.raises(LiaxError, match="was started with another seed; use those settings"):
        check_resumable(replace(config, seed=3), tmp_path)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"sedd": 3}'])
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
