import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric
from runs import assert_same_state, last_step, run, start, tiny, wait_for_step
from safetensors.torch import load_file

from liax.errors import LiaxError
from liax.training import trainer as trainer_module
from liax.training.checkpoint import latest_checkpoint
from liax.training.config import TrainConfig
from liax.training.optimizer import update_average
from liax.training.trainer import Trainer


@pytest.fixture
def config(manifest: Path, tmp_path: Path) -> TrainConfig:
    """Everything that holds state: augmentation, an adversary with R1, the sparsity controller."""
    return tiny(
        manifest,
        tmp_path / "run",
        steps=100_000,
        checkpoint_every=4,
        data={"frames": "stream"},
        augment={"flip": 0.5, "colour": 0.2, "driving_colour": 0.2},
        adversarial={"weight": 0.1, "start": 2, "r1_every": 3, "width": 4},
    )


def test_killed_and_resumed_is_as_never_stopped(config: TrainConfig, tmp_path: Path) -> None:
    process = start(config)
    # Beyond a checkpoint, so that steps are repeated.
    wait_for_step(config.out, lambda: process.poll() is None, lambda step: step >= 6 and step % 4 >= 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    saved = int(latest_checkpoint(config.out).name.removeprefix("checkpoint-"))
    last = last_step(config.out)
    assert 4 <= saved <= last

    config = replace(config, steps=last + 2)
    resumed = run(config)
    straight = run(replace(config, out=tmp_path / "straight"))
    assert resumed == straight
    assert len(straight["train/total"]) == last + 2
    assert_same_state(config.out, tmp_path / "straight")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_within_a_step_stops_after_it(
    config: TrainConfig, tmp_path: Path, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    """Raised after the weights have changed, where stopping would leave a step done by half."""
    trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))

    def interrupted(*args: Any) -> None:
        if trainer.step == 2:
            signal.raise_signal(number)
        update_average(*args)

    handler = signal.getsignal(number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer_module, "update_average", interrupted)
        trainer.run()
    assert signal.getsignal(number) is handler
    assert trainer.step == 3
    assert "interrupted at step 3; the same command resumes" in capsys.readouterr().err
    config = replace(config, steps=5)
    straight = replace(config, out=tmp_path / "straight")
    assert run(config) == run(straight)
    assert_same_state(config.out, straight.out)


def test_other_settings_are_refused_and_nothing_changes(config: TrainConfig) -> None:
    config = replace(config, steps=2)
    run(config)
    before = {path: path.read_bytes() for path in config.out.rglob("*") if path.is_file()}
    with pytest.raises(LiaxError, match=r"was started with another batch, loss; use those settings"):
        run(replace(config, batch=2, loss=replace(config.loss, sparse=1.0)))
    assert {path: path.read_bytes() for path in config.out.rglob("*") if path.is_file()} == before


def test_a_finished_run_is_not_trained_further(config: TrainConfig) -> None:
    config = replace(config, steps=2)
    log = run(config)
    weights = load_file(config.out / "weights.safetensors")
    assert run(config) == log
    again = load_file(config.out / "weights.safetensors")
    assert again.keys() == weights.keys()
    assert all(torch.equal(again[name], weights[name]) for name in weights)
