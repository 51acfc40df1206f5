"""`liax train interpolate`: weights between those of two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.output import show


def train_interpolate(
    first: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FIRST")],
    second: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SECOND")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    share: float,
    driver_only: tyro.conf.FlagCreatePairsOff[bool] = False,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Write weights that lie part of the way from a run's start to its end.

    A run that is shown other pairs than the run before gains on those and loses a little on the old ones.
    Weights in between keep most of the gain and lose little.

    Args:
        first: Name or file of the weights that the run started from.
        second: Name or file of the weights that it ended with.
        output: Where to write: a .safetensors.
        share: How far to go from the first to the second, from 0 to 1.
        driver_only: Let only the driver go there, as after a run that trained it alone.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.training.interpolate import interpolate_files

    interpolate_files(first, second, share, output, driver_only=driver_only, overwrite=overwrite)
    what = "the driver " if driver_only else ""
    show(f"{output}: {what}{share:.0%} of the way from {first} to {second}", path=output, share=share)
