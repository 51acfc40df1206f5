"""Tab "Edit video": pose and expression changed throughout a video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from liax.app.commands import Call, CommandsView
from liax.app.controls_panel import ControlsPanel
from liax.app.inputs import cropped_input, face_input, format_input, video_input
from liax.app.job_view import JobView, Outcome
from liax.app.result import ResultView
from liax.app.studio import Studio
from liax.app.uploads import check_video
from liax.app.work import Job, Work
from liax.errors import LiaxError
from liax.portrait import edit_video, write_clip


def build(studio: Studio) -> None:
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

    def called(
        video: str | None,
        square: bool,
        first: bool,
        face: int | None,
        cropped: bool,
        format: str,
        *values: float,
    ) -> Call:
        options: dict[str, Any] = {"paste": False} if square else {}
        options |= {"from_first_frame": True} if first else {}
        options |= {"face": face} if face else {}
        options |= {"crop": False} if cropped else {}
        name = Path(video or "video.mp4").name
        settings = panel.settings(values)
        return Call("edit-video", [name], f"edited.{format}", settings, options, studio.weights_name)

    def editing(video: str | None, *values: Any) -> Work:
        if video is None:
            raise LiaxError("Give a video first: drop one on “Your video”.")
        call = called(video, *values)
        if not call.settings:
            raise LiaxError("Nothing is to be changed yet; move a slider first.")
        check_video(Path(video), studio.limits)
        output = studio.output(call.output)

        def work(job: Job) -> Outcome:
            clip = edit_video(studio.animator, Path(video), call.settings, progress=job, **call.options)
            done = write_clip(job.watched(clip), output, stage="editing", progress=job)
            said = f"{done.frames} frames, {done.seconds:.1f} s, {done.width} × {done.height}"
            return Outcome(result.shows(done.path), said)

        return work

    inputs: list[Any] = [video, square, first, face, cropped, format, *panel.sliders]
    view.runs(editing, inputs, result.outputs)
    commands.follows(called, inputs)
