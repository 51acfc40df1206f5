"""Tab "Turn": a portrait's head turned in a circle, or moved by one control after another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from liax.app.commands import CommandsView, Invocation, result_name
from liax.app.components import (
    VIDEO_FORMATS,
    ResultView,
    Tab,
    available_controls,
    cropped_input,
    format_input,
    labels_of,
    portrait_input,
    portrait_path,
)
from liax.app.face_chooser import FaceChooser
from liax.app.job_view import JobResult, JobView, clip_result
from liax.app.jobs import Job, JobFunction
from liax.app.studio import Studio
from liax.errors import LiaxError
from liax.media.images import write_image
from liax.options import ManipulateOptions, Names
from liax.portrait import manipulate, write_clip
from liax.portrait.manipulate import ORBIT, ORBIT_EXTENT
from liax.portrait.provenance import provenance_of

_ORBIT_LABEL, _SWEEP_LABEL = "Look around in a circle", "One movement after another"
_SHEET = ("One picture of all poses (PNG)", "png")
# What a sweep begins with, where the weights have it.
_DEFAULT_SWEEP = ("yaw", "pitch", "roll")


class _Form(NamedTuple):
    """What is set on the tab."""

    portrait: str | None
    movement: str
    sweep: Names
    extent: float
    seconds: float
    turns: float
    format: str
    label: bool
    face: int
    cropped: bool

    @property
    def orbits(self) -> bool:
        """Whether the head turns in a circle; otherwise controls are swept."""
        return self.movement == _ORBIT_LABEL

    @property
    def is_sheet(self) -> bool:
        """Whether one picture of all poses is wanted, not a video."""
        return self.format == _SHEET[1]

    def options(self) -> ManipulateOptions:
        """The same for the library."""
        options = ManipulateOptions(crop=not self.cropped, face=self.face or None, extent=self.extent / 100)
        if self.is_sheet:
            return options
        options = replace(options, label=self.label)
        return replace(options, seconds=self.seconds, turns=int(self.turns)) if self.orbits else options

    def invocation(self, weights: str) -> Invocation[ManipulateOptions]:
        """The same as a command."""
        inputs = [Path(self.portrait or "portrait.jpg").name]
        output = f"{result_name(inputs, {}, 'circle' if self.orbits else 'sweep')}.{self.format}"
        sweep = None if self.orbits else self.sweep
        return Invocation(inputs, output, self.options(), sweep=sweep, weights=weights)


def build(studio: Studio) -> Tab:
    """Make the tab."""
    controls = available_controls(studio.controls)
    names = [control.name for control in controls]
    circles = set(ORBIT) <= set(names)
    gr.Markdown(
        "See a portrait from other sides. The head turns in space, as far as this can be guessed from one "
        "picture."
    )
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            portrait = portrait_input(studio.first_portrait)
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
                info="100 is as far as pictures hold up",
            )
            with gr.Row(visible=circles) as rounds:
                seconds = gr.Slider(1, 10, 4, step=0.5, label="Seconds a round")
                turns = gr.Slider(1, 5, 1, step=1, label="Rounds")
            format = format_input([*VIDEO_FORMATS, _SHEET])
            with gr.Accordion("More options", open=False):
                label = gr.Checkbox(label="Write the movement's name into the video")
                face = FaceChooser(studio, portrait).face
                cropped = cropped_input()
        with gr.Column(min_width=320, elem_classes="liax-sticky"):
            view = JobView(studio, "Turn", ["turning"])
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

    def read(portrait: str | None, movement: str, swept: list[str], *values: Any) -> _Form:
        """The values of `inputs`, by name; movements in the order of `names`, not of the clicks."""
        return _Form(portrait, movement, tuple(name for name in names if name in swept), *values)

    def prepare(form: _Form) -> JobFunction[JobResult]:
        source, options = portrait_path(form.portrait), form.options()
        if not (form.orbits or form.sweep):
            raise LiaxError("Nothing is to move yet; choose at least one movement.")
        output = studio.new_result_path(form.invocation(studio.weights_name).output)

        def draw_sheet(job: Job[JobResult]) -> JobResult:
            opened = studio.portrait(source, options)
            if form.orbits:
                sheet_HW3 = manipulate.orbit_sheet(studio.animator, opened, options, progress=job)
            else:
                sheet_HW3 = manipulate.sweep_sheet(studio.animator, opened, form.sweep, options, progress=job)
            made = provenance_of(studio.animator, "manipulate", source=opened)
            write_image(output, sheet_HW3, provenance=made)
            return JobResult(result.updates(output), f"{sheet_HW3.shape[1]} × {sheet_HW3.shape[0]}")

        def make_clip(job: Job[JobResult]) -> JobResult:
            opened = studio.portrait(source, options)
            if form.orbits:
                clip = manipulate.orbit(studio.animator, opened, options)
            else:
                clip = manipulate.sweep(studio.animator, opened, form.sweep, options)
            return clip_result(result, write_clip(clip, output, stage="turning", progress=job))

        return draw_sheet if form.is_sheet else make_clip

    inputs = [portrait, movement, swept, extent, seconds, turns, format, label, face, cropped]
    view.connect(
        lambda *values: prepare(read(*values)), inputs, result.outputs, labels_of(face=face, crop=cropped)
    )
    commands.show_for(lambda *values: read(*values).invocation(studio.weights_name), inputs)
    return Tab(inputs, portrait=portrait, result=result)


def _described(name: str, meaning: str) -> str:
    """A control's name with its meaning, such as "yaw: turns to the viewer's right"."""
    return f"{name}: {meaning}" if meaning else name
