"""`liax train`: one run from a configuration file and options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.output import show
from liax.errors import LiaxError
from liax.training.config import RENAMED, TrainConfig, load_config


def train(
    config: Path | None = None,
    *,
    settings: Annotated[TrainConfig, tyro.conf.arg(name="")] = TrainConfig(),  # noqa: B008 - frozen
) -> None:
    """Train a network, or resume the run in the folder --out; prints the path of the weights.

    Every key of a configuration file is also an option, and the option wins: --steps 1000, --loss.sparse 0.1,
    --data.manifest FILE. Ctrl-C saves and stops; the same command resumes.

    Args:
        config: A TOML or JSON file of settings; keys that it leaves out keep their defaults.
    """
    from liax.training.run import train as run

    weights = run(settings)
    from lightning.fabric.utilities import rank_zero_only

    rank_zero_only(show)(str(weights), path=weights)  # once, not by every process


def configured(args: Sequence[str]) -> Callable[..., None]:
    """`train` with the settings of the file named by --config as its options' defaults."""
    _refuse_renamed(args)
    parser = argparse.ArgumentParser("liax train", add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path)
    path: Path | None = parser.parse_known_args(args)[0].config
    return train if path is None else partial(train, settings=load_config(path))


def _refuse_renamed(args: Sequence[str]) -> None:
    for arg in args:
        name = arg.partition("=")[0].removeprefix("--").replace("-", "_")
        if arg.startswith("--") and name in RENAMED:
            old, new = (key.replace("_", "-") for key in (name, RENAMED[name]))
            raise LiaxError(f"--{old} is called --{new} now", "rename it")
