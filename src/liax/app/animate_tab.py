"""Tab "Animate": a portrait moved by a video, a webcam clip or a saved motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from liax.app.commands import Call, CommandsView
from liax.app.controls_panel import ControlsPanel
from liax.app.inputs import cropped_input, face_input, format_input, portrait_input, video_input
from liax.app.job_view import JobView, Outcome
from liax.app.result import ResultView
from liax.app.studio import Studio
from liax.app.uploads import check_motion, check_video
from liax.app.work import Job, Work
from liax.errors import LiaxError
from liax.portrait import animate, encode, write_clip
from liax.portrait.retarget import ALL
from liax.portrait.template import SUFFIX, save_template
from liax.weights.controls import GROUPS

_VIDEO, _MOTION = "A video or the webcam", "A saved motion"
# How the portrait and the first moment of the video go together: what is read -> options of `animate`.
_BEGINNINGS: dict[str, dict[str, Any]] = {
    "Keep the portrait's own pose": {},
    "Keep it, and count motion from the moment most like it": {"best_frame": True},
    "Take the video's head pose": {"align": "pose"},
    "Take the video's expression": {"align": "expression"},
    "Take the video's pose and expression": {"align": "all"},
    "Copy the video's poses as they are throughout": {"relative": False},
}
_STRONGEST = 2.0


class _Asked(NamedTuple):
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


_ASKED = len(_Asked._fields)


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
                list(_BEGINNINGS), value=next(iter(_BEGINNINGS)), label="At the beginning", filterable=False
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

    def called(*values: Any) -> Call:
        """What is to be done, and with which files, by name."""
        asked, rest = _Asked(*values[:_ASKED]), values[_ASKED:]
        strength = dict(zip(strengths, rest, strict=False))
        options = dict(_BEGINNINGS[asked.beginning])
        names = ("paste", "smooth", "compare", "face", "driving_face")
        options |= {name: getattr(asked, name) for name in names if getattr(asked, name)}
        options |= {"crop": False} if asked.cropped else {}
        changed = {name: value for name, value in strength.items() if value != 1}
        options |= {"strength": changed} if changed else {}
        files = [Path(asked.portrait or "portrait.jpg").name, Path(asked.driving or "driving.mp4").name]
        settings = panel.settings(rest[len(strengths) :])
        return Call("animate", files, f"animated.{asked.format}", settings, options, studio.weights_name)

    def animating(*values: Any) -> Work:
        asked, call = _Asked(*values[:_ASKED]), called(*values)
        if asked.portrait is None:
            raise LiaxError("Give a portrait first: drop a picture on “Your portrait”.")
        portrait, driving = Path(asked.portrait), _checked(asked.driving, studio)
        output = studio.output(call.output)

        def work(job: Job) -> Outcome:
            options = dict(call.options)
            still = studio.still(portrait, options.pop("face", None), options.get("crop", True))
            clip = animate(studio.animator, still, driving, edit=call.settings, progress=job, **options)
            done = write_clip(job.watched(clip), output, progress=job)
            said = f"{done.frames} frames, {done.seconds:.1f} s, {done.width} × {done.height}"
            return Outcome(result.shows(done.path), said)

        return work

    def saving_motion(*values: Any) -> Work:
        call, driving = called(*values), _checked(_Asked(*values[:_ASKED]).driving, studio)
        if driving.suffix == SUFFIX:
            raise LiaxError("This motion is saved already; choose a video above.")
        output = studio.output(driving.stem + SUFFIX)

        def work(job: Job) -> Outcome:
            face, crop = call.options.get("driving_face"), call.options.get("crop", True)
            template = encode(studio.animator, driving, face=face, crop=crop, progress=job)
            save_template(template, output)
            return Outcome(
                [gr.update(value=output, visible=True)], f"{template.total} frames, {template.seconds:.1f} s"
            )

        return work

    asked = _Asked(
        portrait, kind, video, motion, beginning, paste, smooth, compare, face, driving_face, cropped, format
    )
    inputs: list[Any] = [*asked, *strengths.values(), *panel.sliders]
    view.runs(animating, inputs, result.outputs)
    saving.runs(saving_motion, inputs, [saved])
    commands.follows(called, inputs)
    return portrait, video


def _strengths(studio: Studio) -> dict[str, gr.Slider]:
    """Group -> slider of its strength; all that has no name comes last."""
    present = {control.group for control in studio.controls}
    names = {group: group.capitalize() for group in GROUPS if group in present}
    names[ALL] = "Everything else" if names else "All motion"
    return {
        name: gr.Slider(0, _STRONGEST, 1.0, step=0.05, label=label, info="0 leaves it out, 1 as filmed")
        for name, label in names.items()
    }


def _checked(driving: str | None, studio: Studio) -> Path:
    if driving is None:
        raise LiaxError("Give what moves the portrait: a video, a clip from the webcam, or a saved motion.")
    path = Path(driving)
    check = check_motion if path.suffix == SUFFIX else check_video
    check(path, studio.limits)
    return path
