"""The discriminator's side of training: its optimiser, its steps, its verdict on the network's images."""

from __future__ import annotations

import torch
from torch import Tensor

from liax.model import PRESETS
from liax.training.checkpoint import begin_momenta
from liax.training.config import TrainConfig
from liax.training.discriminator import Discriminator, discriminator_loss, generator_loss, r1_penalty
from liax.training.sharding import average_gradients, make_equal


class Adversary:
    """Owns the discriminator: whole on every device, for it is small beside the network.

    Every micro-batch is judged and learnt from, then `step` moves the discriminator once. Within a step it
    and the network see each other as they were at its beginning, whatever the number of micro-batches.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self.config, self.parts = config.adversarial, config.accumulate
        self.dtype = config.dtype
        self.discriminator = Discriminator(PRESETS[config.preset].size, self.config.width).to(device)
        make_equal(self.discriminator)
        if device.type == "cuda":
            self.discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Lazy regularisation runs r1_every times as seldom; the momenta are adapted to it (StyleGAN2).
        ratio = self.config.r1_every / (self.config.r1_every + 1)
        self.optimizer = torch.optim.Adam(
            self.discriminator.parameters(), lr=self.config.lr * ratio, betas=(0.0, 0.99**ratio)
        )
        begin_momenta(self.optimizer)
        self._real: list[Tensor] = []  # the step's real images, for the gradient penalty

    def judge(self, fake_B3RR: Tensor) -> Tensor:
        """The generator's loss; gradients reach the image only."""
        self.discriminator.requires_grad_(False)
        return generator_loss(self.discriminator(fake_B3RR.to(self.dtype)))

    def learn(self, real_B3RR: Tensor, fake_B3RR: Tensor) -> Tensor:
        """Gathers the gradients of one micro-batch; returns the discriminator's loss."""
        self.discriminator.requires_grad_(True)
        both = torch.cat([real_B3RR, fake_B3RR.detach()]).to(self.dtype)
        real_logits, fake_logits = self.discriminator(both).chunk(2)
        loss = discriminator_loss(real_logits, fake_logits)
        (loss / self.parts).backward()
        self._real.append(real_B3RR.detach())
        return loss.detach()

    def step(self, step: int) -> dict[str, Tensor]:
        """One step of the optimiser; every `r1_every` steps another with the gradient penalty."""
        self._step()
        terms: dict[str, Tensor] = {}
        if step % self.config.r1_every == 0:
            terms["r1"] = torch.stack([self._penalise(real) for real in self._real]).mean()
            self._step()
        self._real = []
        return terms

    def _penalise(self, real_B3RR: Tensor) -> Tensor:
        """Gathers the gradients of a micro-batch's penalty, and returns it."""
        real_B3RR.requires_grad_()
        penalty = r1_penalty(self.discriminator(real_B3RR.to(self.dtype)), real_B3RR)
        (penalty * self.config.r1 * self.config.r1_every / self.parts).backward()
        return penalty.detach()

    def _step(self) -> None:
        average_gradients(self.discriminator)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
