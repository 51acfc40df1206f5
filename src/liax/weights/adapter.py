"""Between a published state dict and ours: names, shapes and constants; never a number changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from liax.errors import LiaxError
from liax.model import ModelConfig
from liax.weights.controls import METADATA_KEY
from liax.weights.inference import DICTIONARY, VECTORS, Stored, expected_shapes
from liax.weights.matching import mismatch
from liax.weights.published import ANCHORS, PUBLISHED_SIZE, kernels, pairs, published_shape
from liax.weights.published_controls import PUBLISHED_CONFIG, PUBLISHED_CONTROLS


def to_ours(state: Mapping[str, Tensor], path: Path) -> Stored:
    """A published state dict under our names, with Q beside W; tensors share memory with `state`.

    The configuration follows from the shapes. Constant FIR kernels may be missing, but not differ.
    A network of the published checkpoint's sizes is taken for it, and gets the controls published with it.
    Raises LiaxError, naming `path` and the published names of what is missing, unexpected or misshapen.
    """
    config = _deduce(state, path)
    shapes = expected_shapes(config)
    names = dict(pairs(config))
    fixed = dict(kernels())
    expected = {theirs: published_shape(theirs, shapes[ours]) for theirs, ours in names.items()}
    expected |= {name: tuple(kernel.shape) for name, kernel in fixed.items()}
    faults = mismatch(expected, {n: tuple(t.shape) for n, t in state.items()}, optional=fixed)
    if faults:
        raise LiaxError(f"{path} is not the published network: {faults}; get the original lia-x.pt.")
    for name, kernel in fixed.items():
        if name in state and not torch.equal(state[name].float(), kernel):
            raise LiaxError(f"{path} was trained with another filter ({name}), which liax does not compute.")
    tensors = {ours: state[theirs].reshape(shapes[ours]) for theirs, ours in names.items()}
    weight_DM = tensors[DICTIONARY].float() + 1e-8
    tensors[VECTORS] = torch.linalg.qr(weight_DM)[0].contiguous()
    metadata = {"liax.origin": "published", "source": path.name}
    if config == PUBLISHED_CONFIG:
        metadata[METADATA_KEY] = PUBLISHED_CONTROLS.to_json()
    return Stored(config, tensors, metadata)


def to_published(stored: Stored, path: Path) -> dict[str, Tensor]:
    """The published state dict, constant kernels included; tensors share memory with `stored`.

    Raises LiaxError, naming `path`, for networks other than 512², which have no published names.
    """
    config = stored.config
    if config.size != PUBLISHED_SIZE:
        raise LiaxError(
            f"{path} holds a network for {config.size}² images, and published names exist for "
            f"{PUBLISHED_SIZE}² only; keep it as safetensors."
        )
    # Files written by `save` hold Q alone; the QR of Q is Q.
    tensors = {DICTIONARY: stored.tensors[VECTORS], **stored.tensors}
    state = {}
    for theirs, ours in pairs(config):
        value = tensors[ours]
        state[theirs] = value.reshape(published_shape(theirs, tuple(value.shape)))
    return state | dict(kernels())


def _deduce(state: Mapping[str, Tensor], path: Path) -> ModelConfig:
    dictionary, constant, from_rgb = ANCHORS
    missing = [name for name in ANCHORS if name not in state]
    if missing:
        raise LiaxError(f"{path} lacks {', '.join(missing)}; get the original lia-x.pt.")
    try:
        latent, vectors = state[dictionary].shape
        return ModelConfig(
            size=PUBLISHED_SIZE,
            width=state[from_rgb].shape[0],
            max_width=state[constant].shape[1],
            latent=latent,
            vectors=vectors,
            flow_blocks=_count(state, r"dec\.conv\w+_2\.(\d+)\."),
            render_blocks=_count(state, r"dec\.conv\w+_2_rgb\.(\d+)\."),
        )
    except (ValueError, IndexError) as error:
        raise LiaxError(
            f"{path} has no usable network sizes ({error}); get the original lia-x.pt."
        ) from error


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """Blocks of a level: one more than the largest index in any name, at least 1."""
    found = (re.match(pattern, name) for name in state)
    return max((int(match[1]) + 1 for match in found if match), default=1)
