"""`liax train`: weights from a manifest of clips."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from liax.training.config import TrainConfig, load_config


def train(
    config: Path | None = None,
    *,
    settings: Annotated[TrainConfig, tyro.conf.arg(name="")] = TrainConfig(),  # noqa: B008 - frozen
) -> None:
    """Train a network, or go on with the run that the folder --out holds; prints the weights' path.

    Every key of a configuration file is also an option, and the option wins: --steps 1000, --loss.sparse 0.1,
    --data.manifest FILE. Ctrl-C saves and stops; the same command resumes.

    Args:
        config: A TOML or JSON file of settings; keys that it leaves out keep their defaults.
    """
    from liax.training.run import train as run

    weights = run(settings)
    from lightning.fabric.utilities import rank_zero_only

    rank_zero_only(print)(weights)  # once, not by every process


def configured(args: Sequence[str]) -> Callable[..., None]:
    """`train` with the settings of the file named by --config as its options' defaults."""
    parser = argparse.ArgumentParser("liax train", add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path)
    path: Path | None = parser.parse_known_args(args)[0].config
    return train if path is None else partial(train, settings=load_config(path))
