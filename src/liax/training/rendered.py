"""Stills as clips: the network's own rendering of a still, moved otherwise, is the source of its pair.

A still shows a person once. Rendered with another pose and expression it becomes a source from which the
still itself, a real picture, has to be made: back-translation, of pictures. For runs from trained weights.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from liax.data.augment import Batch
from liax.model import LIAX


@torch.no_grad()
def render_sources(
    network: LIAX, batch: Batch, stills: int, share: float, generator: torch.Generator, dtype: torch.dtype
) -> Batch:
    """The batch with the sources of a share of its stills, which come first, rendered by `network`.

    Each is moved as a clip's pair of the same batch moves, from its source to what is shown of its driving
    frame (equation 8 without an edit). generator: of the host; draws whose motion each still gets. What these
    faces do was not measured. A batch without clips stays as it is.
    """
    clips, count = len(batch.source) - stills, round(share * stills)
    if not clips or not count:
        return batch
    still = batch.source[:count].to(dtype)
    pair = (stills + torch.randint(clips, (count,), generator=generator)).to(still.device, non_blocking=True)
    start, frame = batch.source[pair].to(dtype), batch.driving[pair].to(dtype)
    seen = network.encode(torch.cat([still, start, frame]), count)
    of_still_BM, of_start_BM, of_frame_BM = seen.alpha_BM.split(count)
    moved_BD = network.transfer(seen.code_BD[:count], of_still_BM, of_start_BM, of_frame_BM)
    rendered = network.decode(moved_BD, seen.features).clamp(-1, 1)
    source = _with_first(batch.source, rendered)
    unknown_BK = batch.source_factors_BK[:count] * torch.nan
    return replace(batch, source=source, source_factors_BK=_with_first(batch.source_factors_BK, unknown_BK))


def _with_first(tensor: Tensor, first: Tensor) -> Tensor:
    """With its first rows replaced."""
    return torch.cat([first.to(tensor.dtype), tensor[len(first) :]])
