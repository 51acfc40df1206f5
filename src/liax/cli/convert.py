"""`liax convert`: published checkpoints to weights files and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.output import show


def convert(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Convert a published checkpoint to a weights file of liax, or back.

    The suffixes say which way: lia-x.pt -o OUT.safetensors, or IN.safetensors -o lia-x.pt. Every tensor keeps
    its bits, and no code that a checkpoint may contain is run. Converted weights keep their licence.

    Args:
        source: The file to read: a PyTorch state dict (.pt, .pth, .ckpt, .bin) or a .safetensors of liax.
        output: The file to write, of the other kind.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.weights.checkpoint import convert_file

    config = convert_file(source, output, overwrite=overwrite)
    size = output.stat().st_size
    sizes = f"{config.size}² images, {config.vectors} motion vectors, latent size {config.latent}"
    show(f"{output}: {sizes}, {size / 1e6:,.0f} MB", path=output, bytes=size, config=config)
