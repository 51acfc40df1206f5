"""What a command prints when it is done: a text for people or, with --json, the same as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from liax.portrait import WrittenFile

AS_JSON: ContextVar[bool] = ContextVar("AS_JSON", default=False)


def show(text: str | Callable[[], None], **values: Any) -> None:
    """Print a command's result on standard output; a command calls this once.

    Args:
        text: For people, or a function that prints it.
        values: The same for programs, of any kind that `json_ready` knows.
    """
    if AS_JSON.get():
        from liax.report.json_files import json_ready

        print(json.dumps(json_ready(values)))
    elif isinstance(text, str):
        print(text)
    else:
        text()


def show_written(done: WrittenFile) -> None:
    """`show` for a moving result."""
    text = f"{done.path}: {done.frames} frames, {done.seconds:.1f} s, {done.width}x{done.height}"
    show(text, **vars(done))


def show_picture(picture_HW3: NDArray[np.uint8], *paths: Path) -> None:
    """`show` for a picture, or several of one size, that were written to `paths`."""
    height, width = picture_HW3.shape[:2]
    show(f"{', '.join(map(str, paths))}: {width}x{height}", paths=paths, width=width, height=height)
