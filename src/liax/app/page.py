"""The page: its tabs, and what they have in common."""

from __future__ import annotations

import os
from collections.abc import Sequence

# Before Gradio is imported; otherwise it asks its makers' server for news.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from liax.app import animate_tab, edit_tabs, inspect_tab, turn_tab
from liax.app.components import QUIET
from liax.app.guard import GuardedPage
from liax.app.studio import Studio

# Events of all visitors that wait; jobs wait in the studio's own queue, and fewer of them.
_MAX_EVENTS = 100
_INTRODUCTION = """# liax studio
Bring a portrait to life, with the motion of a video or by hand. The example is ready: press **Animate**."""


def build(studio: Studio) -> gr.Blocks:
    """The studio's page. Gradio's temporary files, such as uploads, lie in the studio's folder."""
    os.environ["GRADIO_TEMP_DIR"] = str(studio.folder)
    with GuardedPage(title="liax studio", analytics_enabled=False) as page:
        page.folder = studio.folder.resolve()
        gr.Markdown(_INTRODUCTION)
        with gr.Tab("Animate"):
            portrait, driving, moved = animate_tab.build(studio)
        with gr.Tab("Edit image"):
            edited, sliders = edit_tabs.build_image_tab(studio)
        with gr.Tab("Edit video"):
            video_sliders = edit_tabs.build_video_tab(studio)
        with gr.Tab("Turn"):
            turned = turn_tab.build(studio)
        with gr.Tab("Inspect"):
            inspected, clip = inspect_tab.build(studio)
        _synchronize([portrait, edited, turned, inspected])
        _synchronize([driving, clip])
        for panel in (moved, sliders, video_sliders):
            page.load(None, panel.sliders, panel.sliders, js=panel.restore_js, **QUIET)
    page.queue(max_size=_MAX_EVENTS, default_concurrency_limit=None, api_open=False)
    studio.files.keep_what_is_here()
    return page


def _synchronize(components: Sequence[gr.Image | gr.Video]) -> None:
    """Give what a visitor gives to one of them to all of them, within the browser."""
    for given in components:
        others = [component for component in components if component is not given]
        given.input(
            None, given, others, js=f"given => Array({len(others)}).fill(given)", api_visibility="private"
        )
