"""What does not work is told in the page, in a sentence, and the page goes on."""

from __future__ import annotations

from pathlib import Path

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


def test_files_that_are_none_of_the_kinds(visit: Visit, faceless: Path, tmp_path: Path) -> None:
    page = visit("Animate")
    for tab, label, name in (
        ("Animate", "Your portrait", "notes.jpg"),
        ("Inspect", "A clip of a face", "talk.mp4"),
    ):
        page.get_by_role("tab", name=tab, exact=True).click()
        text = tmp_path / name
        text.write_text("no picture and no video")
        give(page, label, text)
        told = f"{name} is not a picture, video or saved motion that can be read"
        page.locator(".toast-body").filter(has_text=told).wait_for()
    text.write_bytes(faceless.read_bytes())  # a picture in place of a video
    give(page, label, text)
    button(page, "Read the motion").click()
    assert "talk.mp4" in said(page, "error")


def test_a_file_that_is_too_large(visit: Visit, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    large.write_bytes(b"0" * 3_000_000)
    page = visit("Edit video")
    block(page, "Your video").get_by_role("button", name="Clear").click()
    block(page, "Your video").locator("input[type=file]").set_input_files(large)
    page.get_by_text("exceed the maximum allowed size of 2.0 Mb").wait_for()
