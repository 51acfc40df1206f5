"""What people come for: upload, slide, animate, turn, inspect, stop, download."""

from __future__ import annotations

import time
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from page_actions import Shown, Visit, block, button, downloaded, give, said, slide
from PIL import Image

from clips import moving_face, write_clip
from liax.app.studio import Studio
from liax.media.video import Video

_DROP = """([place, name, type, bytes]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([new Uint8Array(bytes)], name, {type}));
  for (const kind of ["dragenter", "dragover", "drop"])
    place.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer}));
}"""


def test_a_portrait_is_previewed_and_animated_with_sound(
    visit: Visit, portrait_path: Path, face_clip: Path, tmp_path: Path
) -> None:
    page = visit("Animate")
    give(page, "Your portrait", portrait_path)
    give(page, "Who moves it", face_clip)
    button(page, "Preview two moments").click()
    assert said(page).startswith("How it looks at 0.0 s and at ")
    picture = Image.open(downloaded(page, tmp_path))
    assert picture.size == (2 * 64, 64)
    first, liveliest = np.hsplit(np.asarray(picture.convert("RGB"), int), 2)
    assert np.abs(first - liveliest).max() > 20
    button(page, "Animate").click()
    page.locator(".liax-done:visible", has_text="12 frames, 1.0 s").wait_for()
    video = downloaded(page, tmp_path)
    assert len(list(Video(video))) == 12
    with av.open(video) as container:
        assert container.streams.audio


def test_files_dropped_on_the_examples_take_their_place(
    visit: Visit, portrait_path: Path, face_clip: Path
) -> None:
    page = visit("Animate")
    for label, name, kind, path in (
        ("Your portrait", "mine.jpg", "image/jpeg", portrait_path),
        ("Who moves it", "mine.mp4", "video/mp4", face_clip),
    ):
        place = block(page, label)
        page.evaluate(_DROP, [place.element_handle(), name, kind, list(path.read_bytes())])
        shown = place.locator("img, video").first
        page.wait_for_function("([e, name]) => e.src.endsWith(name)", arg=[shown.element_handle(), name])
    beside = page.locator("h1")
    page.evaluate(_DROP, [beside.element_handle(), "lost.jpg", "image/jpeg", [1]])
    assert page.get_by_role("heading", name="liax studio").is_visible()


def test_one_click_chooses_another_file(visit: Visit) -> None:
    page = visit("Animate")
    for label in ("Your portrait", "Who moves it"):
        with page.expect_file_chooser():
            block(page, label).get_by_role("button", name="Upload file").click()
    page.get_by_role("tab", name="Turn", exact=True).click()
    page.wait_for_url("**#turn")  # the open tab is in the address
    page.reload()
    page.get_by_role("button", name="Turn", exact=True).wait_for()


def test_sliders_explain_themselves_and_numbers_off_their_scale_come_back(visit: Visit) -> None:
    page = visit("Edit image")
    slider = page.get_by_label("range slider for Pitch").filter(visible=True)
    explained = "e => document.getElementById(e.getAttribute('aria-describedby')).innerText"
    assert slider.evaluate(explained) == "nods down"
    names = page.locator(".reset-button:visible").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert names == ["Reset Yaw (°)", "Reset Pitch (°)", "Reset Jaw"]
    field = page.get_by_label("number input for Yaw (°)", exact=True).filter(visible=True)
    for typed, kept in (("500", "30"), ("-99", "-30"), ("", "0"), ("12.5", "12.5")):
        field.fill(typed)
        field.press("Tab")
        assert field.input_value() == kept
    page.wait_for_timeout(500)
    assert page.locator(".toast-body").count() == 0


def test_changes_are_taken_back_and_made_again_and_outlive_a_reload(visit: Visit) -> None:
    page = visit("Edit image")
    yaw = page.get_by_label("number input for Yaw (°)", exact=True).filter(visible=True)
    jaw = page.get_by_label("number input for Jaw", exact=True).filter(visible=True)

    def both(wanted: list[str]) -> None:
        for field, value in zip((yaw, jaw), wanted, strict=True):
            page.wait_for_function("([e, value]) => e.value === value", arg=[field.element_handle(), value])

    for label, value in (("Yaw (°)", 12), ("Jaw", 0.5)):
        slide(page, label, value)
        page.wait_for_timeout(900)  # what follows sooner is the same drag
    button(page, "Undo").click()
    both(["12", "0"])
    button(page, "Undo").click()
    button(page, "Undo").click()  # there is no more
    both(["0", "0"])
    button(page, "Redo").click()
    both(["12", "0"])
    page.wait_for_timeout(500)
    button(page, "Redo").click()
    both(["12", "0.5"])
    page.reload()
    both(["12", "0.5"])
    button(page, "Reset all").click()
    both(["0", "0"])


def test_sliders_move_the_picture_and_reset_brings_it_back(visit: Visit) -> None:
    page = visit("Edit image")
    shown = Shown(page)
    unchanged = shown.next()
    slide(page, "Yaw (°)", 28)
    shown.becomes(lambda picture: np.abs(picture - unchanged).max() > 20)
    button(page, "Reset all").click()
    shown.becomes(lambda picture: np.abs(picture - unchanged).mean() < 1)


def test_stop_ends_the_work_at_once(visit: Visit, page_studio: Studio, long_clip: Path) -> None:
    page = visit("Animate")
    give(page, "Who moves it", long_clip)
    button(page, "Animate").click()
    page.get_by_text("Animating:").filter(visible=True).wait_for()
    button(page, "Stop").click()
    assert said(page, "note").startswith("Stopped")
    assert button(page, "Animate").is_visible()
    end = time.monotonic() + 5
    while _being_written(page_studio) and time.monotonic() < end:
        time.sleep(0.05)
    assert _being_written(page_studio) == []


def test_stop_works_at_any_time(visit: Visit, long_clip: Path) -> None:
    page = visit("Animate")
    give(page, "Who moves it", long_clip)
    for number in range(8):
        button(page, "Animate").click()
        button(page, "Stop").wait_for()
        page.wait_for_timeout(40 * number)  # in the queue, while the face is looked for, …
        button(page, "Stop").click()
        said(page, "note")
        page.wait_for_timeout(400)  # nothing comes after it
        assert page.locator(".liax-progress:visible").count() == 0
        assert button(page, "Animate").is_visible()


def _being_written(studio: Studio) -> list[Path]:
    return list((studio.folder / "results").rglob("*.part"))


def test_a_head_is_turned_and_chosen_movements_become_one_picture(visit: Visit, tmp_path: Path) -> None:
    page = visit("Turn")
    slide(page, "Seconds a round", 1)
    button(page, "Turn").click()
    assert said(page).startswith("25 frames, 1.0 s")
    first, *others = (frame.rgb().astype(int) for frame in Video(downloaded(page, tmp_path)))
    assert max(np.abs(other - first).max() for other in others) > 20
    page.get_by_label("One movement after another").check()
    page.get_by_label("pitch: nods down").uncheck()
    page.get_by_role("combobox", name="Save as").click()
    page.get_by_role("option", name="One picture of all poses").click()
    button(page, "Turn").click()
    page.locator(".liax-done:visible").filter(has_not_text="25 frames").wait_for()
    sheet = Image.open(downloaded(page, tmp_path))
    assert sheet.width > 2 * sheet.height > 2 * 64  # two rows of five


def test_what_a_clip_uses_is_seen_moment_by_moment(visit: Visit, face_clip: Path, long_clip: Path) -> None:
    page = visit("Inspect")
    give(page, "A clip of a face", face_clip)
    button(page, "Read the motion").click()
    assert said(page) == "12 moments read."
    assert page.locator(".liax-fact .value").count() == 3
    assert page.get_by_role("img", name="Hoyer's sparsity over time").is_visible()
    moment = page.locator(".liax-moment")
    assert "At 0.42 s" in moment.inner_text()
    slide(page, "Moment (seconds)", 0.9)
    page.get_by_text("At 0.92 s").wait_for()
    assert moment.locator("img").get_attribute("src").startswith("data:image/webp")
    assert moment.locator(".liax-bar").count() > 1
    give(page, "A clip of a face", long_clip)
    button(page, "Read the motion").click()
    page.get_by_text("200 moments read.").wait_for()
    slide(page, "Moment (seconds)", 6.5)
    page.get_by_text("At 6.4").or_(page.get_by_text("At 6.5")).first.wait_for()


def test_each_control_has_its_strip(visit: Visit) -> None:
    page = visit("Inspect")
    page.get_by_role("tab", name="Each by itself").click()
    button(page, "Show what each does").click()
    strips = page.locator(".liax-strips figure")
    strips.first.wait_for()
    names = [strip.locator("b").inner_text() for strip in strips.all()]
    assert names == ["yaw", "pitch", "jaw"]
    assert "+30°" in strips.first.inner_text()


def test_two_people_take_turns_and_edit_meanwhile(
    visit: Visit, portrait_HW3: NDArray[np.uint8], face_clip: Path, tmp_path: Path
) -> None:
    longer = write_clip(tmp_path / "longer.mp4", moving_face(portrait_HW3, 100) * 6, rate=25)
    first, second = visit("Animate"), visit("Animate")
    give(first, "Who moves it", longer)
    give(second, "Who moves it", face_clip)
    button(first, "Animate").click()
    first.get_by_text("Animating:").filter(visible=True).wait_for()
    button(second, "Animate").click()
    second.get_by_text("1 before you").filter(visible=True).wait_for()
    second.get_by_role("tab", name="Edit image").click()
    slide(second, "Jaw", 1)
    assert Shown(second).next().shape == (64, 64, 3)
    assert button(first, "Stop").is_visible()
    button(first, "Stop").click()
    second.get_by_role("tab", name="Animate").click()
    assert said(second).startswith("12 frames")
    assert not block(first, "Result").locator("video").count()


def test_what_is_given_on_one_tab_is_there_on_the_others(
    visit: Visit, faceless: Path, face_clip: Path
) -> None:
    page = visit("Animate")
    give(page, "Your portrait", faceless)
    give(page, "Who moves it", face_clip)
    for tab, label, name in (
        ("Turn", "Your portrait", "wall.png"),
        ("Inspect", "A clip of a face", "face.mp4"),
    ):
        page.get_by_role("tab", name=tab, exact=True).click()
        shown = block(page, label).locator("img, video").first
        page.wait_for_function(
            "([shown, name]) => shown.src.endsWith(name)", arg=[shown.element_handle(), name]
        )
    page.get_by_role("tab", name="Turn", exact=True).click()
    button(page, "Turn").click()
    assert said(page, "error").startswith("wall.png shows no face")
