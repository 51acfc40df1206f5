"""Stills as clips: the network in training reenacts a still, and the result is the source of its pair.

A still shows a person once. Reenacted with another pose and expression it becomes a source from which the
still itself, a real picture, has to be made: back-translation, of pictures. And the encoder can be asked to
read in it what it was rendered with (`cycle_loss`). For runs from trained weights.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from liax.data.augment import PairBatch
from liax.data.transfer import to_device
from liax.model import Encoded, ModelConfig
from liax.training.losses import masked_mean


class Renderer(Protocol):
    """What can reenact: a network, or a teacher."""

    @property
    def config(self) -> ModelConfig: ...

    def encode(self, image_B3RR: Tensor, count: int | None = None) -> Encoded: ...

    def reenact(self, code_BD: Tensor, alpha_BM: Tensor) -> Tensor: ...

    def decode(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor: ...


@torch.no_grad()
def reenact_stills(
    network: Renderer,
    batch: PairBatch,
    stills: int,
    share: float,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> PairBatch:
    """The batch with the sources of a share of its stills, which come first, rendered by `network`.

    Each is moved as a clip's pair of the same batch moves, from its source to its driving frame (equation 8
    without an edit).

    Args:
        network: The network that renders; it should be trained already.
        stills: How many pairs of the batch are stills; they come first.
        share: The share of the stills to render.
        generator: On the host; draws whose motion each still gets.
        dtype: What the network computes in.

    Returns:
        The batch, whose pictures are unchanged if it has no clips or no stills. The factors and landmarks of
        rendered sources are NaN: unknown. `rendered_BM` is NaN for sources that were not rendered, and there
        even if none was, so that all devices' parts of a batch have the same terms.
    """
    clips, count = len(batch.source) - stills, round(share * stills)
    if not clips or not count:
        shape = len(batch.source), network.config.vectors
        return replace(batch, rendered_BM=batch.source.new_full(shape, torch.nan))
    still = batch.source[:count].to(dtype)
    pair = to_device(stills + torch.randint(clips, (count,), generator=generator), still.device)
    start, frame = batch.source[pair].to(dtype), batch.driving[pair].to(dtype)
    seen = network.encode(torch.cat([still, start, frame]), count)
    of_still_BM, of_start_BM, of_frame_BM = seen.alpha_BM.split(count)
    moved_BM = of_still_BM + (of_frame_BM - of_start_BM)
    rendered = network.decode(network.reenact(seen.code_BD[:count], moved_BM), seen.features).clamp(-1, 1)
    unknown_BK = torch.full_like(batch.source_factors_BK[:count], torch.nan)
    unknown_BM = moved_BM.new_full((len(batch.source), moved_BM.shape[1]), torch.nan)
    points = batch.points_B2P2
    if points is not None:
        points = _with_first(points, torch.full_like(points[:count], torch.nan))
    return replace(
        batch,
        source=_with_first(batch.source, rendered),
        source_factors_BK=_with_first(batch.source_factors_BK, unknown_BK),
        points_B2P2=points,
        rendered_BM=_with_first(unknown_BM, moved_BM),
    )


def cycle_loss(read_BM: Tensor, rendered_BM: Tensor) -> Tensor:
    """Mean distance of the coefficients read in rendered sources from those they were rendered with."""
    return masked_mean((read_BM - rendered_BM.nan_to_num(0.0)).abs(), ~rendered_BM.isnan())


def _with_first(tensor: Tensor, first: Tensor) -> Tensor:
    """The tensor with its first rows replaced."""
    return torch.cat([first.to(tensor.dtype), tensor[len(first) :]])
