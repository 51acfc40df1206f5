"""Tabs "Edit image" and "Edit video": pose and expression under sliders, at once for a picture and as a job
for a video.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from liax.app.commands import CommandsView, Invocation
from liax.app.components import (
    ControlsPanel,
    ResultView,
    cropped_input,
    face_input,
    format_input,
    portrait_input,
    video_input,
)
from liax.app.job_view import JobResult, JobView, done_html, error_html
from liax.app.jobs import Job, JobFunction
from liax.app.log_capture import capture_warnings
from liax.app.studio import Studio
from liax.app.uploads import check_video
from liax.errors import LiaxError
from liax.media.images import write_image
from liax.portrait import edit_video, write_clip

# Pictures with more pixels than this become JPEGs, which are written faster.
_LARGE = 1_000_000


def build_image_tab(studio: Studio) -> gr.Image:
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

    def make_invocation(
        portrait: str | None, whole: bool, face: int | None, cropped: bool, *values: float
    ) -> Invocation:
        options: dict[str, Any] = {"paste": True} if whole else {}
        options |= {"face": face} if face else {}
        options |= {"crop": False} if cropped else {}
        name = Path(portrait or "portrait.jpg").name
        return Invocation("edit", [name], "edited.png", panel.settings(values), options, studio.weights_name)

    def edit(request: gr.Request, portrait: str | None, *values: Any) -> tuple[Path | None, str]:
        call = make_invocation(portrait, *values)

        def work() -> tuple[NDArray[np.uint8], list[str]]:
            if portrait is None:
                raise LiaxError("Give a portrait first: drop a picture on “Your portrait”.")
            with capture_warnings() as warnings:
                return studio.edit_portrait(Path(portrait), call.settings, **call.options), warnings

        try:
            picture_HW3, warnings = studio.run_quick(work)
        except Exception as error:
            return None, error_html(error, studio)
        height, width, _ = picture_HW3.shape
        name = "edited.jpg" if height * width > _LARGE else "edited.png"
        path = studio.new_result_path(name, visitor=request.session_hash)
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
    commands.show_for(make_invocation, inputs)
    return portrait


def build_video_tab(studio: Studio) -> None:
    """The tab's components and what they do."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            video = video_input("Your video")
            panel = ControlsPanel(studio.controls)
        with gr.Column(scale=3, min_width=320, elem_classes="liax-sticky"):
            view = JobView(studio, "Edit the video")
            result = ResultView()
            with gr.Accordion("More options", open=False):
                square = gr.Checkbox(label="Only the square around the face")
                first = gr.Checkbox(
                    label="From the first frame only",
                    info="edits the first frame and moves it as the video moves; all else stays still",
                )
                face, cropped = face_input("video"), cropped_input()
                format = format_input()
            commands = CommandsView()

    def make_invocation(
        video: str | None,
        square: bool,
        first: bool,
        face: int | None,
        cropped: bool,
        format: str,
        *values: float,
    ) -> Invocation:
        options: dict[str, Any] = {"paste": False} if square else {}
        options |= {"from_first_frame": True} if first else {}
        options |= {"face": face} if face else {}
        options |= {"crop": False} if cropped else {}
        name = Path(video or "video.mp4").name
        settings = panel.settings(values)
        return Invocation("edit-video", [name], f"edited.{format}", settings, options, studio.weights_name)

    def editing(video: str | None, *values: Any) -> JobFunction:
        if video is None:
            raise LiaxError("Give a video first: drop one on “Your video”.")
        call = make_invocation(video, *values)
        if not call.settings:
            raise LiaxError("Nothing is to be changed yet; move a slider first.")
        check_video(Path(video), studio.limits)
        output = studio.new_result_path(call.output)

        def work(job: Job) -> JobResult:
            clip = edit_video(studio.animator, Path(video), call.settings, progress=job, **call.options)
            done = write_clip(job.with_preview(clip), output, stage="editing", progress=job)
            summary = f"{done.frames} frames, {done.seconds:.1f} s, {done.width} × {done.height}"
            return JobResult(result.updates(done.path), summary)

        return work

    inputs: list[Any] = [video, square, first, face, cropped, format, *panel.sliders]
    view.connect(editing, inputs, result.outputs)
    commands.show_for(make_invocation, inputs)
