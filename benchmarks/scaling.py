"""How fast does a preset train on the devices at hand, and what holds it back?

    python benchmarks/scaling.py --preset base --batch 64 --devices 2 --steps 30 --json out.json
    python benchmarks/scaling.py --preset large --batch 16 --set checkpoint_activations=true
    python benchmarks/scaling.py --config configs/small.toml --data data/manifest.csv --profile

Whole steps of `liax train` (losses, optimiser, averaging, augmentation; the adversary where the settings have
one) with made-up frames that wait on the device, or with those of a manifest. Says how many images (pairs) a
second all devices make together, the most memory that one of them held, the network's arithmetic a second on
each (the forward pass's counted once and taken three times, for the backward pass is twice that; what is
computed anew for checkpointed activations does not count) beside a large bf16 matrix product's on the same
device, and the share of time that goes into getting batches: how much longer the steps take than the same
number of steps on one batch that is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from liax.data.transfer import to_device
from liax.model import LIAX, PRESETS, ModelConfig
from liax.training.config import TrainConfig, from_dict, load_config, to_dict
from liax.training.run import launch
from liax.training.trainer import Trainer

_FRAMES = 256  # made-up ones


class MadeUpFrames:
    """Noise in the place of a data set's frames, on the device."""

    def __init__(self, size: int, device: torch.device) -> None:
        self._frames = torch.randint(0, 256, (_FRAMES, 3, size, size), dtype=torch.uint8, device=device)

    def fetch(self, numbers: NDArray[np.int64]) -> Tensor:
        return self._frames[to_device(numbers % _FRAMES, self._frames.device)]

    def prefetch(self, numbers: NDArray[np.int64]) -> None:
        pass


def settings(options: argparse.Namespace, folder: Path) -> TrainConfig:
    """The run's configuration: a file's or the defaults, then the options, then --set."""
    given = load_config(options.config) if options.config else TrainConfig(precision="bfloat16")
    values = to_dict(given)
    for name in ("preset", "batch", "devices"):
        if getattr(options, name) is not None:
            values[name] = getattr(options, name)
    _update(values, tomllib.loads("\n".join(options.set)))
    config = from_dict(values)
    manifest = options.data or folder / "manifest.csv"
    if options.data is None:
        lines = [f"{k}.mp4,clip,train,{k},60\n" for k in range(8)]
        manifest.write_text("file,type,split,identity,frames\n" + "".join(lines))
        config = replace(config, data=replace(config.data, frames="stream", regions=None))
    data = replace(config.data, manifest=manifest, validation=None)
    return replace(config, out=folder / "run", init=None, steps=10**6, max_minutes=None, data=data)


def _update(values: dict, changes: dict) -> None:
    for key, value in changes.items():
        if isinstance(value, dict):
            _update(values[key], value)
        else:
            values[key] = value


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Mean wall-clock time of `work`."""
    synchronise()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    synchronise()
    return (time.perf_counter() - start) / repeats


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def matmul_rate(device: torch.device) -> float:
    """Operations a second of a bf16 matrix product of side 8192 (512 on a CPU)."""
    side = 8192 if device.type == "cuda" else 512
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    return 2 * side**3 / seconds(lambda: a @ b, 20)


def network_flops(config: ModelConfig) -> int:
    """Of one pair's forward pass."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        pair = torch.empty(2, 1, 3, config.size, config.size)
        LIAX(config)(*pair)
    return counter.get_total_flops()


def measure(trainer: Trainer, steps: int, warm_up: int) -> dict[str, float]:
    config, fabric = trainer.config, trainer.fabric

    def step() -> None:
        trainer._train_step()
        trainer.step += 1

    start = time.perf_counter()
    step()
    synchronise()
    first = time.perf_counter() - start
    for _ in range(warm_up):
        step()
    took = seconds(step, steps)
    kept = [trainer.batches.batch(i, trainer.renderer) for i in range(config.accumulate)]
    trainer.batches.batch = lambda number, renderer: kept[number % config.accumulate]  # type: ignore[method-assign]
    took_without_data = seconds(step, steps)
    memory = torch.tensor(0.0, device=fabric.device)
    if fabric.device.type == "cuda":
        memory += torch.cuda.max_memory_allocated() / 2**30
    flops = 3 * network_flops(PRESETS[config.preset]) * config.batch / took / fabric.world_size
    rate = matmul_rate(fabric.device)
    return {
        "images_per_second": config.batch / took,
        "steps_per_second": 1 / took,
        "first_step_seconds": first,
        "peak_memory_GiB": float(fabric.all_reduce(memory, reduce_op="max")),
        "network_TFLOP_per_second_and_device": flops / 1e12,
        "matmul_TFLOP_per_second": rate / 1e12,
        "share_of_matmul_rate": flops / rate,
        "share_waiting_for_data": max(0.0, 1 - took_without_data / took),
    }


def profile(trainer: Trainer, steps: int = 3) -> str:
    """Which operations the time of a few steps goes into."""
    cuda = trainer.fabric.device.type == "cuda"
    activities = [torch.profiler.ProfilerActivity.CPU]
    if cuda:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as recorded:
        for _ in range(steps):
            trainer._train_step()
        synchronise()
    sort = "self_cuda_time_total" if cuda else "self_cpu_time_total"
    return recorded.key_averages().table(sort_by=sort, row_limit=30, max_name_column_width=70)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, help="a training configuration to start from")
    parser.add_argument("--preset", choices=PRESETS)
    parser.add_argument("--batch", type=int, help="pairs a step over all devices")
    parser.add_argument("--devices", type=int)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as in TOML"
    )
    parser.add_argument("--data", type=Path, help="a manifest; made-up frames without one")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=10)
    parser.add_argument("--profile", action="store_true", help="also print what the time goes into")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config, fabric = launch(settings(options, Path(folder)))
        frames = None
        if options.data is None:
            frames = MadeUpFrames(PRESETS[config.preset].size, fabric.device)
        trainer = Trainer(config, fabric, frames)
        measured = measure(trainer, options.steps, options.warm_up)
        table = profile(trainer) if options.profile else ""
    if fabric.is_global_zero:
        print(*(f"{name} {value:.4g}" for name, value in measured.items()), table, sep="\n")
        if options.json:
            about = {
                "device": torch.cuda.get_device_name() if fabric.device.type == "cuda" else "cpu",
                "torch": torch.__version__,
                "devices": fabric.world_size,
                "sharded": config.sharded,
                "made_up_frames": options.data is None,
                "config": to_dict(config),
            }
            options.json.write_text(json.dumps(measured | about, indent=2) + "\n")


if __name__ == "__main__":
    main()
