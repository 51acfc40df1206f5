"""What the page refuses: files that were not uploaded to it, and messages that are files in disguise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.exceptions import ComponentProcessingError
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Bytes of a message of the page, which holds values and names of files.
_LARGEST_MESSAGE = 1_000_000


class GuardedPage(gr.Blocks):
    """Gradio's page that takes nothing from visitors but values, and files that they uploaded to `folder`."""

    folder: Path

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any) -> Any:
        _refuse_foreign_paths(inputs, self.folder)
        try:
            return await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except ComponentProcessingError as error:
            raise _refusal("This cannot be read; give a JPEG, PNG or WebP picture.") from error


class MessageSizeLimit:
    """Answers 413 to messages that are too large, before they are read; uploads have their own limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["path"].endswith("/upload"):
            size = dict(scope["headers"]).get(b"content-length")
            if size is None or int(size) > _LARGEST_MESSAGE:
                await PlainTextResponse("This message is too large.", 413)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refuse_foreign_paths(value: Any, folder: Path) -> None:
    """Refuse every file that does not lie in `folder`, and those sent as text past the limits of uploads."""
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
