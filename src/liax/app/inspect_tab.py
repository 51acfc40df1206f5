"""Tab "Inspect": which motion vectors a clip uses, moment by moment, and what each does to a portrait."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from markupsafe import Markup

from liax.app import motion_view
from liax.app.components import Tab, available_controls, portrait_input, portrait_path, video_input
from liax.app.job_view import FINDING, READING, JobResult, JobView
from liax.app.jobs import Job, JobFunction
from liax.app.motion_view import ClipMotion, read_motion, vector_names
from liax.app.studio import Studio
from liax.app.uploads import check_video
from liax.errors import LiaxError
from liax.interpretation.figures import draw_strips
from liax.portrait import open_driving
from liax.portrait.manipulate import five_values, vector_control
from liax.report import file_uri
from liax.weights.controls import Control

_NAMED = "The named ones"
_INTRODUCTION = (
    '<p class="liax-muted">You will see how many movements are at work at once, which ones they are at every '
    "moment of the clip, and how much a few of them do by themselves.</p>"
)


def build(studio: Studio) -> Tab:
    """Make the tab; its video is the clip."""
    gr.Markdown(
        f"The model makes every movement out of {studio.controls.count} basic movements, its *motion "
        "vectors*. Here you see which of them a clip uses, and what each does to a face."
    )
    with gr.Tabs():
        with gr.Tab("In a clip"):
            clip = _build_clip(studio)
        with gr.Tab("Each by itself"):
            portrait = _build_strips(studio)
    return Tab([portrait, clip], portrait=portrait, video=clip)


def _build_clip(studio: Studio) -> gr.Video:
    names = vector_names(studio.controls)
    known: gr.State = gr.State(None, time_to_live=60 * studio.limits.kept_minutes)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            video = video_input("A clip of a face")
            view = JobView(studio, "Read the motion", [FINDING, READING])
        with gr.Column(scale=3, min_width=320):
            facts = gr.HTML(_INTRODUCTION)
            seconds = gr.Slider(0, 1, 0, step=0.01, label="Moment (seconds)", visible=False, buttons=[])
            moment = gr.HTML()
    charts = gr.HTML()

    def prepare(given: str | None) -> JobFunction[JobResult]:
        if given is None:
            raise LiaxError("Give a clip first: drop a video on “A clip of a face”.")
        source = Path(given)
        check_video(source, studio.limits)

        def work(job: Job[JobResult]) -> JobResult:
            motion = read_motion(open_driving(studio.animator, source, progress=job), job)
            last = float(motion.times_T[-1])
            values = [
                motion,
                motion_view.facts_html(motion),
                motion_view.charts_html(motion, names),
                gr.update(maximum=last, value=last / 2, visible=True),
                motion_view.frame_html(motion, names, last / 2),
            ]
            return JobResult(values, f"{len(motion.times_T)} moments read.")

        return work

    view.connect(prepare, [video], [known, facts, charts, seconds, moment])

    def at(motion: ClipMotion | None, seconds: float) -> str:
        return "" if motion is None else motion_view.frame_html(motion, names, seconds)

    seconds.input(
        at,
        [known, seconds],
        moment,
        trigger_mode="always_last",
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    return video


def _build_strips(studio: Studio) -> gr.Image:
    named = list(studio.controls)
    every = f"All {studio.controls.count}, by number"
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            portrait = portrait_input(studio.first_portrait)
        with gr.Column(min_width=320):
            which = gr.Radio(
                [_NAMED, every] if named else [every],
                value=_NAMED if named else every,
                label="Which movements",
            )
            view = JobView(studio, "Show what each does", ["drawing strips"])
    strips = gr.HTML()

    def prepare(given: str | None, which: str) -> JobFunction[JobResult]:
        source = portrait_path(given)
        controls = available_controls(studio.controls)
        if which == every:
            controls = [vector_control(index) for index in range(studio.controls.count)]

        def work(job: Job[JobResult]) -> JobResult:
            opened = studio.portrait(source)
            folder = studio.new_result_path("strips")
            paths = draw_strips(studio.animator, {"portrait": opened}, controls, folder, progress=job)
            pairs = zip(controls, paths, strict=True)
            shown = Markup().join(_strip(control, file_uri(path)) for control, path in pairs)
            return JobResult([Markup('<div class="liax-strips">{}</div>').format(shown)], "")

        return work

    view.connect(prepare, [portrait, which], [strips])
    return portrait


_STRIP = Markup(
    '<figure><figcaption><b>{}</b> {}</figcaption><img src="{}" alt="{}" loading="lazy">'
    '<div class="scale">{}</div></figure>'
)


def _strip(control: Control, picture: str) -> Markup:
    """A control's strip with its name, its meaning and its five values."""
    unit = control.unit.replace("deg", "°")
    values = [f"{value:+.3g}{unit}".replace("-", "−") if value else "0" for value in five_values(control)]
    said = f"The portrait with {control.name} at {', '.join(values)}"
    scale = Markup().join(Markup("<span>{}</span>").format(value) for value in values)
    return _STRIP.format(control.name, control.movement, picture, said, scale)
