"""What is set on the page outlives a reload, and goes to other tabs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from page_actions import Visit, block, button, give, kept, slide
from playwright.sync_api import expect

from liax.app.studio import Studio


def test_files_and_settings_outlive_a_reload(visit: Visit, faceless: Path, face_clip: Path) -> None:
    page = visit("Animate")
    give(page, "Your portrait", faceless)
    give(page, "Who moves it", face_clip)
    page.get_by_label("Side by side").check()
    page.get_by_role("button", name="How much of each motion").click()
    slide(page, "Mouth", 0.5)
    page.get_by_role("tab", name="Turn", exact=True).click()
    slide(page, "Seconds a round", 3)
    kept(page, "wall.png", "face.mp4")
    page.reload()
    field = page.get_by_label("number input for Seconds a round", exact=True).filter(visible=True)
    expect(field).to_have_value("3")
    block(page, "Your portrait").locator("img[src$='wall.png']").wait_for()
    page.get_by_role("tab", name="Animate", exact=True).click()
    block(page, "Your portrait").locator("img[src$='wall.png']").wait_for()
    block(page, "Who moves it").locator("video[src$='face.mp4']").wait_for()
    expect(page.get_by_label("Side by side")).to_be_checked()
    page.get_by_role("button", name="How much of each motion").click()
    expect(page.get_by_label("number input for Mouth", exact=True)).to_have_value("0.5")


def test_a_file_that_is_gone_gives_way_to_the_example(
    visit: Visit, page_studio: Studio, faceless: Path
) -> None:
    page = visit("Turn")
    give(page, "Your portrait", faceless)
    kept(page, "wall.png")
    other = visit("Turn")  # and a new visitor sees it too
    block(other, "Your portrait").locator("img[src$='demo_portrait.jpg']").wait_for()
    for path in page_studio.folder.rglob("wall.png"):
        path.unlink()
    page.reload()
    block(page, "Your portrait").locator("img[src$='demo_portrait.jpg']").wait_for()


def test_sliders_are_carried_to_the_other_tabs(visit: Visit) -> None:
    page = visit("Edit image")
    slide(page, "Yaw (°)", 9)
    slide(page, "Jaw", 0.3)
    button(page, "Set these on the other tabs too").click()
    page.get_by_role("tab", name="Edit video", exact=True).click()
    expect(_field(page, "Yaw (°)")).to_have_value("9")
    page.get_by_role("tab", name="Animate", exact=True).click()
    page.get_by_role("button", name="Change the portrait throughout").click()
    expect(_field(page, "Jaw")).to_have_value("0.3")
    page.wait_for_timeout(900)
    button(page, "Undo").click()
    expect(_field(page, "Jaw")).to_have_value("0")


def _field(page: Any, label: str) -> Any:
    return page.get_by_label(f"number input for {label}", exact=True).filter(visible=True)
