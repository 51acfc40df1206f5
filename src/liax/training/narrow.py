"""A narrower network that begins with a trained one's most used channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX, ModelConfig
from liax.model.decoder import FlowBlock, Level, RenderBlock
from liax.model.encoder import DownBlock
from liax.model.layers import ConvLayer, EqualLinear, ModulatedConv, StyledConv

_FACES_AT_ONCE = 16
_Conv = ConvLayer | ModulatedConv


@torch.no_grad()
def narrow(wide: LIAX, config: ModelConfig, faces_N3RR: Tensor) -> LIAX:
    """A network of `config` that computes roughly what `wide` does, with fewer channels and a shorter code.

    At each side it keeps the channels that carry most: mean square on the faces, times the squared weights
    that read them. Codes are projected to the dictionary's vectors and the principal directions of the rest,
    and the vectors stay what they are. Of a driver, which `wide` need not have, the weights are new.

    Args:
        faces_N3RR: Training faces in [-1, 1], on the device of `wide`; some hundreds.

    Raises:
        LiaxError: If the networks differ in more than widths, code, flow size and driver, or `wide` is
            narrower.
    """
    same = replace(
        config, width=wide.config.width, max_width=wide.config.max_width, latent=wide.config.latent
    )
    same = replace(same, flow_size=wide.config.flow_size, driver_size=wide.config.driver_size)
    sides = [4, *config.sides]
    if same != wide.config or any(config.channels(side) > wide.config.channels(side) for side in sides):
        raise LiaxError(
            f"a network of {config.size}² with {config.width} to {config.max_width} channels cannot start "
            f"from one of {wide.config.size}² with {wide.config.width} to {wide.config.max_width}",
            "choose wider weights of the same side and blocks",
        )
    code_ND, energy = _observe(wide, faces_N3RR)
    kept = {side: _most_used(energy[side], config.channels(side)) for side in sides}
    project_DE = _projection(code_ND, wide.dictionary.vectors_DM(), config.latent)
    network = LIAX(config).to(faces_N3RR.device)
    _copy(wide, network, _Slices(kept, project_DE))
    network.dictionary.freeze(project_DE.T @ wide.dictionary.vectors_DM())
    network.metadata = dict(wide.metadata)
    return network


def _observe(wide: LIAX, faces_N3RR: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
    """Codes of the faces, and how much each channel of each side carries, in the encoder and the renderer."""
    codes: list[Tensor] = []
    energy: dict[int, Tensor] = {side: torch.zeros(()) for side in (4, *wide.config.sides)}
    levels = dict(zip(wide.config.sides, wide.decoder.levels, strict=True))
    blocks = dict(zip(reversed(wide.config.sides), wide.encoder.blocks, strict=True))
    for face_B3RR in faces_N3RR.split(_FACES_AT_ONCE):
        seen = wide.encode(face_B3RR)
        codes.append(seen.code_BD)
        alpha_BM = seen.alpha_BM.roll(1, 0)
        for state, feature in zip(
            wide.render(wide.reenact(seen.code_BD, alpha_BM), seen.features), seen.features, strict=True
        ):
            side = feature.shape[-1]
            level, block = levels[side], blocks[side]
            assert isinstance(level, Level)
            assert isinstance(block, DownBlock)
            read_C = _read_squares(block.conv)
            drawn_C = sum((_read_squares(each.first) for each in level.render_blocks), torch.zeros(()))  # type: ignore[arg-type]
            squares_C = feature.square().mean((0, 2, 3)) * read_C + state.g.square().mean((0, 2, 3)) * drawn_C
            energy[side] = energy[side].to(squares_C.device) + squares_C
    code_weight_C = wide.encoder.to_code.weight.square().sum((0, 2, 3))
    energy[4] = code_weight_C + wide.decoder.constant.square().mean((0, 2, 3))
    return torch.cat(codes), energy


def _read_squares(layer: ConvLayer) -> Tensor:
    """Squared weights that read each input channel of a layer: (in,)."""
    return (layer.weight * layer.scale).square().sum((0, 2, 3))


def _most_used(energy_C: Tensor, count: int) -> Tensor:
    """The numbers, ascending, of the `count` channels with most energy."""
    return energy_C.topk(count).indices.sort().values


def _projection(code_ND: Tensor, vectors_DM: Tensor, latent: int) -> Tensor:
    """Orthonormal columns (D, latent): the motion vectors, then the principal directions of what is left."""
    rest_ND = (code_ND - code_ND @ vectors_DM @ vectors_DM.T).double()
    _, directions_DD = torch.linalg.eigh(rest_ND.T @ rest_ND)  # the greatest last
    columns_DE = torch.cat([vectors_DM, directions_DD.flip(1).to(vectors_DM.dtype)], 1)[:, :latent]
    orthonormal_DE, triangle_EE = torch.linalg.qr(columns_DE)
    return orthonormal_DE * triangle_EE.diagonal().sign()


class _Slices:
    """How tensors of the wide network become those of the narrow one.

    Args:
        kept: Side -> the channels that are kept there.
        project_DE: From wide codes to narrow ones.
    """

    def __init__(self, kept: Mapping[int, Tensor], project_DE: Tensor) -> None:
        self.kept, self.project_DE = kept, project_DE

    def conv(self, wide: ConvLayer, narrow: ConvLayer, inputs: int | None, outputs: int | None) -> None:
        """A layer from the channels of side `inputs` to those of side `outputs`; None keeps all."""
        self._weight(wide, narrow, inputs, outputs)
        if wide.bias is not None and narrow.bias is not None:
            self.vector(wide.bias, narrow.bias, outputs)

    def modulated(self, wide: ModulatedConv, narrow: ModulatedConv, inputs: int, outputs: int | None) -> None:
        self._weight(wide, narrow, inputs, outputs)
        self.linear(wide.affine, narrow.affine, inputs)

    def styled(self, wide: StyledConv, narrow: StyledConv, inputs: int, outputs: int) -> None:
        self.modulated(wide.conv, narrow.conv, inputs, outputs)
        self.vector(wide.bias, narrow.bias, outputs)

    def linear(self, wide: EqualLinear, narrow: EqualLinear, outputs: int | None) -> None:
        """A layer that reads codes."""
        weight = self._rows(wide.weight * wide.scale, outputs) @ self.project_DE
        narrow.weight.copy_(weight / narrow.scale)
        self.vector(wide.bias, narrow.bias, outputs)

    def vector(self, wide: Tensor, narrow: Tensor, side: int | None) -> None:
        """A parameter with one value, or row, for each channel."""
        narrow.copy_(self._rows(wide, side))

    def _weight(self, wide: _Conv, narrow: _Conv, inputs: int | None, outputs: int | None) -> None:
        weight_OIKK = self._rows(wide.weight * wide.scale, outputs)
        if inputs is not None:
            weight_OIKK = weight_OIKK[:, self.kept[inputs]]
        narrow.weight.copy_(weight_OIKK / narrow.scale)

    def _rows(self, tensor: Tensor, side: int | None) -> Tensor:
        return tensor if side is None else tensor[self.kept[side]]


def _copy(wide: LIAX, network: LIAX, cut: _Slices) -> None:
    """Sets the parameters of all but a driver, and of the coefficients' layer if there is none."""
    size = wide.config.size
    cut.conv(wide.encoder.from_rgb, network.encoder.from_rgb, None, size)
    side = size
    for old, new in zip(wide.encoder.blocks, network.encoder.blocks, strict=True):
        assert isinstance(old, DownBlock)
        assert isinstance(new, DownBlock)
        cut.conv(old.conv, new.conv, side, side // 2)
        cut.conv(old.down, new.down, side // 2, side // 2)
        cut.conv(old.skip, new.skip, side, side // 2)
        side //= 2
    old_code, new_code = wide.encoder.to_code, network.encoder.to_code
    code_weight = torch.einsum("dcyx,de->ecyx", old_code.weight * old_code.scale, cut.project_DE)
    new_code.weight.copy_(code_weight[:, cut.kept[4]] / new_code.scale)
    if network.driver is None and wide.driver is None:
        cut.linear(wide.to_alpha, network.to_alpha, None)
    network.decoder.constant.copy_(wide.decoder.constant[:, cut.kept[4]])
    cut.styled(wide.decoder.start, network.decoder.start, 4, 4)
    for side, old_level, new_level in zip(
        wide.config.sides, wide.decoder.levels, network.decoder.levels, strict=True
    ):
        assert isinstance(old_level, Level)
        assert isinstance(new_level, Level)
        _copy_level(old_level, new_level, side, cut)


def _copy_level(wide: Level, network: Level, side: int, cut: _Slices) -> None:
    if wide.predicts_flow and network.predicts_flow:
        cut.styled(wide.up, network.up, side // 2, side)
        for old, new in zip(wide.flow_blocks, network.flow_blocks, strict=True):
            assert isinstance(old, FlowBlock)
            assert isinstance(new, FlowBlock)
            cut.styled(old.first, new.first, side, side)
            cut.styled(old.second, new.second, side, side)
            for parameter in ("norm.weight", "norm.bias", "gamma"):
                cut.vector(old.get_parameter(parameter), new.get_parameter(parameter), side)
        cut.modulated(wide.flow_head.conv, network.flow_head.conv, side, None)
        network.flow_head.bias.copy_(wide.flow_head.bias)
    if wide.render_up is not None and network.render_up is not None:
        cut.conv(wide.render_up, network.render_up, side // 2, side)
    for old, new in zip(wide.render_blocks, network.render_blocks, strict=True):
        assert isinstance(old, RenderBlock)
        assert isinstance(new, RenderBlock)
        cut.conv(old.first, new.first, side, side)
        cut.conv(old.second, new.second, side, side)
    cut.conv(wide.to_rgb, network.to_rgb, side, None)
    network.rgb_bias.copy_(wide.rgb_bias)
