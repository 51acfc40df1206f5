"""The page as visitors use it: sliders, a camera, a clip, recordings, and words for what cannot be done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clips import moving_face, write_clip
from liax.marking.verify import read_mark
from liax.media.video import Video

_NO_FACE = "No face is seen; the last pose stays."
_MEDIA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture
def camera(portrait_HW3: NDArray[np.uint8], tmp_path: Path) -> Path:
    """A face that moves to and fro for a second and a half, then an empty room, again and again."""
    there = moving_face(portrait_HW3, 18)
    frames = [*there, *there[::-1], *[np.full((240, 320, 3), 90, np.uint8)] * 32]
    return write_clip(tmp_path / "camera.mjpeg", frames, rate=25, codec="mjpeg", pixels="yuvj420p")


def _shown(page: Any) -> str:
    return str(page.locator("#shown").evaluate("canvas => canvas.toDataURL()"))


def _moment(page: Any) -> list[str]:
    """What is shown and said, and the same 150 ms later."""
    found: list[str] = page.evaluate("""async () => {
      const at = name => document.getElementById(name);
      const now = () => [at("shown").toDataURL(), at("status").innerText];
      const before = now();
      await new Promise(end => setTimeout(end, 150));
      return [...before, ...now()];
    }""")
    return found


def _wait(page: Any, until: Callable[[], bool]) -> None:
    """Playwright's own waiting evaluates texts, which the page's policy forbids."""
    for _ in range(600):
        if until():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it did not come: {page.locator('#status').inner_text()}")


def _more(page: Any, count: int) -> None:
    """Wait until so many more pictures are shown."""
    wanted = page.evaluate("liax.times.length") + count
    _wait(page, lambda: page.evaluate("liax.times.length") >= wanted)


def _download(page: Any, path: Path) -> Path:
    page.locator("#result").wait_for()
    with page.expect_download() as coming:
        page.locator("#result a").click()
    coming.value.save_as(path)
    return path


def test_a_camera_moves_the_portrait(
    visit: Callable[..., Any], tiny_page: Path, camera: Path, tmp_path: Path
) -> None:
    page = visit(tiny_page, *_MEDIA, f"--use-file-for-fake-video-capture={camera}", width=390, dark=True)
    assert page.evaluate("crossOriginIsolated && liax.backend.provider") == "wasm"
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    first = _shown(page)

    # Sliders move it without a camera, by the keyboard too; 0 puts it back.
    page.locator("#controls summary").nth(1).click()
    page.locator("input[name=jaw]").focus()
    page.keyboard.press("End")
    _wait(page, lambda: _shown(page) != first)
    page.keyboard.press("0")
    _wait(page, lambda: _shown(page) == first)

    # The camera, a recording with sound by keys, and a neutral pose in its midst.
    page.locator("#start").click()
    _more(page, 5)
    page.locator("#figures", has_text="pictures a second").wait_for()
    page.keyboard.press("r")
    page.locator("#record[aria-pressed=true]").wait_for()
    _more(page, 5)
    page.keyboard.press("n")
    _more(page, 10)
    page.keyboard.press("r")
    recorded = _download(page, tmp_path / "live.mp4")
    assert read_mark(recorded).marked
    assert len(list(Video(recorded))) >= 10
    with av.open(recorded) as opened:
        assert opened.streams.audio
    assert "silent" not in page.locator("#result p").inner_text()

    # An empty room: the last pose stays, and the page says so.
    before, said, after, still_said = _moment(page)
    for _ in range(100):
        if _NO_FACE in said and _NO_FACE in still_said:
            break
        before, said, after, still_said = _moment(page)
    assert _NO_FACE in still_said
    assert before == after
    page.get_by_text(_NO_FACE).wait_for(state="detached")
    _more(page, 3)
    assert _shown(page) != before

    # Strength 0 is the portrait as it is.
    page.locator("#strength").fill("0")
    _more(page, 5)
    assert _shown(page) == first

    # The camera is pulled out.
    page.locator("#camera").evaluate("video => video.srcObject.getTracks()[0].onended()")
    page.get_by_text("The camera is gone; connect it, and start it again.").wait_for()
    assert page.locator("#start").inner_text() == "Start the camera"


def test_a_clip_becomes_an_mp4(
    visit: Callable[..., Any],
    tiny_page: Path,
    face_clip: Path,
    portrait_HW3: NDArray[np.uint8],
    tmp_path: Path,
) -> None:
    page = visit(tiny_page)
    page.locator("#clip").set_input_files(face_clip)
    page.get_by_text("Stop the clip").wait_for()
    page.locator("#animate").click()
    made = _download(page, tmp_path / "made.mp4")
    frames = [frame.rgb() for frame in Video(made)]
    assert len(frames) == 12
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 1
    with av.open(made) as opened, av.open(face_clip) as given:
        assert float(opened.duration) == pytest.approx(float(given.duration), rel=0.2)
        assert opened.streams.audio[0].codec_context.name == "aac"
    assert read_mark(made).marked

    # What cannot be used is told in words, and the portrait stays.
    before = _shown(page)
    wall = tmp_path / "wall.png"
    Image.radial_gradient("L").convert("RGB").save(wall)
    note = tmp_path / "note.txt"
    note.write_text("no picture")
    faceless = write_clip(tmp_path / "room.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 4, rate=12)
    for place, file, told in (
        ("#portrait", wall, "This portrait shows no face"),
        ("#portrait", note, "This file is no picture that your browser reads"),
        ("#clip", note, "This clip cannot be played"),
        ("#clip", faceless, "No face was seen in this clip"),
    ):
        page.locator(place).set_input_files(file)
        if file == faceless:
            page.locator("#animate").click()
        page.locator(".error", has_text=told).wait_for()
    page.locator("#clip").set_input_files([])
    page.evaluate("delete MediaDevices.prototype.getUserMedia")
    page.locator("#start", has_text="Start the camera").click()
    page.get_by_text("Browsers give cameras only to pages at 127.0.0.1, localhost or https").wait_for()
    assert _shown(page) == before


def test_webgpu_is_compared_with_pytorch(
    visit: Callable[..., Any], tiny_page: Path, changed_page: Callable[[str, str], Path]
) -> None:
    """In SwiftShader, a GPU that the processor plays."""
    facts = json.loads((tiny_page / "page.json").read_text())
    facts["check"] = [mean + 10 for mean in facts["check"]]
    other = changed_page("page.json", json.dumps(facts))
    flags = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
    page = visit(other, *flags, query="?backend=webgpu")
    if page.evaluate("async () => !(await navigator.gpu?.requestAdapter())"):
        pytest.skip("needs WebGPU")
    backend = page.evaluate("liax.backend")
    assert backend["error"] == pytest.approx(10, abs=0.2)
    assert (backend["provider"], backend["why"]) == ("wasm", "wrong")
    told = "WebGPU draws other pictures here than PyTorch does, so it is not used."
    assert told in page.locator("#about").inner_text()


def test_a_gpu_is_asked_for_again(
    visit: Callable[..., Any], tiny_page: Path, changed_page: Callable[[str, str], Path]
) -> None:
    """A browser that has just started may say that there is none. Here the second one fails."""
    worker = (tiny_page / "network_worker.js").read_text()
    answers = "async () => (asked++ ? {info: {}, features: new Set()} : null)"
    gpu = f'let asked = 0; Object.defineProperty(navigator, "gpu", {{value: {{requestAdapter: {answers}}}}});'
    backend = visit(changed_page("network_worker.js", worker + gpu)).evaluate("liax.backend")
    assert (backend["provider"], backend["why"]) == ("wasm", "failed")


_THREE_FRAMES = """async () => {
  const {Session} = await import("./session.js");
  const answers = {follow: [100, 60, 220, 200], cut: new Float32Array(1), read: [[1]], draw: "picture"};
  const said = [];
  const worker = {call: async what => {
    said.push(`${what} begins`);
    await new Promise(resolve => setTimeout(resolve, 100));
    said.push(`${what} ends`);
    return answers[what];
  }};
  const session = new Session(worker, worker, worker, liax.session.card, liax.session.facts);
  session.transfer = {source: [0], edit: () => [0], moved: alpha => alpha};
  const step = async seconds => session.step(await createImageBitmap(new ImageData(320, 240)), seconds);
  const pictures = [await step(0)];
  said.length = 0;
  pictures.push(...(await Promise.all([step(0.05), step(0.1)])));
  const late = session.step(await createImageBitmap(new ImageData(320, 240)), 0.15);
  session.forget();
  return [said, pictures, await late];
}"""


def test_the_next_frame_is_cut_out_and_read_while_one_is_drawn(
    visit: Callable[..., Any], tiny_page: Path
) -> None:
    """By workers that take their time; one that is on its way when another camera begins draws nothing."""
    said, pictures, late = visit(tiny_page).evaluate(_THREE_FRAMES)
    assert pictures == ["picture"] * 3
    assert late is None
    for what, during in (("cut", "read"), ("read", "draw")):
        first, second = (place for place, each in enumerate(said) if each == f"{what} begins")
        assert first < said.index(f"{what} ends") < second < said.index(f"{during} ends")
    assert [each for each in said if each.startswith("draw")] == ["draw begins", "draw ends"] * 2


_SLOW_WORKER = """
import {answer} from "./answers.js";
const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const said = [];
const slowly = async (what, milliseconds) => {
  said.push(`${what} begins`);
  await wait(milliseconds);
  said.push(`${what} ends`);
};
answer({
  async run(name, fetching) {
    await slowly(`run ${name}`, 50);
    if (fetching === null) throw new Error(`${name} fails`);
    return async () => (await slowly(`fetch ${name}`, fetching), name);
  },
  said: () => said,
});
"""
_CALLS = """async () => {
  const {Remote} = await import("./answers.js");
  const worker = new Remote("slow_worker.js"), order = [];
  const call = async (...args) => order.push(await worker.call("run", args).catch(error => error.message));
  await Promise.all([call("a", 200), call("b", null), call("c", 1)]);
  return [order, await worker.call("said")];
}"""


def test_a_worker_begins_the_next_call_before_it_has_fetched(
    visit: Callable[..., Any], changed_page: Callable[[str, str], Path]
) -> None:
    """Answers come in the order of the calls, even where one fails or is ready before another."""
    order, said = visit(changed_page("slow_worker.js", _SLOW_WORKER)).evaluate(_CALLS)
    assert order == ["a", "b fails", "c"]
    runs = [f"run {name} {what}" for name in "abc" for what in ("begins", "ends")]
    assert [each for each in said if each.startswith("run")] == runs
    assert said.index("run c ends") < said.index("fetch a ends") < said.index("fetch c begins")


def test_everybody_can_use_it(visit: Callable[..., Any], tiny_page: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    page = visit(tiny_page, width=390, bypass=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(page)
        assert [each["id"] for each in found.response["violations"]] == []
