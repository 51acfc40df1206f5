"""What the page refuses as values of its components: files that were not uploaded to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block, BlockFunction
from gradio.exceptions import ComponentProcessingError
from gradio.state_holder import SessionState


class GuardedPage(gr.Blocks):
    """A Gradio page that takes values and uploaded files from visitors, and refuses all other files.

    Attributes:
        folder: Where uploads lie.
    """

    folder: Path

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[object],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> Any:
        """Gradio's own, after the inputs are checked."""
        _refuse_foreign_paths(inputs, self.folder)
        # A slider may have got another scale on this visitor's page.
        blocks = [state[b._id] if state and b._id in state else b for b in block_fn.inputs]
        inputs = [_on_scale(block, value) for block, value in zip(blocks, inputs, strict=True)]
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except ComponentProcessingError as error:
            raise _refusal("A value is none that can be chosen; open the page anew.") from error


def _refuse_foreign_paths(value: object, folder: Path) -> None:
    """Refuse files outside `folder`, and files sent as text, which would evade the limits of uploads."""
    if isinstance(value, Mapping):
        path, url = value.get("path"), value.get("url")
        if "path" in value and not (isinstance(path, str) and is_inside(Path(path), folder)):
            raise _refusal("This file was not uploaded here; upload it again.")
        if isinstance(url, str) and url.startswith("data:"):
            raise _refusal("Upload the file itself, not its content as text.")
        for item in value.values():
            _refuse_foreign_paths(item, folder)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            _refuse_foreign_paths(item, folder)


def _on_scale(block: Block, value: object) -> object:
    """A slider's value: the nearest one on its scale, or where it rests if its box is empty."""
    if not isinstance(block, gr.Slider):
        return value
    rest = block.value if isinstance(block.value, int | float) else block.minimum
    number = value if isinstance(value, int | float) and math.isfinite(value) else rest
    return min(max(number, block.minimum), block.maximum)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether this is in the folder, and not a folder itself; it may be removed already."""
    try:
        return path.resolve().is_relative_to(folder) and not path.is_dir()
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def _refusal(sentence: str) -> gr.Error:
    return gr.Error(sentence, print_exception=False)
