"""The published checkpoint's tensor names, and ours: a two-way, bit-exact adapter."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from liax.model import ModelConfig

# The side of the images that the published names can express.
PUBLISHED_SIZE = 512
# Tensors that give the network away, and whose shapes give its dictionary, its widest and narrowest channels.
ANCHORS = ("dec.direction.weight", "dec.input.input", "enc.enc_2r.block1.0.weight")

# How the published names count the encoder's blocks from 512×512 down, and the decoder's levels from 8×8 up.
_BLOCKS = ("block2.0", "block3.0", "block4.0", "block5.0", "block6.0", "block7.0", "block_512")
_SUFFIXES = ("_512", "2", "3", "4", "5", "6", "7")


def pairs(config: ModelConfig) -> Iterator[tuple[str, str]]:
    """(published name, our name) of every tensor that carries weights; 512² networks only."""
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


def kernels() -> Iterator[tuple[str, Tensor]]:
    """(published name, value) of the constant FIR kernels: [1,3,3,1] ⊗ [1,3,3,1] / 64, exact in float32.

    Those that follow an insertion of zeros make up for it with a gain of 4: upsampling of flows, images and
    renderer features, and the blur after a transposed convolution. The encoder's, before a stride, do not.
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
    """The shape under its published `name` of a tensor that has the shape `ours` here."""
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
