"""A page that is opened again: its curves come back, and what the visitor does meanwhile is not undone."""

from __future__ import annotations

from pathlib import Path

from page_actions import Visit, block, button, give, kept
from playwright.sync_api import expect

# The server says whether it has the files still just when a new one has come.
_LATE = """
const ask = window.fetch;
let tell;
const uploaded = new Promise(resolve => tell = resolve);
window.fetch = async (...what) => {
  if (what[1]?.method === "HEAD") await uploaded;
  const answer = await ask(...what);
  if (String(what[0]).includes("/upload?")) tell();
  return answer;
};"""


def test_edited_curves_come_back_and_nobody_is_overruled(
    visit: Visit, face_clip: Path, faceless: Path
) -> None:
    page = visit("Animate")
    page.get_by_role("button", name="Examples to try").click()
    page.locator(".liax-examples img").nth(1).click()
    block(page, "Your portrait").locator("img[src$='alex.jpg']").wait_for()
    give(page, "Who moves it", face_clip)
    page.get_by_role("button", name="Edit the motion").click()
    button(page, "Read the curves").click()
    page.get_by_label("Mute: Jaw").check()
    drawn = page.get_by_role("region", name="Yaw (°)", exact=True).locator(".liax-is")
    as_filmed = drawn.get_attribute("d")
    page.get_by_label("Scale: Yaw (°)").fill("0.5")
    playhead = page.locator("#liax-playhead input[type=number]")
    playhead.fill("0.5")
    playhead.press("Tab")
    expect(drawn).not_to_have_attribute("d", as_filmed)
    as_edited = drawn.get_attribute("d")
    kept(page, '"scale":0.5', '"at":0.5', "alex.jpg", "face.mp4")
    # On a slow computer, much happens between the file's coming and the page's noting it.
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 3})
    page.add_init_script(_LATE)
    page.reload()
    block(page, "Your portrait").locator("img[src]").wait_for()
    give(page, "Your portrait", faceless)
    page.get_by_label("Side by side").check()
    block(page, "Who moves it").locator("video[src$='face.mp4']").wait_for()
    # The curves are read anew without a hand.
    expect(page.get_by_label("Mute: Jaw")).to_be_checked()
    expect(page.get_by_label("Scale: Yaw (°)")).to_have_value("0.5")
    expect(playhead).to_have_value("0.50")
    expect(drawn).to_have_attribute("d", as_edited)
    expect(page.locator(".liax-film")).to_have_attribute("alt", "What was filmed at 0.5 s")
    block(page, "Your portrait").locator("img[src$='wall.png']").wait_for()
    expect(page.get_by_label("Side by side")).to_be_checked()
