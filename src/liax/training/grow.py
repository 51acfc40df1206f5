"""A network of twice the side that begins as a trained one: its picture is that one's picture, enlarged."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from liax.errors import LiaxError
from liax.model import LIAX, ModelConfig
from liax.model.decoder import Level
from liax.model.encoder import DownBlock

_COLOURS = 3
# leaky_relu(x) - leaky_relu(-x) is so many times x.
_BOTH_SIGNS = 1.2


@torch.no_grad()
def grow(small: LIAX, config: ModelConfig) -> LIAX:
    """A network of `config`, twice the side of `small`, that computes what `small` does.

    It encodes as `small` encodes the picture that the FIR filter reduces by two, and draws what `small`
    draws, enlarged as running images are. Of the encoder's new level, six channels pass the colours and their
    negatives through the leaky ReLUs, whose difference is linear; the heads of the decoder's new level are
    zero. All else of the new levels is as in a new network, ready to be learnt. Its vectors are frozen.

    Raises:
        LiaxError: If `config` is not `small`'s with one level more.
    """
    if (small.config.size * 2, small.config.width) != (config.size, config.width * 2) or (
        replace(small.config, size=config.size, width=config.width) != config
    ):
        raise LiaxError(
            f"the network to grow from is of {small.config.size}² with {small.config.width} channels there; "
            f"for one of {config.size}² it must be of {config.size // 2}² with {config.width * 2}, "
            "and otherwise the same",
            "choose other weights, or another preset",
        )
    if config.width < 2 * _COLOURS:
        raise LiaxError(
            f"growing needs {2 * _COLOURS} channels at the new side, not {config.width}",
            "choose a wider preset",
        )
    large = LIAX(config)
    large.load_state_dict(_moved_outwards(small.state_dict()), strict=False)
    large.dictionary.freeze(small.dictionary.vectors_DM())
    _pass_on(large, small)
    level = large.decoder.levels[-1]
    assert isinstance(level, Level)
    for head in (level.to_rgb.weight, level.rgb_bias, level.flow_head.conv.weight, level.flow_head.bias):
        head.zero_()
    large.metadata = dict(small.metadata)
    return large


def outer_levels(network: LIAX) -> list[nn.Module]:
    """What `grow` adds: the encoder's first level and the decoder's last."""
    return [network.encoder.from_rgb, network.encoder.blocks[0], network.decoder.levels[-1]]


def _moved_outwards(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict's tensors by the names they have in a network of twice the side; from_rgb is left out.

    The encoder's blocks count from the full side down, the decoder's levels from 8² up.
    """
    moved = {}
    for name, value in state.items():
        if name.startswith("encoder.blocks."):
            _, _, index, rest = name.split(".", 3)
            moved[f"encoder.blocks.{int(index) + 1}.{rest}"] = value
        elif not name.startswith("encoder.from_rgb.") and name != "dictionary.frozen_DM":
            moved[name] = value
    return moved


def _pass_on(large: LIAX, small: LIAX) -> None:
    """Makes the encoder's first level compute what `small`'s first layer computes, of the reduced picture."""
    old, first, block = small.encoder.from_rgb, large.encoder.from_rgb, large.encoder.blocks[0]
    assert isinstance(block, DownBlock)
    assert old.bias is not None
    assert first.bias is not None
    assert block.conv.bias is not None
    assert block.down.bias is not None
    passing = 2 * _COLOURS
    sign_PC = torch.cat([torch.eye(_COLOURS), -torch.eye(_COLOURS)]).to(old.weight.device)
    first.weight[:passing, :, 0, 0] = sign_PC / first.scale
    first.bias[:passing] = 0
    # A colour is the difference of its two channels.
    block.conv.weight[:passing] = 0
    block.conv.weight[:passing, :passing, 1, 1] = sign_PC @ sign_PC.T / (_BOTH_SIGNS * block.conv.scale)
    block.conv.bias[:passing] = 0
    block.down.weight.zero_()
    seen_OC = old.weight[:, :, 0, 0] * old.scale
    block.down.weight[:, :passing, 1, 1] = seen_OC @ sign_PC.T / (_BOTH_SIGNS * block.down.scale)
    block.down.bias.copy_(old.bias * (old.gain / block.down.gain))
    block.skip.weight.zero_()
