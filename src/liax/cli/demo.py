"""`liax demo`: the bundled portrait moved by the bundled clip with the bundled weights."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.animate import animate
from liax.cli.model_options import DEFAULT_DEVICE, Flat, ModelOptions
from liax.options import AnimateOptions, MarkOptions

_SOURCE, _DRIVING = "demo_portrait.jpg", "demo_driving.mp4"


def demo(
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("demo.mp4"),
    *,
    device: str | None = DEFAULT_DEVICE,
    marking: Flat[MarkOptions] = MarkOptions(),  # noqa: B008 - frozen
) -> None:
    """Animate the bundled portrait: source, driving and result side by side. Needs no network and no files.

    Args:
        output: Where to write; what is there is replaced.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
    """
    assets = files("liax.assets")
    with as_file(assets / _SOURCE) as source, as_file(assets / _DRIVING) as driving:
        animate(
            source,
            driving,
            output=output.resolve(),
            options=AnimateOptions(compare=True),
            model=ModelOptions(device=device),
            marking=marking,
            overwrite=True,
        )
