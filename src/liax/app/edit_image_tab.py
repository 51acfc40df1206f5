"""Tab "Edit image": a portrait under sliders, shown as they move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from liax.app.commands import Call, CommandsView
from liax.app.controls_panel import ControlsPanel
from liax.app.hearing import heard
from liax.app.inputs import cropped_input, face_input, portrait_input
from liax.app.job_view import done_html, error_html
from liax.app.studio import Studio
from liax.errors import LiaxError
from liax.media.images import write_image

# Pictures with more pixels than this become JPEGs, which are written faster.
_LARGE = 1_000_000


def build(studio: Studio) -> gr.Image:
    """The tab's components and what they do; its portrait."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320, elem_classes="liax-sticky"):
            portrait = portrait_input()
            whole = gr.Checkbox(label="In the whole picture", info="keeps the picture's own sharpness")
            with gr.Accordion("More options", open=False):
                face, cropped = face_input("portrait"), cropped_input()
        with gr.Column(scale=3, min_width=320, elem_classes="liax-sticky liax-live"):
            result = gr.Image(
                label="Result",
                alt_text="The edited portrait",
                type="filepath",
                interactive=False,
                height=460,
                buttons=["download", "fullscreen"],
            )
            status = gr.HTML(elem_classes="liax-status")
            commands = CommandsView()
        with gr.Column(scale=3, min_width=320):
            panel = ControlsPanel(studio.controls)

    def called(portrait: str | None, whole: bool, face: int | None, cropped: bool, *values: float) -> Call:
        options: dict[str, Any] = {"paste": True} if whole else {}
        options |= {"face": face} if face else {}
        options |= {"crop": False} if cropped else {}
        name = Path(portrait or "portrait.jpg").name
        return Call("edit", [name], "edited.png", panel.settings(values), options, studio.weights_name)

    def edit(request: gr.Request, portrait: str | None, *values: Any) -> tuple[Path | None, str]:
        call = called(portrait, *values)

        def work() -> tuple[NDArray[np.uint8], list[str]]:
            if portrait is None:
                raise LiaxError("Give a portrait first: drop a picture on “Your portrait”.")
            with heard() as warnings:
                return studio.edited(Path(portrait), call.settings, **call.options), warnings

        try:
            picture_HW3, warnings = studio.quickly(work)
        except Exception as error:
            return None, error_html(error, studio)
        height, width, _ = picture_HW3.shape
        name = "edited.jpg" if height * width > _LARGE else "edited.png"
        path = studio.output(name, visitor=request.session_hash)
        write_image(path, picture_HW3)
        return path, done_html("", warnings, studio)

    inputs: list[Any] = [portrait, whole, face, cropped, *panel.sliders]
    gr.on(
        None,  # whatever changes, and when the page opens
        edit,
        inputs,
        [result, status],
        trigger_mode="always_last",
        concurrency_limit=8,
        show_progress="hidden",
        api_visibility="private",
    )
    commands.follows(called, inputs)
    return portrait
