"""`liax studio`: the web page, served from this computer."""

from __future__ import annotations

import tyro


def studio(
    *,
    weights: str = "small",
    device: str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Open liax in the browser: animate, edit and turn portraits, and see what the motion vectors do.

    Nothing leaves this computer, and nobody else reaches the page, unless --host or --share says so. What was
    uploaded and made is removed when the page is closed with Ctrl-C.

    Args:
        weights: Name or file of the network's weights.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        host: Address to listen on; 0.0.0.0 lets other computers in.
        port: By default the first free one from 7860 on.
        share: Also make a public link for a week; all then goes through a server of Gradio's makers.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from pathlib import Path
    from threading import Event

    from liax.app.page import serve
    from liax.app.studio import Studio
    from liax.errors import LiaxError
    from liax.portrait import Animator
    from liax.portrait.device import keep_freed_memory
    from liax.weights import load

    keep_freed_memory()
    # Visitors see the weights' name in commands; where they lie here is not their concern.
    name = Path(weights).name if Path(weights).is_file() else weights
    with Studio(Animator(load(weights), device), name) as shared:
        try:
            page, address = serve(shared, host=host, port=port, share=share)
        except OSError as error:
            raise LiaxError(
                f"The page cannot be served ({error}); choose another --port or --host."
            ) from error
        print(f"liax studio is at {address} until Ctrl-C.", flush=True)
        try:
            Event().wait()
        finally:
            shared.stop()  # first, for the server waits for those who watch it
            page.close(verbose=False)
