"""What a visitor has made since the page was opened: small pictures, to look at, download or use again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio.components import Component

from liax.app.components import PLAYED, QUIET, ResultView

# Results that are shown, the newest first.
_MOST = 24
_HEIGHT = 240


class History:
    """A folded part of the page with the results of all tabs, newest first.

    Args:
        views: Where results appear.
        portraits: Where a picture can be used again.
        videos: Where a video can be.
    """

    def __init__(
        self, views: Sequence[ResultView], portraits: Sequence[gr.Image], videos: Sequence[gr.Video]
    ) -> None:
        made: gr.State = gr.State([])
        chosen: gr.State = gr.State(None)
        with gr.Accordion(
            "Results of this visit", open=False, visible=False, elem_classes="liax-history"
        ) as part:
            gallery = gr.Gallery(
                label="Results, the newest first",
                height=_HEIGHT,
                fit_columns=False,
                object_fit="contain",
                interactive=False,
                buttons=["download", "fullscreen"],
            )
            again = gr.Button("Use it as the portrait or the video", size="sm", visible=False)
        for view in views:
            shown = [made, gallery, part, again, chosen]
            view.newest.change(self._added, [made, view.newest], shown, **QUIET)
        gallery.select(self._chosen, made, [chosen, again], queue=False, **QUIET)
        uses: list[Component] = [*portraits, *videos]
        self._portraits, self._videos = len(portraits), len(videos)
        again.click(self._used, chosen, uses, queue=False, **QUIET)

    def _added(self, made: list[str], newest: str | None) -> list[object]:
        if newest is None:
            return [gr.skip()] * 5
        kept = [path for path in [newest, *made] if Path(path).is_file()][:_MOST]  # the others are removed
        shown = [(path, Path(path).name) for path in kept]
        return [kept, gr.update(value=shown, selected_index=None), *_shown(True, False), None]

    def _chosen(self, made: list[str], event: gr.SelectData) -> list[object]:
        number = event.index
        known = isinstance(number, int) and 0 <= number < len(made)
        return [made[number] if known else None, gr.update(visible=known)]

    def _used(self, chosen: str | None) -> list[object]:
        """New values of portraits and videos: where a picture or a video belongs, that one."""
        if chosen is None or not Path(chosen).is_file():
            return [gr.skip()] * (self._portraits + self._videos)
        is_video = Path(chosen).suffix in PLAYED
        pictures: list[object] = [gr.skip() if is_video else chosen] * self._portraits
        return [*pictures, *[chosen if is_video else gr.skip()] * self._videos]


def _shown(*parts: bool) -> list[object]:
    return [gr.update(visible=part) for part in parts]
