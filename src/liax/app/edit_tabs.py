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

from liax.app.commands import CommandsView, Invocation, result_name
from liax.app.components import (
    QUIET,
    ControlsPanel,
    ResultView,
    Tab,
    cropped_input,
    face_input,
    format_input,
    labels_of,
    portrait_input,
    portrait_path,
    video_input,
)
from liax.app.face_chooser import FaceChooser
from liax.app.face_drag import FaceDrag
from liax.app.job_view import FINDING, JobResult, JobView, clip_result
from liax.app.jobs import Job, JobFunction, capture_warnings
from liax.app.messages import done_html, error_html
from liax.app.own_expressions import OwnExpressions
from liax.app.preview import frame_at
from liax.app.studio import Studio
from liax.app.uploads import VisitorLimits, check_video, visitor_of
from liax.errors import LiaxError, LiaxWarning
from liax.marking import NOT_SYNTHETIC
from liax.media.formats import PICTURE_ERRORS, open_picture
from liax.media.images import write_image
from liax.options import EditOptions, EditVideoOptions
from liax.portrait import edit_image, edit_video, write_clip
from liax.portrait.provenance import provenance_of

# Whole pictures of more pixels become JPEGs, which are written faster.
_MAX_PNG_PIXELS = 1_000_000


def _is_large(picture: Path) -> bool:
    try:
        with open_picture(picture) as image:
            return image.width * image.height > _MAX_PNG_PIXELS
    except PICTURE_ERRORS:
        return False


class _ImageForm(NamedTuple):
    """What is set on the tab "Edit image"."""

    settings: Mapping[str, float]
    portrait: str | None
    paste: bool
    face: int
    cropped: bool
    compare: bool

    def options(self) -> EditOptions:
        """The same for the library."""
        return EditOptions(crop=not self.cropped, face=self.face or None, paste=self.paste)

    def invocation(self, weights: str) -> Invocation[EditOptions]:
        """The same as a command."""
        inputs = [Path(self.portrait or "portrait.jpg").name]
        ending = "jpg" if self.paste and self.portrait and _is_large(Path(self.portrait)) else "png"
        output = f"{result_name(inputs, self.settings, 'edited')}.{ending}"
        return Invocation(inputs, output, self.options(), self.settings, weights=weights)


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
        inputs = [Path(self.video or "video.mp4").name]
        output = f"{result_name(inputs, self.settings, 'edited')}.{self.format}"
        return Invocation(inputs, output, self.options(), self.settings, weights=weights)


def _checked_video(form: _VideoForm, limits: VisitorLimits) -> Path:
    if form.video is None:
        raise LiaxError("Give a video first: drop one on “Your video”.")
    if not form.settings:
        raise LiaxError("Nothing is to be changed yet; move a slider first.")
    path = Path(form.video)
    check_video(path, limits)
    return path


def build_image_tab(studio: Studio) -> Tab:
    """Make the tab "Edit image"."""
    with gr.Row(equal_height=False, elem_classes="liax-edit"):
        with gr.Column(scale=2, min_width=320, elem_classes="liax-sticky"):
            portrait = portrait_input(studio.first_portrait)
            paste = gr.Checkbox(label="In the whole picture", info="keeps the picture's own sharpness")
            compare = gr.Checkbox(label="Before and after", info="side by side, with a divider to drag")
            with gr.Accordion("More options", open=False):
                face, cropped = FaceChooser(studio, portrait).face, cropped_input()
        with gr.Column(scale=3, min_width=320, elem_classes="liax-sticky liax-live"):
            result = gr.Image(
                label="Result",
                alt_text="The edited portrait",
                type="filepath",
                interactive=False,
                height=460,
                buttons=["download", "fullscreen"],
            )
            divided = gr.ImageSlider(
                label="Before and after",
                type="filepath",
                interactive=False,
                visible=False,
                height=460,
                buttons=["fullscreen"],
            )
            drag = FaceDrag(studio.controls)
            status = gr.HTML(elem_classes="liax-status")
            commands = CommandsView()
        with gr.Column(scale=3, min_width=320):
            panel = ControlsPanel(studio.controls, "edit-image")
            OwnExpressions(studio, panel)
    drag.connect(panel, portrait, face, cropped, paste)
    labels = labels_of(face=face, crop=cropped, paste=paste)
    inputs: list[Component] = [portrait, paste, face, cropped, compare, *panel.sliders]

    def read(*values: Any) -> _ImageForm:
        """The values of `inputs`, by name."""
        fixed = len(inputs) - len(panel.sliders)
        return _ImageForm(panel.settings(values[fixed:]), *values[:fixed])

    def edit(request: gr.Request, *values: object) -> dict[Component, object]:
        form = read(*values)

        def work() -> tuple[list[NDArray[np.uint8]], list[LiaxWarning | str]]:
            source, options = portrait_path(form.portrait), form.options()
            with capture_warnings() as warnings:
                pictures = [studio.edit_portrait(source, form.settings, options)]
                if form.compare:
                    pictures.append(studio.unedited(source, options))
                return pictures, warnings

        try:
            pictures, warnings = studio.run_quick(work, visitor_of(request.client.host))
        except Exception as error:
            return {result: None, divided: None, status: error_html(error, studio.folder, labels)}
        name = form.invocation(studio.weights_name).output
        path = studio.new_result_path(name, view=request.session_hash)
        made = provenance_of(studio.animator, "edit", source=portrait_path(form.portrait))
        write_image(path, pictures[0], provenance=made)
        before = path.with_stem("before")
        if form.compare:
            write_image(before, pictures[1], provenance=NOT_SYNTHETIC)
        return {
            result: path,
            divided: (before, path) if form.compare else None,
            status: done_html("", warnings, studio.folder, labels),
        }

    compare.change(
        lambda compare: (gr.update(visible=not compare), gr.update(visible=compare)),
        compare,
        [result, divided],
        queue=False,
        **QUIET,
    )
    gr.on(
        None,  # after every change, and when the page opens
        edit,
        inputs,
        [result, divided, status],
        trigger_mode="always_last",
        concurrency_limit=8,
        show_progress="hidden",
        api_visibility="private",
    )
    commands.show_for(lambda *values: read(*values).invocation(studio.weights_name), inputs)
    return Tab(inputs[: -len(panel.sliders)], portrait=portrait, panel=panel)


def build_video_tab(studio: Studio) -> Tab:
    """Make the tab "Edit video"."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            video = video_input("Your video")
            panel = ControlsPanel(studio.controls, "edit-video")
            OwnExpressions(studio, panel)
        with gr.Column(scale=3, min_width=320, elem_classes="liax-sticky"):
            view = JobView(studio, "Edit the video", [FINDING, "editing"])
            with gr.Accordion("Preview one moment", open=False):
                moment = gr.Slider(0, 100, 0, step=1, label="Moment (% of the video)", buttons=[])
                looking = JobView(studio, "Preview this moment", [], "secondary")
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
        source = _checked_video(form, studio.limits)
        output = studio.new_result_path(form.invocation(studio.weights_name).output)

        def work(job: Job[JobResult]) -> JobResult:
            clip = edit_video(studio.animator, source, form.settings, form.options(), progress=job)
            done = write_clip(job.with_preview(clip), output, stage="editing", progress=job)
            return clip_result(result, done)

        return work

    def prepare_preview(share: float, form: _VideoForm) -> JobFunction[JobResult]:
        source = _checked_video(form, studio.limits)
        output = studio.new_result_path(f"{Path(form.invocation(studio.weights_name).output).stem}.png")
        options = EditOptions(crop=form.options().crop, face=form.options().face, paste=not form.square)

        def work(job: Job[JobResult]) -> JobResult:
            time, picture_HW3 = frame_at(source, share / 100, job)
            edited = edit_image(studio.animator, picture_HW3, form.settings, options)
            made = provenance_of(studio.animator, "edit", source=source)
            write_image(output, edited.picture_HW3, provenance=made)
            return JobResult(result.updates(output), f"How it looks at {time:.1f} s.")

        return work

    labels = labels_of(face=face, crop=cropped)
    view.connect(lambda *values: prepare(read(*values)), inputs, result.outputs, labels)
    looking.connect(
        lambda share, *values: prepare_preview(share, read(*values)),
        [moment, *inputs],
        result.outputs,
        labels,
    )
    commands.show_for(lambda *values: read(*values).invocation(studio.weights_name), inputs)
    return Tab(fixed, video=video, panel=panel, result=result)
