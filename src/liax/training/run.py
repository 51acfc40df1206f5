"""Starts a run on the devices its configuration names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from liax.errors import LiaxError
from liax.training.config import TrainConfig, to_dict


def train(config: TrainConfig) -> Path:
    """Runs or resumes a training run; returns the averaged weights' path. Prints its configuration first.

    Raises LiaxError for bad settings or data, or where the training extra is not installed.
    """
    try:
        from lightning.fabric import Fabric
    except ImportError:
        raise LiaxError(
            'training needs more packages; install them with: pip install "liax[train]"'
        ) from None
    from liax.training.sharding import choose_strategy
    from liax.training.trainer import Trainer

    config.check()
    fabric = Fabric(
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.nodes,
        strategy=choose_strategy(config),
    )
    fabric.launch()
    if fabric.is_global_zero:
        print(json.dumps(to_dict(config), indent=2), file=sys.stderr)
    return Trainer(config, fabric).run()
