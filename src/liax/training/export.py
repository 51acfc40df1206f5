"""Weights out of a run: the averaged network as a file for inference."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from liax.model import LIAX
from liax.training.config import TrainConfig
from liax.training.meaning import COUNT, controls
from liax.training.simplify import simplify
from liax.weights import save
from liax.weights.controls import METADATA_KEY
from liax.weights.reach import METADATA_KEY as REACH_KEY
from liax.weights.reach import Reach

# Frames that tell how far faces go; fewer are too few to hold others by.
_ENOUGH = 1000


def export(network: LIAX, config: TrainConfig, step: int, reach: Reach | None = None) -> None:
    """Writes `weights.safetensors` into the run's folder."""
    about = {"name": config.preset, "steps": str(step)}
    if reach is not None:
        about[REACH_KEY] = reach.to_json()
    if config.meaningful:
        about[METADATA_KEY] = controls(network.config.vectors).to_json()
    save(network, config.out / "weights.safetensors", metadata=about)


@torch.no_grad()
def export_sparsest(network: LIAX, alpha_NM: Tensor, config: TrainConfig, step: int) -> None:
    """The same in the coordinates in which the coefficients alpha_NM of N training frames are sparsest.

    And with how far they reach, if the frames are many.
    """
    network = copy.deepcopy(network)
    simple_NM = simplify(network, alpha_NM, fixed=COUNT if config.meaningful else 0)
    reach = Reach.of(simple_NM.numpy()) if len(simple_NM) >= _ENOUGH else None
    export(network, config, step, reach)
