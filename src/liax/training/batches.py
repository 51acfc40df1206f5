"""A device's part of every step's batch: pairs are drawn, their frames fetched and augmented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from liax.data.augment import PairBatch, augment
from liax.data.frames import Frames
from liax.data.manifest import Manifest
from liax.data.pairs import PairSampler
from liax.model.pixels import from_uint8
from liax.model.pointwise import fused
from liax.training.config import TrainConfig
from liax.training.self_reenact import StillRenderer, reenact_stills


class BatchLoader:
    """Micro-batches by number, counted through all steps.

    All random draws are functions of seed and step, and do not depend on how a step's batch is divided. Only
    whose motion a rendered still gets is drawn from this device's part.

    Args:
        rank: This device's number.
        world: How many devices share each batch.
    """

    def __init__(
        self,
        config: TrainConfig,
        manifest: Manifest,
        frames: Frames,
        rank: int,
        world: int,
    ) -> None:
        self._config, self._frames, self._rank, self._world = config, frames, rank, world
        self.sampler = PairSampler(manifest, config.data, batch=config.batch, seed=config.seed)

    def batch(self, number: int, renderer: StillRenderer) -> PairBatch:
        """This device's part of micro-batch `number`, augmented.

        Args:
            renderer: Renders sources of stills, if the configuration asks for that.
        """
        config = self._config
        step, part = self._step_and_part(number)
        pairs = self.sampler.batch(step, part)
        following = self.sampler.batch(*self._step_and_part(number + 1))
        self._frames.prefetch(following.source_B)  # pairs are of one clip
        generator = torch.Generator()
        entropy = np.random.SeedSequence([config.seed, 0, step])
        generator.manual_seed(int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1)))
        batch = augment(
            self._frames.fetch(pairs.source_B),
            self._frames.fetch(pairs.driving_B),
            pairs,
            config.augment,
            generator,
            part,
        )
        if batch.source.is_cuda:
            images = (batch.source, batch.target, batch.driving)
            source, target, driving = (x.contiguous(memory_format=torch.channels_last) for x in images)
            batch = replace(batch, source=source, target=target, driving=driving)
        share = config.augment.self_reenact_share
        if not share:
            return batch
        with fused(config.compile):
            return reenact_stills(renderer, batch, pairs.stills, share, generator)

    def frames_with_factors(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Driving frames (B, 3, R, R) in [-1, 1], not augmented, and their factors (B, K), without end.

        They are drawn as for training, in steps after the run's last.
        """
        number = self._config.steps * self._config.accumulate
        while True:
            step, part = self._step_and_part(number)
            pairs = self.sampler.batch(step, part)
            yield from_uint8(self._frames.fetch(pairs.driving_B)), torch.from_numpy(pairs.factors_BK)
            number += 1

    def _step_and_part(self, number: int) -> tuple[int, tuple[int, int]]:
        """A micro-batch's step, and which of how many parts of that step's batch this device has."""
        step, micro = divmod(number, self._config.accumulate)
        return step, (micro * self._world + self._rank, self._config.accumulate * self._world)
