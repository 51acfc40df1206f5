"""Adapter between the published network's tensors and liax's: names, shapes and controls, both ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from liax.errors import LiaxError
from liax.model import PRESETS, ModelConfig
from liax.weights.controls import CONTROLS_KEY, Control, Controls
from liax.weights.files import DICTIONARY, VECTORS, StoredWeights, expected_shapes, mismatch

# The published names exist for images of this side only.
PUBLISHED_SIZE = 512
# Tensors by which the network is recognised; their shapes give the dictionary's and the channels' sizes.
ANCHORS = ("dec.direction.weight", "dec.input.input", "enc.enc_2r.block1.0.weight")

# The published names of the encoder's blocks, from 512×512 down, and of the decoder's levels, from 8×8 up.
_BLOCKS = ("block2.0", "block3.0", "block4.0", "block5.0", "block6.0", "block7.0", "block_512")
_SUFFIXES = ("_512", "2", "3", "4", "5", "6", "7")


def tensor_names(config: ModelConfig) -> Iterator[tuple[str, str]]:
    """Pairs (published name, liax's name) of every tensor that carries weights, of a 512² network."""
    yield from _prefixed("enc.enc_2r.block1", "encoder.from_rgb", {"0.weight": "weight", "1.bias": "bias"})
    for i, block in enumerate(_BLOCKS):
        yield from _prefixed(
            f"enc.enc_2r.{block}",
            f"encoder.blocks.{i}",
            {
                "conv1.0.weight": "conv.weight",
                "conv1.1.bias": "conv.bias",
                "conv2.1.weight": "down.weight",
                "conv2.2.bias": "down.bias",
                "skip.1.weight": "skip.weight",
            },
        )
    yield "enc.enc_2r.block8.weight", "encoder.to_code.weight"
    yield from _prefixed("enc.enc_r2t.0", "to_alpha", {"weight": "weight", "bias": "bias"})
    yield "dec.direction.weight", "dictionary.weight"
    yield "dec.input.input", "decoder.constant"
    yield from _styled("dec.conv1", "decoder.start")
    for i, suffix in enumerate(_SUFFIXES):
        yield from _level(f"dec.conv{suffix}", suffix, f"decoder.levels.{i}", config, first=i == 0)


def fir_kernels() -> Iterator[tuple[str, Tensor]]:
    """Pairs (published name, value) of the constant FIR kernels [1,3,3,1] ⊗ [1,3,3,1] / 64, in float32.

    Kernels that follow an insertion of zeros have a gain of 4: those that upsample flows, images and renderer
    features, and the blur after a transposed convolution. The encoder's kernels, before a stride, have none.
    """
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps) / 64
    for block in _BLOCKS:
        yield f"enc.enc_2r.{block}.conv2.0.kernel", kernel.clone()
        yield f"enc.enc_2r.{block}.skip.0.kernel", kernel.clone()
    for i, suffix in enumerate(_SUFFIXES):
        yield f"dec.conv{suffix}_1.conv.blur.kernel", kernel * 4
        if i > 0:
            yield f"dec.conv{suffix}_2_up.0.kernel", kernel * 4
        yield f"dec.rgb{suffix}.up.kernel", kernel * 4
        yield f"dec.flow{suffix}.up.kernel", kernel * 4


def published_shape(name: str, ours: tuple[int, ...]) -> tuple[int, ...]:
    """The published shape of the tensor with the published name `name`, whose shape in liax is `ours`."""
    if name.startswith("dec.") and name.endswith((".conv.weight", ".gamma")):
        return (1, *ours)
    if name.startswith(("dec.flow", "dec.rgb")) and name.count(".") == 2 and name.endswith(".bias"):
        return (1, *ours, 1, 1)
    return ours


def _prefixed(theirs: str, ours: str, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    for their_name, our_name in names.items():
        yield f"{theirs}.{their_name}", f"{ours}.{our_name}"


def _modulated(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    names = {"weight": "weight", "modulation.weight": "affine.weight", "modulation.bias": "affine.bias"}
    yield from _prefixed(theirs, ours, names)


def _styled(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    yield from _modulated(f"{theirs}.conv", f"{ours}.conv")
    yield f"{theirs}.activate.bias", f"{ours}.bias"


def _level(
    conv: str, suffix: str, ours: str, config: ModelConfig, *, first: bool
) -> Iterator[tuple[str, str]]:
    yield from _styled(f"{conv}_1", f"{ours}.up")
    for block in range(config.flow_blocks):
        theirs_block, our_block = f"{conv}_2.{block}", f"{ours}.flow_blocks.{block}"
        norms = {"gamma": "gamma", "norm.weight": "norm.weight", "norm.bias": "norm.bias"}
        yield from _prefixed(theirs_block, our_block, norms)
        yield from _styled(f"{theirs_block}.conv1", f"{our_block}.first")
        yield from _styled(f"{theirs_block}.conv2", f"{our_block}.second")
    yield from _modulated(f"dec.flow{suffix}.conv", f"{ours}.flow_head.conv")
    yield f"dec.flow{suffix}.bias", f"{ours}.flow_head.bias"
    if not first:
        names = {"1.weight": "weight", "2.bias": "bias"}
        yield from _prefixed(f"{conv}_2_up", f"{ours}.render_up", names)
    for block in range(config.render_blocks):
        names = {
            "conv1.0.weight": "first.weight",
            "conv1.1.bias": "first.bias",
            "conv2.0.weight": "second.weight",
            "conv2.1.bias": "second.bias",
        }
        yield from _prefixed(f"{conv}_2_rgb.{block}", f"{ours}.render_blocks.{block}", names)
    yield from _prefixed(f"dec.rgb{suffix}", ours, {"bias": "rgb_bias"})
    names = {"0.weight": "weight", "1.bias": "bias"}
    yield from _prefixed(f"dec.rgb{suffix}.conv", f"{ours}.to_rgb", names)


# Group, name, motion vector, lowest and highest value, and what increasing values do, as far as published.
_TABLE = (
    ("head", "yaw", 37, -1.0, 0.5, "turns the head sideways"),
    ("head", "yaw-shoulders", 39, -1.0, 0.5, "turns head and shoulders sideways"),
    ("head", "pitch", 28, -1.0, 0.5, "nods the head"),
    ("head", "roll", 15, -0.5, 0.5, "tilts the head sideways"),
    ("head", "roll-2", 33, -0.5, 0.5, "tilts the head sideways, another way"),
    ("head", "neck", 31, -0.5, 0.5, "moves the neck"),
    ("mouth", "pout", 6, -0.4, 0.4, "pouts"),
    ("mouth", "mouth", 25, -0.4, 0.4, "closes the mouth; negative values open it"),
    ("mouth", "o-mouth", 16, -0.4, 0.4, "rounds the mouth to an O"),
    ("mouth", "smirk", 19, -0.4, 0.4, "moves the cheeks, smirks"),
    ("eyes", "eyes", 13, -0.4, 0.4, "opens the eyes; negative values close them"),
    ("brows", "eyebrows", 24, -0.4, 0.4, "moves the eyebrows"),
    ("gaze", "gaze", 17, -0.2, 0.2, "turns the gaze"),
    ("gaze", "gaze-2", 26, -0.2, 0.2, "turns the gaze, another way"),
)
PUBLISHED_CONFIG = PRESETS["large"]
PUBLISHED_CONTROLS = Controls(
    PUBLISHED_CONFIG.vectors,
    tuple(
        Control(name, group, {vector: 1.0}, low, high, meaning=meaning)
        for group, name, vector, low, high, meaning in _TABLE
    ),
)


def to_ours(state: Mapping[str, Tensor], path: Path) -> StoredWeights:
    """Rename a published state dict to liax's names, and add Q; the other tensors share memory with `state`.

    The configuration follows from the shapes. Constant FIR kernels may be missing, but must not differ. A
    network of the published checkpoint's sizes gets the controls published with that checkpoint.

    Args:
        state: Published names -> tensors.
        path: The file that the state was read from, for messages and metadata.

    Raises:
        LiaxError: If tensors are missing, unexpected or misshapen; the message has their published names.
    """
    config = _deduce_config(state, path)
    shapes = expected_shapes(config)
    names = dict(tensor_names(config))
    fixed = dict(fir_kernels())
    expected = {theirs: published_shape(theirs, shapes[ours]) for theirs, ours in names.items()}
    expected |= {name: tuple(kernel.shape) for name, kernel in fixed.items()}
    faults = mismatch(expected, {n: tuple(t.shape) for n, t in state.items()}, optional=fixed)
    if faults:
        raise LiaxError(f"{path} is not the published network: {faults}", "get the original lia-x.pt")
    for name, kernel in fixed.items():
        if name in state and not torch.equal(state[name].float(), kernel):
            raise LiaxError(f"{path} was trained with another filter ({name}), which liax does not compute.")
    tensors = {ours: state[theirs].reshape(shapes[ours]) for theirs, ours in names.items()}
    weight_DM = tensors[DICTIONARY].float() + 1e-8
    tensors[VECTORS] = torch.linalg.qr(weight_DM)[0].contiguous()
    metadata = {"liax.origin": "published", "source": path.name}
    if config == PUBLISHED_CONFIG:
        metadata[CONTROLS_KEY] = PUBLISHED_CONTROLS.to_json()
    return StoredWeights(config, tensors, metadata)


def to_published(stored: StoredWeights, path: Path) -> dict[str, Tensor]:
    """The published state dict, constant FIR kernels included; tensors share memory with `stored`.

    Args:
        stored: The weights.
        path: The file that they were read from, for the message.

    Raises:
        LiaxError: If the network is not for 512² images, and so has no published names.
    """
    config = stored.config
    if config.size != PUBLISHED_SIZE:
        raise LiaxError(
            f"{path} holds a network for {config.size}² images, and published names exist for "
            f"{PUBLISHED_SIZE}² only",
            "keep it as safetensors",
        )
    # Files written by `save` hold Q alone; the QR of Q is Q.
    tensors = {DICTIONARY: stored.tensors[VECTORS], **stored.tensors}
    state = {}
    for theirs, ours in tensor_names(config):
        value = tensors[ours]
        state[theirs] = value.reshape(published_shape(theirs, tuple(value.shape)))
    return state | dict(fir_kernels())


def _deduce_config(state: Mapping[str, Tensor], path: Path) -> ModelConfig:
    dictionary, constant, from_rgb = ANCHORS
    missing = [name for name in ANCHORS if name not in state]
    if missing:
        raise LiaxError(f"{path} lacks {', '.join(missing)}", "get the original lia-x.pt")
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
            f"{path} has no usable network sizes ({error})", "get the original lia-x.pt"
        ) from error


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """The number of blocks in a level: one more than the largest index in any name, and at least 1."""
    found = (re.match(pattern, name) for name in state)
    return max((int(match[1]) + 1 for match in found if match), default=1)
