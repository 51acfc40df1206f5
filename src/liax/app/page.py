"""The page: its tabs, and how it is served."""

from __future__ import annotations

import os
from collections.abc import Sequence

# Before Gradio is imported; otherwise it asks its makers' server for news.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
from starlette.middleware import Middleware

from liax.app import animate_tab, edit_tabs, inspect_tab, turn_tab
from liax.app.guard import GuardedPage, MessageSizeLimit
from liax.app.studio import Studio
from liax.app.theme import CSS, theme

_INTRODUCTION = """# liax studio
Bring a portrait to life, with the motion of a video or by hand. The example is ready: press **Animate**."""


def build(studio: Studio) -> gr.Blocks:
    """The studio's page. Gradio's temporary files, such as uploads, lie in the studio's folder."""
    os.environ["GRADIO_TEMP_DIR"] = str(studio.folder)
    kept = 60 * studio.limits.kept_minutes
    with GuardedPage(title="liax studio", analytics_enabled=False, delete_cache=(kept // 4, kept)) as page:
        page.folder = studio.folder.resolve()
        gr.Markdown(_INTRODUCTION)
        with gr.Tab("Animate"):
            portrait, driving = animate_tab.build(studio)
        with gr.Tab("Edit image"):
            edited = edit_tabs.build_image_tab(studio)
        with gr.Tab("Edit video"):
            edit_tabs.build_video_tab(studio)
        with gr.Tab("Turn"):
            turned = turn_tab.build(studio)
        with gr.Tab("Inspect"):
            inspected, clip = inspect_tab.build(studio)
        _synchronize([portrait, edited, turned, inspected])
        _synchronize([driving, clip])
    page.queue(max_size=studio.limits.waiting, default_concurrency_limit=None)
    return page


def serve(
    studio: Studio, *, host: str = "127.0.0.1", port: int | None = None, share: bool = False
) -> tuple[gr.Blocks, str]:
    """Serve the studio's page.

    Args:
        studio: What the page works with.
        host: Address to listen on; 0.0.0.0 lets other computers in.
        port: None takes the first free one from 7860 on.
        share: Also make a public link, through Gradio's server.

    Returns:
        The running page, which `close()` ends, and its address.

    Raises:
        OSError: If the port is taken.
    """
    page = build(studio)
    _, address, public = page.launch(
        server_name=host,
        server_port=port,
        share=share,
        app_kwargs={"middleware": [Middleware(MessageSizeLimit)]},
        max_file_size=f"{studio.limits.megabytes}mb",
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        footer_links=["settings"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        _frontend=False,  # otherwise it asks itself for the page, and gives up if that takes 3 seconds
        theme=theme(),
        css=CSS,
    )
    return page, public or address


def _synchronize(components: Sequence[gr.Image | gr.Video]) -> None:
    """Give what a visitor gives to one of them to all of them, within the browser."""
    for given in components:
        others = [component for component in components if component is not given]
        given.input(
            None, given, others, js=f"given => Array({len(others)}).fill(given)", api_visibility="private"
        )
