"""By keyboard, on a phone, by night, and for those who hear the page: on every tab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_actions import TABS, Shown, Visit, block, button, give, said

_SERIOUS = ("serious", "critical")

# Contrast (WCAG 2) of each visible text with the nearest ground behind it; texts on pictures are left out.
_FAINT = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join("");
    if (!text || element.closest("video, svg, .video-container, [disabled]")) continue;
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    let ground = element;
    const behind = e => getComputedStyle(e).backgroundColor;
    while (ground !== document.body && rgba(behind(ground))[3] < 253) ground = ground.parentElement;
    const pair = [getComputedStyle(element).color, behind(ground)];
    const [a, b] = pair.map(c => light(rgba(c))).sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(`${text.slice(0, 40)}: ${pair.join(" on ")}`);
  }
  return faint;
}
"""
# Visible buttons and fields that a screen reader could not name.
_NAMELESS = """
() => [...document.querySelectorAll("button, input, select, textarea, [role=button]")]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.closest("[aria-hidden=true]"))
  .filter(e => !(e.ariaLabel || e.title || e.innerText.trim() || e.labels?.[0]?.innerText.trim()
    || e.querySelector("img[alt]:not([alt=''])")))
  .map(e => e.outerHTML.slice(0, 200))
"""
_FOCUS = """
() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return [e.ariaLabel || e.labels?.[0]?.innerText || e.innerText || e.tagName, seen];
}
"""


@pytest.mark.parametrize("dark", [False, True], ids=["by-day", "by-night"])
def test_all_text_stands_out_and_axe_finds_nothing_serious(visit: Visit, dark: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python")
    page = visit(dark=dark, axe=True)
    red = page.locator("h1").evaluate("e => Number(getComputedStyle(e).color.match(/[0-9]+/)[0])")
    assert (red > 180) == dark
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    # By night colours differ, and nothing else does.
    looked_at = {"resultTypes": ["violations"]} | ({"runOnly": ["color-contrast"]} if dark else {})
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(300)  # colours change softly
        assert page.evaluate(_FAINT) == [], tab
        page.locator(".label-wrap:not(.open):visible").evaluate_all("all => all.forEach(e => e.click())")
        for width in (1440,) if dark else (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            found = page.evaluate("async options => (await axe.run(document, options)).violations", looked_at)
            serious = [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in _SERIOUS]
            assert serious == [], (tab, width)


def test_sliders_never_lie_over_the_result(visit: Visit) -> None:
    page = visit("Edit image")
    Shown(page).next()
    shown = block(page, "Result").locator("img")
    sliders = page.locator("input[type=range]:visible")
    for width in (740, 900, 1024, 1100, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        for down in (0, 300, 600, 2000):
            page.evaluate("down => window.scrollTo(0, down)", down)
            a = shown.bounding_box()
            boxes = sliders.evaluate_all(
                "all => all.map(e => e.closest('.block').getBoundingClientRect())"
                ".map(r => [r.x, r.y, r.right, r.bottom])"
            )
            assert boxes
            for left, top, right, bottom in boxes:
                apart_x = right <= a["x"] or left >= a["x"] + a["width"]
                apart_y = bottom <= a["y"] or top >= a["y"] + a["height"]
                assert apart_x or apart_y, (width, down)


def test_on_a_phone_sliders_have_the_picture_in_sight_and_room_for_a_finger(visit: Visit) -> None:
    page = visit("Edit image", width=390, height=844)
    Shown(page).next()
    icons = page.locator(":is(.icon-button, .source-selection button, .reset-button):visible")
    sizes = icons.evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(r => Math.min(r.width, r.height))"
    )
    assert len(sizes) >= 9
    assert min(sizes) >= 24  # WCAG 2.2, target size
    page.get_by_label("range slider for Jaw").filter(visible=True).scroll_into_view_if_needed()
    picture = page.get_by_text("Result", exact=True).filter(visible=True).bounding_box()
    assert 0 <= picture["y"] < 422
    sticky = "document.querySelector('.liax-live > .block:first-child')"
    page.get_by_label("range slider for Jaw").filter(visible=True).focus()
    for key in ["Tab"] * 3 + ["Shift+Tab"] * 12:  # the focus never goes under the picture
        page.keyboard.press(key)
        covered = page.evaluate(
            f"() => {{ const e = document.activeElement, p = {sticky}.getBoundingClientRect();"
            " const r = e.getBoundingClientRect(); return e !== document.body && !e.closest('.liax-live') &&"
            " r.bottom > p.top && r.top + r.height / 2 < p.bottom && p.top <= 1; }"
        )
        assert not covered, page.evaluate(_FOCUS)


def test_the_focus_goes_on_to_stop_and_back(visit: Visit, long_clip: Path) -> None:
    page = visit("Animate")
    give(page, "Who moves it", long_clip)
    focused = "() => document.activeElement.innerText"
    button(page, "Animate").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.innerText === 'Stop'")
    page.keyboard.press("Enter")
    said(page, "note")
    page.wait_for_function("() => document.activeElement.innerText === 'Animate'")
    assert page.evaluate(focused) == "Animate"


def test_on_a_phone_all_of_inspect_is_within_reach(visit: Visit, face_clip: Path) -> None:
    page = visit("Inspect", width=390, height=844)
    assert page.get_by_role("tab", name="Each by itself").is_visible()
    give(page, "A clip of a face", face_clip)
    button(page, "Read the motion").click()
    said(page)
    chart = page.get_by_role("img", name="Map of the")
    assert chart.bounding_box()["width"] >= 600  # one moves along it
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_all_tabs_fit_a_phone_and_everything_has_a_name(visit: Visit) -> None:
    page = visit(width=390, height=844)
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, tab
        assert page.evaluate(_NAMELESS) == [], tab


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit("Animate")
    _tab_to(page, "Edit image")
    page.keyboard.press("Enter")
    shown = Shown(page)
    before = shown.next()
    _tab_to(page, "range slider for Jaw")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert abs(shown.next() - before).max() > 0
    page.get_by_role("tab", name="Edit video").focus()
    _tab_to(page, "Turn")
    page.keyboard.press("Enter")
    _tab_to(page, "number input for Seconds a round")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    _tab_to(page, "Turn")
    page.keyboard.press("Enter")
    assert said(page).startswith("25 frames")


def _tab_to(page: Any, name: str) -> None:
    """Press Tab until what is called `name` has the focus; each stop on the way shows that it has."""
    for _ in range(80):
        page.keyboard.press("Tab")
        found, seen = page.evaluate(_FOCUS)
        assert seen, found
        if found.strip() == name:
            return
    raise AssertionError(f"Tab never comes to {name}")
