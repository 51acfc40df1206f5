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


def export(network: LIAX, config: TrainConfig, step: int) -> None:
    """Writes `weights.safetensors` into the run's folder."""
    about = {"name": config.preset, "steps": str(step)}
    if config.meaningful:
        about[METADATA_KEY] = controls(network.config.vectors).to_json()
    save(network, config.out / "weights.safetensors", metadata=about)


@torch.no_grad()
def export_sparsest(network: LIAX, alpha_NM: Tensor, config: TrainConfig, step: int) -> None:
    """The same in the coordinates in which the coefficients alpha_NM of N training frames are sparsest."""
    network = copy.deepcopy(network)
    simplify(network, alpha_NM, fixed=COUNT if config.meaningful else 0)
    export(network, config, step)
