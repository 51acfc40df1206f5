"""Flicker, noise and jumps show in the numbers by as much as they should; steady motion does not."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from liax.evaluation.perceptual import PerceptualDistance
from liax.evaluation.temporal import TemporalErrorMeter, visible_mask, warping_error


def moving(portrait_HW3: np.ndarray, step: int, count: int = 5) -> list[np.ndarray]:
    """A window of 128² that moves over a portrait by `step` pixels a frame."""
    picture = np.asarray(Image.fromarray(portrait_HW3).resize((256, 256)))
    return [np.ascontiguousarray(picture[20:148, 40 + step * t : 168 + step * t]) for t in range(count)]


def measure(outputs: list[np.ndarray], references: list[np.ndarray] | None = None) -> TemporalErrorMeter:
    temporal = TemporalErrorMeter()
    for t, output in enumerate(outputs):
        temporal.add(output, references[t] if references else None)
    return temporal


def test_a_copy_has_the_references_own_error(portrait_HW3: np.ndarray) -> None:
    frames = moving(portrait_HW3, 3)
    result = measure(frames, frames).result()
    assert result.warping == result.reference_warping < 0.006
    assert math.isnan(result.t_lpips)


def test_flicker_shows_by_its_height(portrait_HW3: np.ndarray) -> None:
    """Frames lighter and darker by 10 of 255 in turn differ by 20 wherever the flow is right."""
    frames = [frame // 2 + 60 for frame in moving(portrait_HW3, 3)]
    flickering = [
        (frame.astype(int) + (10 if t % 2 else -10)).astype(np.uint8) for t, frame in enumerate(frames)
    ]
    result = measure(flickering, frames).result()
    assert result.warping == pytest.approx(20 / 255, abs=0.004)
    assert result.reference_warping < 0.006


def test_an_output_that_stands_still_does_not_follow_the_flow(portrait_HW3: np.ndarray) -> None:
    frames = moving(portrait_HW3, 4)
    still = measure([frames[0]] * len(frames), frames).result()
    assert still.warping > 4 * still.reference_warping


def test_without_a_reference_the_output_is_measured_by_its_own_flow(portrait_HW3: np.ndarray) -> None:
    frames = moving(portrait_HW3, 3)
    alone, paired = measure(frames).result(), measure(frames, frames).result()
    assert alone.warping == paired.warping
    assert math.isnan(alone.reference_warping)


@pytest.mark.parametrize(("every", "gaps"), [(1, [4 - 1, 8 - 1, 2 - 1]), (2, [4 - 1, 2 - 1])])
def test_t_lpips_is_the_difference_of_the_changes(every: int, gaps: list[int]) -> None:
    """The distance is the mean difference: the output brightens by 4, 8, 2, the reference by 1 each time."""
    distance = PerceptualDistance("mean", lambda a, b: (a - b).abs().mean((1, 2, 3)) / 2, torch.device("cpu"))
    grey = np.full((64, 64, 3), 100, np.uint8)
    temporal = TemporalErrorMeter(distance, every)
    for output, reference in ((0, 0), (4, 1), (12, 2), (14, 3)):
        temporal.add(grey + np.uint8(output), grey + np.uint8(reference))
    assert temporal.result().t_lpips == pytest.approx(np.mean(gaps) / 255, rel=1e-4)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_frames_tell_nothing(portrait_HW3: np.ndarray, count: int) -> None:
    frames = moving(portrait_HW3, 1)[:count]
    result = measure(frames, frames).result()
    assert all(math.isnan(value) for value in (result.warping, result.reference_warping, result.t_lpips))


def test_frames_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="do not compare"):
        TemporalErrorMeter().add(np.zeros((64, 64, 3), np.uint8), np.zeros((32, 64, 3), np.uint8))


def test_warping_error_by_hand() -> None:
    """Everything moves right by one pixel and gains 51 of 255, but for a column that is not seen."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 200, (8, 8, 3)).astype(np.uint8)
    following = np.roll(first, 1, 1) + np.uint8(51)
    flow = np.zeros((8, 8, 2), np.float32)
    flow[..., 0] = 1
    seen = np.ones((8, 8), bool)
    seen[:, -1] = False
    assert warping_error(first, following, flow, seen) == pytest.approx(0.2, abs=1e-6)
    assert math.isnan(warping_error(first, following, flow, np.zeros((8, 8), bool)))


def test_what_leaves_the_picture_or_is_covered_is_not_visible() -> None:
    """All moves right by 3, and comes back; a patch is covered by something that stands still."""
    forward = np.zeros((10, 12, 2), np.float32)
    forward[..., 0] = 3
    backward = -forward
    backward[4:6, 6:8] = 0
    seen = visible_mask(forward, backward)
    wanted = np.ones((10, 12), bool)
    wanted[:, 9:] = False
    wanted[4:6, 3:5] = False
    assert (seen == wanted).all()
