"""The driving's motion as curves: read, edited by hand and by keys, previewed, saved and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from page_actions import Visit, block, button, downloaded, give, pixels, said, until
from playwright.sync_api import expect

from liax.media.video import Video
from liax.portrait.template import load_template
from liax.tracks.reading import read_track


def _read(visit: Visit, clip: Path, **how: Any) -> Any:
    page = visit("Animate", **how)
    give(page, "Who moves it", clip)
    page.get_by_role("button", name="Edit the motion").click()
    button(page, "Read the curves").click()
    page.locator(".liax-curve").first.wait_for()
    return page


def _curve(page: Any, label: str) -> str:
    """The path of an edited curve."""
    drawn = page.get_by_role("region", name=label, exact=True).locator(".liax-is")
    return str(drawn.get_attribute("d"))


def _picture(page: Any) -> Any:
    return page.get_by_alt_text("The portrait at the playhead")


def _amounts(path: str) -> np.ndarray:
    return np.array([float(point.split()[1]) for point in path[1:].split("L")])


def test_curves_and_the_picture_at_the_playhead(visit: Visit, face_clip: Path) -> None:
    page = _read(visit, face_clip)
    assert said(page).startswith("12 moments of 3 curves")
    assert page.locator(".liax-curve-head b").all_inner_texts() == ["Yaw (°)", "Pitch (°)", "Jaw"]
    assert len(_amounts(_curve(page, "Yaw (°)"))) == 12
    assert page.locator(".liax-film").get_attribute("alt") == "What was filmed at 0.0 s"
    expect(_picture(page)).to_be_visible()
    before = _picture(page).get_attribute("src")
    page.locator(".liax-lane").first.scroll_into_view_if_needed()
    lane = page.locator(".liax-lane").first.bounding_box()
    page.mouse.click(lane["x"] + lane["width"] * 0.9, lane["y"] + 8)
    page.wait_for_function("([e, old]) => e.src !== old", arg=[_picture(page).element_handle(), before])
    assert page.locator("#liax-playhead input").first.input_value() == "0.83"
    page.wait_for_function("() => document.querySelector('.liax-film').alt.endsWith('0.8 s')")
    # The picture stays in sight beside its curves.
    page.set_viewport_size({"width": 1280, "height": 600})
    page.get_by_label("Mute: Jaw").focus()
    page.mouse.wheel(0, 150)
    page.wait_for_timeout(300)
    assert 0 <= _picture(page).bounding_box()["y"] < 300
    assert page.get_by_label("Mute: Jaw").bounding_box()["y"] > 250
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.locator(".liax-lane").first.bounding_box()["width"] > 280


def test_another_driving_takes_the_curves_away_and_its_end_can_be_changed(
    visit: Visit, face_clip: Path, long_clip: Path
) -> None:
    """A key far beyond the first second changes the picture there, and not that of the beginning."""
    page = _read(visit, face_clip)
    page.get_by_label("Mute: Jaw").check()
    page.wait_for_timeout(600)
    give(page, "Who moves it", long_clip)
    expect(page.locator(".liax-curve")).to_have_count(0)
    button(page, "Read the curves").click()
    page.locator(".liax-curve").first.wait_for()
    expect(_picture(page)).to_be_visible()
    field, at_first = page.locator("#liax-playhead input[type=number]"), _picture(page).get_attribute("src")
    field.fill("6")
    field.press("Tab")
    expect(_picture(page)).not_to_have_attribute("src", at_first)
    before = pixels(page, _picture(page))
    row = page.get_by_role("region", name="Jaw", exact=True)
    row.get_by_role("button", name="Add a key").click()
    for _ in range(25):
        page.keyboard.press("ArrowUp")
    until(page, lambda: np.abs(pixels(page, _picture(page)) - before).max() > 10)


def test_a_muted_curve_is_flat_and_animate_runs_it(visit: Visit, face_clip: Path, tmp_path: Path) -> None:
    page = _read(visit, face_clip)
    assert np.ptp(_amounts(_curve(page, "Yaw (°)"))) > 0.5
    filmed = _animated(page, tmp_path)
    for label in ("Yaw (°)", "Pitch (°)", "Jaw"):
        page.get_by_label(f"Mute: {label}").check()
        row = page.get_by_role("region", name=label, exact=True).locator(".liax-is")
        page.wait_for_function(
            "e => new Set(e.getAttribute('d').slice(1).split('L').map(p => p.split(' ')[1])).size === 1",
            arg=row.element_handle(),
        )
    muted = _animated(page, tmp_path)
    assert len(muted) == len(filmed) == 12
    assert np.abs(muted - filmed).max() > 10


def _animated(page: Any, folder: Path) -> np.ndarray:
    video = block(page, "Result").locator("video")
    before = video.get_attribute("src") if video.count() else ""
    button(page, "Animate").click()
    video.wait_for()
    expect(video).not_to_have_attribute("src", before or "", timeout=30_000)
    button(page, "Animate").wait_for()
    return np.stack([frame.rgb().astype(int) for frame in Video(downloaded(page, folder))])


def test_keys_are_set_by_hand_and_saved_as_a_table_and_a_template(
    visit: Visit, face_clip: Path, tmp_path: Path
) -> None:
    page = _read(visit, face_clip)
    row = page.get_by_role("region", name="Yaw (°)", exact=True)
    row.get_by_role("button", name="Add a key").click()
    key = row.locator(".liax-key")
    assert page.evaluate("document.activeElement.className") == "liax-key"
    before = _curve(page, "Yaw (°)")
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    page.wait_for_function(
        "([e, old]) => e.getAttribute('d') !== old", arg=[row.locator(".liax-is").element_handle(), before]
    )
    amount = float(key.get_attribute("title").split(" at ")[0])
    box = key.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0], middle[1] - 10)
    page.mouse.up()
    dragged = float(key.get_attribute("title").split(" at ")[0])
    assert dragged > amount + 1
    page.wait_for_timeout(800)
    template = load_template(_saved(page, "Template, for these weights", ".safetensors", tmp_path))
    track = read_track(_saved(page, "Table (CSV)", ".csv", tmp_path))
    assert track.controls[0] == "yaw"
    assert abs(track.amounts_TK[0, 0] - dragged) < 0.06
    assert abs(template.alpha_TM[0, 0] - 0.03 * dragged) < 0.002
    key.focus()
    page.keyboard.press("Delete")
    expect(key).to_have_count(0)
    assert page.evaluate("document.activeElement.innerText") == "Add a key"


def _saved(page: Any, kind: str, suffix: str, folder: Path) -> Path:
    page.get_by_role("combobox", name="Save the motion as").click()
    page.get_by_role("option", name=kind).click()
    button(page, "Save the edited motion").click()
    name = ""
    while not name.endswith(suffix):  # until the new file is there, one gets the one before
        page.wait_for_timeout(300)
        with page.expect_download() as coming:
            page.get_by_text("Download the edited motion").filter(visible=True).click()
        name = coming.value.suggested_filename
    coming.value.save_as(folder / name)
    return folder / name
