"""Boxes of a portrait's faces, and the face that a click means."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from visitor import Visitor

from liax.app.face_chooser import _CHOSEN, _MAX_SIDE, _OTHER, draw_faces, face_at, shrunk
from liax.app.studio import Studio
from liax.media.images import read_image
from liax.media.video import Video

BOXES = [(100.0, 100.0, 300.0, 300.0), (250.0, 120.0, 350.0, 220.0)]


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ((150, 150), 0),
        ((340, 200), 1),
        ((290, 170), 1),
        ((252, 215), 0),
        ((50, 50), None),
        ((200, 301), None),
    ],
)
def test_a_click_means_the_face_whose_middle_is_nearest(place: tuple[int, int], number: int | None) -> None:
    assert face_at(BOXES, *place) == number


def test_the_chosen_face_stands_out_and_large_pictures_shrink() -> None:
    picture_HW3 = np.zeros((1200, 1800, 3), np.uint8)
    square_42 = np.array([[50, 50], [400, 50], [400, 400], [50, 400]], float)
    drawn_HW3 = draw_faces(picture_HW3, BOXES, 1, square_42)
    assert shrunk(picture_HW3) == 0.5
    assert drawn_HW3.shape == (600, _MAX_SIDE, 3)
    assert tuple(drawn_HW3[149, 80]) == _OTHER  # the lower edge of the first box
    assert tuple(drawn_HW3[109, 150]) == _CHOSEN  # that of the second
    assert tuple(drawn_HW3[200, 120]) == (255, 255, 255)  # that of the square


@pytest.fixture(scope="module")
def two_people(tmp_path_factory: pytest.TempPathFactory, portrait_path: Path) -> Path:
    """The example twice, the second time smaller."""
    portrait = Image.open(portrait_path).convert("RGB").crop((60, 0, 360, 300))
    image = Image.new("RGB", (700, 400), (120, 120, 120))
    image.paste(portrait.resize((400, 400)), (0, 0))
    image.paste(portrait.resize((260, 260)), (430, 70))
    path = tmp_path_factory.mktemp("two") / "two.png"
    image.save(path)
    return path


def test_each_face_is_moved_by_its_own_file(address: str, two_people: Path, face_clip: Path) -> None:
    """The larger one by the clip; the other by a track that stands still at first, and then turns."""
    visitor = Visitor(address)
    nod = two_people.with_name("nod.json")
    turns = {"liax": "track 1 changes", "rate": 12, "columns": {"yaw": [0] * 6 + [30] * 6}}
    nod.write_text(json.dumps(turns))
    given = {
        "Your_portrait": visitor.upload(two_people),
        "Who_moves_it": visitor.upload(face_clip),
        "Who_moves_face_2": visitor.upload(nod),
    }
    *_, last = visitor.press("Animate", **given)
    path = Path(last["output"]["data"][3]["value"]["path"])  # of the button Download
    pictures = np.stack([frame.rgb().astype(int) for frame in Video(path)])
    assert pictures.shape[1:] == (400, 700, 3)
    left, right = (np.abs(np.diff(part, axis=0)).max((1, 2, 3)) for part in np.split(pictures, [415], 2))
    assert np.median(left) > 20
    assert right[:5].max() < 12  # the codec's
    assert right.argmax() == 5
    assert right.max() > 60
    assert right[6:].max() < 60  # what surrounds the head bends after it
    *_, last = visitor.press("Preview two moments", **given)
    preview = read_image(Path(last["output"]["data"][3]["value"]["path"])).astype(int)
    assert preview.shape == (400, 1400, 3)
    begins, moves = np.split(preview, 2, 1)
    assert np.abs(moves - begins)[:, :415].max() > 20
    assert np.abs(moves - begins)[:, 415:].max() > 60
    assert np.abs(begins - read_image(two_people)).max() < 12  # the mark
    *_, last = visitor.press("Animate", **given, Which_face_in_the_portrait=2)
    assert "Face 2 is moved by two files" in str(last["output"]["data"])


def test_all_faces_have_their_boxes(address: str, studio: Studio, two_people: Path) -> None:
    boxes = studio.faces(two_people)
    assert [box[0] > 400 for box in boxes] == [False, True]
    visitor = Visitor(address)
    portrait = visitor.upload(two_people)
    shown, status = visitor.change("_shown", Your_portrait=portrait, Which_face_in_the_portrait=2)
    assert status == ""
    drawn_HW3 = read_image(Path(shown["value"]["path"]))
    colours = [tuple(drawn_HW3[round(box[3]) - 1, round((box[0] + box[2]) / 2)]) for box in boxes]
    assert colours == [_OTHER, _CHOSEN]
    shown, status = visitor.change("_shown", Your_portrait=portrait, Which_face_in_the_portrait=5)
    assert shown["visible"] is False
    assert "shows only 2 faces" in status
