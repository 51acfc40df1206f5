"""A driving's motion as curves, and edited as a driving."""

from __future__ import annotations

import json
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liax.app.edited_motion import EditableMotion
from liax.errors import LiaxError
from liax.model import LIAX
from liax.portrait.motion import DrivingFrame
from liax.progress import no_progress
from liax.tracks.track_edit import CurveEdit
from liax.weights.controls import Control, Controls


class _Filmed:
    """50 frames in which vector 0 rises by .01 a frame and vector 3 moves, too."""

    rate, total, sound, sound_start = Fraction(25), 50, Path("a.mp4"), Fraction(1, 2)

    def __init__(self, vectors: int) -> None:
        self._vectors = vectors

    def width_at(self, height: int) -> int:
        return 2 * height

    def frames(self) -> Generator[DrivingFrame]:
        for number in range(self.total):
            alpha_M = np.zeros(self._vectors, np.float32)
            alpha_M[0], alpha_M[3] = 0.01 * number, np.sin(number / 5)
            picture = np.full((64, 64, 3), number, np.uint8)
            yield DrivingFrame(Fraction(number, 25), alpha_M, number == 0, picture)


@pytest.fixture
def motion(tiny: LIAX) -> EditableMotion:
    count = tiny.config.vectors
    controls = Controls(count, (Control("yaw", "head", {0: 0.02}, -30, 30, "deg"),))
    return EditableMotion.read(_Filmed(count), ("a",), tiny, controls, no_progress)


def test_the_curves_are_in_the_controls_units(motion: EditableMotion) -> None:
    shown = json.loads(motion.curves_json())
    (yaw,) = shown["curves"]
    assert (yaw["name"], yaw["label"], yaw["low"], yaw["high"]) == ("yaw", "Yaw (°)", -30, 30)
    assert yaw["was"][-1] == pytest.approx(0.5 * 49)
    assert shown["seconds"][-1] == motion.seconds == pytest.approx(49 / 25)
    assert len(shown["pictures"]) == 40
    assert shown["pictures"][0][1].startswith("data:image/webp")


def test_without_edits_the_driving_is_the_same(motion: EditableMotion, tiny: LIAX) -> None:
    frames = list(motion.edited({}).frames())
    for frame, filmed in zip(frames, _Filmed(tiny.config.vectors).frames(), strict=True):
        assert np.allclose(frame.alpha_M, filmed.alpha_M, atol=1e-6)
        assert (frame.time, frame.starts_shot, frame.square_RR3) == (filmed.time, filmed.starts_shot, None)


def test_an_edit_moves_its_control_and_nothing_else(motion: EditableMotion) -> None:
    edits = {"yaw": CurveEdit(keys=((1.0, -20.0),))}
    driving = motion.edited(edits)
    alphas = np.stack([frame.alpha_M for frame in driving.frames()])
    assert alphas[25, 0] == pytest.approx(-20 * 0.02)
    assert np.allclose(alphas[:, 3], np.sin(np.arange(50) / 5), atol=1e-6)
    assert json.loads(motion.edited_json(edits))["yaw"][25] == pytest.approx(-20)


def test_an_edited_driving_keeps_sound_and_pictures(motion: EditableMotion) -> None:
    edits = {"yaw": CurveEdit(mute=True)}
    silent: Any = motion.edited(edits)
    assert (silent.sound, silent.sound_start, silent.rate) == (Path("a.mp4"), Fraction(1, 2), 25)
    assert silent.width_at(10) == 0
    beside = motion.edited(edits, with_pictures=True)
    assert beside.width_at(10) == 20
    pictures = [frame.square_RR3 for frame in beside.frames()]
    assert [int(picture[0, 0, 0]) for picture in pictures if picture is not None] == list(range(50))
    assert not any(frame.alpha_M[0] for frame in beside.frames())


def test_weights_without_names_and_single_moments_have_no_curves(tiny: LIAX) -> None:
    count = tiny.config.vectors
    with pytest.raises(LiaxError, match="no curves"):
        EditableMotion.read(_Filmed(count), (), tiny, Controls(count), no_progress)
    still: Any = _Filmed(count)
    still.total = 1
    controls = Controls(count, (Control("yaw", "head", {0: 0.02}, -30, 30, "deg"),))
    with pytest.raises(LiaxError, match="single moment"):
        EditableMotion.read(still, (), tiny, controls, no_progress)
