"""Tab "Animate": a portrait moved by a video, a webcam clip or a saved motion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from liax.app.commands import Call, CommandsView
from liax.app.controls_panel import ControlsPanel
from liax.app.examples import DRIVING, PORTRAIT
from liax.app.job_view import JobView, Outcome
from liax.app.result import ResultView
from liax.app.studio import Studio
from liax.app.uploads import check_motion, check_video
from liax.app.work import Work
from liax.errors import LiaxError
from liax.portrait import animate_file, encode
from liax.portrait.clip import Progress
from liax.portrait.retarget import ALL
from liax.portrait.template import save_template
from liax.weights.controls import GROUPS

_VIDEO, _MOTION = "A video or the webcam", "A saved motion"
# How the portrait and the first moment of the video go together: what is read -> options of `animate`.
_BEGINNINGS: dict[str, dict[str, Any]] = {
    "Keep the portrait's own pose": {},
    "Keep it, and follow from the moment most like it": {"best_frame": True},
    "Take the video's head pose": {"align": "pose"},
    "Take the video's expression": {"align": "expression"},
    "Take both": {"align": "all"},
    "Copy the video's motion as it is": {"relative": False},
}
_STRONGEST = 2.0


def build(studio: Studio) -> None:
    """The tab's components and what they do."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            with gr.Row():
                portrait = gr.Image(
                    PORTRAIT,
                    label="Your portrait",
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "webcam", "clipboard"],
                    height=280,
                )
                with gr.Column(min_width=200):
                    video = gr.Video(DRIVING, label="Who moves it", sources=["upload", "webcam"], height=280)
                    motion = gr.File(
                        label="A saved motion", file_types=[".safetensors"], visible=False, height=280
                    )
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
                    face = _number("Which face in the portrait")
                    driving_face = _number("Which face in the video")
                cropped = gr.Checkbox(label="Already cropped to the face", info="take both as they are")
                format = gr.Radio(
                    ["mp4", "webm", "gif"], value="mp4", label="Write", info="a GIF has no sound"
                )
        with gr.Column(min_width=320):
            view = JobView(studio, "Animate")
            result = ResultView()
            with gr.Accordion("Save this motion for other portraits", open=False):
                gr.Markdown("Keeps the movement without the pictures: small, and it drives like the video.")
                saving = JobView(studio, "Save this motion")
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

    def called(values: Sequence[Any]) -> tuple[Path | None, Path | None, Call]:
        """Portrait, driving, and what is to be done with them."""
        (
            portrait,
            kind,
            video,
            motion,
            beginning,
            paste,
            smooth,
            compare,
            face,
            driving_face,
            cropped,
            format,
            *rest,
        ) = values
        driving = motion if kind == _MOTION else video
        strength = dict(zip(strengths, rest, strict=False))
        settings = panel.settings(rest[len(strengths) :])
        options = dict(_BEGINNINGS[beginning])
        wanted = {
            "paste": paste,
            "smooth": smooth,
            "compare": compare,
            "face": face,
            "driving_face": driving_face,
        }
        options |= {name: value for name, value in wanted.items() if value}
        options |= {"crop": False} if cropped else {}
        changed = {name: value for name, value in strength.items() if value != 1}
        options |= {"strength": changed} if changed else {}
        names = [Path(portrait or "portrait.jpg").name, Path(driving or "driving.mp4").name]
        call = Call("animate", names, f"animated.{format}", settings, options, studio.weights_name)
        return (Path(portrait) if portrait else None, Path(driving) if driving else None, call)

    def animating(*values: Any) -> Work:
        portrait, driving, call = called(values)
        if portrait is None:
            raise LiaxError("Give a portrait first: drop a picture on “Your portrait”.")
        driving = _checked(driving, studio)
        output = studio.output(call.output)

        def work(progress: Progress) -> Outcome:
            options = dict(call.options)
            still = studio.still(portrait, options.pop("face", None), options.get("crop", True))
            done = animate_file(
                studio.animator, still, driving, output, edit=call.settings, progress=progress, **options
            )
            said = f"{done.frames} frames, {done.seconds:.1f} s, {done.width} × {done.height}"
            return Outcome(result.shows(done.path), said)

        return work

    def saving_motion(*values: Any) -> Work:
        _, driving, call = called(values)
        driving = _checked(driving, studio)
        if driving.suffix == ".safetensors":
            raise LiaxError("This motion is saved already; choose a video above.")
        output = studio.output(f"{driving.stem}.safetensors")

        def work(progress: Progress) -> Outcome:
            face, crop = call.options.get("driving_face"), call.options.get("crop", True)
            template = encode(studio.animator, driving, face=face, crop=crop, progress=progress)
            save_template(template, output)
            return Outcome(
                [gr.update(value=output, visible=True)], f"{template.total} frames, {template.seconds:.1f} s"
            )

        return work

    inputs: list[Any] = [
        portrait,
        kind,
        video,
        motion,
        beginning,
        paste,
        smooth,
        compare,
        face,
        driving_face,
        cropped,
        format,
    ]
    inputs += [*strengths.values(), *panel.sliders]
    view.runs(animating, inputs, result.outputs)
    saving.runs(saving_motion, inputs, [saved])
    commands.follows(lambda *values: called(values)[2], inputs)


def _strengths(studio: Studio) -> dict[str, gr.Slider]:
    """Group -> slider of its strength; all that has no name comes last."""
    present = {control.group for control in studio.controls}
    names = {group: f"{group.capitalize()} motion" for group in GROUPS if group in present}
    names[ALL] = "Everything else" if names else "All motion"
    return {
        name: gr.Slider(0, _STRONGEST, 1.0, step=0.05, label=label, info="0 leaves it out, 1 as filmed")
        for name, label in names.items()
    }


def _number(label: str) -> gr.Number:
    return gr.Number(None, label=label, info="1 is the largest", precision=0, minimum=1)


def _checked(driving: Path | None, studio: Studio) -> Path:
    if driving is None:
        raise LiaxError("Give what moves the portrait: a video, a clip from the webcam, or a saved motion.")
    check = check_motion if driving.suffix == ".safetensors" else check_video
    check(driving, studio.limits)
    return driving
