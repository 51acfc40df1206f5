"""The buttons that start and stop a job and the line that shows its progress, the same on every tab."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Event, Lock
from typing import Literal, NamedTuple

import gradio as gr
from gradio.components import Component

from liax.app.components import QUIET, ResultView
from liax.app.jobs import JobFunction, JobProgress, StoppedError
from liax.app.messages import box_html, done_html, error_html
from liax.app.studio import Studio
from liax.app.uploads import visitor_of
from liax.portrait import WrittenFile
from liax.report import picture_uri

# What is done first with every frame of a video, and then if only its motion is wanted.
FINDING, READING = "finding the face", "reading the motion"
# Width of the preview of the newest frame, in pixels.
_PREVIEW = 320
# Open pages whose jobs can be stopped.
_PAGES = 1000


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
        stages: What is done with every frame, in this order, for the remaining time.
        variant: How much it stands out.
    """

    def __init__(
        self,
        studio: Studio,
        label: str,
        stages: Sequence[str],
        variant: Literal["primary", "secondary"] = "primary",
    ) -> None:
        self._studio, self._stages = studio, stages
        self._stops = _Stops()
        with gr.Row(elem_classes="liax-job"):
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
        ready = self._buttons(busy=False)

        def begin(request: gr.Request) -> dict[Component, object]:
            self._stops.renew(request.session_hash)
            return {**self._buttons(busy=True), self.status: progress_html(JobProgress())}

        def run(request: gr.Request, *values: object) -> Iterator[dict[Component, object]]:
            stop = self._stops.get(request.session_hash)
            try:
                visitor = visitor_of(request.client.host)
                job = self._studio.job(prepare(*values), visitor, stop, self._stages)
                for progress in job:
                    yield {self.status: progress_html(progress)}
                new_values, summary = job.result
                status = done_html(summary, job.warnings, folder, labels)
                yield {**ready, self.status: status, **dict(zip(outputs, new_values, strict=True))}
            except StoppedError:
                yield {**ready, self.status: box_html("Stopped; nothing was kept.", "note")}
            except Exception as error:
                yield {**ready, self.status: error_html(error, folder, labels)}

        shown = [self.start, self.stop, self.status]
        waiting = self.start.click(begin, outputs=shown, queue=False, **QUIET)
        # The studio keeps its own queue.
        running = waiting.then(
            run, list(inputs), [self.status, *outputs, self.start, self.stop], concurrency_limit=None, **QUIET
        )
        # Where a value is refused, the work does not begin.
        running.failure(lambda: {**ready, self.status: ""}, outputs=shown, queue=False, **QUIET)
        # The work itself tells that it was stopped, so that nothing of it can come later.
        self.stop.click(self._stop_job, queue=False, **QUIET)

    def _buttons(self, busy: bool) -> dict[Component, object]:
        return {self.start: gr.update(visible=not busy), self.stop: gr.update(visible=busy)}

    def _stop_job(self, request: gr.Request) -> None:
        self._stops.get(request.session_hash).set()


class _Stops:
    """An event for each open page that ends its running job; those of the last pages are kept."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, Event] = OrderedDict()
        self._lock = Lock()

    def renew(self, session: str | None) -> None:
        """Before a job begins."""
        with self._lock:
            self._events.pop(session or "", None)

    def get(self, session: str | None) -> Event:
        """The event of this page's job."""
        with self._lock:
            event = self._events.setdefault(session or "", Event())
            while len(self._events) > _PAGES:
                self._events.popitem(last=False)
            return event


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
