"""What is taken of uploads: as much as there is room for, and only files of the kinds that the page reads."""

from __future__ import annotations

import json
import time
from collections import deque
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from liax.app.folder import StudioFolder
from liax.app.uploads import VisitorLimits, check_kind, visitor_of
from liax.errors import LiaxError

# What a form has besides the files.
_FORM_BYTES = 100_000


class UploadGate:
    """Middleware around Gradio's route of uploads.

    Args:
        app: What is behind it.
        folder: Where uploads lie.
        limits: How much is taken.
    """

    def __init__(self, app: ASGIApp, folder: StudioFolder, limits: VisitorLimits) -> None:
        self._app, self._folder, self._limits = app, folder, limits
        self._coming = 0  # bytes of the uploads that are on their way
        self._running = 0
        # Of each visitor: when they sent how many bytes.
        self._sent: dict[str, deque[tuple[float, int]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith("/upload"):
            await self._app(scope, receive, send)
            return
        size = Headers(scope=scope).get("content-length", "")
        visitor = visitor_of((scope["client"] or [""])[0])
        if refusal := await self._refusal(visitor, size):
            await refusal(scope, receive, send)
        else:
            await self._take(int(size), scope, receive, send)

    async def _refusal(self, visitor: str, told: str) -> PlainTextResponse | None:
        """The answer to an upload for which there is no room; otherwise the visitor's share is noted."""
        limits = self._limits
        if not told.isdecimal():
            return PlainTextResponse("The size of this upload is not told.", 411)
        size = int(told)
        if size > limits.megabytes * 1_000_000 + _FORM_BYTES:
            return PlainTextResponse(f"This is too large; give a file of up to {limits.megabytes} MB.", 413)
        now = time.monotonic()
        for name, sent in list(self._sent.items()):
            while sent and sent[0][0] < now - 60 * limits.kept_minutes:
                sent.popleft()
            if not sent:
                del self._sent[name]
        sent = self._sent.setdefault(visitor, deque())
        if sum(bytes_ for _, bytes_ in sent) + size > limits.visitor_megabytes * 1_000_000:
            return PlainTextResponse(
                f"You have sent {limits.visitor_megabytes} MB within an hour; try again later.", 429
            )
        free = await run_in_threadpool(self._folder.free_bytes, limits.total_megabytes)
        if free < self._coming + size:
            return PlainTextResponse("There is no room for uploads at the moment; try again later.", 507)
        sent.append((now, size))
        return None

    async def _take(self, size: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Gradio take the upload, then send its answer, unless the page cannot read a file of it."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        self._coming += size
        self._running += 1
        try:
            await self._app(scope, receive, keep)
        finally:
            self._coming -= size
            self._running -= 1
            if not self._running:  # what aborted uploads left
                await run_in_threadpool(self._folder.remove_unfinished, time.time())
        body = b"".join(message.get("body", b"") for message in answer)
        if answer and answer[0]["status"] == 200:
            for path in map(Path, json.loads(body)):
                try:
                    await run_in_threadpool(check_kind, path)
                except LiaxError as error:
                    path.unlink(missing_ok=True)
                    sentence = str(error).replace(str(path), path.name)
                    await PlainTextResponse(sentence, 415)(scope, receive, send)
                    return
        for message in answer:
            await send(message)
