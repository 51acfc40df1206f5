"""The published checkpoint's tensor names, and ours: a two-way, bit-exact adapter."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from liax.model import ModelConfig

# The decoder's levels from 8×8 up, as the published names count them.
_SUFFIXES = ("_512", "2", "3", "4", "5", "6", "7")
# FIR([1,3,3,1]) as the published checkpoint stores it; where the filter follows zero insertion it is × 4.
_TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0])
_KERNEL = torch.outer(_TAPS, _TAPS) / 64


def pairs(config: ModelConfig) -> Iterator[tuple[str, str]]:
    """(published name, our name) of every tensor that carries weights; 512² networks only."""
    yield from _prefixed("enc.enc_2r.block1", "encoder.from_rgb", {"0.weight": "weight", "1.bias": "bias"})
    for i, block in enumerate([f"block{n}.0" for n in range(2, 8)] + ["block_512"]):
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
