"""The examples to try: faces that are found, and motions that move them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from visitor import Visitor

from liax.app.studio import Studio
from liax.media.video import Video
from liax.tracks.reading import read_track
from liax.weights import load
from liax.weights.controls import Controls, read_controls

PEOPLE = ["alex", "astronaut", "bo", "cai", "dee"]
MOTIONS = {
    "Making faces": "making-faces.json",
    "Looking around": "look-around.json",
    "Yes and no": "yes-and-no.json",
    "A yawn": "yawn.json",
    "Doing nothing": "idle.csv",
}


@pytest.fixture
def visitor(address: str) -> Visitor:
    return Visitor(address)


@pytest.fixture
def examples(address: str, studio: Studio) -> Path:
    """Where the page keeps them."""
    return studio.folder / "examples"


@pytest.fixture(scope="module")
def bundled_controls() -> Controls:
    network = load("small")
    return read_controls(network.metadata, network.config.vectors)


def test_each_person_has_a_face(examples: Path, studio: Studio) -> None:
    assert sorted(path.stem for path in examples.glob("*.jpg")) == PEOPLE
    for name in PEOPLE:
        left, top, right, bottom = studio.faces(examples / f"{name}.jpg")[0]
        assert min(right - left, bottom - top) > 60, name


@pytest.mark.parametrize("file", MOTIONS.values())
def test_each_motion_is_lively_and_begins_at_rest(
    examples: Path, bundled_controls: Controls, file: str
) -> None:
    track = read_track(examples / file)
    assert track.changes
    assert 5 <= track.timing.seconds_T[-1] <= 9
    known = [name for name in track.controls if name in {control.name for control in bundled_controls}]
    assert len(known) >= 3
    if file != "idle.csv":  # a loop
        assert np.abs(track.amounts_TK[[0, -1]]).max() == 0
    for name, amount_T in zip(track.controls, track.amounts_TK.T, strict=True):
        if name in known:
            control = bundled_controls[name]
            assert control.low <= amount_T.min() < amount_T.max() <= control.high


def test_a_button_sets_each_motion(visitor: Visitor) -> None:
    for name, file in MOTIONS.items():
        kind, given = _pressed(visitor, name)
        assert kind == "A saved motion"
        assert Path(given["path"]).name == file
    *_, last = visitor.press("Animate", Moved_by="A saved motion", A_saved_motion=given)
    assert "too many frames; give a motion of up to 60" in str(last["output"]["data"])


def _pressed(visitor: Visitor, name: str) -> list[Any]:
    """What a button of the page sets."""
    button = next(c["id"] for c in visitor.config["components"] if c["props"].get("value") == name)
    event = next(e for e in visitor.config["dependencies"] if [button, "click"] in e["targets"])
    answer = visitor.http.post(
        "/gradio_api/run/predict", json={"data": [], "fn_index": event["id"], "session_hash": visitor.session}
    )
    data: list[Any] = answer.raise_for_status().json()["data"]
    return data


def test_tables_move_portraits_and_others_are_refused(visitor: Visitor, tmp_path: Path) -> None:
    table = tmp_path / "motion.csv"
    table.write_text("time,yaw\n" + "".join(f"{n / 10},{2 * n}\n" for n in range(12)))
    *_, last = visitor.press("Animate", Moved_by="A saved motion", A_saved_motion=visitor.upload(table))
    video = Path(last["output"]["data"][3]["value"]["path"])
    frames = np.stack([frame.rgb() for frame in Video(video)]).astype(int)
    assert len(frames) == 12
    assert np.abs(frames - frames[0]).max((1, 2, 3)).argmax() > 8
    for name, text in (("a.csv", "name,age\nBo,7\n"), ("b.json", '{"key": 3}'), ("c.json", "[[[")):
        (tmp_path / name).write_text(text)
        with pytest.raises(httpx.HTTPStatusError) as refused:
            visitor.upload(tmp_path / name)
        assert refused.value.response.status_code == 415
