"""A GPU puts changes into pictures as OpenCV does; tests/portrait/test_retouch.py asks both for the rest."""

from __future__ import annotations

import copy
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from liax.face.crop import Crop
from liax.model import LIAX
from liax.portrait import Animator
from liax.portrait.device_retouch import DeviceRetouch, retouch_on
from liax.portrait.retouch import PixelChange, Retouch
from scenes import wavy_picture

CPU = torch.device("cpu")
SIZE = 64


def changed(seed: int, strength: float) -> PixelChange:
    """Smooth shifts of some pixels, and drawings of some levels."""
    random = np.random.default_rng(seed)
    y_RR, x_RR = np.mgrid[:SIZE, :SIZE] / SIZE * 2 * np.pi

    def waves() -> np.ndarray:
        across, down, phase = random.uniform(0.5, 2, 3)
        return np.sin(across * x_RR + phase) * np.cos(down * y_RR - phase)

    return PixelChange(
        np.stack([strength * waves(), strength * waves()], -1).astype(np.float32),
        (0.5 + 0.5 * waves()).astype(np.float32),
        np.stack([60 * waves() for _ in range(3)], -1).astype(np.float32),
        np.zeros((SIZE, SIZE, 3), np.uint8),
    )


@settings(max_examples=40, deadline=None)
@given(
    left=st.floats(-60, 300),
    top=st.floats(-60, 300),
    side=st.floats(20, 400),
    roll=st.sampled_from([0.0, 90.0, 33.0]),
    whole=st.booleans(),
    channels=st.sampled_from([3, 4]),
    strength=st.sampled_from([0.0, 2.0, 20.0]),
    seed=st.integers(0, 9),
)
def test_the_same_picture(
    left: float, top: float, side: float, roll: float, whole: bool, channels: int, strength: float, seed: int
) -> None:
    picture_HWC = wavy_picture(341, 301)[..., :channels]
    what = None if whole else Crop(left, top, side, roll), 341, 301, SIZE
    change = changed(seed, strength)
    before_HWC = picture_HWC.copy()
    one_HWC, other_HWC = Retouch(*what)(picture_HWC, change), DeviceRetouch(CPU, *what)(picture_HWC, change)
    assert np.array_equal(picture_HWC, before_HWC)
    assert one_HWC.shape == other_HWC.shape == (300, 340, channels)
    apart_HWC = np.abs(one_HWC.astype(int) - other_HWC)
    # A square that becomes smaller is reduced by Pillow or PyTorch, to fractions of a pixel or whole ones.
    assert apart_HWC.mean() < (0.05 if whole or side >= SIZE else 0.4)


def test_a_picture_for_which_there_is_no_room(portrait_HW3: np.ndarray) -> None:
    """What the GPU cannot hold is changed all the same."""
    what, change = (Crop(100, 100, 300), 512, 512, SIZE), changed(0, 3.0)
    full = patch.object(DeviceRetouch, "_window", side_effect=torch.OutOfMemoryError)
    with full:
        result_HW3 = DeviceRetouch(CPU, *what)(portrait_HW3, change)
    assert np.array_equal(result_HW3, Retouch(*what)(portrait_HW3, change))


def test_processors_have_opencv(tiny: LIAX) -> None:
    assert type(retouch_on(Animator(tiny, "cpu"), None, 100, 80)) is Retouch


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of NVIDIA's")
def test_on_a_gpu(tiny: LIAX, portrait_HW3: np.ndarray) -> None:
    what, change = (Crop(60, 60, 400, 10.0), 512, 512, SIZE), changed(1, 5.0)
    gpu = retouch_on(Animator(copy.deepcopy(tiny), "cuda"), *what[:3])
    assert type(gpu) is DeviceRetouch
    apart_HW3 = gpu(portrait_HW3, change).astype(int) - Retouch(*what)(portrait_HW3, change)
    assert np.abs(apart_HW3).mean() < 0.1
