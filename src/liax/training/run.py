"""Starts a run on the devices its configuration names, or for which torchrun or srun started processes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from liax.errors import LiaxError
from liax.training.config import TrainConfig, to_dict

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def train(config: TrainConfig) -> Path:
    """Runs or resumes a training run; returns the averaged weights' path. Prints its configuration first.

    Raises:
        LiaxError: For bad settings or data, or where the training extra is not installed.
    """
    try:
        import lightning.fabric  # noqa: F401
    except ImportError:
        raise LiaxError(
            'training needs more packages; install them with: pip install "liax[train]"'
        ) from None
    from liax.training.trainer import Trainer

    config, fabric = launch(config)
    if fabric.is_global_zero:
        print(json.dumps(to_dict(config), indent=2), file=sys.stderr)
    return Trainer(config, fabric).run()


def launch(config: TrainConfig) -> tuple[TrainConfig, Fabric]:
    """One process for each device, of which this becomes one; the configuration as it is run.

    Raises:
        LiaxError: For values that cannot train.
    """
    from lightning.fabric import Fabric

    from liax.training.sharding import choose_strategy

    config = with_launcher_environment(config)
    config.check()
    fabric = Fabric(
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.nodes,
        strategy=choose_strategy(config),
    )
    fabric.launch()
    return config, fabric


def with_launcher_environment(config: TrainConfig) -> TrainConfig:
    """With the numbers of nodes, and of devices on each, that torchrun or srun decided on, if it was them."""
    from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment

    if TorchElasticEnvironment.detect():
        world, devices = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        return replace(config, nodes=world // devices, devices=devices)
    if SLURMEnvironment.detect():
        world, nodes = int(os.environ["SLURM_NTASKS"]), int(os.environ["SLURM_NNODES"])
        return replace(config, nodes=nodes, devices=world // nodes)
    return config
