"""Hostile requests over HTTP: foreign names and pages, routes that the page does not need, slow visitors."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio.routes import App
from starlette.datastructures import Headers
from visitor import Visitor, file_value

import liax.app.gate as gate
import liax.app.server as server
from clips import flat_frames, write_clip
from liax.app.served_names import ServedNames
from liax.app.server import ServedPage
from liax.app.studio import Studio
from liax.app.uploads import VisitorLimits, visitor_of
from liax.errors import OptionError
from liax.model import LIAX
from liax.portrait import Animator
from liax.portrait.device import return_freed_memory


@pytest.fixture
def visitor(address: str) -> Visitor:
    return Visitor(address)


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n"


def test_recordings_are_not_taken_so_no_playlist_of_local_files_is_read(
    visitor: Visitor, studio: Studio, tmp_path: Path
) -> None:
    secret = write_clip(tmp_path / "secret.ts", flat_frames(5), rate=5, codec="mpeg2video")
    files = {"video": ("a.mp4", PLAYLIST.format(secret=secret).encode())}
    for path in ("process_recording", "process_recording/", "../gradio_api/process_recording"):
        assert visitor.http.post(f"/gradio_api/{path}", files=files).status_code == 404
    assert not list(studio.folder.rglob("*processed*"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/proxy=http://127.0.0.1:9/"),
        ("GET", "/gradio_api/file=http://127.0.0.1:9/"),
        ("GET", "/gradio_api/file=https://example.org/a.png"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/gradio_api/custom_component/a/client/b/c"),
        ("GET", "/gradio_api/info"),
        ("GET", "/gradio_api/openapi.json"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/gradio_api/startup-events"),
        ("GET", "/gradio_api/vibe-code"),
        ("GET", "/gradio_api/stream/a/b/1/playlist.m3u8"),
        ("GET", "/gradio_api/deep_link?session_hash=a"),
        ("GET", "/gradio_api/dev/reload"),
        ("GET", "/gradio_api/queue/status"),
        ("GET", "/config"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/monitoring"),
        ("GET", "/svelte/a.js"),
        ("GET", "/static/../../routes.py"),
        ("GET", "/static/%2e%2e/%2e%2e/routes.py"),
        ("GET", "//gradio_api/queue/data"),
        ("POST", "/login"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/vibe-edit"),
        ("POST", "/gradio_api/call/edit"),
        ("POST", "/gradio_api/api/edit"),
        ("POST", "/gradio_api/stream/a"),
        ("POST", "/"),
        ("PUT", "/gradio_api/upload"),
        ("DELETE", "/"),
        ("OPTIONS", "/gradio_api/upload"),
        ("TRACE", "/"),
    ],
)
def test_what_the_page_does_not_need_is_not_there(address: str, method: str, path: str) -> None:
    request = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
    assert _status(address, request.encode()) == 404


def test_no_route_of_gradio_is_open_by_chance(visitor: Visitor) -> None:
    """All routes that this Gradio has, filled with a word, answer 404 unless they are on our list."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        pass
    paths = App.create_app(blocks).openapi()["paths"]
    assert len(paths) > 70
    closed = 0
    for template, methods in paths.items():
        path = re.sub(r"\{[^}]*\}", "word", template)
        for method in map(str.upper, methods):
            listed = any(method == asked and route.fullmatch(path) for asked, route in gate._ROUTES)
            if not listed and (method, path) != ("HEAD", "/"):
                assert visitor.http.request(method, path).status_code == 404, (method, path)
                closed += 1
    assert closed > 60


def _status(address: str, request: bytes) -> int:
    host, port = address.split("/")[2].split(":")
    with closing(socket.create_connection((host, int(port)), timeout=20)) as connection:
        connection.sendall(request)
        return int(connection.recv(100).split()[1])


ASKED = (
    ("GET", "/"),
    ("GET", "/theme.css"),
    ("GET", "/gradio_api/queue/data?session_hash=x"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/upload"),
)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "10.0.0.7:7860"},
        {"Host": "evil.example@127.0.0.1"},
        {"Host": "0.0.0.0"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "file://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"X-Forwarded-Host": "evil.example"},
    ],
    ids=str,
)
def test_other_names_and_other_pages_get_nothing(visitor: Visitor, headers: dict[str, str]) -> None:
    for method, path in ASKED:
        answer = visitor.http.request(method, path, headers=headers)
        assert answer.status_code == 403, path
        assert len(answer.content) < 100


def test_the_page_itself_and_links_to_it_are_answered(visitor: Visitor, address: str) -> None:
    own = address.rstrip("/")
    assert visitor.http.get("/theme.css", headers={"Origin": own, "Sec-Fetch-Site": "same-origin"}).is_success
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert visitor.http.get("/", headers=link).is_success
    port = own.rsplit(":", 1)[1]
    host = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert visitor.http.get("/theme.css", headers=host).is_success


@pytest.mark.parametrize(
    ("host", "public", "headers", "allowed"),
    [
        ("0.0.0.0", (), {"host": "192.168.0.4:7860"}, True),
        ("0.0.0.0", (), {"host": "[fe80::1]:7860", "origin": "http://[fe80::1]:7860"}, True),
        ("0.0.0.0", (), {"host": socket.gethostname()}, True),
        ("0.0.0.0", (), {"host": "evil.example"}, False),
        ("192.168.0.4", (), {"host": "192.168.0.4:7860"}, True),
        ("192.168.0.4", (), {"host": "192.168.0.5:7860"}, False),
        ("127.0.0.1", ("faces.example",), {"host": "faces.example"}, True),
        ("127.0.0.1", ("faces.example",), {"host": "FACES.example", "origin": "https://faces.example"}, True),
        (
            "127.0.0.1",
            ("faces.example",),
            {
                "host": "127.0.0.1:7860",
                "x-forwarded-host": "faces.example",
                "origin": "https://faces.example",
            },
            True,
        ),
        (
            "127.0.0.1",
            ("faces.example",),
            {"host": "faces.example", "origin": "https://other.example"},
            False,
        ),
        ("127.0.0.1", ("faces.example",), {"host": "a.faces.example"}, False),
        ("127.0.0.1", (), {"host": ""}, False),
        ("127.0.0.1", (), {"host": "127.0.0.1:port"}, False),
    ],
)
def test_which_names_a_page_has(
    host: str, public: tuple[str, ...], headers: dict[str, str], allowed: bool
) -> None:
    assert (ServedNames(host, public).refusal(Headers(headers)) is None) == allowed


def test_browsers_are_told_to_keep_the_page_to_itself(visitor: Visitor) -> None:
    for path in ("/", "/theme.css", "/nothing", "/gradio_api/file=/etc/passwd"):
        headers = visitor.http.get(path).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "object-src 'none'" in policy
        scripts = re.search(r"script-src ([^;]*)", policy)
        assert scripts is not None
        assert "unsafe-inline" not in scripts[1]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers
    page = visitor.http.get("/")
    inline = len(re.findall(r"<script(?![^>]* src=)", page.text))
    assert page.headers["content-security-policy"].count("sha256-") == inline > 0


@pytest.mark.parametrize(
    "place",
    [
        "/etc/passwd",
        "/etc/../etc/passwd",
        "{folder}/../x",
        "{folder}",
        "{folder}/results",
        "{folder}/.alive",
        "{cwd}/pyproject.toml",
        "{folder}/%00",
    ],
)
def test_no_file_of_the_server_is_served(visitor: Visitor, studio: Studio, place: str) -> None:
    (studio.folder / "results").mkdir(exist_ok=True)
    place = place.format(folder=studio.folder, cwd=Path.cwd())
    assert visitor.http.get(f"/gradio_api/file={place}").status_code == 404


def test_messages_as_large_as_files_are_refused_unread(visitor: Visitor) -> None:
    for path in ("/gradio_api/queue/join", "/gradio_api/run/predict"):
        assert visitor.http.post(path, json={"data": ["x" * 1_000_000]}).status_code == 413
        assert visitor.http.post(path, content=iter([b"x" * 100])).status_code == 413  # of unknown length


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        b"POST /gradio_api/run/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{",
        b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nhalf',
    ],
    ids=["nothing", "half-a-head", "half-a-message", "half-a-file"],
)
def test_slow_connections_are_closed(
    address: str, studio: Studio, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(server, "_REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(gate, "_SILENT_SECONDS", 0.5)
    host, port = address.split("/")[2].split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as slow:
        slow.sendall(sent)
        begun = time.monotonic()
        while slow.recv(1000):  # until it is closed
            assert time.monotonic() < begun + 9
        assert time.monotonic() > begun + 0.3
    time.sleep(0.3)
    assert not list(studio.folder.glob("tmp*"))


def test_an_upload_that_trickles_is_given_up(
    address: str, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "_SILENT_SECONDS", 1.0)
    head = (
        b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    )
    host, port = address.split("/")[2].split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as slow:
        slow.sendall(head)
        begun = time.monotonic()
        with suppress(OSError):  # reset, or a broken pipe
            while time.monotonic() < begun + 9:
                slow.sendall(b"x")
                time.sleep(0.1)
        assert 0.7 < time.monotonic() - begun < 6
    assert not list(studio.folder.glob("tmp*"))


def test_uploads_beyond_the_limit_are_cut_off(visitor: Visitor, studio: Studio) -> None:
    files = {"files": ("large.png", bytes(1_200_000))}
    assert visitor.http.post("/gradio_api/upload", files=files).status_code == 413
    assert not list(studio.folder.rglob("large.png"))
    unknown = iter([b"--x\r\n"])
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    assert visitor.http.post("/gradio_api/upload", content=unknown, headers=head).status_code == 411


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("setup.exe", b"MZ" + bytes(5000)),
        ("page.png", b"<html><script>alert(1)</script></html>"),
        ("portrait.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("list.mp4", PLAYLIST.format(secret="/etc/passwd").encode()),
        ("motion.safetensors", b"PK\x03\x04"),
        ("empty.jpg", b""),
        ("grin.toml", b"jaw = [1, 2]"),
        ("deep.toml", b"a = " + b"[" * 5000),
        ("program.toml", b"MZ" + bytes(5000)),
    ],
)
def test_what_is_no_picture_video_or_motion_is_not_kept(
    visitor: Visitor, studio: Studio, name: str, content: bytes
) -> None:
    answer = visitor.http.post("/gradio_api/upload", files={"files": (name, content)})
    assert answer.status_code == 415
    assert name in answer.text
    assert str(studio.folder) not in answer.text
    assert not list(studio.folder.rglob(name))


def test_pictures_are_only_drawn_in_their_turn(visitor: Visitor) -> None:
    event = next(event for event in visitor._events if event["api_name"] == "edit")
    body = {"data": [], "fn_index": event["id"], "session_hash": "x"}
    assert visitor.http.post("/gradio_api/run/predict", json=body).status_code == 404


def test_a_folder_is_no_upload(visitor: Visitor, studio: Studio) -> None:
    event = next(event for event in visitor._events if event["api_name"] == "edit")
    for folder in (studio.folder, studio.folder / "results"):
        last = list(visitor.send(event, Your_portrait=file_value(str(folder))))[-1]
        assert last["output"]["error"] == "This file was not uploaded here; upload it again."


@pytest.fixture
def small_studio(tiny: LIAX, monkeypatch: pytest.MonkeyPatch) -> Studio:
    limits = VisitorLimits(megabytes=1, visitor_megabytes=2, total_megabytes=3)
    with Studio(Animator(tiny, "cpu"), limits=limits) as studio:
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(studio.folder))
        page = ServedPage(studio)
        studio.address = page.address  # type: ignore[attr-defined]
        yield studio  # type: ignore[misc]
        page.close()


def test_no_visitor_may_fill_the_disk_nor_all_together(small_studio: Studio, portrait_path: Path) -> None:
    http = httpx.Client(base_url=small_studio.address, timeout=60)  # type: ignore[attr-defined]
    picture = portrait_path.read_bytes()

    def upload(who: str) -> httpx.Response:
        padded = picture + bytes(800_000 - len(picture))
        # uvicorn believes a proxy on the same computer.
        headers = {"X-Forwarded-For": who}
        return http.post("/gradio_api/upload", files={"files": ("a.jpg", padded)}, headers=headers)

    assert [upload("10.0.0.1").status_code for _ in range(3)] == [200, 200, 429]
    # The same content lies in the same place, so what is there has to be made more by others.
    (small_studio.folder / "other").write_bytes(bytes(1_500_000))
    assert upload("10.0.0.2").status_code == 507
    (small_studio.folder / "other").unlink()
    assert upload("10.0.0.2").status_code == 200


def test_visitors_are_told_apart_by_their_networks() -> None:
    assert visitor_of("10.0.0.1") != visitor_of("10.0.0.2")
    assert visitor_of("2001:db8::1") == visitor_of("2001:db8::ffff:1")
    assert visitor_of("2001:db8::1") != visitor_of("2001:db8:0:1::1")
    assert visitor_of("testclient") == "testclient"


@pytest.mark.parametrize("port", [0, -1, 65536, 80_000])
def test_numbers_that_are_no_ports(port: int) -> None:
    with pytest.raises(OptionError, match=f"{port} is no port; take 1 to 65535"):
        server._listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["nonsense.invalid", "192.0.2.1", "a" * 300])
def test_addresses_of_other_computers(host: str) -> None:
    with pytest.raises(OptionError, match="is no address of this computer"):
        server._listen(host, None)


def test_a_page_ends_soon_and_frees_its_port(tiny: LIAX, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[
            1
        ]  # not one of those that pages of other tests take as soon as they are free
    with Studio(Animator(tiny, "cpu")) as studio:
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(studio.folder))
        page = ServedPage(studio, port=port)
        visitor = Visitor(page.address)
        with visitor.http.stream("GET", "/gradio_api/heartbeat/x") as watched:  # a page that is open
            assert watched.status_code == 200
            begun = time.monotonic()
            page.close()
            assert time.monotonic() - begun < 5
        server._listen("127.0.0.1", port).close()
    assert not studio.folder.exists()


def test_a_page_remembers_few_visits(tiny: LIAX, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_REMEMBERED_VISITS", 2)
    with Studio(Animator(tiny, "cpu")) as studio:
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(studio.folder))
        page = ServedPage(studio)
        visitor = Visitor(page.address)
        event = next(event for event in visitor._events if event["api_name"] == "edit")
        for visitor.session in ("first", "second", "third"):
            list(visitor.send(event))
        assert list(page._page.state_holder.session_data) == ["second", "third"]
        page.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere freed memory is the system's own matter")
def test_freed_memory_is_returned() -> None:
    def taken_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    pieces = [np.ones(100_000, np.uint8) for _ in range(2000)]
    last = [np.ones(100, np.uint8) for _ in range(20_000)]  # it lies above them, so they stay glibc's
    del pieces
    before = taken_mb()
    return_freed_memory()
    assert before - taken_mb() > 100
    assert len(last) == 20_000
