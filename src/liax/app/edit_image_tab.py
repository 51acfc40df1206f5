"""Tab "Edit image": a portrait under sliders, shown as they move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from liax.app.commands import Call, CommandsView
from liax.app.controls_panel import ControlsPanel
from liax.app.examples import PORTRAIT
from liax.app.hearing import heard
from liax.app.job_view import done_html, error_html
from liax.app.studio import QUICK, Studio
from liax.errors import LiaxError
from liax.media.images import write_image
from liax.portrait import edit_image

# Full pictures with more pixels than this become JPEGs, which are written faster.
_LARGE = 1_000_000
# Results of a visitor that stay while the next one is made: the one that is shown, and the one before.
_KEPT = 2


def build(studio: Studio) -> None:
    """The tab's components and what they do."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            portrait = gr.Image(
                PORTRAIT,
                label="Your portrait",
                type="filepath",
                image_mode=None,
                sources=["upload", "webcam", "clipboard"],
                height=320,
            )
            whole = gr.Checkbox(label="In the whole picture", info="keeps the picture's own sharpness")
            with gr.Accordion("More options", open=False):
                face = gr.Number(
                    None, label="Which face in the portrait", info="1 is the largest", precision=0, minimum=1
                )
                cropped = gr.Checkbox(label="Already cropped to the face", info="take the picture as it is")
        with gr.Column(scale=3, min_width=320):
            result = gr.Image(
                label="Result",
                type="filepath",
                interactive=False,
                height=480,
                buttons=["download", "fullscreen"],
            )
            status = gr.HTML(elem_classes="liax-status")
            commands = CommandsView()
        with gr.Column(scale=3, min_width=320):
            panel = ControlsPanel(studio.controls)
    # The visitor's latest results, to be removed as new ones come.
    kept = gr.State(())

    def edit(
        portrait: str | None,
        whole: bool,
        face: int | None,
        cropped: bool,
        kept: tuple[Path, ...],
        *values: float,
    ) -> Any:
        settings = panel.settings(values)
        options: dict[str, Any] = {"paste": True} if whole else {}
        options |= {"face": face} if face else {}
        options |= {"crop": False} if cropped else {}
        call = Call(
            "edit",
            [Path(portrait or "portrait.jpg").name],
            "edited.png",
            settings,
            options,
            studio.weights_name,
        )
        try:
            if portrait is None:
                raise LiaxError("Give a portrait first: drop a picture above.")
            with heard() as warnings:
                still = studio.still(Path(portrait), face or None, crop=not cropped)
                edited = edit_image(studio.animator, still, settings, crop=not cropped, paste=whole)
        except Exception as error:
            return None, error_html(error, studio), *commands.shows(call), kept
        picture_HW3 = edited.picture_HW3
        large = picture_HW3.shape[0] * picture_HW3.shape[1] > _LARGE
        path = studio.output("edited.jpg" if large else "edited.png")
        write_image(path, picture_HW3)
        for old in kept[: 1 - _KEPT]:
            studio.forget(old)
        return path, done_html("", warnings, studio), *commands.shows(call), (*kept[1 - _KEPT :], path)

    asked: list[Any] = [portrait, whole, face, cropped]
    gr.on(
        [component.change for component in (*asked, *panel.sliders)],
        edit,
        [*asked, kept, *panel.sliders],
        [result, status, *commands.outputs, kept],
        trigger_mode="always_last",
        concurrency_id=QUICK,
        concurrency_limit=1,
        show_progress="hidden",
        api_visibility="private",
    )
