"""What the page refuses: files that were not uploaded to it, and messages as large as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.exceptions import ComponentProcessingError
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# A message of the page holds values and names of files; this many bytes are enough.
_MAX_MESSAGE_BYTES = 1_000_000


class GuardedPage(gr.Blocks):
    """A Gradio page that takes values and uploaded files from visitors, and refuses all other files.

    Attributes:
        folder: Where uploads lie.
    """

    folder: Path

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[object], *args: Any, **kwargs: Any
    ) -> Any:
        """Gradio's own, after the inputs are checked."""
        _refuse_foreign_paths(inputs, self.folder)
        try:
            return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except ComponentProcessingError as error:
            raise _refusal("This cannot be read; give a JPEG, PNG or WebP picture.") from error


class MessageSizeLimit:
    """Middleware that answers 413 to messages that are too large, unread; uploads have their own limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["path"].endswith("/upload"):
            size = dict(scope["headers"]).get(b"content-length")
            if size is None or int(size) > _MAX_MESSAGE_BYTES:
                await PlainTextResponse("This message is too large.", 413)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refuse_foreign_paths(value: object, folder: Path) -> None:
    """Refuse files outside `folder`, and files sent as text, which would evade the limits of uploads."""
    if isinstance(value, Mapping):
        path, url = value.get("path"), value.get("url")
        if "path" in value and not (isinstance(path, str) and Path(path).resolve().is_relative_to(folder)):
            raise _refusal("This file was not uploaded here; upload it again.")
        if isinstance(url, str) and url.startswith("data:"):
            raise _refusal("Upload the file itself, not its content as text.")
        for item in value.values():
            _refuse_foreign_paths(item, folder)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            _refuse_foreign_paths(item, folder)


def _refusal(sentence: str) -> gr.Error:
    return gr.Error(sentence, print_exception=False)
