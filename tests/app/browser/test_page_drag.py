"""The face in the result, dragged by hand, by wheel and by keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from page_actions import Shown, Visit, button, slide, until
from playwright.sync_api import Page, expect


def _opened(visit: Visit, **how: Any) -> tuple[Any, Shown]:
    page = visit("Edit image", **how)
    shown = Shown(page)
    shown.next()
    page.locator(".liax-handle").first.wait_for()
    return page, shown


def _middle(place: Any) -> tuple[float, float]:
    box = place.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _drag(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    for step in (1, 2, 3):
        page.mouse.move(start[0] + by[0] * step / 3, start[1] + by[1] * step / 3)
        page.wait_for_timeout(50)


def _value(page: Any, label: str) -> float:
    return float(page.get_by_label(f"number input for {label}").filter(visible=True).input_value())


def _becomes(page: Any, label: str, value: float) -> None:
    field = page.get_by_label(f"number input for {label}").filter(visible=True)
    page.wait_for_function("([e, v]) => Number(e.value) === v", arg=[field.element_handle(), value])


def test_the_nose_turns_the_head_and_the_sliders_follow(visit: Visit) -> None:
    page, shown = _opened(visit)
    before = shown._source
    _drag(page, _middle(page.get_by_role("button", name="Turn the head")), (40, 12))
    yaw, pitch = _value(page, "Yaw (°)"), _value(page, "Pitch (°)")
    assert 5 < yaw < 30
    assert 1 < pitch < 15
    draft = page.locator(".liax-draft")
    expect(draft).to_be_visible()
    seen = "e => new Set(e.getContext('2d').getImageData(0, 0, 256, 256).data).size"
    assert draft.evaluate(seen) > 50  # it shows a picture
    assert shown._image.get_attribute("src") == before  # the whole picture waits for the hand to let go
    page.mouse.up()
    assert np.abs(shown.next()).max() > 0
    expect(draft).to_be_hidden()
    assert (_value(page, "Yaw (°)"), _value(page, "Pitch (°)")) == (yaw, pitch)
    page.wait_for_timeout(900)
    button(page, "Undo").click()
    _becomes(page, "Yaw (°)", 0)
    _becomes(page, "Pitch (°)", 0)
    button(page, "Redo").click()
    _becomes(page, "Yaw (°)", yaw)


def test_the_draft_lies_where_the_whole_picture_has_it(visit: Visit) -> None:
    """The draft covers the shown result; in the whole picture, the square around the face."""
    page, shown = _opened(visit)

    def drafted() -> tuple[dict[str, float], dict[str, float]]:
        _drag(page, _middle(page.get_by_role("button", name="Turn the head")), (6, 0))
        expect(page.locator(".liax-draft")).to_be_visible()
        boxes = page.locator(".liax-draft").bounding_box(), page.locator(".liax-surface").bounding_box()
        page.mouse.up()
        return boxes

    draft, surface = drafted()
    assert draft == pytest.approx(surface, abs=1.5)
    shown.next()
    page.get_by_label("In the whole picture").filter(visible=True).check()
    shown.becomes(lambda picture: picture.shape != (64, 64, 3))
    page.wait_for_timeout(1500)
    page.locator(".liax-handle").first.wait_for()
    draft, surface = drafted()
    assert 0.2 < draft["width"] / surface["width"] < 0.95
    assert draft["x"] > surface["x"]


def test_the_mouth_and_the_face_are_taken_hold_of_and_what_the_weights_lack_is_not(visit: Visit) -> None:
    """They have yaw, pitch and jaw: nothing moves the head beside its turns, nor brings it nearer."""
    page, _ = _opened(visit)
    assert page.locator(".liax-handle").count() == 2
    surface = page.locator(".liax-surface")
    box = surface.bounding_box()
    _drag(page, (box["x"] + 8, box["y"] + box["height"] - 8), (60, -60))
    page.mouse.up()
    surface.focus()
    page.mouse.wheel(0, 200)
    page.keyboard.press("+")
    page.wait_for_timeout(500)
    assert [_value(page, label) for label in ("Yaw (°)", "Pitch (°)", "Jaw")] == [0, 0, 0]
    _drag(page, _middle(page.get_by_role("button", name="Open the mouth")), (30, 300))
    page.mouse.up()
    _becomes(page, "Jaw", 1)
    assert _value(page, "Yaw (°)") == 0
    page.wait_for_timeout(1500)  # the face is measured anew
    x, y = _middle(page.get_by_role("button", name="Turn the head"))
    _drag(page, (x - 25, y), (-30, 0))  # a cheek
    page.mouse.up()
    assert _value(page, "Yaw (°)") < -5


def test_arrow_keys_do_what_the_hand_does(visit: Visit) -> None:
    page, shown = _opened(visit)
    page.get_by_role("button", name="Turn the head").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.title") == "Open the mouth"
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    _becomes(page, "Yaw (°)", 2)
    _becomes(page, "Jaw", 0.08)
    assert -1.5 <= _value(page, "Pitch (°)") < 0
    page.wait_for_timeout(1500)  # the face is measured anew
    assert page.evaluate("document.activeElement.title") == "Open the mouth"
    assert np.abs(shown.next()).max() > 0


def test_handles_follow_sliders_and_go_with_the_portrait(visit: Visit) -> None:
    page, _ = _opened(visit)

    def measured_there(asked: Any) -> bool:
        if not asked.url.endswith("/liax/draft"):
            return False
        wish = asked.post_data_json
        return wish["measured"] is True and wish["settings"]["yaw"] == 12

    with page.expect_request(measured_there):
        slide(page, "Yaw (°)", 12)
    page.get_by_label("Before and after").filter(visible=True).check()
    expect(page.locator(".liax-surface")).to_be_hidden()  # there the divider is dragged


def test_drafts_never_wait_behind_each_other(visit: Visit) -> None:
    """However fast the hand, one draft is asked for at a time, and the last wish is among them."""
    page, _ = _opened(visit)
    under_way: set[Any] = set()
    most, wishes = 0, []

    def asked(request: Any) -> None:
        nonlocal most
        if request.url.endswith("/liax/draft"):
            under_way.add(request)
            most = max(most, len(under_way))
            wishes.append(request.post_data_json["settings"]["yaw"])

    def answered(request: Any) -> None:
        under_way.discard(request)

    page.on("request", asked)
    page.on("requestfinished", answered)
    x, y = _middle(page.get_by_role("button", name="Turn the head"))
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(x + step, y)
    last = _value(page, "Yaw (°)")
    until(page, lambda: wishes[-1:] == [last] and not under_way)
    page.mouse.up()
    assert most == 1
    assert len(wishes) < 60
    assert wishes[-1] == last


def test_on_a_phone_a_finger_drags_the_face(visit: Visit) -> None:
    page, _ = _opened(visit, width=390, height=844)
    page.get_by_label("range slider for Jaw").filter(visible=True).scroll_into_view_if_needed()
    x, y = _middle(page.get_by_role("button", name="Turn the head"))
    assert 0 < y < 844 * 0.42
    _drag(page, (x, y), (30, 0))
    page.mouse.up()
    assert _value(page, "Yaw (°)") > 4
    sizes = page.locator(".liax-handle").evaluate_all("all => all.map(e => e.getBoundingClientRect().width)")
    assert min(sizes) >= 24
