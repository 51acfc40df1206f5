"""Adam's state, its learning rate's schedule and the weights' moving average."""

from __future__ import annotations

from liax.training.config import TrainConfig


def learning_rate_factor(step: int, minutes: float, config: TrainConfig) -> float:
    """Factor of the learning rate: linear warm-up, constant, linear to 2 % over the last share of the run.

    The run's end is `steps` or `max_minutes`, whichever is nearer in its own measure.
    """
    optim = config.optim
    rise = min((step + 1) / max(optim.warmup, 1), 1.0)
    done = step / config.steps
    if config.max_minutes is not None:
        done = max(done, minutes / config.max_minutes)
    left = (1 - done) / max(optim.lr_decay_share, 1e-9)
    return rise * (0.02 + 0.98 * min(max(left, 0.0), 1.0))
