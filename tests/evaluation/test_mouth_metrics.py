"""Teeth and looks of mouths, on painted faces whose landmarks and teeth are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from liax.evaluation.clip_scan import ClipScan, ComparedSquare
from liax.evaluation.clips import EvaluationClip
from liax.evaluation.metrics import FrameBatch, MetricResult
from liax.evaluation.mouth_metrics import _CHEEKS, _LOWER, _UPPER, MouthMetrics, mouth_crop, teeth_share
from liax.evaluation.perceptual import PerceptualDistance
from liax.evaluation.reenactors import unit_pictures
from liax.face.landmarks import LIPS, Face

SKIN, THROAT, TONGUE, TEETH = (200, 150, 120), (40, 15, 15), (170, 80, 80), (220, 210, 190)


def painted(
    teeth: float, size: int = 256, opening: float = 40, skin: tuple[int, int, int] = SKIN
) -> tuple[np.ndarray, Face]:
    """A face 160 of 256 pixels high, whose mouth is `opening` high, the upper part of it teeth."""
    k = size / 256
    landmarks = np.full((478, 2), 128.0)
    for index, place in ((10, (128, 48)), (152, (128, 208)), (234, (58, 128)), (454, (198, 128))):
        landmarks[index] = place
    for points, y in ((_UPPER, 150), (_LOWER, 150 + opening)):
        landmarks[list(points)] = [(98 + 60 * i / 10, y) for i in range(11)]
    landmarks[[78, 308], 1] = 150 + opening / 2
    landmarks[list(_CHEEKS)] = [(80, 120), (176, 120)]
    landmarks[list(LIPS)] = (128, 170)
    picture = Image.new("RGB", (size, size), skin)
    draw = ImageDraw.Draw(picture)
    x0, x1, top, end, bottom = (k * v for v in (98, 158, 150, 150 + teeth * opening, 150 + opening))
    draw.rectangle((x0, top, x1, bottom), THROAT)
    draw.rectangle((x0, (top + 3 * bottom) / 4, x1, bottom), TONGUE)
    if teeth:
        draw.rectangle((x0, top, x1, end), TEETH)
    return np.asarray(picture), Face((k * landmarks).astype(np.float32), {}, np.eye(4, dtype=np.float32))


@pytest.mark.parametrize("teeth", [0.0, 0.25, 0.6, 1.0])
@pytest.mark.parametrize("size", [256, 512])
def test_teeth_fill_a_known_share_at_every_size(teeth: float, size: int) -> None:
    assert teeth_share(*painted(teeth, size)) == pytest.approx(teeth, abs=0.05)


def test_skin_of_any_brightness() -> None:
    assert teeth_share(*painted(0.5, skin=(90, 60, 45))) == pytest.approx(0.5, abs=0.05)


def test_a_head_that_leans() -> None:
    picture, face = painted(0.5)
    leaning = np.asarray(Image.fromarray(picture).rotate(30, Image.Resampling.BICUBIC, fillcolor=SKIN))
    turned = face.turned(30, np.array([128.0, 128.0]), np.array([128.0, 128.0]))
    assert teeth_share(leaning, turned) == pytest.approx(0.5, abs=0.06)


def test_a_mouth_that_is_hardly_open_says_nothing() -> None:
    assert np.isnan(teeth_share(*painted(1.0, opening=5)))
    assert not np.isnan(teeth_share(*painted(1.0, opening=8)))


class _Landmarker:
    """Knows the painted pictures."""

    def __init__(self, *known: tuple[np.ndarray, Face]) -> None:
        self.known = known

    def detect(self, picture_HW3: np.ndarray) -> list[Face]:
        return [face for picture, face in self.known if np.array_equal(picture, picture_HW3)]


def measured(pairs: list[tuple[tuple[np.ndarray, Face], tuple[np.ndarray, Face]]]) -> MetricResult:
    """What is measured of driving and output pictures, by mean absolute difference in place of a network."""
    distance = PerceptualDistance(
        "difference", lambda a, b: (a - b).abs().mean((1, 2, 3)), torch.device("cpu")
    )
    landmarker = _Landmarker(*(each for pair in pairs for each in pair))
    family = MouthMetrics(None, landmarker, distance)  # type: ignore[arg-type]
    scan = ClipScan(len(pairs), 256, 256, ComparedSquare(None, 256), np.zeros(len(pairs), np.float32))
    accumulator = family.prepare(EvaluationClip("c", Path("c.mp4"), "p"), scan, pairs[0][0][0])
    drivings, outputs = (np.stack([pair[k][0] for pair in pairs]) for k in (0, 1))
    accumulator.add(FrameBatch(np.arange(len(pairs)), drivings, unit_pictures(outputs)))
    return accumulator.result()


def test_teeth_that_grew_long() -> None:
    """Frames whose mouth is shut on either side do not count."""
    shut, right, long = painted(0.0, opening=2), painted(0.25), painted(0.75)
    result = measured([(right, long), (right, right), (shut, right), (right, shut)])
    assert result.numbers["teeth_error"] == pytest.approx(0.25, abs=0.03)
    assert result.numbers["teeth_gain"] == pytest.approx(2, abs=0.2)
    assert np.isnan(result.arrays["teeth"]).sum() == 3


def test_only_the_mouth_is_compared() -> None:
    picture, face = painted(0.5)
    elsewhere = picture.copy()
    elsewhere[:100] = 0
    crop = mouth_crop(face)
    assert (crop.centre, crop.side) == ((128, 170), pytest.approx(0.4 * 160))
    assert measured([((picture, face), (elsewhere, face))]).numbers["mouth_perceptual"] == 0
    darker = (picture * 0.5).astype(np.uint8), replace(face)
    assert measured([((picture, face), darker)]).numbers["mouth_perceptual"] > 0.1


def test_without_a_face_there_is_nothing_to_measure() -> None:
    family = MouthMetrics(None, _Landmarker(), None)  # type: ignore[arg-type]
    scan = ClipScan(1, 64, 64, ComparedSquare(None, 64), np.zeros(1, np.float32))
    accumulator = family.prepare(
        EvaluationClip("c", Path("c.mp4"), "p"), scan, np.zeros((64, 64, 3), np.uint8)
    )
    blank_1RR3 = np.zeros((1, 64, 64, 3), np.uint8)
    accumulator.add(FrameBatch(np.arange(1), blank_1RR3, unit_pictures(blank_1RR3)))
    assert all(np.isnan(value) for value in accumulator.result().numbers.values())
