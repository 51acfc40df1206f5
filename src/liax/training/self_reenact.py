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
from liax.training.cuda_graph import GraphedFunction
from liax.training.losses import masked_mean


class Renderer(Protocol):
    """What can reenact: a network, or a teacher."""

    @property
    def config(self) -> ModelConfig: ...

    def encode(self, image_B3RR: Tensor, count: int | None = None) -> Encoded: ...

    def reenact(self, code_BD: Tensor, alpha_BM: Tensor) -> Tensor: ...

    def decode(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor: ...


class StillRenderer:
    """Reenacts stills with the motion of clips (equation 8 without an edit).

    Args:
        network: Renders; it should be trained already.
        dtype: What it computes in.
        graphed: Record a CUDA graph in the first call; all calls then have as many stills.
    """

    def __init__(self, network: Renderer, dtype: torch.dtype, graphed: bool = False) -> None:
        self.vectors = network.config.vectors
        self._network, self._dtype = network, dtype
        self._compute = GraphedFunction(self._reenact) if graphed else self._reenact

    @torch.no_grad()
    def __call__(self, still_B3RR: Tensor, start_B3RR: Tensor, frame_B3RR: Tensor) -> tuple[Tensor, Tensor]:
        """The stills moved as a clip moves from `start` to `frame`, and their coefficients (B, M)."""
        return self._compute(still_B3RR, start_B3RR, frame_B3RR)

    def _reenact(self, still_B3RR: Tensor, start_B3RR: Tensor, frame_B3RR: Tensor) -> tuple[Tensor, Tensor]:
        count = len(still_B3RR)
        images = torch.cat([still_B3RR, start_B3RR, frame_B3RR]).to(self._dtype)
        seen = self._network.encode(images, count)
        of_still_BM, of_start_BM, of_frame_BM = seen.alpha_BM.split(count)
        moved_BM = of_still_BM + (of_frame_BM - of_start_BM)
        code_BD = self._network.reenact(seen.code_BD[:count], moved_BM)
        return self._network.decode(code_BD, seen.features).clamp(-1, 1), moved_BM


def reenact_stills(
    renderer: StillRenderer,
    batch: PairBatch,
    stills: int,
    share: float,
    generator: torch.Generator,
) -> PairBatch:
    """The batch with the sources of a share of its stills, which come first, rendered.

    Each is moved as a clip's pair of the same batch moves, from its source to its driving frame.

    Args:
        stills: How many pairs of the batch are stills; they come first.
        share: The share of the stills to render.
        generator: On the host; draws whose motion each still gets.

    Returns:
        The batch, whose pictures are unchanged if it has no clips or no stills. The factors and landmarks of
        rendered sources are NaN: unknown. `rendered_BM` is NaN for sources that were not rendered, and there
        even if none was, so that all devices' parts of a batch have the same terms.
    """
    clips, count = len(batch.source) - stills, round(share * stills)
    if not clips or not count:
        shape = len(batch.source), renderer.vectors
        return replace(batch, rendered_BM=batch.source.new_full(shape, torch.nan))
    pair = to_device(stills + torch.randint(clips, (count,), generator=generator), batch.source.device)
    rendered, moved_BM = renderer(batch.source[:count], batch.source[pair], batch.driving[pair])
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
