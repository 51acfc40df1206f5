"""A result to look at and to take along: a video, or a GIF where that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

# Of the player, in pixels: the button beneath stays in sight.
_HEIGHT = 400


class ResultView:
    """A player, a picture for GIFs and stills, and a button to download; `outputs` are its components."""

    def __init__(self, label: str = "Result") -> None:
        self.video = gr.Video(
            label=label, interactive=False, autoplay=True, loop=True, height=_HEIGHT, buttons=[]
        )
        self.picture = gr.Image(
            label=label,
            show_label=False,  # it would cover what is written above the poses of a sheet
            alt_text=label,
            interactive=False,
            visible=False,
            type="filepath",
            buttons=["fullscreen"],
        )
        self.download = gr.DownloadButton("Download", visible=False)
        self.outputs = [self.video, self.picture, self.download]

    def shows(self, path: Path) -> tuple[Any, Any, Any]:
        """New values of `outputs` that show the file at `path`."""
        moving = path.suffix in (".mp4", ".webm")
        return (
            gr.update(value=path if moving else None, visible=moving),
            gr.update(value=None if moving else path, visible=not moving),
            gr.update(value=path, visible=True),
        )
