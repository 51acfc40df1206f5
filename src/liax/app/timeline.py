"""The timeline of the tab "Animate": the driving's curves, edited by hand and previewed at the playhead.

timeline.js draws the curves and what is done to each; what it was told lies in a hidden text as JSON. Over a
reload of the page it keeps that, and the curves are read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from liax.app.components import QUIET
from liax.app.edited_motion import EditableMotion
from liax.app.job_view import FINDING, READING, JobResult, JobView
from liax.app.jobs import Job, JobFunction, capture_warnings
from liax.app.messages import done_html, error_html
from liax.app.preview import key_moments
from liax.app.studio import LRUCache, Studio
from liax.app.uploads import visitor_of
from liax.errors import LiaxError
from liax.media.images import write_image
from liax.options import AnimateOptions
from liax.portrait import animate
from liax.portrait.motion import Driving
from liax.portrait.provenance import provenance_of
from liax.portrait.template import SUFFIX, save_template
from liax.progress import no_progress
from liax.tracks.track_edit import CurveEdit, read_edits
from liax.tracks.track_file import write_track

_INTRODUCTION = (
    "Reads the motion as curves, one for each movement. Scale, mute or smooth them, and add keys that they "
    "go through. **Animate** then moves the portrait that way."
)
# Name on the page, and ending of the file.
_FORMATS = [("Template, for these weights", SUFFIX), ("Table (CSV)", ".csv"), ("Table (JSON)", ".json")]
# Of how many drivings the motion is kept, for a page that is reloaded.
_OPEN_MOTIONS = 4
# Reads the settings of the tab: the portrait, the driving and the options.
ReadForm = Callable[..., tuple[Path, Path, AnimateOptions]]


class Timeline:
    """The folded part of the tab with the curves.

    Make it where it is to be, then call `connect` once all components of the tab exist.

    Args:
        studio: Whose queue and weights are used.

    Attributes:
        values: Its components that say how the motion is edited, for `edited`.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._motions = LRUCache[EditableMotion](_OPEN_MOTIONS)
        with gr.Accordion("Edit the motion", open=False, elem_id="liax-edit-motion"):
            gr.Markdown(_INTRODUCTION)
            self._reading = JobView(studio, "Read the curves", [FINDING, READING], "secondary")
            with gr.Column(visible=False, elem_classes="liax-editor") as self._editor:
                self._picture = gr.Image(
                    label="At the playhead",
                    alt_text="The portrait at the playhead",
                    type="filepath",
                    interactive=False,
                    height=280,
                    buttons=[],
                )
                self._playhead = gr.Slider(
                    0, 1, 0, step=0.01, label="Playhead (seconds)", buttons=[], elem_id="liax-playhead"
                )
                self._status = gr.HTML(elem_classes="liax-status")
                gr.HTML('<div id="liax-timeline"></div>')
                with gr.Row():
                    self._format = gr.Dropdown(
                        _FORMATS, value=SUFFIX, label="Save the motion as", filterable=False
                    )
                    self._save = gr.Button("Save the edited motion", size="sm")
                self._saved = gr.DownloadButton("Download the edited motion", visible=False)
        self._curves = gr.Textbox(label="Curves", visible="hidden")
        self._edited = gr.Textbox(label="Edited curves", visible="hidden")
        self._edits = gr.Textbox(label="Edits of curves", visible="hidden")
        self._apply = gr.Button("Apply edits of curves", elem_id="liax-apply-edits", visible="hidden")
        self._known: gr.State = gr.State(None, time_to_live=60 * studio.limits.kept_minutes)
        self.values: list[Component] = [self._known, self._edits]

    def connect(
        self,
        read: ReadForm,
        inputs: Sequence[Component],
        opened_from: Sequence[Component],
        labels: Mapping[str, str],
    ) -> None:
        """Let it work on what is set on the tab.

        Args:
            read: Gives the portrait, the driving and the options for the values of `inputs`; it raises
                LiaxError for what does not work.
            opened_from: Those of the inputs that say what the driving is. When they change, the curves go.
        """
        known, edits = self.values
        outputs = [known, self._curves, self._edited, self._edits, self._editor, self._playhead]
        self._reading.connect(lambda *values: self._prepare(*read(*values)), inputs, outputs, labels)
        self._curves.change(None, self._curves, js="text => { liax.timeline(text); }", **QUIET)
        self._edited.change(None, self._edited, js="text => { liax.editedCurves(text); }", **QUIET)
        self._apply.click(None, edits, edits, js="() => liax.curveEdits()", **QUIET)

        # Only the page forgets; the server knows by the key that its motion is not that of the driving.
        changes = [component.change for component in opened_from]  # type: ignore[attr-defined]
        gr.on(changes, None, outputs=outputs[1:], js="() => liax.forgetCurves()", **QUIET)
        edits.change(self._edited_curves, [known, edits], self._edited, queue=False, **QUIET)  # type: ignore[attr-defined]

        def look(
            known: Any, edits: str, at: float, request: gr.Request, *values: object
        ) -> tuple[object, str]:
            if known is None:
                return gr.skip(), ""
            try:
                portrait, driving, options = read(*values)
                if known.key != opened_key(driving, options):
                    return gr.skip(), ""
                return self._look(known, edits, at, request, portrait, driving, options)
            except Exception as error:
                return gr.skip(), error_html(error, self._studio.folder, labels)

        gr.on(
            [self._playhead.change, edits.change, known.change],  # type: ignore[attr-defined]
            look,
            [known, edits, self._playhead, *inputs],
            [self._picture, self._status],
            trigger_mode="always_last",
            **QUIET,
        )
        self._save.click(
            self._write, [known, edits, self._format], [self._saved, self._status], queue=False, **QUIET
        )

    def edited(
        self, known: EditableMotion | None, edits: str, key: tuple[object, ...]
    ) -> Callable[[bool], Driving] | None:
        """Makes the edited driving, with the original's pictures or without; None if nothing is edited.

        Args:
            known, edits: Of `values`.
            key: Of the driving that is set on the tab, as `opened_key` gives it.
        """
        chosen = _read(edits) if known is not None and known.key == key else {}
        if known is None or not chosen:
            return None
        return lambda with_pictures: known.edited(chosen, with_pictures)

    def _prepare(self, _: Path, driving: Path, options: AnimateOptions) -> JobFunction[JobResult]:
        studio = self._studio

        def work(job: Job[JobResult]) -> JobResult:
            key = opened_key(driving, options)

            def read() -> EditableMotion:
                opened = studio.driving(driving, options, job)
                return EditableMotion.read(opened, key, studio.animator.network, studio.controls, job)

            motion = self._motions.get(key, read)
            shown = [gr.update(visible=True), gr.update(maximum=motion.seconds, value=0)]
            values = [motion, motion.curves_json(), motion.edited_json({}), "", *shown]
            track = motion.track
            return JobResult(values, f"{len(track.timing)} moments of {len(track.controls)} curves.")

        return work

    def _edited_curves(self, known: EditableMotion | None, edits: str) -> object:
        try:
            return gr.skip() if known is None else known.edited_json(_read(edits))
        except LiaxError:
            return gr.skip()  # the picture tells

    def _look(
        self,
        known: EditableMotion,
        edits: str,
        at: float,
        request: gr.Request,
        portrait: Path,
        driving: Path,
        options: AnimateOptions,
    ) -> tuple[Path, str]:
        studio = self._studio
        moving = known.edited(_read(edits))

        def work() -> tuple[Any, Any]:
            with capture_warnings() as warnings:
                opened = studio.portrait(portrait, options)
                moments = key_moments(moving, opened.alpha_M, no_progress, at)
                frames = list(animate(studio.animator, opened, moments, options).frames)
                return frames[moments.shown[1]][1], warnings

        picture_HW3, warnings = studio.run_quick(work, visitor_of(request.client.host))
        path = studio.new_result_path("moment.png", view=f"{request.session_hash} playhead")
        made = provenance_of(studio.animator, "animate", source=portrait, driving=driving)
        write_image(path, picture_HW3, provenance=made)
        return path, done_html("", warnings, studio.folder)

    def _write(self, known: EditableMotion | None, edits: str, suffix: str) -> tuple[object, str]:
        try:
            if known is None:
                raise LiaxError("Read the curves first.")
            path = self._studio.new_result_path(f"motion{suffix}")
            if suffix == SUFFIX:
                save_template(known.edited(_read(edits)).template, path)
            else:
                write_track(known.edited_track(_read(edits)), path)
        except Exception as error:
            return gr.skip(), error_html(error, self._studio.folder)
        return gr.update(value=path, visible=True), ""


def opened_key(driving: Path, options: AnimateOptions) -> tuple[object, ...]:
    """What makes two openings of a driving the same."""
    return driving, options.driving_face, options.crop, options.rate


def _read(edits: str) -> dict[str, CurveEdit]:
    try:
        return read_edits(edits or "")
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise LiaxError("These edits of the curves cannot be used; read the curves anew.") from error
