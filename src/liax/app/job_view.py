"""Start, Stop and how far it is: the components around long work, the same on every tab."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from liax.app.studio import LONG, Studio
from liax.app.work import Told, Work


class JobView:
    """A button that starts long work, one that stops it, and a line that tells how far it is.

    Make it where the buttons are to be, then call `runs` once all components of the tab exist.
    """

    def __init__(self, studio: Studio, label: str) -> None:
        """label: what the start button says ("Animate")."""
        self._studio = studio
        with gr.Row():
            self.start = gr.Button(label, variant="primary")
            self.stop = gr.Button("Stop", variant="stop", visible=False)
        self.status = gr.HTML(elem_classes="liax-status")

    def runs(
        self,
        prepare: Callable[..., Work],
        inputs: Sequence[gr.components.Component],
        outputs: Sequence[gr.components.Component],
    ) -> None:
        """Let the start button do the work that `prepare(*values of inputs)` returns.

        prepare: checks what was given, quickly, and raises LiaxError; the work does the rest. The work
            returns the new values of `outputs` as a tuple, whose last item may be followed by a sentence
            that tells what came out: (*values, "125 frames, 5.0 s, 256x256").
        """
        raise NotImplementedError
