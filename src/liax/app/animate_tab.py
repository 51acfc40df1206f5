"""Tab "Animate": a portrait moved by a video, a webcam clip or a saved motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

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
from liax.app.job_view import JobResult, JobView
from liax.app.jobs import Job, JobFunction
from liax.app.studio import Studio
from liax.app.uploads import check_motion, check_video
from liax.errors import LiaxError
from liax.portrait import animate, encode_motion, write_clip
from liax.portrait.motion import ALL_MOTION
from liax.portrait.template import SUFFIX, save_template
from liax.weights.controls import GROUPS

_VIDEO, _MOTION = "A video or the webcam", "A saved motion"
# How the portrait and the first moment of the video go together: what is read -> options of `animate`.
_START_OPTIONS: dict[str, dict[str, Any]] = {
    "Keep the portrait's own pose": {},
    "Keep it, and count motion from the moment most like it": {"best_frame": True},
    "Take the video's head pose": {"align": "pose"},
    "Take the video's expression": {"align": "expression"},
    "Take the video's pose and expression": {"align": "all"},
    "Copy the video's poses as they are throughout": {"relative": False},
}
_MAX_STRENGTH = 2.0


class _Form(NamedTuple):
    """The tab's components, or their values; strengths and controls come after them."""

    portrait: Any
    kind: Any
    video: Any
    motion: Any
    beginning: Any
    paste: Any
    smooth: Any
    compare: Any
    face: Any
    driving_face: Any
    cropped: Any
    format: Any

    @property
    def driving(self) -> str | None:
        """The file that moves the portrait."""
        return self.motion if self.kind == _MOTION else self.video


_FORM_SIZE = len(_Form._fields)


def build(studio: Studio) -> tuple[gr.Image, gr.Video]:
    """The tab's components and what they do; its portrait and its driving video."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            with gr.Row():
                portrait = portrait_input(280)
                with gr.Column(min_width=200):
                    video = video_input("Who moves it", 280)
                    motion = gr.File(label="A saved motion", file_types=[SUFFIX], visible=False, height=280)
            kind = gr.Radio([_VIDEO, _MOTION], value=_VIDEO, label="Moved by")
            beginning = gr.Dropdown(
                list(_START_OPTIONS),
                value=next(iter(_START_OPTIONS)),
                label="At the beginning",
                filterable=False,
            )
            with gr.Row():
                paste = gr.Checkbox(
                    label="In the whole picture", info="instead of the square around the face"
                )
                smooth = gr.Checkbox(label="Smooth", info="takes out jitter")
                compare = gr.Checkbox(label="Side by side", info="portrait, video and result")
            with gr.Accordion("How much of each motion", open=False):
                strengths = _strengths(studio)
            with gr.Accordion("Change the portrait throughout", open=False):
                panel = ControlsPanel(studio.controls)
            with gr.Accordion("More options", open=False):
                with gr.Row():
                    face, driving_face = face_input("portrait"), face_input("video")
                cropped = cropped_input()
                format = format_input()
        with gr.Column(min_width=320, elem_classes="liax-sticky"):
            view = JobView(studio, "Animate")
            result = ResultView()
            with gr.Accordion("Save this motion for other portraits", open=False):
                gr.Markdown("Keeps the movement without the pictures: small, and it drives like the video.")
                saving = JobView(studio, "Save this motion", "secondary")
                saved = gr.DownloadButton("Download the motion", visible=False)
            commands = CommandsView()

    kind.change(
        lambda kind: (gr.update(visible=kind == _VIDEO), gr.update(visible=kind == _MOTION)),
        kind,
        [video, motion],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )

    def make_invocation(*values: Any) -> Invocation:
        """What is to be done, and with which files, by name."""
        form, rest = _Form(*values[:_FORM_SIZE]), values[_FORM_SIZE:]
        strength = dict(zip(strengths, rest, strict=False))
        options = dict(_START_OPTIONS[form.beginning])
        names = ("paste", "smooth", "compare", "face", "driving_face")
        options |= {name: getattr(form, name) for name in names if getattr(form, name)}
        options |= {"crop": False} if form.cropped else {}
        changed = {name: value for name, value in strength.items() if value != 1}
        options |= {"strength": changed} if changed else {}
        files = [Path(form.portrait or "portrait.jpg").name, Path(form.driving or "driving.mp4").name]
        settings = panel.settings(rest[len(strengths) :])
        return Invocation("animate", files, f"animated.{form.format}", settings, options, studio.weights_name)

    def animating(*values: Any) -> JobFunction:
        form, call = _Form(*values[:_FORM_SIZE]), make_invocation(*values)
        if form.portrait is None:
            raise LiaxError("Give a portrait first: drop a picture on “Your portrait”.")
        portrait, driving = Path(form.portrait), _checked_driving(form.driving, studio)
        output = studio.new_result_path(call.output)

        def work(job: Job) -> JobResult:
            options = dict(call.options)
            opened = studio.portrait(portrait, options.pop("face", None), options.get("crop", True))
            clip = animate(studio.animator, opened, driving, edit=call.settings, progress=job, **options)
            done = write_clip(job.with_preview(clip), output, progress=job)
            summary = f"{done.frames} frames, {done.seconds:.1f} s, {done.width} × {done.height}"
            return JobResult(result.updates(done.path), summary)

        return work

    def saving_motion(*values: Any) -> JobFunction:
        call, driving = (
            make_invocation(*values),
            _checked_driving(_Form(*values[:_FORM_SIZE]).driving, studio),
        )
        if driving.suffix == SUFFIX:
            raise LiaxError("This motion is saved already; choose a video above.")
        output = studio.new_result_path(driving.stem + SUFFIX)

        def work(job: Job) -> JobResult:
            face, crop = call.options.get("driving_face"), call.options.get("crop", True)
            template = encode_motion(studio.animator, driving, face=face, crop=crop, progress=job)
            save_template(template, output)
            return JobResult(
                [gr.update(value=output, visible=True)], f"{template.total} frames, {template.seconds:.1f} s"
            )

        return work

    form = _Form(
        portrait, kind, video, motion, beginning, paste, smooth, compare, face, driving_face, cropped, format
    )
    inputs: list[Any] = [*form, *strengths.values(), *panel.sliders]
    view.connect(animating, inputs, result.outputs)
    saving.connect(saving_motion, inputs, [saved])
    commands.show_for(make_invocation, inputs)
    return portrait, video


def _strengths(studio: Studio) -> dict[str, gr.Slider]:
    """Group -> slider of its strength; all that has no name comes last."""
    present = {control.group for control in studio.controls}
    names = {group: group.capitalize() for group in GROUPS if group in present}
    names[ALL_MOTION] = "Everything else" if names else "All motion"
    return {
        name: gr.Slider(0, _MAX_STRENGTH, 1.0, step=0.05, label=label, info="0 leaves it out, 1 as filmed")
        for name, label in names.items()
    }


def _checked_driving(driving: str | None, studio: Studio) -> Path:
    if driving is None:
        raise LiaxError("Give what moves the portrait: a video, a clip from the webcam, or a saved motion.")
    path = Path(driving)
    check = check_motion if path.suffix == SUFFIX else check_video
    check(path, studio.limits)
    return path
