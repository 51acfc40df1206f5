"""Runs for tests: two short clips, the smallest settings that train on them, and their logs."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from PIL import Image
from torch.distributed.checkpoint import HuggingFaceStorageReader

from clips import write_clip
from liax.data.augment import AugmentConfig
from liax.training.checkpoint import latest_checkpoint, load_checkpoint
from liax.training.config import DataConfig, LossConfig, OptimConfig, TrainConfig, to_dict
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


SPLITS = (("train", "ann"), ("train", "bob"), ("val", "ann"))


def tiny(manifest: Path, out: Path, **changes: object) -> TrainConfig:
    """float32 on the CPU, batch 4, no augmentation, no emphasis on parts, every step logged."""
    config = TrainConfig(
        out=out,
        preset="tiny",
        steps=10,
        batch=4,
        accelerator="cpu",
        simplify=0,
        log_every=1,
        validate_every=1000,
        checkpoint_every=1000,
        data=DataConfig(manifest=manifest, validation=None, frames="memory", workers=1, stills=0.0),
        augment=AugmentConfig(flip=0.0, colour=0.0, driving_colour=0.0),
        loss=LossConfig(parts=0.0),
        optim=OptimConfig(warmup=1, decay=0.0),
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
