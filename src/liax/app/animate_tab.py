"""Tab "Animate": a portrait moved by a video, a webcam clip or a saved motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import gradio as gr
import numpy as np
from gradio.components import Component

from liax.app.commands import CommandsView, Invocation, result_name
from liax.app.components import (
    ControlsPanel,
    MotionInput,
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
from liax.app.edited_motion import EditableMotion
from liax.app.face_chooser import FaceChooser
from liax.app.job_view import FINDING, READING, JobResult, JobView, clip_result
from liax.app.jobs import Job, JobFunction
from liax.app.moments import preview_faces, preview_portrait
from liax.app.other_faces import OtherFaces, check_chosen
from liax.app.own_expressions import OwnExpressions
from liax.app.studio import Studio
from liax.app.timeline import Timeline, opened_key
from liax.app.uploads import MOTION_SUFFIXES, VisitorLimits, check_motion, check_picture, check_video
from liax.errors import LiaxError
from liax.media.images import write_image
from liax.options import ALL_MOTION, AnimateOptions
from liax.portrait import animate, encode_motion, write_clip
from liax.portrait.motion import Driving
from liax.portrait.provenance import by_role, provenance_of
from liax.portrait.reenact_video import reenact_video
from liax.portrait.template import SUFFIX, save_template
from liax.weights.controls import GROUPS, Controls

T = TypeVar("T")

_VIDEO, _MOTION = "A video or the webcam", "A saved motion"
# How the portrait and the first frame of the video go together.
_BEGINNINGS = {
    "Keep the portrait's own pose": AnimateOptions(),
    "Keep it, and measure motion from the video's most similar moment": AnimateOptions(reference="best"),
    "Keep it, and measure motion from the video's first moment in any case": AnimateOptions(
        reference="first"
    ),
    "Take the video's head pose": AnimateOptions(align="pose"),
    "Take the video's expression": AnimateOptions(align="expression"),
    "Take the video's pose and expression": AnimateOptions(align="all"),
    "Copy the video's poses as they are throughout": AnimateOptions(absolute=True),
}
_MAX_STRENGTH = 2.0


class _Form(NamedTuple):
    """What is set on the tab."""

    strength: Mapping[str, float]
    settings: Mapping[str, float]
    others: Mapping[int, Path]
    portrait: str | None
    kind: str
    video: str | None
    motion: str | None
    beginning: str
    paste: bool
    smooth: bool
    compare: bool
    face: int
    driving_face: int
    cropped: bool
    format: str

    @property
    def driving(self) -> str | None:
        """The file that moves the portrait."""
        return self.motion if self.kind == _MOTION else self.video

    def options(self) -> AnimateOptions:
        """The same for the library."""
        return replace(
            _BEGINNINGS[self.beginning],
            crop=not self.cropped,
            face=None if self.others else self.face or None,
            driving_face=self.driving_face or None,
            strength={name: value for name, value in self.strength.items() if value != 1} or 1.0,
            smooth=self.smooth,
            set=self.settings,
            paste=self.paste and not self.others,
            compare=self.compare,
        )

    def by_face(self, driving: T) -> dict[int | None, T | Path]:
        """What moves each face, `driving` being that of the chosen one; of several faces only.

        Raises:
            LiaxError: If that face is to be moved by another file, too.
        """
        check_chosen(self.face or 1, self.others)
        others: dict[int | None, T | Path] = dict(self.others.items())
        return {self.face or 1: driving, **others}

    def invocation(self, weights: str) -> Invocation[AnimateOptions]:
        """The same as a command."""
        portrait, driving = Path(self.portrait or "portrait.jpg"), Path(self.driving or "driving.mp4")
        output = f"{result_name([portrait, driving], {}, 'animated')}.{self.format}"
        inputs, faces = [portrait.name, driving.name], {}
        if self.others:
            inputs = [portrait.name]
            faces = {n: path.name for n, path in {self.face or 1: driving, **self.others}.items()}
        return Invocation(inputs, output, self.options(), faces=faces, weights=weights)


def build(studio: Studio) -> Tab:
    """Make the tab; its video is what moves the portrait."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            with gr.Row():
                portrait = portrait_input(studio.first_portrait, 280)
                with gr.Column(min_width=200):
                    video = video_input("Who moves it", 280)
                    motion = gr.File(
                        label="A saved motion", file_types=list(MOTION_SUFFIXES), visible=False, height=280
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
                strengths = _strength_sliders(studio.controls)
            with gr.Accordion("Change the portrait throughout", open=False):
                panel = ControlsPanel(studio.controls, "animate")
                OwnExpressions(studio, panel)
            timeline = Timeline(studio)
            with gr.Accordion("Faces of the portrait", open=False):
                face, others = FaceChooser(studio, portrait).face, OtherFaces()
            with gr.Accordion("More options", open=False):
                driving_face = face_input("video")
                cropped = cropped_input()
                format = format_input()
        with gr.Column(min_width=320, elem_classes="liax-sticky"):
            view = JobView(studio, "Animate", [FINDING, "animating"])
            looking = JobView(studio, "Preview two moments", [FINDING, READING], "secondary")
            result = ResultView()
            with gr.Accordion("Save this motion for other portraits", open=False):
                gr.Markdown(
                    "Keeps the movement without the pictures, in a small file that moves portraits as the "
                    "video does."
                )
                saving = JobView(studio, "Save this motion", [FINDING], "secondary")
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

    inputs: list[Component] = [portrait, kind, video, motion, beginning, paste, smooth, compare]
    inputs += [face, driving_face, cropped, format, *others.inputs, *strengths.values(), *panel.sliders]

    def read(*values: Any) -> _Form:
        """The values of `inputs`, by name."""
        settings_from = len(inputs) - len(panel.sliders)
        strengths_from = settings_from - len(strengths)
        others_from = strengths_from - len(others.inputs)
        strength = dict(zip(strengths, values[strengths_from:settings_from], strict=True))
        by_face = others.drivings_of(values[others_from:strengths_from])
        return _Form(strength, panel.settings(values[settings_from:]), by_face, *values[:others_from])

    def check_faces(source: Path, driving: Path, form: _Form) -> None:
        """Check what is given if several faces are to move."""
        if form.others:
            check_picture(source, studio.limits)
            for each in form.by_face(driving).values():
                _checked_driving(str(each), studio.limits)

    def prepare_animation(known: EditableMotion | None, edits: str, form: _Form) -> JobFunction[JobResult]:
        source, options = portrait_path(form.portrait), form.options()
        driving = _checked_driving(form.driving, studio.limits)
        edited = timeline.edited(known, edits, opened_key(driving, options))
        output = studio.new_result_path(form.invocation(studio.weights_name).output)
        check_faces(source, driving, form)

        def work(job: Job[JobResult]) -> JobResult:
            motion: Driving = edited(options.compare) if edited else studio.driving(driving, options, job)
            if form.others:
                clip = reenact_video(studio.animator, source, form.by_face(motion), options, progress=job)
            else:
                opened = studio.portrait(source, options)
                clip = animate(studio.animator, opened, motion, options, progress=job)
            return clip_result(result, write_clip(job.with_preview(clip), output, progress=job))

        return work

    def read_moment(form: _Form) -> tuple[Path, Path, AnimateOptions]:
        """Portrait, driving and options of one picture at the playhead."""
        options = replace(form.options(), smooth=False, compare=False)  # smoothing takes neighbours in time
        return portrait_path(form.portrait), _checked_driving(form.driving, studio.limits), options

    def prepare_preview(form: _Form) -> JobFunction[JobResult]:
        source = portrait_path(form.portrait)
        options = replace(form.options(), smooth=False)  # which takes neighbours in time
        driving = _checked_driving(form.driving, studio.limits)
        output = studio.new_result_path(f"{Path(form.invocation(studio.weights_name).output).stem}.png")

        check_faces(source, driving, form)

        def work(job: Job[JobResult]) -> JobResult:
            if form.others:
                moved_by: Mapping[int | None, Path] = form.by_face(driving)
                shown = preview_faces(studio, source, moved_by, options, job)
            else:
                moved_by = {None: driving}
                shown = preview_portrait(studio, source, driving, options, job)
            write_image(
                output,
                np.concatenate([picture_HW3 for _, picture_HW3 in shown], 1),
                provenance=provenance_of(studio.animator, "animate", source=source, **by_role(moved_by)),
            )
            when = " and ".join(f"at {float(time):.1f} s" for time, _ in shown)
            return JobResult(result.updates(output), f"How it looks {when}, where it moves most.")

        return work

    def prepare_saving(form: _Form) -> JobFunction[JobResult]:
        driving, options = _checked_driving(form.driving, studio.limits), form.options()
        if driving.suffix == SUFFIX:
            raise LiaxError("This motion is saved already; choose a video above.")
        output = studio.new_result_path(driving.stem + SUFFIX)

        def work(job: Job[JobResult]) -> JobResult:
            template = encode_motion(studio.animator, driving, options, progress=job)
            save_template(template, output)
            download = gr.update(value=output, visible=True)
            return JobResult([download], f"{template.total} frames, {template.seconds:.1f} s")

        return work

    labels = labels_of(face=face, driving_face=driving_face, crop=cropped, paste=paste)
    view.connect(
        lambda known, edits, *values: prepare_animation(known, edits, read(*values)),
        [*timeline.values, *inputs],
        result.outputs,
        labels,
    )
    looking.connect(lambda *values: prepare_preview(read(*values)), inputs, result.outputs, labels)
    saving.connect(lambda *values: prepare_saving(read(*values)), inputs, [saved], labels)
    timeline.connect(
        lambda *values: read_moment(read(*values)),
        inputs,
        [video, motion, kind, driving_face, cropped],
        labels,
    )
    commands.show_for(lambda *values: read(*values).invocation(studio.weights_name), inputs)
    moved_by = MotionInput(kind, motion, _VIDEO, _MOTION)
    return Tab(inputs[: -len(panel.sliders)], portrait, video, panel, result, moved_by)


def _strength_sliders(controls: Controls) -> dict[str, gr.Slider]:
    """Group of controls -> slider for the strength of its motion; all other motion comes last."""
    present = {control.group for control in controls}
    names = {group: group.capitalize() for group in GROUPS if group in present}
    names[ALL_MOTION] = "Everything else" if names else "All motion"
    return {
        name: gr.Slider(0, _MAX_STRENGTH, 1.0, step=0.05, label=label, info="0 leaves it out, 1 is as filmed")
        for name, label in names.items()
    }


def _checked_driving(driving: str | None, limits: VisitorLimits) -> Path:
    if driving is None:
        raise LiaxError("Give what moves the portrait: a video, a clip from the webcam, or a saved motion.")
    path = Path(driving)
    check = check_motion if path.suffix in MOTION_SUFFIXES else check_video
    check(path, limits)
    return path
