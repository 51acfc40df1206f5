"""CUDA graphs draw what the CPU draws; needs a GPU. benchmarks/README.md records a run."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from liax import load
from liax.face.crop import resize
from liax.portrait.animator import Animator
from liax.portrait.engine import EagerEngine
from liax.portrait.retouch import EditDelta
from scripts import load_script

pytest.importorskip("triton", reason="graphs run kernels of Triton")
if not torch.cuda.is_available():
    pytest.skip("needs an NVIDIA GPU", allow_module_level=True)

LEAST_DB = 46.0


@pytest.fixture(scope="module")
def on_cpu() -> Animator:
    return Animator(load(), "cpu", torch.float32)


@pytest.fixture(scope="module")
def on_gpu() -> Animator:
    animator = Animator(load(), "cuda")
    assert not isinstance(animator._engine, EagerEngine)
    return animator


@pytest.fixture(scope="module")
def faces(portrait_HW3: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """A portrait, from several sides of the frame."""
    return [resize(portrait_HW3[k : 500 + k, k // 2 : 500 + k // 2], 256, 256) for k in range(12)]


def decibels(got: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    return -10 * math.log10(float(np.square((got.astype(float) - wanted) / 255).mean()) + 1e-12)


@pytest.fixture(scope="module")
def drawn_on_cpu(on_cpu: Animator, faces: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    source, *driving = faces
    return np.stack(list(on_cpu.animate(source, driving, absolute=True)))


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_animating(
    drawn_on_cpu: NDArray[np.uint8], on_gpu: Animator, faces: list[NDArray[np.uint8]], batch_size: int
) -> None:
    source, *driving = faces
    got = np.stack(list(on_gpu.animate(source, driving, absolute=True, batch_size=batch_size)))
    assert decibels(got, drawn_on_cpu) >= LEAST_DB


def test_each_frame_its_own_source(
    on_cpu: Animator, on_gpu: Animator, faces: list[NDArray[np.uint8]]
) -> None:
    """As `edit-video` draws."""
    drawn = []
    for animator in (on_cpu, on_gpu):
        seen = animator.encode(faces[:5])
        changes = EditDelta(animator, seen)(seen.alpha_BM.cpu().numpy() + 0.5)
        drawn.append(np.stack([change.drawn_RR3 for change in changes]))
    assert decibels(drawn[1], drawn[0]) >= LEAST_DB


@pytest.mark.parametrize(
    "work", ["animate", "animate, pasted", "animate, aligned", "edit", "edit, pasted", "edit-video"]
)
def test_whole_work(on_cpu: Animator, on_gpu: Animator, work: str) -> None:
    """The demo's portrait and video, as commands make pictures of them."""
    script = load_script("agreement")
    pictures = script.works(0.12, 3)[work]
    assert script.agreement(pictures(on_gpu), pictures(on_cpu))["lowest_dB"] >= LEAST_DB


def test_another_portrait_takes_the_place_of_the_last(
    on_gpu: Animator, faces: list[NDArray[np.uint8]]
) -> None:
    first, second = on_gpu.encode(faces[:1]), on_gpu.encode(faces[5:6])
    alpha_M = first.alpha_BM[0].cpu().numpy()
    pictures = [next(iter(on_gpu.render(source, [alpha_M]))) for source in (first, second, first)]
    assert np.array_equal(pictures[0], pictures[2])
    assert not np.array_equal(pictures[0], pictures[1])


@pytest.fixture
def _little_memory(on_gpu: Animator) -> Iterator[None]:
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 600 * 2**20) / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.usefixtures("_little_memory")
def test_a_batch_that_does_not_fit(on_gpu: Animator, faces: list[NDArray[np.uint8]]) -> None:
    source, *driving = faces
    many = [driving[k % len(driving)] for k in range(128)]
    got = list(on_gpu.animate(source, many, batch_size=128))
    assert len(got) == 128
    assert on_gpu.batch_size == 8
