"""The buttons that start and stop a job and the line that shows its progress, the same on every tab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import gradio as gr
from gradio.components import Component

from liax.app.components import ResultView
from liax.app.jobs import JobFunction, JobProgress
from liax.app.messages import box_html, done_html, error_html
from liax.app.studio import Studio
from liax.portrait import WrittenFile
from liax.report import picture_uri

# Width of the preview of the newest frame, in pixels.
_PREVIEW = 320


class JobResult(NamedTuple):
    """What a job of the page returns.

    Attributes:
        values: New values of the tab's outputs.
        summary: What was made, in a sentence; may be empty.
    """

    values: Sequence[object]
    summary: str


class JobView:
    """A button that starts a job, one that stops it, and a line that shows its progress.

    Make it where the buttons are to be, then call `connect` once all components of the tab exist.

    Args:
        studio: Whose queue the jobs go to.
        label: What the start button says, such as "Animate".
        variant: How much it stands out.
    """

    def __init__(
        self, studio: Studio, label: str, variant: Literal["primary", "secondary"] = "primary"
    ) -> None:
        self._studio = studio
        with gr.Row():
            self.start = gr.Button(label, variant=variant)
            self.stop = gr.Button("Stop", variant="stop", visible=False)
        self.status = gr.HTML(elem_classes="liax-status")

    def connect(
        self,
        prepare: Callable[..., JobFunction[JobResult]],
        inputs: Sequence[Component],
        outputs: Sequence[Component],
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Let the start button do the job that `prepare(*values of inputs)` gives.

        Args:
            prepare: Checks the values, quickly, and raises LiaxError for what does not work.
            inputs: What its arguments are read from.
            outputs: What the JobResult's values are shown in.
            labels: Option -> label of the component that sets it, for messages.
        """
        folder = self._studio.folder

        def run(*values: object) -> Iterator[dict[Component, object]]:
            try:
                job = self._studio.job(prepare(*values))
                for progress in job:
                    yield {self.status: progress_html(progress)}
                new_values, summary = job.result
                status = done_html(summary, job.warnings, folder, labels)
                yield {self.status: status, **dict(zip(outputs, new_values, strict=True))}
            except Exception as error:
                yield {self.status: error_html(error, folder, labels)}

        buttons = [self.start, self.stop]
        waiting = self.start.click(
            lambda: (gr.update(visible=False), gr.update(visible=True), progress_html(JobProgress())),
            outputs=[*buttons, self.status],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        running = waiting.then(
            run,
            list(inputs),
            [self.status, *outputs],
            concurrency_limit=None,  # the studio keeps its own queue
            show_progress="hidden",
            api_visibility="private",
        )
        ready = (gr.update(visible=True), gr.update(visible=False))
        for afterwards in (running.then, running.failure):
            afterwards(
                lambda: ready, outputs=buttons, queue=False, show_progress="hidden", api_visibility="private"
            )
        self.stop.click(
            lambda: (*ready, box_html("Stopped; nothing was kept.", "note")),
            outputs=[*buttons, self.status],
            cancels=[running],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )


def clip_result(view: ResultView, clip: WrittenFile) -> JobResult:
    """Show a clip that was written, with its length and size."""
    summary = f"{clip.frames} frames, {clip.seconds:.1f} s, {clip.width} × {clip.height}"
    return JobResult(view.updates(clip.path), summary)


def progress_html(progress: JobProgress) -> str:
    """The progress in words, as a bar, and as the newest frame; screen readers do not read it out."""
    value = "" if progress.share is None else f' value="{progress.share:.3f}"'
    bar = f'<progress{value} aria-label="{progress.stage}"></progress>'
    picture = progress.picture_HW3
    shown = "" if picture is None else f'<img src="{picture_uri(picture, _PREVIEW)}" alt="The newest frame">'
    return f'<div class="liax-progress"><span>{progress}</span>{bar}{shown}</div>'
