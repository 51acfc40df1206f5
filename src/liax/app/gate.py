"""What reaches the page: requests to its own names, from itself, on the routes that it needs.

All else is answered here, before Gradio sees it. A page of another site cannot use this one through a name
that it makes point here (DNS rebinding), nor through its visitors' browsers (cross-site requests), nor show
it in a frame.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liax.app.drafts import DRAFT_ROUTE, MAX_REQUEST_BYTES
from liax.app.live_socket import LIVE_ROUTE
from liax.app.served_names import ServedNames

# What the page asks for. Gradio has many more routes, some of which read files or open addresses.
_ROUTES = tuple(
    (method, re.compile(path))
    for method, path in (
        ("GET", r"/"),
        ("GET", r"/(theme\.css|favicon\.ico|manifest\.json)"),
        ("GET", r"/(assets|static)/(?!.*\.\.)[\w./-]+"),
        ("GET", r"/gradio_api/(queue/data|upload_progress)"),
        ("GET", r"/gradio_api/heartbeat/\w+"),
        ("GET", r"/gradio_api/file=.+"),
        ("POST", r"/gradio_api/(queue/join|run/predict|upload)"),
        ("POST", re.escape(DRAFT_ROUTE)),
    )
)
_FILE_ROUTE, _UPLOAD_ROUTE = "/gradio_api/file=", "/gradio_api/upload"
# A message of the page holds values and names of files; this many bytes are enough.
_MAX_MESSAGE_BYTES = 1_000_000
# Of a WebSocket that is not answered.
_REFUSED = 1008
# A visitor who sends or takes nothing for so long is gone. An upload has to be at least as fast as this.
_SILENT_SECONDS, _MIN_BYTES_PER_SECOND = 30.0, 10_000
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Gradio compiles the page's small scripts (`js=`), loads some as blobs, and writes styles. Nothing comes from
# elsewhere.
_POLICY = (
    "default-src 'self'; script-src 'self' blob: 'unsafe-eval'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


class Gate:
    """Middleware that lets through what the page needs, and answers all else.

    Args:
        app: What is behind it.
        names: Under which it is served.
        folder: What visitors may download from.
    """

    def __init__(self, app: ASGIApp, names: ServedNames, folder: Path) -> None:
        self._app, self._names, self._folder = app, names, folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            is_page = scope["path"] == "/"
            if is_page:  # its scripts are read on their way
                plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
                scope = {**scope, "headers": plain}
            guarded = _Patience(receive, _Answer(is_page, send))
            if refusal := self._refusal(scope):
                await refusal(scope, guarded.receive, guarded.send)
            else:
                await self._app(scope, guarded.receive, guarded.send)
        elif scope["type"] == "websocket":
            if self._is_own_socket(scope):
                await self._app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": _REFUSED})
        # The page uses no other protocol; uvicorn closes what nobody answers.

    def _is_own_socket(self, scope: Scope) -> bool:
        """Whether the page itself opens its one WebSocket; browsers always tell who does."""
        headers = Headers(scope=scope)
        return scope["path"] == LIVE_ROUTE and "origin" in headers and not self._names.refusal(headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if reason := self._names.refusal(headers):
            return PlainTextResponse(reason, 403)
        asked = "GET" if method == "HEAD" else method
        known = any(asked == allowed and route.fullmatch(path) for allowed, route in _ROUTES)
        if not known or (path.startswith(_FILE_ROUTE) and not self._is_served(path)):
            return PlainTextResponse("There is nothing here.", 404)
        if method == "POST" and path != _UPLOAD_ROUTE:
            size = headers.get("content-length", "")
            most = MAX_REQUEST_BYTES if path == DRAFT_ROUTE else _MAX_MESSAGE_BYTES
            if not size.isdecimal() or int(size) > most:
                return PlainTextResponse("This message is too large.", 413)
        return None

    def _is_served(self, path: str) -> bool:
        """Whether this is a file of the folder; names that begin with a dot are ours."""
        try:
            place = Path(path.removeprefix(_FILE_ROUTE)).resolve()
            return place.is_relative_to(self._folder) and not place.name.startswith(".") and place.is_file()
        except (OSError, ValueError):  # too long, or with a null byte
            return False


class _Patience:
    """Ends the request of a visitor who is silent, or sends so slowly that the server only waits."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._begun, self._bytes, self._more = time.monotonic(), 0, True

    async def receive(self) -> Message:
        if not self._more:  # what comes now is only that the visitor leaves
            return await self._receive()
        spent = time.monotonic() - self._begun
        left = _SILENT_SECONDS + self._bytes / _MIN_BYTES_PER_SECOND - spent
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, min(_SILENT_SECONDS, left)))
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._bytes += len(message.get("body", b""))
        self._more = message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        await asyncio.wait_for(self._send(message), _SILENT_SECONDS)


class _Answer:
    """Sends an answer with the page's headers; that of the page itself also names its inline scripts."""

    def __init__(self, is_page: bool, send: Send) -> None:
        self._is_page, self._send = is_page, send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            if not self._is_page:
                await self._begin("")
        elif not self._is_page:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                digests = [hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(self._body)]
                hashes = [base64.b64encode(digest).decode() for digest in digests]
                await self._begin("".join(f" 'sha256-{hash_}'" for hash_ in hashes))
                await self._send({"type": "http.response.body", "body": self._body})

    async def _begin(self, scripts: str) -> None:
        headers = MutableHeaders(scope=self._start)
        headers.update({**_HEADERS, "Content-Security-Policy": _POLICY.format(scripts=scripts)})
        await self._send(self._start)
