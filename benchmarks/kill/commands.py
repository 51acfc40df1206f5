"""The commands that are killed, what they read, and what they make and leave."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from importlib.resources import files
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray
from safetensors import safe_open

TESTS = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "app")]

from liax.media.video import Video  # noqa: E402

Content = str | NDArray[np.uint8]
PORTRAIT = Path(str(files("liax.assets") / "demo_portrait.jpg"))
_LONGEST = 300.0  # seconds that a command may take
_SAME_LEVELS = 4.0  # of 256, by which the pictures of equal videos may differ on average
_GONE = (
    90.0  # seconds in which a killed command's helpers have to end; Ray's look for their head for a minute
)


class Case(NamedTuple):
    """A command that is killed.

    Attributes:
        arguments: Of `liax`, in the trial's folder.
        outputs: What it makes there: a file, or a folder with all in it.
        grows: Whether that folder holds more at the end, so that only then it is compared.
        volatile: Files in it whose content no two runs share.
    """

    arguments: list[str]
    outputs: str
    grows: bool = False
    volatile: tuple[str, ...] = ()


_WEIGHTS = ["--weights", "tiny.safetensors", "--device", "cpu"]
CASES = {
    "animate": Case(
        ["animate", "face.jpg", "talk.mp4", "-o", "out.mp4", "--overwrite", *_WEIGHTS], "out.mp4"
    ),
    "edit-video": Case(
        ["edit-video", "talk.mp4", "-o", "out.mp4", "--set", "0=0.2", "--overwrite", *_WEIGHTS], "out.mp4"
    ),
    "batch": Case(["batch", "jobs.toml", *_WEIGHTS], "out"),
    "prepare": Case(["prepare", "raw", "-o", "out", "--size", "64", "--workers", "1"], "out", grows=True),
    "train": Case(
        ["train", "--config", "run.toml", "--data.validation", "None"],
        "out",
        grows=True,
        volatile=("log.csv", "state.json", "environment.json"),
    ),
    "studio": Case(["studio", *_WEIGHTS], ""),
}


def write_inputs(folder: Path) -> None:
    """What the commands read."""
    import torch

    from clips import moving_face, write_clip
    from liax.media.images import read_image
    from liax.model import LIAX, PRESETS
    from liax.weights import save, set_controls
    from liax.weights.controls import Control
    from scenes import FAST, head_scene

    torch.manual_seed(0)
    save(LIAX(PRESETS["tiny"]), folder / "nameless.safetensors")
    yaw = Control("yaw", "head", {1: 0.02, 3: -0.01}, -50, 50, "deg")
    set_controls(folder / "nameless.safetensors", folder / "tiny.safetensors", [yaw])
    for name in ("face.jpg", "face-2.jpg"):
        shutil.copy(PORTRAIT, folder / name)
    frames = moving_face(read_image(PORTRAIT), 16)
    write_clip(folder / "talk.mp4", frames, rate=12, sound="aac")
    write_clip(folder / "short.mp4", frames[:6], rate=12)
    (folder / "jobs.toml").write_text(
        'sources = ["face.jpg", "face-2.jpg"]\ndrivings = ["short.mp4", "talk.mp4"]\n'
        'output = "out/{source}_{driving}.mp4"\n'
    )
    (folder / "raw").mkdir()
    write_clip(folder / "raw" / "one.mp4", head_scene(30), options=FAST)
    write_clip(folder / "raw" / "two.mp4", head_scene(30, left=30, shade=120), options=FAST)
    for k in range(2):
        write_clip(folder / f"{k}.mp4", [f[:64, k * 64 : k * 64 + 64] for f in frames[:12]])
    (folder / "manifest.csv").write_text(
        "file,type,split,identity,frames\n0.mp4,clip,train,a,12\n1.mp4,clip,train,b,12\n"
    )
    (folder / "run.toml").write_text(
        'out = "out"\npreset = "tiny"\nsteps = 8\nbatch = 2\naccelerator = "cpu"\ncheckpoint_every = 2\n'
        "log_every = 1\ncanonicalize_frames = 0\n"
        '[data]\nmanifest = "manifest.csv"\nframes = "stream"\nworkers = 1\n'
        "[loss]\nregion_loss = 0\nfactor_supervision = 0\nperceptual = 0\n"
    )


def _become(arguments: list[str], folder: Path) -> None:
    """Run a command of `liax` in this process."""
    os.chdir(folder)
    temporary = folder / "tmp"
    os.environ |= {"TMPDIR": str(temporary), "RAY_TMPDIR": "/tmp"}
    tempfile.tempdir = None
    with open(folder / "told.txt", "a") as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
    import torch

    torch.set_num_threads(1)
    from liax.cli.main import main

    main(arguments)


def start(arguments: list[str], folder: Path) -> BaseProcess:
    """The command in a process of its own."""
    (folder / "tmp").mkdir(exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_become, args=(arguments, folder))
    process.start()
    return process


def content(folder: Path, case: Case) -> dict[str, Content]:
    """Name -> content of all that the command has finished, without unfinished files."""
    place = folder / case.outputs
    found = [place] if place.is_file() else sorted(place.rglob("*"))
    return {
        str(path.relative_to(folder)): "" if path.name in case.volatile else content_of(path)
        for path in found
        if path.is_file() and not path.name.endswith(".part") and "tfevents" not in path.name
    }


def content_of(path: Path) -> Content:
    """A digest of a file's bytes; of tensors and facts, which safetensors writes in any order.

    Of a video its pictures, made small: an encoder with several threads does not always give the same bytes.
    """
    if path.suffix == ".mp4":
        return np.stack([frame.rgb(longest=64) for frame in Video(path)])
    parts = [path.read_bytes()]
    if path.suffix == ".safetensors":
        with safe_open(path, "np") as file:
            parts = [repr(sorted((file.metadata() or {}).items())).encode()]
            for name in sorted(file.keys()):
                parts += [name.encode(), file.get_tensor(name).tobytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def differing(one: dict[str, Content], other: dict[str, Content]) -> list[str]:
    """Names of what only one of them has, or both have with another content."""
    return [name for name in sorted(one.keys() | other) if not _alike(one.get(name), other.get(name))]


def _alike(a: Content | None, b: Content | None) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and float(np.abs(a.astype(float) - b).mean()) < _SAME_LEVELS
    return type(a) is type(b) and a == b


def left(folder: Path) -> list[str]:
    """Unfinished files, locks, temporary files and processes of commands that have ended."""
    end = time.monotonic() + _GONE
    while (helpers := _helpers(folder)) and time.monotonic() < end:
        time.sleep(0.2)
    found = [*(folder / "tmp").rglob("*")]
    for pattern in ("*.part", "*.lock", ".*.new"):
        found += folder.rglob(pattern)
    return [str(path.relative_to(folder)) for path in found] + helpers


def _helpers(folder: Path) -> list[str]:
    """Processes that a command started and that outlive it, known by their folder of temporary files."""
    names = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder / "tmp"):
                names.append(f"process {process.name()}")
        except psutil.Error:
            continue
    return names


def finish(case: Case, folder: Path) -> tuple[int, float]:
    """Run the command to its end: exit code, seconds."""
    began = time.monotonic()
    process = start(case.arguments, folder)
    process.join(_LONGEST)
    took = time.monotonic() - began
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode or 0, took


def told(folder: Path) -> str:
    """What a command has printed so far."""
    path = folder / "told.txt"
    return path.read_text() if path.exists() else ""
