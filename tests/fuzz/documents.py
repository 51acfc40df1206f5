"""Texts and arrays that are read: templates, weights, tables, records, manifests, options."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from formats import Format, check_message, tiny_network
from mutations import mutate_bytes, mutate_json, mutate_safetensors, mutate_utf8

from liax.bounded import printable
from liax.data.manifest import read_manifest
from liax.data.regions import Regions, load_regions, save_regions
from liax.errors import LiaxError
from liax.evaluation.clips import read_pairs
from liax.face.factors import FACTORS
from liax.options import parse_names, parse_rate, parse_settings, parse_strength
from liax.portrait.batch import _read_record
from liax.portrait.batch_config import read_batch
from liax.portrait.edit_vector import edit_vector
from liax.portrait.motion import DrivingFrame
from liax.portrait.template import Template, load_template, save_template
from liax.report.json_files import lock_settings
from liax.training.config import TrainConfig, load_config, to_dict
from liax.weights import load, save
from liax.weights.controls import (
    CONTROLS_KEY,
    LIMITS_KEY,
    CoefficientLimits,
    Control,
    Controls,
    read_controls,
)

# What batches and manifests name.
NAMED = ("faces/a.png", "faces/c.png", "b.png", "x.mp4", "y.mp4", "a.mp4", "b.jpg")


def _read_template(path: Path) -> None:
    template = load_template(path)
    assert template.seconds > 0
    for frame in template.frames():
        assert frame.time >= 0


def _read_weights(path: Path) -> None:
    network = load(path)
    controls = read_controls(network.metadata, network.config.vectors)
    assert np.isfinite(controls.directions_MK).all()
    for control in controls:
        assert np.isfinite(edit_vector({control.name: control.high}, controls)).all()
        assert printable(control.name) == control.name


def _read_texts(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    refused = 0
    for parse in (parse_strength, parse_names, parse_rate, lambda text: parse_settings([text])):
        try:
            parse(text)
        except LiaxError as error:
            refused += 1
            check_message(error)
    for name in (text, "x" + text):
        with pytest.raises(LiaxError):
            edit_vector({f"no-{name}": 1.0}, Controls(4, (Control("yaw", "head", {0: 1.0}, -1, 1),)))


BATCH = """sources = ["faces/*.png", "b.png"]
drivings = ["x.mp4", 'y.mp4'] # two
output = "out/{source}_{driving}.mp4"
[defaults]
crop = false
strength = {mouth = 2, all = 1.5}
[[job]]
source = "faces/a.png"
driving = "x.mp4"
output = "a.mp4"
set = {"#1" = 0.5, yaw = "15deg", 3 = -1}
only = ["mouth", "eyes"]
align = "pose"
face = 2
rate = 29.97
"""
TRAINING = """out = "runs/a"
preset = "tiny"
steps = 1_000
seed = 7
max_minutes = 2.5
[data]
manifest = "data/manifest.csv"
still_share = 0.2
[loss]
warp = [0.5, 0.1]
[optim]
lr = 2e-3
"""


def prepare(folder: Path) -> None:
    """Files that the texts name."""
    for name in NAMED:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"-")


def _template(folder: Path) -> bytes:
    network = tiny_network()
    alphas = np.zeros((3, network.config.vectors), np.float32)
    frames = [DrivingFrame(Fraction(k, 12), alpha_M, k == 0, None) for k, alpha_M in enumerate(alphas)]
    save_template(Template.of(frames, Fraction(12), network), folder / "t")
    return (folder / "t").read_bytes()


def _weights(folder: Path) -> bytes:
    network = tiny_network()
    count = network.config.vectors
    controls = Controls(count, (Control("yaw", "head", {0: 0.5, 2: 1.0}, -20, 20, "deg", "turns"),))
    limits = CoefficientLimits(-np.ones(count), np.ones(count))
    save(network, folder / "w", metadata={CONTROLS_KEY: controls.to_json(), LIMITS_KEY: limits.to_json()})
    return (folder / "w").read_bytes()


def _regions(folder: Path) -> bytes:
    parts = (np.zeros((2, 3, 4)), np.zeros((2, 3)), np.zeros((2, len(FACTORS))))
    save_regions(folder / "r", {"a.mp4": Regions(*(part.astype(np.float32) for part in parts))})
    return (folder / "r").read_bytes()


def text(content: str) -> Callable[[Path], bytes]:
    """What makes a sound file that holds this."""
    return lambda folder: content.encode()


MANIFEST = "file,type,split,identity,frames,notes\na.mp4,clip,train,ann,12,x\nb.jpg,portrait,val,bob,1,\n"
RECORD = json.dumps({"a.mp4": {"job": "0", "output": "1", "frames": 3, "seconds": 0.5}})

FORMATS = {
    "template": Format("template.safetensors", _template, mutate_safetensors, _read_template),
    "weights": Format("weights.safetensors", _weights, mutate_safetensors, _read_weights),
    "batch": Format("jobs.toml", text(BATCH), mutate_utf8, lambda path: read_batch(path)),
    "record": Format("jobs.toml.done.json", text(RECORD), mutate_json, _read_record),
    "training": Format("run.toml", text(TRAINING), mutate_utf8, lambda path: load_config(path).check()),
    "training-json": Format(
        "run.json",
        text(json.dumps(to_dict(TrainConfig()))),
        mutate_json,
        lambda path: load_config(path).check(),
    ),
    "manifest": Format("manifest.csv", text(MANIFEST), mutate_utf8, lambda path: read_manifest(path, None)),
    "pairs": Format(
        "pairs.csv",
        text("source,driving\nfaces/a.png,x.mp4\nb.png,y.mp4\n"),
        mutate_utf8,
        lambda path: read_pairs(path, []),
    ),
    "regions": Format("regions.npz", _regions, mutate_bytes, load_regions),
    "settings": Format(
        "settings.json", text('{"a": 1}'), mutate_json, lambda path: lock_settings(path.parent, {"a": 1})
    ),
    "options": Format("options.txt", text("yaw=15deg,smile=0.5,#12=-.3"), mutate_utf8, _read_texts),
}
