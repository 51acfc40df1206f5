"""The WebSocket of the tab "Live": frames of cameras come in, and pictures of portraits go out.

Of each visitor's frames only the newest is kept, and no picture is drawn while three are on their way to the
page, so nothing waits in a queue: a slow page or a slow network gets fewer pictures, not later ones. One
thread draws for all visitors, in turn, so that each gets an equal part of the pictures.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from fastapi import FastAPI
from starlette.websockets import WebSocket, WebSocketDisconnect

from liax.app.live_messages import (
    MAX_MESSAGE_BYTES,
    Frame,
    MessageError,
    OpenRequest,
    read_binary,
    read_options,
    read_sound_start,
    read_text,
)
from liax.app.live_visit import LiveVisit
from liax.app.messages import error_text, page_text
from liax.app.studio import Studio
from liax.app.uploads import visitor_of
from liax.errors import LiaxError

_T = TypeVar("_T")

__all__ = ["LIVE_ROUTE", "MAX_MESSAGE_BYTES", "add_live_route"]

LIVE_ROUTE = "/liax/live"
# Visitors at once, of all and of one address.
_VISITORS, _VISITORS_OF_ONE = 4, 2
# Pictures that may be on their way to a page.
_ON_THE_WAY = 3
# Messages a second, and how many may come at once: a camera's frames, or the sound of a recording.
_RATE, _BURST = 80.0, 200.0
# Seconds in which a visitor says something, first and later on, and takes what is sent.
_FIRST_SECONDS, _SILENT_SECONDS, _TAKING_SECONDS = 10.0, 900.0, 30.0
# Codes with which a WebSocket is closed: against the rules, and too many.
_AGAINST_RULES, _TRY_LATER = 1008, 1013
_FULL = "Too many people use this at the moment; try again in a few minutes."


def add_live_route(api: FastAPI, studio: Studio) -> None:
    """Answer the WebSockets of the tab "Live" at `LIVE_ROUTE`."""
    hub = LiveHub(studio)

    @api.websocket(LIVE_ROUTE)
    async def live(socket: WebSocket) -> None:
        await hub.serve(socket)


class LiveHub:
    """All visitors whose cameras move portraits.

    Args:
        studio: Whose network and folder are used.
    """

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.connections: set[_Connection] = set()
        self.virtual_camera_of: _Connection | None = None
        self._drawing = ThreadPoolExecutor(1, "liax-live")

    async def serve(self, socket: WebSocket) -> None:
        """Talk with a visitor until one of both ends it."""
        await socket.accept()
        visitor = visitor_of(socket.client.host if socket.client else "")
        here = Counter(connection.visitor for connection in self.connections)
        if here.total() >= _VISITORS or here[visitor] >= _VISITORS_OF_ONE:
            await socket.send_text(json.dumps({"error": _FULL}))
            await socket.close(_TRY_LATER)
            return
        connection = _Connection(self, socket, visitor)
        self.connections.add(connection)
        self._tell_count()
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)
            if self.virtual_camera_of is connection:
                self.virtual_camera_of = None
            self._tell_count()
            # In the thread that draws, since it may be at work for this visitor still.
            self._drawing.submit(connection.visit.close)

    def _tell_count(self) -> None:
        for connection in self.connections:
            connection.wake()

    async def do(self, work: partial[_T]) -> _T:
        """The result of work in the thread that draws, in its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._drawing, work)


class _Connection:
    """One visitor's WebSocket: what it says is heard at once, and done one thing after the other."""

    def __init__(self, hub: LiveHub, socket: WebSocket, visitor: str) -> None:
        self.visitor, self.visit = visitor, LiveVisit(hub.studio)
        self._hub, self._socket = hub, socket
        self._folder = hub.studio.folder.resolve()
        self._news = asyncio.Event()
        self._frame: Frame | None = None
        self._wanted: OpenRequest | None = None
        self._saving: partial[dict[str, object]] | None = None
        self._shown = self._told_count = 0
        self._told_full = False
        self._allowed, self._counted = _BURST, time.monotonic()

    def wake(self) -> None:
        """Let it see what has changed."""
        self._news.set()

    async def run(self) -> None:
        """Until the visitor leaves, or does what no page of ours does."""
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._work())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            pass
        except TimeoutError:  # nothing is said, or nothing taken
            with suppress(Exception):
                await asyncio.wait_for(self._socket.close(), 1)
        except MessageError:
            await self._end("This is no message of the page.")
        except Exception as error:
            await self._end(error_text(error, self._folder))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self, reason: str) -> None:
        with suppress(Exception):  # the visitor may be gone
            await self._tell(error=reason)
            await self._socket.close(_AGAINST_RULES)

    async def _listen(self) -> None:
        patience = _FIRST_SECONDS
        while True:
            message = await asyncio.wait_for(self._socket.receive(), patience)
            patience = _SILENT_SECONDS
            if message["type"] == "websocket.disconnect":
                return
            self._count_message()
            packed, text = message.get("bytes"), message.get("text")
            if packed is not None:
                self._take(read_binary(packed))
            else:
                try:
                    await self._hear(*read_text(text or ""))
                except LiaxError as error:
                    await self._tell(error=page_text(error, self._folder))
            self.wake()

    def _count_message(self) -> None:
        now = time.monotonic()
        self._allowed = min(_BURST, self._allowed + _RATE * (now - self._counted)) - 1
        self._counted = now
        if self._allowed < 0:
            raise MessageError("these are more messages than a camera has frames")

    def _take(self, message: Frame | bytes) -> None:
        if isinstance(message, Frame):
            self._frame = message  # in place of one that nobody has looked at
            self._shown = min(message.shown, self.visit.number)
        else:
            self.visit.take_sound(message)

    async def _hear(self, wanted: str, values: dict[str, Any]) -> None:
        session = self.visit.session
        if wanted == "open":
            self._wanted = OpenRequest.read(values, self._folder)
        elif wanted == "set":
            options, frozen = read_options(values), values.get("frozen") is True
            if session is not None:
                session.options, session.frozen = options, frozen
        elif wanted == "neutral":
            if session is not None:
                session.set_neutral()
        elif wanted == "record":
            self._told_full = False
            await asyncio.to_thread(self.visit.record)
            await self._tell(recording=True)
        elif wanted == "stop":
            self.visit.stop()
        elif wanted == "save":
            self._saving = partial(self.visit.save, read_sound_start(values))
        else:
            raise MessageError("there is nothing else to do")

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if (count := len(self._hub.connections)) != self._told_count:
                self._told_count = count
                await self._tell(people=count)
            if self._wanted is not None:
                request, self._wanted = self._wanted, None
                await self._open(request)
            if self._saving is not None:
                saving, self._saving = self._saving, None
                try:
                    await self._tell(**await asyncio.to_thread(saving))
                except LiaxError as error:
                    await self._tell(error=page_text(error, self._folder))
            on_the_way = self.visit.number - self._shown
            if self._frame is not None and self.visit.session is not None and on_the_way < _ON_THE_WAY:
                frame, self._frame = self._frame, None
                drawn = await self._hub.do(partial(self.visit.draw, frame))
                await self._send(drawn.message)
                # The next frame waits for this, but not this frame's picture.
                await self._hub.do(partial(self.visit.look, drawn))
            if self.visit.recording_is_full and not self._told_full:
                self._told_full = True
                await self._tell(full=True)

    async def _open(self, request: OpenRequest) -> None:
        hub = self._hub
        if hub.studio.live.virtual_camera and hub.virtual_camera_of is None:
            hub.virtual_camera_of = self
        try:
            ready, picture = await hub.do(partial(self.visit.open, request, hub.virtual_camera_of is self))
        except LiaxError as error:
            await self._tell(error=page_text(error, self._folder), closed=True)
            return
        await self._tell(**ready)
        await self._send(picture)

    async def _tell(self, **values: object) -> None:
        await asyncio.wait_for(self._socket.send_text(json.dumps(values)), _TAKING_SECONDS)

    async def _send(self, message: bytes) -> None:
        await asyncio.wait_for(self._socket.send_bytes(message), _TAKING_SECONDS)
