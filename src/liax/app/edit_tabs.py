"""Tabs "Edit image" and "Edit video": pose and expression set by sliders.

A picture follows its sliders at once; a video is edited as a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from gradio.components import Component
from numpy.typing import NDArray

from liax.app.commands import CommandsView, Invocation
from liax.app.components import (
    ControlsPanel,
    ResultView,
    cropped_input,
    face_input,
    format_input,
    labels_of,
    portrait_input,
    portrait_path,
    video_input,
)
from liax.app.job_view import JobResult, JobView, clip_result
from liax.app.jobs import Job, JobFunction, capture_warnings
from liax.app.messages import done_html, error_html
from liax.app.studio import Studio
from liax.app.uploads import check_video
from liax.errors import LiaxError, LiaxWarning
from liax.media.images import write_image
from liax.options import EditOptions, EditVideoOptions
from liax.portrait import edit_video, write_clip
from liax.portrait.provenance import provenance_of

# Pictures of more pixels become JPEGs, which are written faster.
_MAX_PNG_PIXELS = 1_000_000


class _ImageForm(NamedTuple):
    """What is set on the tab "Edit image"."""

    settings: Mapping[str, float]
    portrait: str | None
    paste: bool
    face: int
    cropped: bool

    def options(self) -> EditOptions:
        """The same for the library."""
        return EditOptions(crop=not self.cropped, face=self.face or None, paste=self.paste)

    def invocation(self, weights: str) -> Invocation[EditOptions]:
        """The same as a command."""
        inputs = [Path(self.portrait or "portrait.jpg").name]
        return Invocation(inputs, "edited.png", self.options(), self.settings, weights=weights)


class _VideoForm(NamedTuple):
    """What is set on the tab "Edit video"."""

    settings: Mapping[str, float]
    video: str | None
    square: bool
    from_first_frame: bool
    face: int
    cropped: bool
    format: str

    def options(self) -> EditVideoOptions:
        """The same for the library."""
        return EditVideoOptions(
            crop=not self.cropped,
            face=self.face or None,
            from_first_frame=self.from_first_frame,
            paste=not self.square,
        )

    def invocation(self, weights: str) -> Invocation[EditVideoOptions]:
        """The same as a command."""
        inputs, output = [Path(self.video or "video.mp4").name], f"edited.{self.format}"
        return Invocation(inputs, output, self.options(), self.settings, weights=weights)


def build_image_tab(studio: Studio) -> gr.Image:
    """Make the tab "Edit image"; returns its portrait."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320, elem_classes="liax-sticky"):
            portrait = portrait_input()
            paste = gr.Checkbox(label="In the whole picture", info="keeps the picture's own sharpness")
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
    labels = labels_of(face=face, crop=cropped, paste=paste)
    inputs: list[Component] = [portrait, paste, face, cropped, *panel.sliders]

    def read(*values: Any) -> _ImageForm:
        """The values of `inputs`, by name."""
        fixed = len(inputs) - len(panel.sliders)
        return _ImageForm(panel.settings(values[fixed:]), *values[:fixed])

    def edit(request: gr.Request, *values: object) -> tuple[Path | None, str]:
        form = read(*values)

        def work() -> tuple[NDArray[np.uint8], list[LiaxWarning | str]]:
            source = portrait_path(form.portrait)
            with capture_warnings() as warnings:
                return studio.edit_portrait(source, form.settings, form.options()), warnings

        try:
            picture_HW3, warnings = studio.run_quick(work)
        except Exception as error:
            return None, error_html(error, studio.folder, labels)
        height, width, _ = picture_HW3.shape
        name = "edited.jpg" if height * width > _MAX_PNG_PIXELS else "edited.png"
        path = studio.new_result_path(name, visitor=request.session_hash)
        made = provenance_of(studio.animator, "edit", source=portrait_path(form.portrait))
        write_image(path, picture_HW3, provenance=made)
        return path, done_html("", warnings, studio.folder, labels)

    gr.on(
        None,  # after every change, and when the page opens
        edit,
        inputs,
        [result, status],
        trigger_mode="always_last",
        concurrency_limit=8,
        show_progress="hidden",
        api_visibility="private",
    )
    commands.show_for(lambda *values: read(*values).invocation(studio.weights_name), inputs)
    return portrait


def build_video_tab(studio: Studio) -> None:
    """Make the tab "Edit video"."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            video = video_input("Your video")
            panel = ControlsPanel(studio.controls)
        with gr.Column(scale=3, min_width=320, elem_classes="liax-sticky"):
            view = JobView(studio, "Edit the video")
            result = ResultView()
            with gr.Accordion("More options", open=False):
                square = gr.Checkbox(label="Only the square around the face")
                from_first_frame = gr.Checkbox(
                    label="From the first frame only",
                    info="edits the first frame and moves it as the video moves; all else stays still",
                )
                face, cropped = face_input("video"), cropped_input()
                format = format_input()
            commands = CommandsView()
    fixed = [video, square, from_first_frame, face, cropped, format]
    inputs: list[Component] = [*fixed, *panel.sliders]

    def read(*values: Any) -> _VideoForm:
        """The values of `inputs`, by name."""
        return _VideoForm(panel.settings(values[len(fixed) :]), *values[: len(fixed)])

    def prepare(form: _VideoForm) -> JobFunction[JobResult]:
        if form.video is None:
            raise LiaxError("Give a video first: drop one on “Your video”.")
        if not form.settings:
            raise LiaxError("Nothing is to be changed yet; move a slider first.")
        source = Path(form.video)
        check_video(source, studio.limits)
        output = studio.new_result_path(form.invocation(studio.weights_name).output)

        def work(job: Job[JobResult]) -> JobResult:
            clip = edit_video(studio.animator, source, form.settings, form.options(), progress=job)
            done = write_clip(job.with_preview(clip), output, stage="editing", progress=job)
            return clip_result(result, done)

        return work

    labels = labels_of(face=face, crop=cropped)
    view.connect(lambda *values: prepare(read(*values)), inputs, result.outputs, labels)
    commands.show_for(lambda *values: read(*values).invocation(studio.weights_name), inputs)
