"""The page's crops, scaling, smoothing and transfer are those of Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liax.face.crop import FACE_CENTRE, FACE_SIZE, Crop, crop_and_resize, crop_around, keep_inside
from liax.options import LiveOptions
from liax.portrait.framing import _real_part
from liax.portrait.motion import OneEuroFilter, Transfer
from liax.portrait.pose import PoseRange
from liax.web.facts import _head
from liax.weights.controls import CoefficientLimits, Control, Controls

_CROPS = """async ({boxes, width, height, about}) => {
  const {cropFor, realPart} = await import("./crop.js");
  return boxes.map(box => {
    const crop = cropFor(box, width, height, about);
    return {...crop, part: realPart(crop, width, height, 256)};
  });
}"""
_SQUARE = """async ({pixels, width, height, crop, size}) => {
  const {squareOf} = await import("./resample.js");
  return Array.from(squareOf({data: Uint8ClampedArray.from(pixels), width, height}, crop, size));
}"""
_MOVED = """async ({source, alphas, times, pose, card, head, strength, smoothing, edit}) => {
  const {OneEuroFilter, Transfer} = await import("./motion.js");
  const transfer = new Transfer(source, pose, card, head);
  const filter = new OneEuroFilter(times[0], alphas[0], smoothing);
  return alphas.slice(1).map((alpha, i) => {
    filter.add(times[i + 1], alpha);
    return transfer.moved(filter.smooth, alphas[0], strength, edit);
  });
}"""


@pytest.fixture
def page(visit: Callable[..., Any], tiny_page: Path) -> Any:
    return visit(tiny_page)


def test_arithmetic(page: Any) -> None:
    _check_crops(page)
    _check_squares(page)
    _check_motion(page)


def _check_crops(page: Any) -> None:
    width, height = 320, 240
    generator = np.random.default_rng(0)
    boxes = []
    for _ in range(40):
        side, (x, y) = generator.uniform(20, 200), generator.uniform(-20, [300, 220])
        boxes.append([x, y, x + side * generator.uniform(0.7, 1.1), y + side])
    about = {"face_size": FACE_SIZE, "face_centre": list(FACE_CENTRE)}
    found = page.evaluate(_CROPS, {"boxes": boxes, "width": width, "height": height, "about": about})
    for (left, top, right, bottom), crop in zip(boxes, found, strict=True):
        box = (left, top, right, bottom)
        wanted = keep_inside(crop_around(box), box, width, height)
        assert [crop["left"], crop["top"], crop["side"]] == pytest.approx(
            [wanted.left, wanted.top, wanted.side]
        )
        if not wanted.inside(width, height):
            assert crop["part"] == list(_real_part(wanted, width, height, 256))


def _check_squares(page: Any) -> None:
    generator = np.random.default_rng(1)
    picture_HW4 = generator.integers(0, 256, (40, 60, 4), dtype=np.uint8)
    for crop, size in ((Crop(7.3, 2.1, 33.7), 16), (Crop(-9.5, -4.0, 50.2), 24), (Crop(5.0, 6.0, 20.0), 48)):
        given = {"left": crop.left, "top": crop.top, "side": crop.side}
        arguments = {
            "pixels": picture_HW4.ravel().tolist(),
            "width": 60,
            "height": 40,
            "crop": given,
            "size": size,
        }
        found = np.array(page.evaluate(_SQUARE, arguments)).reshape(size, size, 3)
        wanted = crop_and_resize(picture_HW4[..., :3], crop, size)
        # Pillow's weights are rounded.
        assert np.abs(found - wanted.astype(int)).max() <= 1
        assert np.abs(found - wanted.astype(int)).mean() < 0.02


def _check_motion(page: Any) -> None:
    count, generator = 6, np.random.default_rng(2)
    controls = Controls(
        count,
        (
            Control("yaw", "head", {0: 0.03, 3: 0.01}, -20, 25, "deg"),
            Control("pitch", "head", {1: 0.05}, -15, 10, "deg"),
            Control("jaw", "mouth", {2: 0.8}, 0, 1),
        ),
        CoefficientLimits(np.full(count, -0.6), np.full(count, 0.7)),
    )
    source_M = generator.normal(0, 0.4, count).astype(np.float32)
    alphas_TM = generator.normal(0, 0.8, (12, count)).astype(np.float32)
    times_T = np.cumsum(generator.uniform(0.02, 0.1, 12))
    edit_M = generator.normal(0, 0.1, count)
    pose = {"yaw": 6.0, "pitch": -4.0}
    limits = controls.limits
    assert limits is not None
    reach = {"low": limits.low_M.tolist(), "high": limits.high_M.tolist()}
    listed = [
        {"name": c.name, "group": c.group, "low": c.low, "high": c.high,
         "vectors": {str(i): a for i, a in c.vectors.items()}}
        for c in controls
    ]  # fmt: skip
    options = LiveOptions(strength=1.3, smoothing=0.4)
    found = page.evaluate(
        _MOVED,
        {
            "source": source_M.tolist(),
            "alphas": alphas_TM.tolist(),
            "times": times_T.tolist(),
            "pose": pose,
            "card": {"controls": listed, "motion": {"reach": reach}},
            "head": _head(controls),
            "strength": options.strength,
            "smoothing": options.smoothing,
            "edit": edit_M.tolist(),
        },
    )
    transfer = Transfer(
        edit_M=edit_M,
        gains_MM=options.strength * np.eye(count),
        limits=limits,
        pose_range=PoseRange(controls, pose),
    )
    smoother = OneEuroFilter(times_T[0], alphas_TM[0], options.smoothing)
    held = False
    for time, alpha_M, got_M in zip(times_T[1:], alphas_TM[1:], found, strict=True):
        smoother.add(time, alpha_M)
        moved_M = transfer.moved(source_M, smoother.smooth_M.astype(np.float32), alphas_TM[0])
        wanted_M, beyond = transfer.held(source_M, moved_M)
        held = held or bool(beyond)
        assert got_M == pytest.approx(wanted_M, abs=1e-5)
    assert held
