"""Batches on several devices at once: the same files and record, whatever happens to a worker."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from clips import flat_frames, write_clip
from liax.errors import LiaxError
from liax.media.video import Video
from liax.portrait import batch_workers as module
from liax.portrait.animator import Animator
from liax.portrait.batch import run_batch
from liax.portrait.batch_config import read_batch
from liax.portrait.batch_workers import WorkerOptions, run_batch_on
from liax.ray_session import ray_session
from liax.weights import load

pytest.importorskip("ray", reason="needs the extra cluster")
JOBS = """
sources = ["*.png"]
drivings = ["x.mp4", "y.mp4"]
output = "{folder}/{{source}}_{{driving}}.mp4"
[defaults]
crop = false
"""


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    """Started once, for two workers."""
    with ray_session(2, None):
        yield


@pytest.fixture
def material(tmp_path: Path) -> Path:
    for name, level in (("a", 80), ("b", 160)):
        Image.fromarray(np.full((64, 64, 3), level, np.uint8)).save(tmp_path / f"{name}.png")
    for name, count in (("x", 3), ("y", 5)):
        write_clip(tmp_path / f"{name}.mp4", flat_frames(count))
    return tmp_path


def listed(material: Path, folder: str) -> Path:
    path = material / f"{folder}.toml"
    path.write_text(JOBS.format(folder=folder))
    return path


def pictures(path: Path) -> NDArray[np.uint8]:
    return np.stack([frame.rgb() for frame in Video(path)])


def options(weights: Path) -> WorkerOptions:
    return WorkerOptions(str(weights))


def test_two_workers_make_what_one_does(
    material: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 2)
    told: list[tuple[str, int, int | None]] = []
    two = read_batch(listed(material, "two"))
    ended = list(
        run_batch_on(
            ("cpu", "cpu"), None, two, options(tiny_weights), progress=lambda *each: told.append(each)
        )
    )
    assert sorted(outcome.job.output for outcome in ended) == sorted(job.output for job in two.jobs)
    assert {outcome.status for outcome in ended} == {"done"}
    assert told == [("jobs", k, 4) for k in (1, 2, 3, 4)]
    one, animator = read_batch(listed(material, "one")), Animator(load(tiny_weights), "cpu")
    assert [outcome.status for outcome in run_batch(animator, one)] == ["done"] * 4
    for job in two.jobs:
        assert np.array_equal(pictures(job.output), pictures(material / "one" / job.output.name))
    # One skips what the others did, and they what it did.
    assert [outcome.status for outcome in run_batch(animator, two)] == ["skipped"] * 4
    again = run_batch_on(("cpu",), None, one, options(tiny_weights))
    assert [outcome.status for outcome in again] == ["skipped"] * 4


def test_a_cluster_without_gpus_gets_a_worker_for_each_machine(material: Path, tiny_weights: Path) -> None:
    import ray

    (place,) = module._cluster_places()
    assert (place.device, place.asks["num_cpus"]) == ("cpu", 2)
    batch = read_batch(listed(material, "out"))
    (material / "x.mp4").write_bytes(b"no video")
    ended = list(run_batch_on((), ray.get_runtime_context().gcs_address, batch, options(tiny_weights)))
    assert [(outcome.job.output.name, outcome.status) for outcome in ended] == [
        ("a_x.mp4", "failed"),
        ("a_y.mp4", "done"),
        ("b_x.mp4", "failed"),
        ("b_y.mp4", "done"),
    ]
    assert "x.mp4" in str(ended[0].error)


def test_a_job_whose_worker_dies_is_done_again(
    material: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker is killed once, and one job kills every worker."""
    once = material / "once"

    class Dying(module._Worker):
        def do(self, job, ours, mark):  # type: ignore[no-untyped-def]
            first = job.output.name == "a_y.mp4" and not once.exists()
            if first:
                once.touch()
            if first or job.output.name == "b_x.mp4":
                os.kill(os.getpid(), signal.SIGKILL)
            return super().do(job, ours, mark)

    monkeypatch.setattr(module, "_Worker", Dying)
    batch = read_batch(listed(material, "out"))
    ended = {
        outcome.job.output.name: outcome
        for outcome in run_batch_on(("cpu",), None, batch, options(tiny_weights))
    }
    states = {name: outcome.status for name, outcome in ended.items()}
    assert states == {"a_x.mp4": "done", "a_y.mp4": "done", "b_x.mp4": "failed", "b_y.mp4": "done"}
    assert "b_x.mp4 cannot be made: whatever process works on it is killed; look whether" in str(
        ended["b_x.mp4"].error
    )
    assert sorted(json.loads(batch.record.read_text())) == ["out/a_x.mp4", "out/a_y.mp4", "out/b_y.mp4"]


def test_stopped_it_leaves_nothing_unfinished(material: Path, tiny_weights: Path) -> None:
    write_clip(material / "y.mp4", flat_frames(1500))
    batch = read_batch(listed(material, "out"))
    ended = run_batch_on(("cpu", "cpu"), None, batch, options(tiny_weights))
    assert next(ended).job.output.name == "a_x.mp4"
    ended.close()  # type: ignore[attr-defined]
    assert os.listdir(material / "out") == ["a_x.mp4"]
    assert list(json.loads(batch.record.read_text())) == ["out/a_x.mp4"]


def test_devices_that_are_not_there(material: Path, tiny_weights: Path) -> None:
    batch = read_batch(listed(material, "out"))
    for devices, problem in (((), "No device is named"), (("cpu", "abacus"), "abacus is not a device")):
        with pytest.raises(LiaxError, match=problem):
            list(run_batch_on(devices, None, batch, options(tiny_weights)))
    if not torch.cuda.is_available():
        with pytest.raises(LiaxError, match="PyTorch sees no NVIDIA GPU here"):
            list(run_batch_on(("all",), None, batch, options(tiny_weights)))
    assert not (material / "out").exists()
