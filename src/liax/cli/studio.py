"""`liax studio`: the web page, served from this computer."""

from __future__ import annotations

import tyro

from liax.cli.model_options import Flat, ModelOptions
from liax.options import Names


def studio(
    *,
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008 - frozen
    host: str = "127.0.0.1",
    port: int | None = None,
    public_host: Names = (),
    share: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Open liax in the browser: animate, edit and turn portraits, and see what the motion vectors do.

    Nothing leaves this computer, and nobody else reaches the page, unless --host or --share says so. Ctrl-C
    closes the page and removes what was uploaded and made.

    Args:
        host: Address to listen on; 0.0.0.0 lets other computers in.
        port: By default the first free one from 7860 on.
        public_host: Names under which others reach the page, such as that of a proxy before it; the page
            refuses requests under names that it does not know.
        share: Also make a public link for a week; all traffic then goes through a server of Gradio's makers.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from threading import Event

    from liax.app.server import ServedPage
    from liax.app.studio import Studio

    with (
        Studio(model.open(), model.shown_name) as shared,
        ServedPage(shared, host, port, public_host) as page,
    ):
        address = page.share() if share else page.address
        print(f"liax studio is at {address} until Ctrl-C.", flush=True)
        Event().wait()
