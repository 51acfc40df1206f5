"""How the network is run on a device, and what is done where that does not work."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from liax.errors import LiaxError, SlowerPath
from liax.model import LIAX
from liax.portrait import animator as animator_module
from liax.portrait import engine_choice
from liax.portrait.animator import Animator
from liax.portrait.engine import EagerEngine
from liax.portrait.engine_choice import choose_engine, difference

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def _nothing_was_said_before() -> Iterator[None]:
    engine_choice._warn.cache_clear()
    yield
    engine_choice._warn.cache_clear()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.msg) for record in caplog.records if isinstance(record.msg, SlowerPath)]


def test_cpus_run_the_network_as_it_is(
    tiny: LIAX, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine_choice, "missing_packages", lambda _: ("openvino",))
    assert isinstance(choose_engine(tiny, CPU, torch.float32), EagerEngine)
    monkeypatch.setattr(engine_choice, "missing_packages", lambda _: ())
    assert isinstance(choose_engine(tiny, CPU, torch.float32, "torch"), EagerEngine)
    assert said(caplog) == []


class _Fake(EagerEngine):
    """In place of the graphs: the network, with its pictures made brighter by some levels."""

    brighter: float = 0
    error: Exception | None = None

    def __init__(self, network: LIAX, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(network, dtype)
        if self.error is not None:
            raise self.error

    def draw_levels(self, code_BD: torch.Tensor, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        drawn = super().draw_levels(code_BD, features)
        return (drawn.float() + self.brighter).clamp(0, 255).to(torch.uint8)


def with_fake(monkeypatch: pytest.MonkeyPatch, **attributes: object) -> type[_Fake]:
    fake = type("Fake", (_Fake,), attributes)
    module = type(sys)("liax.portrait.graph_engine")
    module.GraphEngine = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "liax.portrait.graph_engine", module)
    return fake


def test_graphs_are_taken_where_they_compute_the_same(
    tiny: LIAX, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = with_fake(monkeypatch)
    assert isinstance(choose_engine(tiny, CUDA, torch.float32), fake)
    assert said(caplog) == []


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"brighter": 30.0}, "compute something else than PyTorch"),
        ({"brighter": float("nan")}, "compute something else than PyTorch"),
        ({"error": RuntimeError("PTX was compiled with an unsupported toolchain")}, "this driver and Triton"),
        ({"error": ModuleNotFoundError("No module named 'triton'")}, "Triton, which"),
        ({"error": torch.OutOfMemoryError("full")}, "memory is nearly full"),
    ],
)
def test_else_the_network_runs_as_it_is_and_that_is_said_once(
    tiny: LIAX,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    attributes: dict[str, object],
    reason: str,
) -> None:
    with_fake(monkeypatch, **attributes)
    for _ in range(2):
        assert type(choose_engine(tiny, CUDA, torch.float32)) is EagerEngine
    (message,) = said(caplog)
    assert reason in message
    assert message.endswith("going on all the same, more slowly.")


def test_difference_is_relative(tiny: LIAX) -> None:
    plain = EagerEngine(tiny, torch.float32)
    assert difference(plain, plain, 64) == 0
    brighter = type("Brighter", (_Fake,), {"brighter": 5.0})(tiny, torch.float32, CPU)
    assert 0.01 < difference(brighter, plain, 64) < 1


def pictures(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 255, (count, 64, 64, 3), np.uint8))


class _Small(EagerEngine):
    """A card on which so many rows at once are too many."""

    most = 2

    def _check(self, rows: torch.Tensor) -> None:
        if len(rows) > self.most:
            raise torch.OutOfMemoryError(f"{len(rows)} rows")

    def encode(self, levels_BRR3: torch.Tensor) -> object:
        self._check(levels_BRR3)
        return super().encode(levels_BRR3)

    def draw_levels(self, code_BD: torch.Tensor, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        self._check(code_BD)
        return super().draw_levels(code_BD, features)


def test_a_full_card_is_given_half_as_much(
    tiny: LIAX, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The pictures are the same, the batch size to try is named, and from then on it is taken at once."""
    source, *driving = pictures(10)
    wanted = list(Animator(tiny, "cpu", torch.float32).animate(source, driving))
    monkeypatch.setattr(
        animator_module, "choose_engine", lambda network, _, dtype, __: _Small(network, dtype)
    )
    small = Animator(tiny, "cpu", torch.float32)
    small.batch_size = 8
    with caplog.at_level(logging.WARNING):
        got = list(small.animate(source, driving))
    assert np.abs(np.stack(got).astype(int) - np.stack(wanted)).max() <= 1
    assert small.batch_size == 2
    assert [message.split(";")[0] for message in said(caplog)] == [
        "The GPU's memory is too small for 8 frames at once, and 4 are tried",
        "The GPU's memory is too small for 4 frames at once, and 2 are tried",
    ]
    features = small.encode(driving[:3]).features
    assert [len(each) for each in features] == [3] * len(features)


def test_a_card_too_full_for_one_frame(tiny: LIAX, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Small, "most", 0)
    monkeypatch.setattr(
        animator_module, "choose_engine", lambda network, _, dtype, __: _Small(network, dtype)
    )
    with pytest.raises(LiaxError, match=r"memory of cpu is too full for this network; end other programs"):
        Animator(tiny, "cpu", torch.float32).encode(pictures(1))


def test_the_recorded_batch_that_fits() -> None:
    pytest.importorskip("triton", reason="graphs run kernels of Triton")
    from liax.portrait.graph_engine import fitting

    assert fitting(8, []) == 8
    assert fitting(8, [8]) == 8
    assert fitting(5, [8]) == 8  # filled up
    assert fitting(3, [8]) == 3  # recorded of its own
    assert fitting(3, [8, 4]) == 4
    assert fitting(1, [8]) == 1
    assert fitting(9, [8]) == 9
