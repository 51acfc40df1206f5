"""Mutated files and texts are taken or refused in a sentence: no other exception, no hang, nothing left.

`make test` spends about 15 seconds on it, always with the same mutations; `make fuzz MINUTES=30` goes on with
others and keeps what fails in `finds/`, which every later run tries again.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from pathlib import Path
from random import Random
from types import FrameType
from typing import NamedTuple

import numpy as np
import pytest
from mutations import NASTY_TEXTS, mutate_bytes, mutate_json, mutate_safetensors, mutate_text, mutate_utf8

from liax.bounded import printable
from liax.data.manifest import read_manifest
from liax.data.regions import Regions, load_regions, save_regions
from liax.errors import LiaxError
from liax.evaluation.clips import read_pairs
from liax.face.factors import FACTORS
from liax.model import LIAX
from liax.options import parse_names, parse_rate, parse_settings, parse_strength
from liax.portrait import Animator
from liax.portrait.batch import _read_record
from liax.portrait.batch_config import read_batch
from liax.portrait.edit_vector import edit_vector
from liax.portrait.motion import DrivingFrame
from liax.portrait.template import Template, load_template, save_template
from liax.report.json_files import lock_settings
from liax.tracks import read_track
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

SECONDS = float(os.environ.get("LIAX_FUZZ_SECONDS", "15"))
FIRST = int(os.environ.get("LIAX_FUZZ_SEED", "0"))
FINDS = Path(__file__).parent / "finds"
LONGEST = 10  # seconds a file may take


class Format(NamedTuple):
    """A kind of input.

    Attributes:
        name: Of the file that is read.
        mutate: Changes a whole one.
        read: Does with the file what the commands do with it.
    """

    name: str
    mutate: Callable[[Random, bytes], bytes]
    read: Callable[[Path], object]


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
            _check_message(error)
    for name in (text, "x" + text):
        with pytest.raises(LiaxError):
            edit_vector({f"no-{name}": 1.0}, Controls(4, (Control("yaw", "head", {0: 1.0}, -1, 1),)))


FORMATS = {
    "template": Format("template.safetensors", mutate_safetensors, _read_template),
    "weights": Format("weights.safetensors", mutate_safetensors, _read_weights),
    "batch": Format("jobs.toml", mutate_utf8, lambda path: read_batch(path)),
    "record": Format("jobs.toml.done.json", mutate_json, _read_record),
    "training": Format("run.toml", mutate_utf8, lambda path: load_config(path).check()),
    "training-json": Format("run.json", mutate_json, lambda path: load_config(path).check()),
    "manifest": Format("manifest.csv", mutate_utf8, lambda path: read_manifest(path, None)),
    "pairs": Format("pairs.csv", mutate_utf8, lambda path: read_pairs(path, [])),
    "regions": Format("regions.npz", mutate_bytes, load_regions),
    "settings": Format("settings.json", mutate_json, lambda path: lock_settings(path.parent, {"a": 1})),
    "track": Format("track.csv", mutate_utf8, read_track),
    "track-json": Format("track.json", mutate_json, read_track),
    "live-link": Format("face.csv", mutate_utf8, read_track),
    "openface": Format("face.csv", mutate_utf8, read_track),
    "mediapipe": Format("face.json", mutate_json, read_track),
    "keys": Format("keys.toml", mutate_utf8, read_track),
    "options": Format("options.txt", mutate_utf8, _read_texts),
}

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
KEYS = """rate = 12.5
length = "4s"
[preset.grin]
smile = 0.8
"#12" = 0.1
[[key]]
at = "1.2s"
yaw = "10deg"
ease = "out"
[[key]]
at = "0:02.5"
preset = "grin"
amount = 0.5
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


@pytest.fixture(scope="module")
def whole(tiny: LIAX, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of every format."""
    folder = tmp_path_factory.mktemp("whole")
    alphas = np.zeros((3, tiny.config.vectors), np.float32)
    frames = [DrivingFrame(Fraction(k, 12), alpha_M, k == 0, None) for k, alpha_M in enumerate(alphas)]
    save_template(Template.of(frames, Fraction(12), tiny), folder / "t")
    controls = Controls(
        tiny.config.vectors, (Control("yaw", "head", {0: 0.5, 2: 1.0}, -20, 20, "deg", "turns"),)
    )
    limits = CoefficientLimits(-np.ones(tiny.config.vectors), np.ones(tiny.config.vectors))
    save(tiny, folder / "w", metadata={CONTROLS_KEY: controls.to_json(), LIMITS_KEY: limits.to_json()})
    parts = (np.zeros((2, 3, 4)), np.zeros((2, 3)), np.zeros((2, len(FACTORS))))
    save_regions(folder / "r", {"a.mp4": Regions(*(part.astype(np.float32) for part in parts))})
    manifest = "file,type,split,identity,frames,notes\na.mp4,clip,train,ann,12,x\nb.jpg,portrait,val,bob,1,\n"
    record = {"a.mp4": {"job": "0", "output": "1", "frames": 3, "seconds": 0.5}}
    return {
        "template": (folder / "t").read_bytes(),
        "weights": (folder / "w").read_bytes(),
        "batch": BATCH.encode(),
        "record": json.dumps(record).encode(),
        "training": TRAINING.encode(),
        "training-json": json.dumps(to_dict(TrainConfig())).encode(),
        "manifest": manifest.encode(),
        "pairs": b"source,driving\nfaces/a.png,x.mp4\nb.png,y.mp4\n",
        "regions": (folder / "r").read_bytes(),
        "settings": b'{"a": 1}',
        "track": b"time,shot,yaw,smile,#13,liax\n" + b"0.0,1,1.5,,0.25,track 1 pose\n0.04,2,2,0.5,0.3,\n",
        "track-json": b'{"liax": "track 1 pose of 51ab", "rate": "25", "columns": {"yaw": [1, null, 2]}}',
        "live-link": b"Timecode,BlendshapeCount,JawOpen,HeadYaw,HeadPitch,HeadRoll\n"
        + b"00:32:09:07.867,61,0.25,0.1,-0.2,0.05\n00:32:09:08.868,61,0.5,0,0,0\n",
        "openface": b"frame, timestamp, success, pose_Rx, pose_Ry, pose_Rz, AU12_r, AU45_r\n"
        + b"1, 0.000, 1, 0.1, 0.2, 0.3, 1, 2\n2, 0.033, 1, 0, 0, 0, 5, 0\n",
        "mediapipe": json.dumps(
            {"fps": 30, "frames": [{"time": k, "blendshapes": {"jawOpen": 0.5}} for k in range(3)]}
        ).encode(),
        "keys": KEYS.encode(),
        "options": b"yaw=15deg,smile=0.5,#12=-.3",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the files name."""
    (tmp_path / "faces").mkdir()
    for name in ("faces/a.png", "faces/c.png", "b.png", "x.mp4", "y.mp4", "a.mp4", "b.jpg"):
        (tmp_path / name).write_bytes(b"-")
    return tmp_path


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _check_message(error: LiaxError) -> None:
    message = str(error)
    assert 0 < len(message) < 3000
    printable(message).encode()


def _try(form: Format, raw: bytes, folder: Path) -> bool:
    """Whether it was taken."""
    path = folder / form.name
    path.write_bytes(raw)
    there = {found: found.stat().st_size for found in folder.rglob("*") if found != path}
    taken = True
    with _at_most(LONGEST):
        try:
            form.read(path)
        except LiaxError as error:
            taken = False
            _check_message(error)
    assert {found: found.stat().st_size for found in folder.rglob("*") if found != path} == there
    return taken


@pytest.mark.parametrize("kind", FORMATS)
def test_mutations(kind: str, whole: dict[str, bytes], folder: Path) -> None:
    form = FORMATS[kind]
    if kind == "settings":
        (folder / "settings.json").write_bytes(whole[kind])
    assert _try(form, whole[kind], folder)
    end = time.monotonic() + SECONDS / len(FORMATS)
    tried = 0
    for seed in count(FIRST):
        raw = form.mutate(Random(f"{kind} {seed}"), whole[kind])
        try:
            _try(form, raw, folder)
        except BaseException as error:
            error.add_note(f"{kind}, seed {seed}: {raw[:300]!r}")
            if "LIAX_FUZZ_SECONDS" in os.environ:
                FINDS.mkdir(exist_ok=True)
                (FINDS / f"{kind}.{hashlib.sha256(raw).hexdigest()[:12]}").write_bytes(raw)
            raise
        tried += 1
        if time.monotonic() > end:
            break
    print(f"{kind}: {tried} mutations")


@pytest.mark.parametrize("find", sorted(FINDS.glob("*.*")), ids=lambda path: path.name)
def test_what_was_found_once(find: Path, folder: Path) -> None:
    _try(FORMATS[find.name.partition(".")[0]], find.read_bytes(), folder)


def test_mutations_are_the_seeds() -> None:
    assert mutate_text(Random("1"), BATCH) == mutate_text(Random("1"), BATCH)
    assert len(set(NASTY_TEXTS)) == len(NASTY_TEXTS)


def test_a_hang_is_noticed() -> None:
    with pytest.raises(TimeoutError), _at_most(0.1):
        time.sleep(5)


def test_animators_take_what_was_checked(whole: dict[str, bytes], folder: Path) -> None:
    (folder / "w.safetensors").write_bytes(whole["weights"])
    assert [control.name for control in Animator(load(folder / "w.safetensors"), "cpu").controls] == ["yaw"]
