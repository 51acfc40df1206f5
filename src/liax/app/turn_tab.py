"""Tab "Turn": a portrait's head turned in a circle, or moved by one control after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from liax.app.commands import Call, CommandsView
from liax.app.controls_panel import offered
from liax.app.inputs import VIDEOS, cropped_input, face_input, format_input, portrait_input
from liax.app.job_view import JobView, Outcome
from liax.app.result import ResultView
from liax.app.studio import Studio
from liax.app.work import Work
from liax.errors import LiaxError
from liax.media.images import write_image
from liax.portrait import manipulate, write_clip
from liax.portrait.clip import Progress
from liax.portrait.manipulate import ORBIT, ORBIT_EXTENT

_CIRCLE, _SWEEP = "Look around in a circle", "One movement after another"
_SHEET = ("One picture of all poses (PNG)", "png")
# What a sweep begins with, where the weights have it.
_FIRST = ("yaw", "pitch", "roll")


def build(studio: Studio) -> gr.Image:
    """The tab's components and what they do; its portrait."""
    controls = offered(studio.controls)
    names = [control.name for control in controls]
    circles = set(ORBIT) <= set(names)
    gr.Markdown(
        "See a portrait from other sides: the head turns in space, as far as one picture lets it be guessed."
    )
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            portrait = portrait_input()
            movement = gr.Radio(
                [_CIRCLE, _SWEEP] if circles else [_SWEEP],
                value=_CIRCLE if circles else _SWEEP,
                label="Movement",
            )
            swept = gr.CheckboxGroup(
                [(_described(control.name, control.movement), control.name) for control in controls],
                value=[name for name in names if name in _FIRST] or names[:3],
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
            format = format_input([*VIDEOS, _SHEET])
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
            gr.update(visible=movement == _SWEEP),
            gr.update(visible=movement == _CIRCLE and format != _SHEET[1]),
        ),
        [movement, format],
        [swept, rounds],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )

    def called(
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
    ) -> Call:
        circle, still = movement == _CIRCLE, format == _SHEET[1]
        # In the order of the sliders, not of the clicks.
        what = {"orbit": True} if circle else {"sweep": ",".join(n for n in names if n in swept)}
        options: dict[str, Any] = {**what, "extent": extent / 100}
        options |= {"seconds": seconds, "turns": int(turns)} if circle and not still else {}
        options |= {"label": True} if label and not still else {}
        options |= {"face": face} if face else {}
        options |= {"crop": False} if cropped else {}
        output = f"{'circle' if circle else 'sweep'}.{format}"
        name = Path(portrait or "portrait.jpg").name
        return Call("manipulate", [name], output, options=options, weights=studio.weights_name)

    def turning(portrait: str | None, *values: Any) -> Work:
        if portrait is None:
            raise LiaxError("Give a portrait first: drop a picture on “Your portrait”.")
        call = called(portrait, *values)
        options = dict(call.options)
        place = Path(portrait), options.pop("face", None), options.pop("crop", True)
        chosen = options.pop("sweep", "")
        if not options.pop("orbit", False) and not chosen:
            raise LiaxError("Nothing is to move yet; choose at least one movement.")
        output = studio.output(call.output)

        def work(progress: Progress) -> Outcome:
            still = studio.still(*place)
            moves = [chosen.split(",")] if chosen else []
            if output.suffix == ".png":
                draw = manipulate.sweep_sheet if chosen else manipulate.orbit_sheet
                sheet_HW3 = draw(studio.animator, still, *moves, progress=progress, **options)
                write_image(output, sheet_HW3)
                said = f"{sheet_HW3.shape[1]} × {sheet_HW3.shape[0]}"
                return Outcome(result.shows(output), said)
            move = manipulate.sweep if chosen else manipulate.orbit
            clip = move(studio.animator, still, *moves, **options)
            done = write_clip(clip, output, stage="turning", progress=progress)
            said = f"{done.frames} frames, {done.seconds:.1f} s, {done.width} × {done.height}"
            return Outcome(result.shows(done.path), said)

        return work

    inputs = [portrait, movement, swept, extent, seconds, turns, format, label, face, cropped]
    view.runs(turning, inputs, result.outputs)
    commands.follows(called, inputs)
    return portrait


def _described(name: str, meaning: str) -> str:
    """ "yaw: turns to the viewer's right"."""
    return f"{name}: {meaning}" if meaning else name
