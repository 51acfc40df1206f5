"""Runs for tests: two short clips, the smallest settings that train on them, and their logs."""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments.lightning import find_free_network_port
from PIL import Image
from torch import Tensor
from torch.distributed.checkpoint import HuggingFaceStorageReader

from clips import write_clip
from liax.data.config import AugmentConfig, DataConfig
from liax.model import LIAX, ModelConfig
from liax.training.checkpoint import latest_checkpoint, load_checkpoint
from liax.training.config import LossConfig, OptimConfig, TrainConfig, to_dict
from liax.training.run import train
from liax.training.trainer import Trainer

FRAMES = 12


def write_data(folder: Path, portrait: Path) -> Path:
    """Clips of 64x64 of two "people": the portrait that turns and shifts, and its negative; a manifest."""
    picture = Image.open(portrait).convert("RGB").resize((96, 96))
    for name, strength, phase, negative in (("ann", 12, 0.0, False), ("bob", -9, 1.0, True)):
        frames = []
        for k in range(FRAMES):
            t = 2 * math.pi * k / FRAMES + phase
            move = (8 * math.cos(t), 5 * math.sin(2 * t))
            turned = picture.rotate(strength * math.sin(t), Image.Resampling.BILINEAR, translate=move)
            frame = np.asarray(turned.crop((16, 16, 80, 80)))
            frames.append(255 - frame if negative else frame)
        write_clip(folder / f"{name}.mp4", frames)
    path = folder / "manifest.csv"
    lines = [f"{name}.mp4,clip,{split},{name},{FRAMES}\n" for split, name in SPLITS]
    path.write_text("file,type,split,identity,frames\n" + "".join(lines))
    return path


def with_biases(config: ModelConfig) -> LIAX:
    """An untrained network of which all biases matter too."""
    torch.manual_seed(0)
    network = LIAX(config).requires_grad_(False).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return network


def pictures(count: int, side: int) -> Tensor:
    """Noise in [-1, 1], the same each time: (count, 3, side, side)."""
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(5)) * 2 - 1


SPLITS = (("train", "ann"), ("train", "bob"), ("val", "ann"))


def tiny(manifest: Path, out: Path, **changes: object) -> TrainConfig:
    """float32 on the CPU, batch 4, no augmentation, no emphasis on parts, every step logged."""
    config = TrainConfig(
        out=out,
        preset="tiny",
        steps=10,
        batch=4,
        accelerator="cpu",
        canonicalize_frames=0,
        log_every=1,
        validate_every=1000,
        checkpoint_every=1000,
        data=DataConfig(manifest=manifest, validation=None, frames="memory", workers=1, still_share=0.0),
        augment=AugmentConfig.none(),
        loss=LossConfig(region_loss=0.0),
        optim=OptimConfig(warmup=1, lr_decay_share=0.0),
    )
    for name, value in changes.items():
        old = getattr(config, name)
        value = replace(old, **value) if isinstance(value, dict) else value
        config = replace(config, **{name: value})
    return config


def run(config: TrainConfig) -> dict[str, list[str]]:
    """Trains in this process; returns the log."""
    Trainer(config, Fabric(accelerator="cpu", devices=1)).run()
    return read_log(config.out)


def read_log(out: Path) -> dict[str, list[str]]:
    """Every logged value as text, by name in order of steps; without the speed, which no run repeats."""
    values: dict[str, list[str]] = {}
    with (out / "log.csv").open(newline="") as file:
        for step, name, value in csv.reader(file):
            if name != "speed":
                values.setdefault(name, []).append(f"{step}: {value}")
    return values


def numbers(log: dict[str, list[str]], name: str) -> np.ndarray:
    return np.array([float(text.partition(": ")[2]) for text in log[name]])


def read_tensors(out: Path) -> dict[str, torch.Tensor]:
    """All of a run's latest checkpoint, made whole from what its processes wrote."""
    path = latest_checkpoint(out)
    reader = HuggingFaceStorageReader(str(path))
    known = reader.read_metadata().state_dict_metadata
    tensors = {name: torch.empty(kept.size, dtype=kept.properties.dtype) for name, kept in known.items()}
    load_checkpoint(path, tensors)
    return tensors


def assert_same_state(one: Path, other: Path) -> None:
    """Weights, momenta and all, bit for bit."""
    a, b = (read_tensors(out) for out in (one, other))
    assert a.keys() == b.keys()
    assert len(a) > 100
    assert all(torch.equal(a[name], b[name]) for name in a)


def wait_for_step(out: Path, alive: Callable[[], bool], enough: Callable[[int], bool]) -> None:
    """Until a run logs a step that is `enough`."""
    deadline = time.monotonic() + 120
    while not enough(last_step(out)):
        assert alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def last_step(out: Path) -> int:
    """That a run has logged, 0 before the first."""
    lines = (out / "log.csv").read_text().splitlines()[:-1] if (out / "log.csv").exists() else []
    return int(lines[-1].partition(",")[0]) if lines else 0


def start(config: TrainConfig, *options: str) -> subprocess.Popen[str]:
    """`liax train` in a process of its own."""
    path = config.out.with_suffix(".json")
    path.write_text(json.dumps(to_dict(config)))
    return subprocess.Popen(
        [sys.executable, "-m", "liax", "train", "--config", str(path), *options],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_two(config: TrainConfig) -> list[BaseProcess]:
    """Two processes of one run with torchrun's environment; a server that has PyTorch imported forks them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["liax.training.trainer", "torch.utils.tensorboard"])
    port = find_free_network_port()
    processes = [context.Process(target=_become, args=(config, rank, port)) for rank in range(2)]
    for process in processes:
        process.start()
    return processes


def _become(config: TrainConfig, rank: int, port: int) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": 0, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    server = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}
    os.environ |= {name: str(value) for name, value in (place | server).items()}
    torch.set_num_threads(1)
    with stderr_of(config, rank).open("w") as file, redirect_stderr(file):
        train(config)


def stderr_of(config: TrainConfig, rank: int) -> Path:
    return config.out.with_suffix(f".{rank}.txt")


def run_two(config: TrainConfig) -> dict[str, list[str]]:
    """Trains in two processes; returns the log."""
    for rank, process in enumerate(start_two(config)):
        process.join(240)
        assert process.exitcode == 0, stderr_of(config, rank).read_text()
    return read_log(config.out)
