"""The page, served: a place to listen at, Gradio behind our own gates, and an end to it."""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import threading
import time
from collections.abc import Sequence

import h11
import uvicorn
from fastapi import FastAPI
from gradio.networking import setup_tunnel
from gradio.routes import mount_gradio_app
from uvicorn.protocols.http.h11_impl import H11Protocol

from liax.app.drafts import add_draft_route
from liax.app.gate import Gate
from liax.app.live_socket import MAX_MESSAGE_BYTES, add_live_route
from liax.app.page import build
from liax.app.served_names import ServedNames
from liax.app.studio import Studio
from liax.app.theme import CSS, SCRIPT, theme
from liax.app.upload_gate import UploadGate
from liax.errors import LiaxError, OptionError
from liax.portrait.device import return_freed_memory, share_arenas

# Where a free port is looked for.
_PORTS = range(7860, 7960)
# A connection that brings no whole request within this time is closed, and one that asks nothing more sooner.
_REQUEST_SECONDS, _IDLE_SECONDS = 10, 5
# How many connections there may be, of which a page has up to six, and how many wait to be taken.
_CONNECTIONS, _WAITING = 500, 128
# Visits that Gradio remembers, at about half a megabyte each; without this it remembers 10,000.
_REMEMBERED_VISITS = 100
# Seconds that the end waits for those who are answered.
_LAST_SECONDS = 1
# How often old files are removed and freed memory is returned, as a share of the time for which they stay.
_CLEANING = 1 / 4


class ServedPage:
    """A studio's page that is served, in a thread, until `close`.

    As a context manager it stops the studio's work at its end, and closes.

    Args:
        studio: What it works with.
        host: Address to listen on; 0.0.0.0 and :: let other computers in.
        port: None takes the first free one from 7860 on.
        public_hosts: Names under which others reach the page, such as that of a proxy before it.

    Attributes:
        address: Where it is served, such as "http://127.0.0.1:7860/".

    Raises:
        LiaxError: If the address is not this computer's, or the port is taken.
    """

    def __init__(
        self,
        studio: Studio,
        host: str = "127.0.0.1",
        port: int | None = None,
        public_hosts: Sequence[str] = (),
    ) -> None:
        share_arenas()
        self._socket = _listen(host, port)  # before the page, since it is refused soonest
        self._page, self._studio = build(studio), studio
        self._page.state_session_capacity = _REMEMBERED_VISITS
        self._names = ServedNames(host, public_hosts)
        self._host, self._port = self._socket.getsockname()[:2]
        shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(self._host, self._host)
        self.address = f"http://{f'[{shown}]' if ':' in shown else shown}:{self._port}/"
        api = FastAPI(openapi_url=None)
        add_draft_route(api, studio)
        add_live_route(api, studio)
        app = mount_gradio_app(
            api,
            self._page,
            path="/",
            server_name=self._host,
            server_port=self._port,
            max_file_size=f"{studio.limits.megabytes}mb",
            show_error=False,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            theme=theme(),
            css=CSS,
            js=SCRIPT,
        )
        gated = Gate(UploadGate(app, studio.files, studio.limits), self._names, studio.folder)
        config = uvicorn.Config(
            gated,
            http=_PatientProtocol,
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,  # pictures are compressed, and what is small may not grow here
            lifespan="on",
            log_level="warning",
            server_header=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_LAST_SECONDS,
            limit_concurrency=_CONNECTIONS,
        )
        self._server = uvicorn.Server(config)
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.run, args=([self._socket],), name="liax-page", daemon=True),
            threading.Thread(target=self._clean, name="liax-clean", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        while not self._server.started and self._threads[0].is_alive():
            time.sleep(0.01)

    def __enter__(self) -> ServedPage:
        return self

    def __exit__(self, *_: object) -> None:
        self._studio.stop()  # first, because the server waits for jobs that are watched
        self.close()

    def share(self) -> str:
        """Make a public link, through the server of Gradio's makers, and return it.

        Raises:
            LiaxError: If there is no way to that server.
        """
        try:
            link = setup_tunnel(self._host, self._port, secrets.token_urlsafe(32), None, None)
        except Exception as error:
            raise LiaxError(f"There is no public link ({error}); serve the page without one.") from error
        self._names.add(link.split("://")[-1].rstrip("/"))
        return link

    def close(self) -> None:
        """End it; whoever is being answered has a second."""
        self._closing.set()
        self._page.close(verbose=False)
        self._server.should_exit = True
        for thread in self._threads:
            thread.join(_LAST_SECONDS + 4)  # a daemon: what does not end by then does not hold the program up
        self._socket.close()

    def _clean(self) -> None:
        while not self._closing.wait(_CLEANING * 60 * self._studio.limits.kept_minutes):
            self._studio.remove_old_files()
            return_freed_memory()


class _PatientProtocol(H11Protocol):
    """uvicorn's, which closes connections that bring no request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._deadline.cancel()  # whoever opens one has a deadline of its own (live_socket.py)
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        self._deadline.cancel()
        self._wait_for_request()
        super().on_response_complete()

    def _wait_for_request(self) -> None:
        def close_if_idle() -> None:
            if self.cycle is None or self.cycle.response_complete:
                self.transport.abort()

        self._deadline = self.loop.call_later(_REQUEST_SECONDS, close_if_idle)


def _listen(host: str, port: int | None) -> socket.socket:
    if port is not None and not 0 < port < 65536:
        raise OptionError({"port": port}, f"{port} is no port", "take 1 to 65535")
    try:
        family, _, _, _, place = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise _no_address(host) from error
    for tried in _PORTS if port is None else [port]:
        listening = socket.socket(family)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((place[0], tried, *place[2:]))
            listening.listen(_WAITING)
        except OSError as error:
            listening.close()
            if error.errno == errno.EADDRNOTAVAIL:
                raise _no_address(host) from error
            reason = error.strerror
        else:
            return listening
    if port is None:
        raise LiaxError(f"No port from {_PORTS[0]} to {_PORTS[-1]} is free; choose another.")
    raise OptionError({"port": port}, f"Port {port} cannot be used ({reason})", "choose another")


def _no_address(host: str) -> OptionError:
    problem = f"{host} is no address of this computer"
    return OptionError({"host": host}, problem, "take 127.0.0.1, or 0.0.0.0 to let other computers in")
