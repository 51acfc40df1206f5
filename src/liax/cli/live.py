"""`liax live`: a portrait moved by a face before a camera, in the browser."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Annotated

import tyro

from liax.cli.model_options import Flat, ModelOptions, live_weights
from liax.options import LiveOptions

# Pictures a second that look like a movement.
_SMOOTH = 12


def live(
    portrait: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PORTRAIT")],
    *,
    options: Flat[LiveOptions] = LiveOptions(),  # noqa: B008 - frozen
    model: Flat[ModelOptions] = ModelOptions(weights=live_weights()),  # noqa: B008
    port: int | None = None,
) -> None:
    """Move a portrait with the face before your camera, in a page on this computer.

    The page is that of liax studio, open at its tab Live, where strength, smoothing and mirror can be changed
    while it runs. Nothing leaves this computer. Without --weights, the weights called live are used if they
    are installed; others draw fewer pictures a second. Ctrl-C ends it.

    Args:
        portrait: A JPEG, PNG or WebP with a face.
        port: By default the first free one from 7860 on.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.app.server import ServedPage
    from liax.app.studio import Studio
    from liax.files import check_input
    from liax.live.session import check_live_options, measure_rate
    from liax.live.virtual_camera import load_virtual_camera
    from liax.portrait import open_portrait

    check_input(portrait, "portrait")
    check_live_options(options)
    if options.virtual_camera:
        load_virtual_camera()
    animator = model.open()
    rate = measure_rate(animator, open_portrait(animator, portrait))
    name = model.shown_name
    with (
        Studio(animator, name, live=options, first_portrait=portrait) as shared,
        ServedPage(shared, port=port) as page,
    ):
        print(f"liax live is at {page.address}#live until Ctrl-C.", flush=True)
        advice = "" if rate >= _SMOOTH else ", which jerks; smaller weights draw more of them"
        print(f"{name} draws about {rate:.{int(rate < 10)}f} pictures a second here{advice}.", flush=True)
        Event().wait()
