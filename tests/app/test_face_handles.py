"""What of a face can be dragged, and what that moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from liax.app.face_handles import drag_hint, face_handles
from liax.face.factors import FACTORS
from liax.face.landmarks import Face, FaceLandmarker
from liax.portrait import Animator, edit_image
from liax.weights import load
from liax.weights.controls import Control, Controls


def _controls(*names: str) -> Controls:
    return Controls(8, tuple(Control(name, FACTORS[name].group, {0: 1.0}, -1, 1) for name in names))


@pytest.fixture(scope="module")
def face(portrait_HW3: NDArray[np.uint8]) -> Face:
    with FaceLandmarker(max_faces=1) as landmarker:
        return landmarker.detect(portrait_HW3)[0]


def _handles(face: Face, *names: str) -> dict[str, Any]:
    return face_handles(face, 512, _controls(*names))


def test_only_what_the_weights_offer_is_a_handle(face: Face) -> None:
    labels = [handle["label"] for handle in _handles(face, "yaw", "blink")["handles"]]
    assert labels == ["Turn the head", "Close the eyes", "Close the eyes"]
    (nose,) = _handles(face, "pitch")["handles"]
    assert nose["x"] is None
    assert nose["y"][0] == "pitch"
    assert _handles(face)["handles"] == []
    assert _handles(face, "y")["beside"] == {"x": None, "y": "y", "size": None}


def test_handles_are_where_the_face_has_them(face: Face) -> None:
    found = {h["label"]: np.array(h["at"]) for h in _handles(face, "yaw", "jaw", "brow")["handles"]}
    left, top, right, bottom = _handles(face)["box"]
    nose, mouth, brow = (found[name] for name in ("Turn the head", "Open the mouth", "Raise the brows"))
    assert top < brow[1] < nose[1] < mouth[1] < bottom
    assert abs(nose[0] - (left + right) / 2) < 0.05


def test_a_drag_counts_by_the_size_of_the_face(face: Face) -> None:
    """A nose dragged by a tenth of the face's height turns the head by 9.4°, however large the face is."""
    small = Face(face.landmarks / 2, face.blendshapes, face.pose)
    for shown in (face, small):
        described = _handles(shown, "yaw")
        _, top, _, bottom = described["box"]
        assert described["handles"][0]["x"][1] * (bottom - top) / 10 == pytest.approx(9.4, abs=0.05)


def test_each_handle_of_a_pair_but_one_is_a_twin(face: Face) -> None:
    handles = _handles(face, *(name for name in FACTORS if name not in ("pucker", "wink")))["handles"]
    once = [handle["label"] for handle in handles if not handle["twin"]]
    assert len(once) == len(set(once)) == 7
    assert len(handles) == 12


def test_the_hint_names_what_there_is() -> None:
    assert drag_hint(_controls("pucker")) == ""
    assert drag_hint(_controls("yaw")) == "Drag the nose to turn the head."
    told = drag_hint(_controls("yaw", "jaw", "roll", "x", "size"))
    assert told.startswith("Drag the nose to turn the head, the mouth to open it and a corner")
    assert "Beside the face" in told
    assert "wheel" in told


def test_the_nose_follows_the_hand_that_turns_the_head(portrait_path: Path) -> None:
    """With the bundled weights, a drag of the nose moves the drawn nose about as far as the hand."""
    animator = Animator(load("small"), "cpu")

    def nose(yaw: float) -> float:
        picture_HW3 = edit_image(animator, portrait_path, {"yaw": yaw}).after_HW3
        with FaceLandmarker(max_faces=1) as landmarker:
            return float(landmarker.detect(picture_HW3)[0].landmarks[1, 0]) / len(picture_HW3)

    with FaceLandmarker(max_faces=1) as landmarker:
        square_HW3 = edit_image(animator, portrait_path, {}).after_HW3
        described = face_handles(landmarker.detect(square_HW3)[0], len(square_HW3), animator.controls)
    handles: Any = described["handles"]
    wanted = 15 / handles[0]["x"][1]
    assert nose(15) - nose(0) == pytest.approx(wanted, rel=0.25)
