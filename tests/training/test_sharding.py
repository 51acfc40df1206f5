"""Two processes on this machine's CPU, over gloo, in the place of two GPUs over NCCL."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lightning.fabric.strategies import ModelParallelStrategy
from runs import (
    assert_same_state,
    last_step,
    numbers,
    read_log,
    read_tensors,
    run,
    run_two,
    start,
    start_two,
    tiny,
    wait_for_step,
)
from safetensors.torch import load_file

from liax.training.checkpoint import latest_checkpoint
from liax.training.config import TrainConfig
from liax.training.run import with_launcher_environment
from liax.training.sharding import choose_strategy

# Not a mean over pairs, for coefficients are centred by what a device sees at once: the ratio of their norms.
APART = {"train/hoyer"}
AUGMENTED = {"flip": 0.5, "colour": 0.2, "driving_colour": 0.2}


def run_apart(config: TrainConfig) -> dict[str, list[str]]:
    """Trains by `liax train`, which starts the other process itself; returns the log."""
    process = start(config)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert out == f"{config.out / 'weights.safetensors'}\n"
    return read_log(config.out)


def assert_close(one: dict[str, list[str]], other: dict[str, list[str]], tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name in one.keys() - APART:
        np.testing.assert_allclose(numbers(one, name), numbers(other, name), rtol=tolerance, err_msg=name)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_train_as_one(manifest: Path, tmp_path: Path, strategy: str) -> None:
    """And one goes on where two stopped, and two where one did.

    In small steps: Adam's first ones go by the signs of gradients, of which rounding decides the smallest.
    """
    config = tiny(
        manifest,
        tmp_path / "one",
        steps=2,
        batch=8,
        loss={"max_sparsity_weight": 0.0},
        augment=AUGMENTED,
        optim={"lr": 2e-4},
    )
    two = replace(config, out=tmp_path / "two", devices=2, strategy=strategy)
    together = run_two if strategy == "fsdp" else run_apart
    assert_close(together(two), run(config), 2e-4)
    shards = list(latest_checkpoint(two.out).glob("*.safetensors"))
    assert len(shards) == (2 if strategy == "fsdp" else 1)
    whole, parts = read_tensors(config.out), read_tensors(two.out)
    assert {name: tensor.shape for name, tensor in whole.items()} == {n: t.shape for n, t in parts.items()}
    exported = load_file(two.out / "weights.safetensors")
    compared = [name for name in exported if f"averaged.{name}" in parts]
    assert len(compared) > 100
    assert all((exported[name] == parts[f"averaged.{name}"].half()).all() for name in compared)

    shutil.copytree(config.out, tmp_path / "one-then-two")
    straight = run(replace(config, steps=4))
    went_on = run(replace(two, steps=4, devices=1, strategy="auto"))
    assert_close(went_on, straight, 2e-3)
    if strategy == "fsdp":
        assert_close(run_two(replace(two, out=tmp_path / "one-then-two", steps=4)), straight, 2e-3)


def test_a_sharded_run_that_is_killed_resumes(manifest: Path, tmp_path: Path) -> None:
    """With all that holds state, and all that saves memory; bit for bit on the same number of devices."""
    config = tiny(
        manifest,
        tmp_path / "run",
        steps=100_000,
        batch=8,
        devices=2,
        strategy="fsdp",
        accumulate=2,
        checkpoint_activations=True,
        checkpoint_every=2,
        augment=AUGMENTED,
        adversarial={"weight": 0.1, "start": 1, "r1_every": 2, "width": 4},
        data={"validation": "val"},
        validate_every=2,
    )
    processes = start_two(config)
    wait_for_step(config.out, processes[0].is_alive, lambda step: step >= 3 and step % 2 == 1)
    for process in processes:
        process.kill()
        process.join()
    assert latest_checkpoint(config.out) is not None
    config = replace(config, steps=last_step(config.out) + 1)
    resumed = run_two(config)
    straight = run_two(replace(config, out=tmp_path / "straight"))
    assert len(straight["train/total"]) == config.steps
    assert len(straight["val/psnr"]) == -(-config.steps // 2)
    assert resumed == straight
    assert_same_state(config.out, tmp_path / "straight")


def test_large_presets_are_sharded_over_several_devices() -> None:
    def sharded(**settings: object) -> bool:
        strategy = choose_strategy(replace(TrainConfig(batch=8), **settings))
        assert isinstance(strategy, ModelParallelStrategy) or strategy in ("auto", "ddp")
        return isinstance(strategy, ModelParallelStrategy)

    wide = {"small": False, "small-512": False, "base": False, "middle": True, "large": True}
    for preset, expected in wide.items():
        assert sharded(preset=preset, devices=2) == expected
        assert sharded(preset=preset, nodes=2) == expected
        assert not sharded(preset=preset)
        assert sharded(preset=preset, strategy="fsdp")
        assert not sharded(preset=preset, devices=4, strategy="ddp")


def test_who_starts_the_processes_decides_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def decided() -> tuple[int, int]:
        config = with_launcher_environment(TrainConfig(devices=3))
        return config.nodes, config.devices

    assert decided() == (1, 3)
    for name, value in (("SLURM_NTASKS", "8"), ("SLURM_NNODES", "2"), ("SLURM_JOB_NAME", "train")):
        monkeypatch.setenv(name, value)
    assert decided() == (2, 4)
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("WORLD_SIZE", "6"), ("LOCAL_WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    assert decided() == (3, 2)
