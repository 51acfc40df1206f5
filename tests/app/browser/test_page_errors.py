"""What does not work is told in the page, in a sentence, and the page goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_actions import Visit, block, button, give, said


def test_a_picture_without_a_face(visit: Visit, faceless: Path, face_clip: Path) -> None:
    page = visit("Animate")
    give(page, "Your portrait", faceless)
    give(page, "Who moves it", face_clip)
    button(page, "Animate").click()
    sentence = said(page, "error")
    assert sentence.startswith("wall.png shows no face")
    assert "--" not in sentence
    assert "/" not in sentence
    page.get_by_role("button", name="Remove Image").filter(visible=True).click()
    button(page, "Animate").click()
    page.get_by_text("Give a portrait first").wait_for()


@pytest.mark.parametrize(
    ("tab", "label", "name"),
    [
        ("Animate", "Your portrait", "notes.jpg"),
        ("Turn", "Your portrait", "notes.jpg"),
        ("Inspect", "A clip of a face", "talk.mp4"),
    ],
)
def test_a_file_that_is_none_of_the_kinds(
    visit: Visit, tab: str, label: str, name: str, tmp_path: Path
) -> None:
    text = tmp_path / name
    text.write_text("no picture and no video")
    page = visit(tab)
    give(page, label, text)
    told = page.locator(".toast-body").filter(has_not_text="HTTP").inner_text()
    assert f"{name} is not a picture, video or saved motion that can be read" in told


def test_a_picture_in_place_of_a_video(visit: Visit, faceless: Path, tmp_path: Path) -> None:
    picture = tmp_path / "talk.mp4"
    picture.write_bytes(faceless.read_bytes())
    page = visit("Inspect")
    give(page, "A clip of a face", picture)
    button(page, "Read the motion").click()
    assert "talk.mp4" in said(page, "error")


def test_a_file_that_is_too_large(visit: Visit, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(b"0" * 3_000_000)
    page = visit("Edit video")
    block(page, "Your video").get_by_role("button", name="Clear").click()
    block(page, "Your video").locator("input[type=file]").set_input_files(large)
    page.get_by_text("exceed the maximum allowed size of 2.0 Mb").wait_for()
