"""Results of this visit: kept in sight, and used again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_actions import Visit, block, button, give, said, slide


def _turned(page: Any, kind: str) -> None:
    page.get_by_role("tab", name="Turn", exact=True).click()
    slide(page, "Seconds a round", 1)
    page.get_by_role("combobox", name="Save as").filter(visible=True).click()
    page.get_by_role("option", name=kind).click()
    button(page, "Turn").click()
    said(page)


def _thumbnails(page: Any) -> Any:
    return page.locator(".thumbnail-item")


def test_results_are_kept_newest_first_and_used_again(
    visit: Visit, face_clip: Path, portrait_path: Path
) -> None:
    page = visit("Animate")
    history = page.get_by_role("button", name="Results of this visit")
    assert not history.is_visible()
    give(page, "Who moves it", face_clip)
    button(page, "Animate").click()
    said(page)
    history.click()
    _thumbnails(page).first.wait_for()
    assert _thumbnails(page).count() == 1
    button(page, "Preview two moments").click()
    page.wait_for_function("() => document.querySelectorAll('.thumbnail-item').length === 2")
    names = page.locator(".thumbnail-item .caption-label").all_inner_texts()
    assert names == ["demo_portrait_face.png", "demo_portrait_face.mp4"]
    _thumbnails(page).first.click()
    button(page, "Use it as the portrait or the video").click()
    for tab in ("Animate", "Turn"):
        page.get_by_role("tab", name=tab, exact=True).click()
        shown = block(page, "Your portrait").locator("img").first
        page.wait_for_function("e => e.src.endsWith('demo_portrait_face.png')", arg=shown.element_handle())
    page.get_by_role("tab", name="Animate", exact=True).click()
    _thumbnails(page).nth(1).click()  # a video becomes what moves the portrait
    button(page, "Use it as the portrait or the video").click()
    block(page, "Who moves it").locator("video[src$='demo_portrait_face.mp4']").wait_for()


def test_axe_finds_nothing_serious_in_what_was_unfolded(visit: Visit, face_clip: Path) -> None:
    """Results, curves with a key, and own expressions, on a phone and a screen."""
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python")
    page = visit("Animate", dark=True, axe=True)
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    give(page, "Who moves it", face_clip)
    button(page, "Preview two moments").click()
    said(page)
    page.get_by_role("button", name="Results of this visit").click()
    page.get_by_role("button", name="Edit the motion").click()
    page.get_by_role("button", name="Change the portrait throughout").click()
    page.get_by_role("button", name="Your own expressions").filter(visible=True).click()
    button(page, "Read the curves").click()
    page.locator(".liax-add-key").first.click()
    page.get_by_alt_text("The portrait at the playhead").wait_for()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(600)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        serious = [problem for problem in found if problem["impact"] in ("serious", "critical")]
        told = [(problem["id"], [node["html"][:200] for node in problem["nodes"]]) for problem in serious]
        assert told == [], width
