"""The discriminator's side of training: its optimiser, its steps, its verdict on the network's images."""

from __future__ import annotations

from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor

from liax.model import PRESETS
from liax.training.config import TrainConfig
from liax.training.discriminator import Discriminator, discriminator_loss, generator_loss, r1_penalty


class Adversary:
    """Owns the discriminator. `learn` before `judge` in every step."""

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:
        self.config, self.fabric = config.adversarial, fabric
        self.dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
        discriminator = Discriminator(PRESETS[config.preset].size, self.config.width).to(fabric.device)
        if fabric.device.type == "cuda":
            discriminator = discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.plain = discriminator
        # Lazy regularisation runs r1_every times as seldom; the momenta are adapted to it (StyleGAN2).
        ratio = self.config.r1_every / (self.config.r1_every + 1)
        optimizer = torch.optim.Adam(
            discriminator.parameters(), lr=self.config.lr * ratio, betas=(0.0, 0.99**ratio)
        )
        self.discriminator, self.optimizer = fabric.setup(discriminator, optimizer)

    def learn(self, real_B3RR: Tensor, fake_B3RR: Tensor, step: int) -> dict[str, Tensor]:
        """One discriminator step; every `r1_every` steps another with the gradient penalty."""
        self.plain.requires_grad_(True)
        both = torch.cat([real_B3RR, fake_B3RR]).to(self.dtype)
        real_logits, fake_logits = self.discriminator(both).chunk(2)
        loss = discriminator_loss(real_logits, fake_logits)
        self._step(loss)
        terms = {"discriminator": loss.detach()}
        if step % self.config.r1_every == 0:
            real = real_B3RR.detach().requires_grad_()
            logits = self.discriminator(real.to(self.dtype))
            penalty = r1_penalty(logits, real)
            # The last bias has no part in the penalty; distributed training wants its gradient all the same.
            self._step(penalty * self.config.r1 * self.config.r1_every + 0 * logits.sum())
            terms["r1"] = penalty.detach()
        return terms

    def judge(self, fake_B3RR: Tensor) -> Tensor:
        """The generator's loss; gradients reach the image only."""
        self.plain.requires_grad_(False)
        return generator_loss(self.plain(fake_B3RR.to(self.dtype)))

    def _step(self, loss: Tensor) -> None:
        self.fabric.backward(loss)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {"discriminator": self.plain.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.plain.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
