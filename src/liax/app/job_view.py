"""Start, Stop and how far it is: the components around long work, the same on every tab."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import gradio as gr

from liax.app.jobs import JobFunction, JobProgress
from liax.app.messages import INTERNAL_ERROR, page_html
from liax.app.studio import Studio
from liax.errors import LiaxError
from liax.report import picture_uri

log = logging.getLogger(__name__)

# Width of the frame that is shown while the others are made, in pixels.
_PREVIEW = 320


class JobResult(NamedTuple):
    """What long work returns: the new values of the outputs, and a sentence that tells what came out."""

    values: Sequence[Any]
    summary: str


class JobView:
    """A button that starts long work, one that stops it, and a line that tells how far it is.

    Make it where the buttons are to be, then call `connect` once all components of the tab exist.
    """

    def __init__(
        self, studio: Studio, label: str, variant: Literal["primary", "secondary"] = "primary"
    ) -> None:
        """Args:
        label: What the start button says ("Animate").
        variant: How much it stands out.
        """
        self._studio = studio
        with gr.Row():
            self.start = gr.Button(label, variant=variant)
            self.stop = gr.Button("Stop", variant="stop", visible=False)
        self.status = gr.HTML(elem_classes="liax-status")

    def connect(
        self,
        prepare: Callable[..., JobFunction],
        inputs: Sequence[gr.components.Component],
        outputs: Sequence[gr.components.Component],
    ) -> None:
        """Let the start button do the work that `prepare(*values of inputs)` gives; it returns a JobResult.

        Args:
            prepare: Checks what was given, quickly, and raises LiaxError for what does not work.
        """

        def run(*values: Any) -> Iterator[dict[gr.components.Component, Any]]:
            try:
                job = self._studio.job(prepare(*values))
                for progress in job:
                    yield {self.status: progress_html(progress)}
                outcome: JobResult = job.result
                summary = done_html(outcome.summary, job.warnings, self._studio)
                yield {self.status: summary, **dict(zip(outputs, outcome.values, strict=True))}
            except Exception as error:
                yield {self.status: error_html(error, self._studio)}

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
            lambda: (*ready, _message_box("Stopped. Nothing was kept of it.", "note")),
            outputs=[*buttons, self.status],
            cancels=[running],
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )


def progress_html(progress: JobProgress) -> str:
    """How far it is: in words, as a bar, and as the newest frame; screen readers are left in peace."""
    value = "" if progress.share is None else f' value="{progress.share:.3f}"'
    bar = f'<progress{value} aria-label="{progress.stage}"></progress>'
    picture = progress.picture_HW3
    shown = "" if picture is None else f'<img src="{picture_uri(picture, _PREVIEW)}" alt="The newest frame">'
    return f'<div class="liax-progress"><span>{progress}</span>{bar}{shown}</div>'


def done_html(summary: str, warnings: Sequence[str], studio: Studio) -> str:
    """What came out, and what is to be said about it."""
    notes = "".join(_message_box(page_html(warning, studio.folder), "note") for warning in warnings)
    return (_message_box(page_html(summary, studio.folder), "done") if summary else "") + notes


def error_html(error: Exception, studio: Studio) -> str:
    """What a visitor is told of an error: a LiaxError's sentence; of others only that there was one."""
    if isinstance(error, LiaxError):
        return _message_box(page_html(error, studio.folder), "error")
    # In the message, since the command line shows no more of a record than that.
    log.error("An event of the page failed:\n%s", "".join(traceback.format_exception(error)))
    return _message_box(INTERNAL_ERROR, "error")


def _message_box(text: str, kind: str) -> str:
    return f'<div class="liax-{kind}" role="{"alert" if kind == "error" else "status"}">{text}</div>'
