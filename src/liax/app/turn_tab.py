"""Tab "Turn": a portrait's head turned in a circle, or moved by one control after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from liax.app.commands import CommandsView, Invocation
from liax.app.components import (
    VIDEO_FORMATS,
    ResultView,
    available_controls,
    cropped_input,
    face_input,
    format_input,
    portrait_input,
)
from liax.app.job_view import JobResult, JobView
from liax.app.jobs import JobFunction
from liax.app.studio import Studio
from liax.errors import LiaxError
from liax.media.images import write_image
from liax.portrait import manipulate, write_clip
from liax.portrait.manipulate import ORBIT, ORBIT_EXTENT
from liax.progress import Progress

_ORBIT_LABEL, _SWEEP_LABEL = "Look around in a circle", "One movement after another"
_SHEET = ("One picture of all poses (PNG)", "png")
# What a sweep begins with, where the weights have it.
_DEFAULT_SWEEP = ("yaw", "pitch", "roll")


def build(studio: Studio) -> gr.Image:
    """The tab's components and what they do; its portrait."""
    controls = available_controls(studio.controls)
    names = [control.name for control in controls]
    circles = set(ORBIT) <= set(names)
    gr.Markdown(
        "See a portrait from other sides: the head turns in space, as far as one picture lets it be guessed."
    )
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            portrait = portrait_input()
            movement = gr.Radio(
                [_ORBIT_LABEL, _SWEEP_LABEL] if circles else [_SWEEP_LABEL],
                value=_ORBIT_LABEL if circles else _SWEEP_LABEL,
                label="Movement",
            )
            swept = gr.CheckboxGroup(
                [(_described(control.name, control.movement), control.name) for control in controls],
                value=[name for name in names if name in _DEFAULT_SWEEP] or names[:3],
                label="Which movements",
                info="each goes to both of its ends and back",
                visible=not circles,
            )
            extent = gr.Slider(
                10,
                100,
                100 * ORBIT_EXTENT,
                step=5,
                label="How far (%)",
                info="100 is as far as pictures hold",
            )
            with gr.Row(visible=circles) as rounds:
                seconds = gr.Slider(1, 10, 4, step=0.5, label="Seconds a round")
                turns = gr.Slider(1, 5, 1, step=1, label="Rounds")
            format = format_input([*VIDEO_FORMATS, _SHEET])
            with gr.Accordion("More options", open=False):
                label = gr.Checkbox(label="Write the movement's name into a video's frames")
                face = face_input("portrait")
                cropped = cropped_input()
        with gr.Column(min_width=320, elem_classes="liax-sticky"):
            view = JobView(studio, "Turn")
            result = ResultView()
            commands = CommandsView()

    gr.on(
        [movement.change, format.change],
        lambda movement, format: (
            gr.update(visible=movement == _SWEEP_LABEL),
            gr.update(visible=movement == _ORBIT_LABEL and format != _SHEET[1]),
        ),
        [movement, format],
        [swept, rounds],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )

    def make_invocation(
        portrait: str | None,
        movement: str,
        swept: list[str],
        extent: float,
        seconds: float,
        turns: int,
        format: str,
        label: bool,
        face: int | None,
        cropped: bool,
    ) -> Invocation:
        circle, still = movement == _ORBIT_LABEL, format == _SHEET[1]
        # In the order of the sliders, not of the clicks.
        what = {"orbit": True} if circle else {"sweep": ",".join(n for n in names if n in swept)}
        options: dict[str, Any] = {**what, "extent": extent / 100}
        options |= {"seconds": seconds, "turns": int(turns)} if circle and not still else {}
        options |= {"label": True} if label and not still else {}
        options |= {"face": face} if face else {}
        options |= {"crop": False} if cropped else {}
        output = f"{'circle' if circle else 'sweep'}.{format}"
        name = Path(portrait or "portrait.jpg").name
        return Invocation("manipulate", [name], output, options=options, weights=studio.weights_name)

    def turning(portrait: str | None, *values: Any) -> JobFunction:
        if portrait is None:
            raise LiaxError("Give a portrait first: drop a picture on “Your portrait”.")
        call = make_invocation(portrait, *values)
        options = dict(call.options)
        place = Path(portrait), options.pop("face", None), options.pop("crop", True)
        chosen = options.pop("sweep", "")
        if not options.pop("orbit", False) and not chosen:
            raise LiaxError("Nothing is to move yet; choose at least one movement.")
        output = studio.new_result_path(call.output)

        def work(progress: Progress) -> JobResult:
            opened = studio.portrait(*place)
            moves = [chosen.split(",")] if chosen else []
            if output.suffix == ".png":
                draw = manipulate.sweep_sheet if chosen else manipulate.orbit_sheet
                sheet_HW3 = draw(studio.animator, opened, *moves, progress=progress, **options)
                write_image(output, sheet_HW3)
                summary = f"{sheet_HW3.shape[1]} × {sheet_HW3.shape[0]}"
                return JobResult(result.updates(output), summary)
            move = manipulate.sweep if chosen else manipulate.orbit
            clip = move(studio.animator, opened, *moves, **options)
            done = write_clip(clip, output, stage="turning", progress=progress)
            summary = f"{done.frames} frames, {done.seconds:.1f} s, {done.width} × {done.height}"
            return JobResult(result.updates(done.path), summary)

        return work

    inputs = [portrait, movement, swept, extent, seconds, turns, format, label, face, cropped]
    view.connect(turning, inputs, result.outputs)
    commands.show_for(make_invocation, inputs)
    return portrait


def _described(name: str, meaning: str) -> str:
    """ "yaw: turns to the viewer's right"."""
    return f"{name}: {meaning}" if meaning else name
