"""Networks, copies and other tools' videos draw what they should."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from clips import gradients, write_clip
from liax.errors import LiaxError
from liax.evaluation.clips import EvaluationClip, Trial
from liax.evaluation.reenactors import (
    CopySource,
    NetworkReenactor,
    VideoReenactor,
    open_untrained,
    unit_pictures,
)
from liax.model import LIAX
from liax.portrait.animator import Animator
from liax.portrait.precision import choose_precision
from liax.weights.controls import LIMITS_KEY, CoefficientLimits

OWN = EvaluationClip("a", Path("a.mp4"), "p1")
TRIAL = Trial("a", OWN, OWN)
CROSS = Trial("b__a", EvaluationClip("b", Path("b.mp4"), "p2"), OWN)
FRAMES = np.stack(gradients(6))


def test_a_copy_is_the_source() -> None:
    output, alpha = CopySource().prepare(TRIAL, FRAMES[2], 6)(np.arange(3), FRAMES[:3])
    torch.testing.assert_close(output, unit_pictures(FRAMES[2:3]).expand(3, -1, -1, -1))
    assert alpha is None


def test_a_network_decodes_the_drivings_coefficients(tiny: LIAX) -> None:
    network = NetworkReenactor(Animator(tiny, "cpu", torch.float32), "tiny", "key")
    output, alpha = network.prepare(TRIAL, FRAMES[0], 6)(np.arange(4), FRAMES[:4])
    with torch.inference_mode():
        source, driving = (unit_pictures(part) * 2 - 1 for part in (FRAMES[:1].repeat(4, 0), FRAMES[:4]))
        states, _, expected = tiny(source, driving)
    torch.testing.assert_close(alpha, expected)
    expected_B3RR = (states[-1].image.clamp(-1, 1) + 1) / 2
    torch.testing.assert_close(output, expected_B3RR, atol=0.51 / 255, rtol=0)  # 8 bits, as users get it


def test_another_person_gets_the_change_since_the_first_frame(tiny: LIAX) -> None:
    source = FRAMES[0][::-1].copy()
    relative = NetworkReenactor(Animator(tiny, "cpu", torch.float32), "tiny", "key").prepare(CROSS, source, 6)
    absolute = NetworkReenactor(Animator(tiny, "cpu", torch.float32), "tiny", "key", absolute=True).prepare(
        CROSS, source, 6
    )
    first, _ = relative(np.arange(1), FRAMES[:1])
    later, _ = relative(np.arange(1, 3), FRAMES[1:3])
    with torch.inference_mode():
        known = tiny.encode(unit_pictures(source[None]) * 2 - 1)
        unmoved = tiny.decode(tiny.reenact(known.code_BD, known.alpha_BM), known.features)
    torch.testing.assert_close(first, (unmoved.clamp(-1, 1) + 1) / 2, atol=0.51 / 255, rtol=0)
    assert (later[1] - first[0]).abs().max() > 1e-3
    assert (absolute(np.arange(1), FRAMES[:1])[0] - first).abs().max() > 1e-3


@pytest.fixture
def limited(tiny: LIAX) -> LIAX:
    """The network with limits that no coefficient of FRAMES keeps."""
    network = copy.deepcopy(tiny)
    middle_M = Animator(tiny, "cpu", torch.float32).encode([FRAMES[0][::-1]]).alpha_BM[0].numpy()
    limits = CoefficientLimits(middle_M - 0.01, middle_M + 0.01)
    network.metadata[LIMITS_KEY] = limits.to_json()
    return network


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_measured_is_what_animate_draws(limited: LIAX, dtype: torch.dtype) -> None:
    """In its precision, with its limits, in 8 bits: to the last bit."""
    animator, source = Animator(limited, "cpu", dtype), FRAMES[0][::-1].copy()
    for absolute in (False, True):
        draw = NetworkReenactor(animator, "tiny", "key", absolute).prepare(CROSS, source, 6)
        drawn = torch.cat([draw(np.arange(4), FRAMES[:4])[0], draw(np.arange(4, 6), FRAMES[4:])[0]])
        shown = np.stack(list(animator.animate(source, FRAMES, absolute=absolute)))
        torch.testing.assert_close(drawn, unit_pictures(shown), atol=0, rtol=0)


def test_limits_bite_where_motion_is_added(limited: LIAX) -> None:
    """Another person's change stops at the limits; what the driving face itself does never does."""
    network = NetworkReenactor(Animator(limited, "cpu", torch.float32), "tiny", "key")
    unlimited = copy.deepcopy(limited)
    del unlimited.metadata[LIMITS_KEY]
    free = NetworkReenactor(Animator(unlimited, "cpu", torch.float32), "tiny", "key")
    assert network.facts == replace(free.facts, limits=True)
    assert not free.facts.limits

    def apart(trial: Trial, source: np.ndarray) -> float:
        drawn = [each.prepare(trial, source, 6)(np.arange(6), FRAMES)[0] for each in (network, free)]
        return float((drawn[0] - drawn[1]).abs().max())

    assert apart(CROSS, FRAMES[0][::-1].copy()) > 0.5 / 255
    assert apart(TRIAL, FRAMES[0]) == 0


def test_precisions_differ_and_are_told(tiny: LIAX) -> None:
    drawn = []
    for dtype, name in ((torch.float32, "float32"), (torch.bfloat16, "bfloat16")):
        network = NetworkReenactor(Animator(tiny, "cpu", dtype), "tiny", "key")
        assert network.facts.precision == name
        assert network.facts.device.startswith("cpu (threads: ")
        drawn.append(network.prepare(TRIAL, FRAMES[0], 6)(np.arange(6), FRAMES)[0])
    assert 0 < (drawn[0] - drawn[1]).abs().max() < 0.1


def test_results_of_two_precisions_do_not_mix() -> None:
    keys = [open_untrained("tiny", "cpu", precision=each).key for each in ("float32", "bfloat16")]
    assert keys == ["random tiny, float32, no limits", "random tiny, bfloat16, no limits"]
    chosen = open_untrained("tiny", "cpu").facts.precision
    assert chosen == str(choose_precision(torch.device("cpu"))).removeprefix("torch.")


def test_clips_of_another_side_are_resized_and_back(tiny: LIAX) -> None:
    frames = np.stack(gradients(2, side=96))
    output, _ = NetworkReenactor(Animator(tiny, "cpu", torch.float32), "tiny", "key").prepare(
        TRIAL, frames[0], 2
    )(np.arange(2), frames)
    assert output.shape == (2, 3, 96, 96)
    assert 0 <= float(output.min()) <= float(output.max()) <= 1


def test_another_tools_video_is_read_by_frame_number(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", list(FRAMES))
    videos = VideoReenactor(tmp_path)
    draw = videos.prepare(TRIAL, FRAMES[0], 6)
    first, _ = draw(np.array([0, 2]), FRAMES[[0, 2]])
    later, _ = draw(np.array([5]), FRAMES[[5]])
    torch.testing.assert_close(torch.cat([first, later]), unit_pictures(FRAMES[[0, 2, 5]]), atol=0.06, rtol=0)
    key = videos.key
    write_clip(tmp_path / "a.mp4", list(FRAMES[:5]))
    assert VideoReenactor(tmp_path).key != key


def test_videos_that_do_not_fit_are_refused_or_resized(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_clip(tmp_path / "a.mp4", list(FRAMES))
    with pytest.raises(LiaxError, match=r"has 6 frames and .* 7;"):
        VideoReenactor(tmp_path).prepare(TRIAL, FRAMES[0], 7)
    with pytest.raises(LiaxError, match="has no video b__a"):
        VideoReenactor(tmp_path).prepare(CROSS, FRAMES[0], 6)
    output, _ = VideoReenactor(tmp_path).prepare(TRIAL, np.zeros((32, 32, 3), np.uint8), 6)(
        np.arange(1), FRAMES[:1]
    )
    assert output.shape[-1] == 32
    assert "64 pixels wide; it is resized to 32" in caplog.text
