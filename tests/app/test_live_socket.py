"""The WebSocket of the tab "Live": what it answers, whom it refuses, and that nothing waits in a queue."""

from __future__ import annotations

import io
import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import liax.app.live_socket as module
from clips import moving_face, write_clip
from liax.app.live_messages import FRAME, MAX_MESSAGE_BYTES, SOUND
from liax.app.live_socket import LIVE_ROUTE
from liax.app.studio import Studio
from liax.marking.verify import read_mark

SETTINGS = {"strength": 1, "smoothing": 0, "mirror": False}


@pytest.fixture(scope="module")
def frames(portrait_HW3: NDArray[np.uint8]) -> list[bytes]:
    """A face that moves to the right, as the page sends it."""
    return [_jpeg(frame_HW3) for frame_HW3 in moving_face(portrait_HW3, 20)]


def _jpeg(picture_HW3: NDArray[np.uint8]) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(picture_HW3).save(packed, "JPEG", quality=90)
    return packed.getvalue()


class Camera:
    """A visitor's page."""

    def __init__(self, address: str, portrait: Path, **headers: str) -> None:
        self.portrait = portrait
        self._open = ExitStack()
        origin = headers.pop("origin", address.rstrip("/"))
        where = f"ws{address.removeprefix('http').rstrip('/')}{LIVE_ROUTE}"
        self.socket: ClientConnection = self._open.enter_context(
            connect(where, origin=origin, additional_headers=headers, compression=None, max_size=None)
        )
        self.shown = 0
        self.people = 0

    def leave(self) -> None:
        self._open.close()

    def say(self, do: str, **values: object) -> None:
        self.socket.send(json.dumps({"do": do, **values}))

    def open(self, **values: object) -> dict[str, Any]:
        """The answer to a portrait, whose first picture is taken."""
        opened = {"portrait": str(self.portrait), "face": 0, "cropped": False, **SETTINGS, **values}
        self.say("open", **opened)
        answer = self.hear()
        if "ready" in answer:
            self.take()
        return answer

    def film(self, frame: bytes, captured: float) -> None:
        self.socket.send(struct.pack("<BId", FRAME, self.shown, captured) + frame)

    def hear(self) -> dict[str, Any]:
        """The next message that is no picture, nor tells how many people there are."""
        while True:
            message = self.socket.recv(20)
            if isinstance(message, str):
                told = json.loads(message)
                if "people" not in told:
                    return told
                self.people = told["people"]

    def take(self, timeout: float = 20) -> tuple[float, bool, NDArray[np.int64] | None]:
        """Of the next picture: the time of its frame, whether the face is seen, and itself, if it is new."""
        while True:
            message = self.socket.recv(timeout)
            if isinstance(message, str):
                self.people = json.loads(message).get("people", self.people)
                continue
            self.shown, captured, _, seen = struct.unpack_from("<IdfB", message)
            packed = message[17:]
            picture = np.asarray(Image.open(io.BytesIO(packed)), np.int64) if packed else None
            return captured, bool(seen), picture

    def code(self) -> int:
        """With which code the server ends it."""
        try:
            while True:
                self.socket.recv(20)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006


@pytest.fixture
def uploaded(studio: Studio, portrait_path: Path) -> Path:
    place = studio.folder / "live.jpg"
    place.write_bytes(portrait_path.read_bytes())
    return place


@pytest.fixture
def visit(address: str, uploaded: Path) -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []

    def enter(**headers: str) -> Camera:
        cameras.append(Camera(address, uploaded, **headers))
        return cameras[-1]

    yield enter
    for camera in cameras:
        camera.leave()
    time.sleep(0.1 * (len(cameras) > 1))  # until the server knows


def test_frames_come_back_as_pictures_with_their_times(
    visit: Callable[..., Camera], frames: list[bytes], studio: Studio
) -> None:
    camera = visit()
    ready = camera.open()["ready"]
    assert (ready["width"], ready["height"], ready["weights"], ready["notes"]) == (64, 64, "small", [])
    pictures = []
    for number in (0, 9, 18):
        camera.film(frames[number], 1000.0 + 40 * number)
        captured, seen, picture = camera.take()
        assert (captured, seen) == (1000.0 + 40 * number, True)
        assert picture is not None
        pictures.append(picture)
    assert np.abs(pictures[2] - pictures[0]).mean() > np.abs(pictures[1] - pictures[0]).mean() > 0.5
    camera.say("set", **SETTINGS, frozen=True)
    camera.film(frames[0], 2000.0)
    assert camera.take() == (2000.0, True, None)
    camera.say("set", **SETTINGS, frozen=False)
    camera.say("neutral")
    camera.film(frames[18], 2100.0)
    _, _, neutral = camera.take()
    assert np.abs(neutral - pictures[0]).mean() < 2  # as the portrait is


def test_other_pages_and_other_routes_get_no_socket(address: str, uploaded: Path) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", None):
        with pytest.raises(InvalidStatus) as refused:
            Camera(address, uploaded, origin=origin)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        Camera(address.replace("127.0.0.1", "localhost"), uploaded, origin=address.rstrip("/"))
    for path in ("/", "/gradio_api/queue/data", "/liax/live/", "/liax/draft"):
        where = f"ws{address.removeprefix('http').rstrip('/')}{path}"
        with pytest.raises(InvalidStatus), connect(where, origin=address.rstrip("/")):
            pass
    own = address.rstrip("/")
    assert httpx.get(f"{own}{LIVE_ROUTE}").status_code == 404


def _bomb() -> bytes:
    packed = io.BytesIO()
    Image.new("L", (9000, 9000)).save(packed, "WEBP")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", 1008),
        ('{"do": "dance"}', 1008),
        ("[" * 5000, 1008),
        (json.dumps({"do": "open", "portrait": "/etc/passwd", "face": 0, "cropped": False}), 1008),
        (json.dumps({"do": "set", **SETTINGS, "strength": 1e9}), 1008),
        (json.dumps({"do": "set", **SETTINGS, "strength": "1"}), 1008),
        (b"", 1008),
        (bytes([7]) * 100, 1008),
        (struct.pack("<BId", FRAME, 0, float("nan")) + b"x", 1008),
        (struct.pack("<BId", FRAME, 0, 1.0) + b"no picture", 1008),
        (struct.pack("<BId", FRAME, 0, 1.0) + _bomb(), 1008),
        (bytes([SOUND]) * 100, 1008),  # of no recording
        (bytes([FRAME]) * (MAX_MESSAGE_BYTES + 1), 1009),
    ],
    ids=str,
)
def test_hostile_messages_end_the_visit(
    visit: Callable[..., Camera], message: str | bytes, code: int
) -> None:
    camera = visit()
    assert "ready" in camera.open()
    camera.socket.send(message)
    assert camera.code() == code


def test_a_flood_ends_the_visit_and_the_page_goes_on(visit: Callable[..., Camera], address: str) -> None:
    flooding = visit()
    with suppress(ConnectionClosed):
        for _ in range(5000):
            flooding.say("neutral")
    assert flooding.code() in (1006, 1008)
    assert httpx.get(address).status_code == 200
    assert "ready" in visit().open()


def test_a_portrait_without_a_face_is_told_and_another_one_can_follow(
    visit: Callable[..., Camera], studio: Studio
) -> None:
    Image.new("RGB", (300, 300), (90, 120, 90)).save(studio.folder / "lawn.png")
    camera = visit()
    answer = camera.open(portrait=str(studio.folder / "lawn.png"))
    assert "lawn.png shows no face" in answer["error"]
    assert str(studio.folder) not in answer["error"]
    assert "ready" in camera.open()


def test_two_visitors_have_their_own_portraits_and_a_third_waits(
    visit: Callable[..., Camera], frames: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = visit(), visit()
    for camera in (first, second):
        camera.open()
        camera.film(frames[0], 1.0)
        camera.take()
    first.say("set", **SETTINGS, frozen=True)
    for camera in (first, second):
        camera.film(frames[15], 2.0)
    assert first.take()[2] is None
    assert second.take()[2] is not None
    assert (first.people, second.people) == (2, 2)
    third = visit()
    assert "Too many people" in third.hear()["error"]
    assert third.code() == 1013
    second.leave()
    first.film(frames[15], 3.0)
    first.take()
    deadline = time.monotonic() + 60
    while first.people == 2 and time.monotonic() < deadline:
        first.film(frames[15], 1000 * time.monotonic())
        first.take()
    assert first.people == 1


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Makes every frame take a fifth of a second; grows by the times of those that are drawn."""
    drawn: list[float] = []
    draw = module.LiveVisit.draw

    def slow(self: Any, frame: Any) -> Any:
        time.sleep(0.2)
        drawn.append(frame.captured)
        return draw(self, frame)

    monkeypatch.setattr(module.LiveVisit, "draw", slow)
    return drawn


def test_only_the_newest_frame_is_drawn(
    visit: Callable[..., Camera], frames: list[bytes], slowly: list[float]
) -> None:
    camera = visit()
    camera.open()
    for number, frame in enumerate(frames):
        camera.film(frame, float(number))
        time.sleep(0.01)
    while camera.take()[0] != len(frames) - 1:
        pass
    assert len(slowly) <= 4
    assert slowly[-1] == len(frames) - 1


def test_a_page_that_shows_nothing_is_sent_three_pictures(
    visit: Callable[..., Camera], frames: list[bytes]
) -> None:
    camera = visit()
    camera.open()
    for number in range(12):
        camera.shown = 0  # as of a page that has not come to its pictures
        camera.film(frames[number], float(number))
        time.sleep(0.05)
    first, second = (camera.take()[0] for _ in range(2))  # after the portrait as it is
    assert 0 <= first < second < 12
    with pytest.raises(TimeoutError):
        camera.take(0.5)
    camera.film(frames[12], 99.0)  # it has caught up
    assert camera.take()[0] == 99.0


def test_a_recording_has_pictures_sound_and_marks(
    visit: Callable[..., Camera], frames: list[bytes], studio: Studio, address: str, tmp_path: Path
) -> None:
    grey = [np.full((64, 64, 3), 90, np.uint8)] * 30
    heard = write_clip(tmp_path / "heard.webm", grey, rate=25, sound="libopus", codec="libvpx-vp9")
    camera = visit()
    camera.open()
    camera.say("record")
    assert camera.hear() == {"recording": True}
    for number, frame in enumerate(frames[:8]):
        camera.film(frame, 5000.0 + 100 * number)
        camera.take()
    camera.say("stop")
    sound = heard.read_bytes()
    for start in range(0, len(sound), 2000):
        camera.socket.send(bytes([SOUND]) + sound[start : start + 2000])
    camera.say("save", sound_start=5000.0)
    recorded = camera.hear()["recorded"]
    assert recorded["about"] == "8 pictures, 0.7 s, 64 × 64"
    assert recorded["silent"] is False
    path = Path(recorded["path"])
    assert read_mark(path).facts["operation"] == "live"
    assert [each.name for each in path.parent.iterdir()] == ["live.mp4"]
    answer = httpx.get(f"{address}gradio_api/file={path}")
    assert answer.content == path.read_bytes()
    camera.say("save", sound_start=None)
    assert camera.hear() == {"error": "There is no recording to save."}


def test_who_leaves_in_the_midst_of_a_recording_leaves_nothing(
    visit: Callable[..., Camera], frames: list[bytes], studio: Studio
) -> None:
    before = set((studio.folder / "results").glob("*"))
    camera = visit()
    camera.open()
    camera.say("record")
    camera.hear()
    camera.film(frames[0], 1.0)
    camera.take()
    assert len(set((studio.folder / "results").glob("*")) - before) == 1
    camera.leave()
    deadline = time.monotonic() + 60
    while set((studio.folder / "results").glob("*")) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set((studio.folder / "results").glob("*")) == before


def test_who_says_nothing_is_let_go(visit: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_SECONDS", 0.3)
    silent = visit()
    assert silent.code() == 1000


def test_an_open_socket_outlives_the_time_in_which_a_request_has_to_come(
    visit: Callable[..., Camera], frames: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liax.app.server._REQUEST_SECONDS", 0.3)
    camera = visit()
    camera.open()
    time.sleep(0.5)
    camera.film(frames[0], 1.0)
    assert camera.take()[1]
