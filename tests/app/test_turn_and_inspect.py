"""The tabs Turn and Inspect over HTTP, with weights that name yaw and blink but no pitch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from visitor import Visitor

from clips import moving_face, write_clip
from liax.app.studio import Studio
from liax.media.images import read_image
from liax.options import ManipulateOptions
from liax.portrait.manipulate import sweep_sheet


@pytest.fixture
def visitor(address: str) -> Visitor:
    return Visitor(address)


def _last(visitor: Visitor, button: str, **values: Any) -> list[Any]:
    last = list(visitor.press(button, **values))[-1]
    assert last["success"], last["output"]
    return last["output"]["data"]


def test_more_than_the_page_makes_at_once_is_refused(visitor: Visitor, studio: Studio) -> None:
    assert studio.limits.frames == 60
    status = _last(visitor, "Turn", Which_movements=["blink", "yaw"])[0]  # 129 frames
    assert "longer than the 60 frames" in status


def test_a_sheet_is_what_the_library_draws(visitor: Visitor, studio: Studio, portrait_path: Path) -> None:
    portrait = visitor.upload(portrait_path)
    values = {"How_far_(%)": 50, "Which_movements": ["yaw"], "Save_as": "png", "Your_portrait": portrait}
    _, _, picture, *_ = _last(visitor, "Turn", **values)
    wanted = sweep_sheet(studio.animator, portrait_path, ["yaw"], ManipulateOptions(extent=0.5))
    assert np.array_equal(read_image(Path(picture["value"]["path"])), wanted)


def test_nothing_chosen_is_told(visitor: Visitor) -> None:
    assert "choose at least one movement" in _last(visitor, "Turn", Which_movements=[])[0]


def test_no_portrait_is_told(visitor: Visitor) -> None:
    assert "Give a portrait first" in _last(visitor, "Turn", Your_portrait=None)[0]
    assert "Give a portrait first" in _last(visitor, "Show what each does", Your_portrait=None)[0]
    assert "Give a clip first" in _last(visitor, "Read the motion", A_clip_of_a_face=None)[0]


def test_a_clip_is_read(visitor: Visitor, face_clip: Path) -> None:
    data = _last(visitor, "Read the motion", A_clip_of_a_face=visitor.upload(face_clip))
    assert "12 moments" in data[0]
    assert sum("Hoyer" in str(value) for value in data) >= 2
    slider = next(value for value in data if isinstance(value, dict) and "maximum" in value)
    assert slider["maximum"] == pytest.approx(11 / 12)


def test_a_slider_is_read_on_the_scale_that_it_got(
    visitor: Visitor, portrait_HW3: NDArray[np.uint8], tmp_path: Path
) -> None:
    """The slider ends at 1 s until a longer clip is read."""
    clip = write_clip(tmp_path / "long.mp4", moving_face(portrait_HW3, 20), rate=10)
    _last(visitor, "Read the motion", A_clip_of_a_face=visitor.upload(clip))
    event = next(event for event in visitor._events if event["api_name"] == "at")
    data = visitor.values(event, **{"Moment_(seconds)": 1.8})
    body = {"data": data, "fn_index": event["id"], "session_hash": visitor.session}
    answer = visitor.http.post("/gradio_api/run/predict", json=body).raise_for_status()
    assert "At 1.8" in answer.json()["data"][0]


@pytest.mark.parametrize(("which", "count"), [("The named ones", 2), ("All 8, by number", 8)])
def test_strips_show_what_was_asked_for(visitor: Visitor, which: str, count: int) -> None:
    data = _last(visitor, "Show what each does", **{"Which_movements": which})
    assert data[1].count("<figure>") == count
