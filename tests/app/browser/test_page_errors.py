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


@pytest.mark.parametrize("tab", ["Animate", "Turn"])
def test_a_file_that_is_no_picture(visit: Visit, tab: str, tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("no picture")
    page = visit(tab)
    give(page, "Your portrait", text)
    button(page, tab).click()
    assert said(page, "error").startswith("notes.jpg is not a picture that can be read")
    button(page, tab).wait_for()


def test_a_file_that_is_no_video(visit: Visit, tmp_path: Path) -> None:
    text = tmp_path / "talk.mp4"
    text.write_text("no video")
    page = visit("Inspect")
    give(page, "A clip of a face", text)
    button(page, "Read the motion").click()
    assert "not a video that can be read" in said(page, "error")


def test_a_file_that_is_too_large(visit: Visit, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(b"0" * 3_000_000)
    page = visit("Edit video")
    block(page, "Your video").get_by_role("button", name="Clear").click()
    block(page, "Your video").locator("input[type=file]").set_input_files(large)
    page.get_by_text("exceed the maximum allowed size of 2.0 Mb").wait_for()
