import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from liax.training.config import OptimConfig, TrainConfig
from liax.training.optimizer import init_adam_state, learning_rate_factor

CONFIG = TrainConfig(steps=1000, optim=OptimConfig(warmup=100, lr_decay_share=0.2))
TIMED = TrainConfig(steps=1000, max_minutes=10.0, optim=OptimConfig(warmup=100, lr_decay_share=0.2))


def test_rises_stays_and_falls() -> None:
    factors = [learning_rate_factor(step, 0.0, CONFIG) for step in (0, 49, 99, 100, 500, 800, 900, 1000)]
    assert factors == pytest.approx([0.01, 0.5, 1, 1, 1, 1, 0.51, 0.02])


def test_without_warm_up_or_decay() -> None:
    config = TrainConfig(steps=1000, optim=OptimConfig(warmup=0, lr_decay_share=0.0))
    assert [learning_rate_factor(step, 0.0, config) for step in (0, 500, 999)] == pytest.approx([1, 1, 1])


def test_the_clock_ends_a_run_as_well() -> None:
    """At 9 of 10 minutes half of the decay is done, however few the steps; steps count where ahead."""
    assert learning_rate_factor(300, 9.0, TIMED) == pytest.approx(0.51)
    assert learning_rate_factor(300, 10.0, TIMED) == pytest.approx(0.02)
    assert learning_rate_factor(900, 1.0, TIMED) == pytest.approx(0.51)
    assert learning_rate_factor(300, 9.0, CONFIG) == 1.0  # no limit of time, no part of the clock


@given(st.integers(0, 5000), st.floats(0, 100))
def test_never_below_2_percent_of_the_warm_up_nor_above_1(step: int, minutes: float) -> None:
    rise = min((step + 1) / 100, 1)
    assert 0.02 * rise <= learning_rate_factor(step, minutes, TIMED) <= rise
    assert learning_rate_factor(step, minutes + 1, TIMED) <= learning_rate_factor(step, minutes, TIMED)


def test_momenta_begin_as_adam_would() -> None:
    layers = [torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)]
    layers[1].load_state_dict(layers[0].state_dict())
    optimizers = [torch.optim.Adam(layer.parameters(), betas=(0.5, 0.9)) for layer in layers]
    init_adam_state(optimizers[1])
    for _ in range(3):
        for layer, optimizer in zip(layers, optimizers, strict=True):
            layer(torch.ones(1, 3)).square().sum().backward()
            optimizer.step()
    assert torch.equal(layers[0].weight, layers[1].weight)
