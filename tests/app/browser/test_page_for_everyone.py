"""By keyboard, on a phone, by night, and for those who hear the page: on every tab."""

from __future__ import annotations

from typing import Any

import pytest
from page_actions import TABS, Shown, Visit, said

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
def test_all_text_stands_out(visit: Visit, dark: bool) -> None:
    page = visit(dark=dark)
    red = page.locator("h1").evaluate("e => Number(getComputedStyle(e).color.match(/[0-9]+/)[0])")
    assert (red > 180) == dark
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(300)  # colours change softly
        assert page.evaluate(_FAINT) == [], tab


def test_all_tabs_fit_a_phone_and_everything_has_a_name(visit: Visit) -> None:
    page = visit(width=390, height=844)
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, tab
        assert page.evaluate(_NAMELESS) == [], tab


def test_on_a_phone_the_picture_stays_beside_its_sliders(visit: Visit) -> None:
    page = visit("Edit image", width=390, height=844)
    Shown(page).next()
    page.get_by_label("range slider for Jaw").filter(visible=True).scroll_into_view_if_needed()
    picture = page.get_by_text("Result", exact=True).filter(visible=True).bounding_box()
    assert 0 <= picture["y"] < 422


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
