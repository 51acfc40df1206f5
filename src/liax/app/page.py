"""The page: its tabs, and what they have in common."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence

# Before Gradio is imported; otherwise it asks its makers' server for news.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from liax.app import animate_tab, edit_tabs, inspect_tab, live_tab, turn_tab
from liax.app.components import QUIET, Tab
from liax.app.examples import Examples
from liax.app.guard import GuardedPage
from liax.app.history import History
from liax.app.studio import Studio

# Events of all visitors that wait; jobs wait in the studio's own queue, and fewer of them.
_MAX_EVENTS = 100
_TABS: dict[str, Callable[[Studio], Tab]] = {
    "Animate": animate_tab.build,
    "Live": live_tab.build,
    "Edit image": edit_tabs.build_image_tab,
    "Edit video": edit_tabs.build_video_tab,
    "Turn": turn_tab.build,
    "Inspect": inspect_tab.build,
}
_INTRODUCTION = """# liax studio
Bring a portrait to life, with the motion of a video or by hand. The example is ready: press **Animate**."""


def build(studio: Studio) -> gr.Blocks:
    """The studio's page. Gradio's temporary files, such as uploads, lie in the studio's folder."""
    os.environ["GRADIO_TEMP_DIR"] = str(studio.folder)
    with GuardedPage(title="liax studio", analytics_enabled=False) as page:
        page.folder = studio.folder.resolve()
        gr.Markdown(_INTRODUCTION)
        examples = Examples(studio)
        tabs: dict[str, Tab] = {}
        for name, make in _TABS.items():
            with gr.Tab(name):
                tabs[name] = make(studio)
        portraits = [tab.portrait for tab in tabs.values() if tab.portrait]
        videos = [tab.video for tab in tabs.values() if tab.video]
        History([tab.result for tab in tabs.values() if tab.result], portraits, videos)
        _synchronize(portraits)
        drivings = [video for video in videos if video is not tabs["Edit video"].video]
        _synchronize(drivings)
        if motion := tabs["Animate"].motion:
            examples.connect(portraits, drivings, motion)
        panels = [tab.panel for tab in tabs.values() if tab.panel]
        for panel in panels:
            panel.carry_to([other for other in panels if other is not panel])
        for name, tab in tabs.items():
            _keep_over_reload(page, name, tab)
    page.queue(max_size=_MAX_EVENTS, default_concurrency_limit=None, api_open=False)
    studio.files.keep_what_is_here()
    return page


def _keep_over_reload(page: gr.Blocks, name: str, tab: Tab) -> None:
    """Let the browser remember what is set on a tab, and set it again when the page opens anew."""
    if panel := tab.panel:
        page.load(None, panel.sliders, panel.sliders, js=panel.restore_js, **QUIET)
    settings = list(tab.settings)
    changes = [component.change for component in settings]  # type: ignore[attr-defined]
    gr.on(changes, None, settings, js=f"(...values) => {{ liax.keep({name!r}, values); }}", **QUIET)
    first = json.dumps([component.value for component in settings])
    asked = page.load(None, js=f"() => liax.recall({name!r}, {first})", **QUIET)
    # Not in one step: what a visitor sets while the files are asked for is read here, and stays.
    asked.then(None, settings, settings, js=f"(...values) => liax.kept({name!r}, values)", **QUIET)


def _synchronize(components: Sequence[gr.Image | gr.Video]) -> None:
    """Give what a visitor gives to one of them to all of them, within the browser."""
    for given in components:
        others = [component for component in components if component is not given]
        given.input(
            None, given, others, js=f"given => Array({len(others)}).fill(given)", api_visibility="private"
        )
