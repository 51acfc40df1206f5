"""Starts a run on the devices that its configuration names, or in the processes of torchrun or srun."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from liax.errors import MissingPackageError
from liax.training.config import TrainConfig, to_dict

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def train(config: TrainConfig) -> Path:
    """Runs or resumes a training run; returns the path of the averaged weights. Prints its settings first.

    Raises:
        LiaxError: If settings or data cannot be used.
        MissingPackageError: If the extra `train` is not installed.
    """
    try:
        import lightning.fabric  # noqa: F401
    except ImportError:
        raise MissingPackageError("Training", ("lightning",), "train") from None
    from liax.training.trainer import Trainer

    config, fabric = launch(config)
    if fabric.is_global_zero:
        print(json.dumps(to_dict(config), indent=2), file=sys.stderr)
    return Trainer(config, fabric).run()


def launch(config: TrainConfig) -> tuple[TrainConfig, Fabric]:
    """Starts one process per device, of which this one becomes the first.

    Returns:
        The configuration with the launcher's numbers of nodes and devices, and the launched Fabric.

    Raises:
        LiaxError: If the settings cannot train.
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
    """The configuration with the numbers of nodes and devices of torchrun or srun, if one started this."""
    from lightning.fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment

    if TorchElasticEnvironment.detect():
        world, devices = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        return replace(config, nodes=world // devices, devices=devices)
    if SLURMEnvironment.detect():
        world, nodes = int(os.environ["SLURM_NTASKS"]), int(os.environ["SLURM_NNODES"])
        return replace(config, nodes=nodes, devices=world // nodes)
    return config
