"""Drafts of a face that is dragged: what they show, which of them are drawn, and what is refused."""

from __future__ import annotations

import base64
import io
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from visitor import Visitor

import liax.app.drafts as module
from liax.app.drafts import DRAFT_ROUTE, DraftPace, DraftRequest, Drafts, square_corners
from liax.app.studio import Studio
from liax.face.crop import Crop, resize
from liax.model import LIAX
from liax.model.config import PRESETS
from liax.options import Backend, EditOptions, SourceOptions
from liax.portrait import Animator
from liax.portrait.framing import Framing


@pytest.fixture
def uploaded(studio: Studio, portrait_path: Path) -> Path:
    """The portrait, as a visitor's upload."""
    place = studio.folder / "portrait.jpg"
    return Path(shutil.copy(portrait_path, place))


@pytest.fixture
def visitor(address: str) -> Visitor:
    return Visitor(address)


def _ask(visitor: Visitor, file: Path, **other: object) -> httpx.Response:
    asked = {"page": "a", "portrait": str(file), "face": 0, "cropped": False, "paste": False}
    asked |= {"measured": False, "settings": {}, **other}
    return visitor.http.post(DRAFT_ROUTE, json=asked)


def _picture(drawn: dict[str, Any]) -> NDArray[np.int64]:
    kind, _, packed = drawn["picture"].partition(";base64,")
    assert kind == "data:image/jpeg"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(packed))), np.int64)


def test_a_draft_shows_what_the_whole_picture_will(visitor: Visitor, studio: Studio, uploaded: Path) -> None:
    asked: list[dict[str, float]] = [{}, {"yaw": 25.0}, {"yaw": -25.0, "blink": 1.0}]
    # Enlarged as drafts are that would be too small for the mark.
    wholes = [resize(studio.edit_portrait(uploaded, each), 128, 128).astype(int) for each in asked]
    for number, settings in enumerate(asked):
        drawn = _ask(visitor, uploaded, settings=settings).json()
        apart = [np.abs(_picture(drawn) - whole_HW3).mean() for whole_HW3 in wholes]
        assert apart[number] < 7  # JPEG
        assert min(apart) == apart[number]
        assert drawn["square"] == [[0, 0], [1, 0], [0, 1]]
        assert drawn["face"] is None


def test_the_face_is_measured_where_it_is_asked_for(visitor: Visitor, uploaded: Path) -> None:
    face = _ask(visitor, uploaded, measured=True).json()["face"]
    assert [handle["label"] for handle in face["handles"]] == ["Turn the head"] + 2 * ["Close the eyes"]
    assert all(0.2 < share < 0.9 for handle in face["handles"] for share in handle["at"])


def test_in_the_whole_picture_the_square_is_where_it_was_cut_from(
    visitor: Visitor, studio: Studio, uploaded: Path
) -> None:
    corners_32 = np.array(_ask(visitor, uploaded, paste=True).json()["square"])
    portrait = studio.portrait(uploaded)
    height, width, _ = portrait.picture_HW3.shape
    crop = portrait.framing.crop
    assert crop is not None
    assert corners_32[0] * [width, height] == pytest.approx([crop.left, crop.top], abs=0.1)
    assert corners_32[1, 0] - corners_32[0, 0] == pytest.approx(crop.side / width, abs=1e-4)


def test_corners_of_turned_and_cut_squares() -> None:
    class Opened:
        picture_HW3 = np.zeros((100, 200, 3), np.uint8)

        def __init__(self, framing: Framing) -> None:
            self.framing = framing

    turned: Any = Opened(Framing(Crop(50, 20, 60, 90.0), 64, 64))
    # A quarter turn counterclockwise: the square's upper left corner is at the lower left of its place.
    assert square_corners(turned, 64, True) == [[0.25, 0.8], [0.25, 0.2], [0.55, 0.8]]
    cut: Any = Opened(Framing(Crop(-15, 0, 60), 48, 64, (16, 0, 64, 64)))
    assert square_corners(cut, 64, False) == [[-0.33333, 0.0], [1.0, 0.0], [-0.33333, 1.0]]


def test_of_a_page_only_the_newest_request_is_drawn(studio: Studio, uploaded: Path) -> None:
    drafts, gate = Drafts(studio), threading.Event()

    def request(page: str, yaw: float) -> DraftRequest:
        return DraftRequest(page, uploaded, {"yaw": yaw}, EditOptions(), False)

    with ThreadPoolExecutor(4) as threads:
        busy = threads.submit(studio.run_quick, gate.wait, "someone")
        asked = []
        for page, yaw in (("one", 1.0), ("one", 2.0), ("other", 3.0)):
            asked.append(threads.submit(drafts.draw, request(page, yaw), "me"))
            _until_waiting(studio, "me", len(asked))
        gate.set()
        busy.result()
        old, new, others = (future.result() for future in asked)
    assert old is None
    assert new is not None
    assert others is not None


def test_a_page_that_asks_for_too_much_waits(visitor: Visitor, studio: Studio, uploaded: Path) -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(6) as threads:
        for count in range(1, 5):
            threads.submit(studio.run_quick, gate.wait, "127.0.0.1")
            _until_waiting(studio, "127.0.0.1", count)
        refused = _ask(visitor, uploaded)
        gate.set()
    assert refused.status_code == 429
    assert "too many pictures" in refused.text
    assert _ask(visitor, uploaded).status_code == 200


def _until_waiting(studio: Studio, visitor: str, count: int) -> None:
    """Wait until so many pictures are under way for a visitor."""
    end = time.monotonic() + 60
    while studio._quick_of[visitor] != count:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    "other",
    [
        {"settings": {"yaw": "25"}},
        {"settings": {"yaw": None}},
        {"settings": {"yaw": True}},
        {"settings": {"yaw": {"a": 1}}},
        {"settings": [1]},
        {"settings": "yaw"},
        {"face": 6},
        {"face": -1},
        {"face": 1.5},
        {"face": True},
        {"cropped": 1},
        {"measured": None},
        {"page": "x" * 41},
        {"page": 3},
        {"portrait": None},
        {"portrait": "/etc/passwd"},
        {"portrait": "{folder}/../x.jpg"},
        {"portrait": "{folder}"},
        {"portrait": "{folder}/\0"},
        {"portrait": "x" * 5000},
    ],
    ids=lambda other: str(other)[:40],
)
def test_what_no_page_asks_for_is_refused(
    visitor: Visitor, studio: Studio, uploaded: Path, other: dict[str, Any]
) -> None:
    if isinstance(other.get("portrait"), str):
        other = {"portrait": other["portrait"].format(folder=studio.folder)}
    answer = _ask(visitor, uploaded, **other)
    assert answer.status_code == 400
    assert answer.text == "This is no request of the page."


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b"{}", b"\xff", b"[" * 9000, b'{"page": 1e999}'], ids=repr
)
def test_what_is_no_request_is_refused(visitor: Visitor, body: bytes) -> None:
    assert visitor.http.post(DRAFT_ROUTE, content=body).status_code == 400


def test_requests_are_small_and_from_the_page_itself(visitor: Visitor, uploaded: Path) -> None:
    assert _ask(visitor, uploaded, page="x" * 20_000).status_code == 413
    assert visitor.http.post(DRAFT_ROUTE, content=iter([b"{}"])).status_code == 413  # of unknown length
    assert visitor.http.get(DRAFT_ROUTE).status_code == 404
    assert visitor.http.post(f"{DRAFT_ROUTE}/", json={}).status_code == 404
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        assert visitor.http.post(DRAFT_ROUTE, json={}, headers=headers).status_code == 403


def test_what_cannot_be_drawn_is_told_without_the_servers_folder(
    visitor: Visitor, studio: Studio, uploaded: Path
) -> None:
    gone = _ask(visitor, studio.folder / "gone.jpg")
    assert (gone.status_code, gone.text) == (422, "gone.jpg is not kept here any more; upload it again.")
    far = _ask(visitor, uploaded, settings={"yaw": 500.0})
    assert far.status_code == 422
    assert "choose a gentler value" in far.text
    assert _ask(visitor, uploaded, settings={"nose": 1.0}).status_code == 422
    assert _ask(visitor, uploaded, settings={"yaw": 1e300}).status_code == 422
    assert _ask(visitor, uploaded, face=3).status_code == 422


def test_drafts_are_as_large_as_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    pace = DraftPace([256, 128])
    assert pace.side == 256
    pace.note(256, 0.19)
    assert pace.side == 256
    pace.note(256, 0.3)
    assert pace.side == 128
    pace.note(128, 0.4)
    assert pace.side == 128  # there is no smaller one
    now += 11
    assert pace.side == 256  # the computer may be less busy


@pytest.mark.parametrize("backend", ["torch", "onnxruntime"])
def test_drafts_of_a_large_network_are_smaller(portrait_path: Path, backend: Backend) -> None:
    if backend == "onnxruntime":
        pytest.importorskip("onnxruntime")
    animator = Animator(LIAX(PRESETS["tiny"]), "cpu", backend=backend)
    assert module._draft_sides(animator) == [64]
    with Studio(animator) as studio:
        path = Path(shutil.copy(portrait_path, studio.folder))
        drafts = Drafts(studio)
        drafts._pace = DraftPace([32])  # of the levels 8, 16, 32 and 64
        drawn = drafts.draw(DraftRequest("a", path, {}, EditOptions(), False), "me")
        assert drawn is not None
        whole_HW3 = studio.edit_portrait(path, {})
        portrait = studio.portrait(path, SourceOptions())
    small_HW3 = animator.render_small(portrait.encoded, portrait.alpha_M, 32)
    assert small_HW3.shape == (32, 32, 3)
    half_HW3 = np.asarray(Image.fromarray(whole_HW3).resize((32, 32), Image.Resampling.BOX), np.int64)
    assert np.corrcoef(small_HW3.ravel(), half_HW3.ravel())[0, 1] > 0.6  # an untrained network
    shown_HW3 = _picture(drawn)
    assert shown_HW3.shape == (128, 128, 3)  # the smallest that carries the mark
    enlarged_HW3 = np.asarray(Image.fromarray(small_HW3).resize((128, 128), Image.Resampling.BICUBIC))
    assert np.corrcoef(shown_HW3.ravel(), enlarged_HW3.ravel())[0, 1] > 0.9
