"""Distillation: a network learns another one's coefficients, flow and pictures beside the real frames.

The pupil's coefficients come to mean what the teacher's do: the teacher's controls, coefficient limits and
motion templates hold for it. So a small network (preset `live`) draws what a large one's sliders say, and a
large one can be trained further without losing what its sliders mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.data.augment import PairBatch
from liax.errors import LiaxError
from liax.model import LIAX, Encoded, ModelConfig
from liax.model.decoder import State, identity_grid
from liax.training.config import DistillationConfig
from liax.training.factor_supervision import unnamed_mask
from liax.training.losses import ReconstructionLoss

# Least spread of a coefficient over a batch that its error is measured in.
_LEAST_SPREAD = 0.02
# Errors of coefficients beyond so many spreads count in proportion instead of by their square.
_SQUARED_UP_TO = 3.0
# Of a mask's error beside that of the flow, in half pictures.
_MASK_WEIGHT = 0.1


@dataclass(frozen=True)
class Lesson:
    """What the teacher makes of a batch.

    Args:
        source_BM, driving_BM: The coefficients that it reads.
        given_BM: The coefficients that the pupil is to draw with; NaN in rows where it draws with those that
            it reads itself.
        states: Of all levels up to the pupil's side; empty if neither flow nor pictures are learnt.
    """

    source_BM: Tensor
    driving_BM: Tensor
    given_BM: Tensor
    states: Sequence[State]


class Teacher(nn.Module):
    """A trained network that stays as it is, at the pupil's side.

    Args:
        network: The teacher.
        pupil: The sizes of the network that learns.

    Raises:
        LiaxError: If it is of a smaller side than the pupil, or of another number of motion vectors.
    """

    def __init__(self, network: LIAX, pupil: ModelConfig, config: DistillationConfig) -> None:
        super().__init__()
        theirs = network.config
        if theirs.size < pupil.size or theirs.vectors != pupil.vectors:
            raise LiaxError(
                f"a network of {pupil.size}² with {pupil.vectors} motion vectors cannot learn from one of "
                f"{theirs.size}² with {theirs.vectors}",
                "choose a teacher at least as large, with as many vectors",
            )
        network.draw_at(pupil.size)
        self.network = network.eval().requires_grad_(False)
        self._config = config

    @property
    def config(self) -> ModelConfig:
        """The teacher's sizes."""
        return self.network.config

    def encode(self, image_B3RR: Tensor, count: int | None = None) -> Encoded:
        """As `LIAX.encode`, of images of the pupil's side."""
        side = self.config.size
        if image_B3RR.shape[-1] != side:
            image_B3RR = F.interpolate(image_B3RR, (side, side), mode="bilinear", align_corners=False)
        return self.network.encode(image_B3RR, count)

    @torch.no_grad()
    def read(self, image_B3RR: Tensor) -> Tensor:
        """Its coefficients of images of the pupil's side."""
        return self.encode(image_B3RR, 0).alpha_BM

    def reenact(self, code_BD: Tensor, alpha_BM: Tensor) -> Tensor:
        return self.network.reenact(code_BD, alpha_BM)

    def decode(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        return self.network.decode(code_BD, features)

    @torch.no_grad()
    def teach(self, batch: PairBatch, dtype: torch.dtype) -> tuple[PairBatch, Lesson]:
        """The batch, with pairs of which only the teacher knows the target, and what it makes of each pair.

        In a share of the pairs the target's person moves as another pair's driving image does, half of them
        by the named coefficients alone. Of the others, every second is drawn with the teacher's coefficients,
        so that drawing does not wait until reading is learnt.
        """
        count = len(batch.source)
        row_B = torch.arange(count, device=batch.source.device)
        every = (
            round(1 / self._config.foreign_share) if self._draws and self._config.foreign_share else count + 1
        )
        foreign_B = (row_B + 1) % every == 0
        rows_B111 = foreign_B[:, None, None, None]
        source = torch.where(rows_B111, batch.target, batch.source)
        seen = self.encode(torch.cat([source, batch.driving]).to(dtype), count)
        source_BM, driving_BM = seen.alpha_BM.split(count)
        named_only_B = torch.where(foreign_B, (row_B + 1) % (2 * every) == 0, batch.named_only_B)
        alpha_BM = torch.where(foreign_B[:, None], driving_BM.roll(1, 0), driving_BM)
        alpha_BM = torch.where(unnamed_mask(named_only_B, alpha_BM.shape[1]), source_BM, alpha_BM)
        given_B = foreign_B | (row_B % 2 == 0)
        given_BM = torch.where(given_B[:, None], alpha_BM, torch.nan)
        states: Sequence[State] = ()
        if self._draws:
            states = self.network.render(self.reenact(seen.code_BD[:count], alpha_BM), seen.features)
            image = states[-1].image.clamp(-1, 1).to(batch.target.dtype)
            boxes_BP4 = torch.where(foreign_B[:, None, None], torch.nan, batch.boxes_BP4)
            points = batch.points_B2P2
            if points is not None:
                points = torch.where(rows_B111, torch.nan, points)
            batch = replace(
                batch,
                source=source,
                target=torch.where(rows_B111, image, batch.target),
                boxes_BP4=boxes_BP4,
                points_B2P2=points,
            )
        return batch, Lesson(source_BM, driving_BM, given_BM, states)

    @property
    def _draws(self) -> bool:
        return self._config.flow > 0 or self._config.picture > 0


def reading_error(
    source_BM: Tensor, driving_BM: Tensor, wanted_source_BM: Tensor, wanted_BM: Tensor
) -> Tensor:
    """Mean squared error of coefficients, and of their change from source to driving image.

    It is measured in the standard deviations that the wanted coefficients have in the batch; beyond three of
    them it grows linearly. The absolute error asks for the median instead of the mean: what is rarely far
    from it, such as an open jaw or a sideways look, is then read as hardly different from it.
    """
    wanted_NM = torch.cat([wanted_source_BM, wanted_BM])
    spread_M = wanted_NM.std(0).clamp(min=_LEAST_SPREAD)
    wanted_NM = torch.cat([wanted_NM, wanted_BM - wanted_source_BM])
    read_NM = torch.cat([source_BM, driving_BM, driving_BM - source_BM])
    return 2 * F.huber_loss(read_NM / spread_M, wanted_NM / spread_M, delta=_SQUARED_UP_TO)


def distillation_terms(
    lesson: Lesson,
    source_BM: Tensor,
    driving_BM: Tensor,
    levels: list[State],
    pupil: ModelConfig,
    criterion: ReconstructionLoss,
    dtype: torch.dtype,
) -> dict[str, Tensor]:
    """How far the pupil is from the lesson, each term a scalar.

    Args:
        source_BM, driving_BM: The coefficients that the pupil reads.
        levels: The states that it draws.
        pupil: Its sizes.
        criterion: Compares pictures.
        dtype: The perceptual network's precision.

    Returns:
        "coefficients": `reading_error`. If the teacher draws, also "flow": mean distance of the
        flow, where the teacher's mask uses it, and of the mask, over the levels that predict them; and
        "picture": L1 and perceptual distance, weighted as those to real frames.
    """
    terms = {"coefficients": reading_error(source_BM, driving_BM, lesson.source_BM, lesson.driving_BM)}
    if not lesson.states:
        return terms
    finest = lesson.states[-1]
    flow_B2RR = _flow(finest).permute(0, 3, 1, 2)
    off = [
        _flow_error(level, flow_B2RR, taught.mask)
        for level, taught in zip(levels, lesson.states, strict=True)
        if pupil.predicts_flow(level.image.shape[-1])
    ]
    image, taught_image = levels[-1].image, finest.image
    perceptual = criterion.perceptual(image.to(dtype), taught_image.to(dtype), scales=3).mean()
    weights = criterion.config
    picture = weights.l1 * (image - taught_image).abs().mean() + weights.perceptual * perceptual
    return terms | {"flow": torch.stack(off).mean(), "picture": picture}


def _flow(state: State) -> Tensor:
    return state.grid - identity_grid(state.grid.shape[1], state.grid.device)


def _flow_error(level: State, flow_B2RR: Tensor, mask_B1HW: Tensor) -> Tensor:
    """Distance of a level's flow and mask from the teacher's finest flow, reduced, and its mask."""
    wanted_BHW2 = F.adaptive_avg_pool2d(flow_B2RR, level.grid.shape[1]).permute(0, 2, 3, 1)
    distance_BHW = (_flow(level) - wanted_BHW2).abs().sum(3)
    return (distance_BHW * mask_B1HW[:, 0]).mean() + _MASK_WEIGHT * (level.mask - mask_B1HW).abs().mean()
