"""When another engine takes over, and what happens where it does not work."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import torch

from liax.errors import SlowerPath
from liax.export.runtime_choice import missing_packages
from liax.model import LIAX
from liax.portrait import engine_choice
from liax.portrait.engine import EagerEngine
from liax.portrait.engine_choice import choose_engine
from liax.portrait.runtime_engine import RuntimeEngine
from liax.portrait.switching_engine import WORTHWHILE, SwitchingEngine

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _nothing_was_said_before() -> Iterator[None]:
    engine_choice._warn.cache_clear()
    yield
    engine_choice._warn.cache_clear()


class _Brighter(EagerEngine):
    def draw_levels(self, code_BD: torch.Tensor, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return (super().draw_levels(code_BD, features).float() + 50).clamp(0, 255).to(torch.uint8)


def frames(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 64, 64, 3), generator=torch.Generator().manual_seed(count)).to(
        torch.uint8
    )


@torch.inference_mode()
def test_the_other_takes_over_after_as_many_frames(tiny: LIAX) -> None:
    first, other, made = EagerEngine(tiny, torch.float32), _Brighter(tiny, torch.float32), []
    engine = SwitchingEngine(first, lambda: made.append(1) or other)
    seen = engine.encode(frames(1))
    code_BD = seen.code_BD.expand(4, -1)
    for _ in range(WORTHWHILE // 4):
        assert torch.equal(
            engine.draw_levels(code_BD, seen.features), first.draw_levels(code_BD, seen.features)
        )
    assert not made
    for _ in range(2):
        assert torch.equal(
            engine.draw_levels(code_BD, seen.features), other.draw_levels(code_BD, seen.features)
        )
    assert made == [1]


@torch.inference_mode()
def test_it_can_take_over_at_once(tiny: LIAX) -> None:
    first, other = EagerEngine(tiny, torch.float32), _Brighter(tiny, torch.float32)
    engine = SwitchingEngine(first, lambda: other)
    engine.switch()
    seen = engine.encode(frames(1))
    drawn, plain = (each.draw_levels(seen.code_BD, seen.features) for each in (engine, first))
    assert not torch.equal(drawn, plain)


@torch.inference_mode()
def test_openvino_takes_over(
    tiny: LIAX, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine_choice, "missing_packages", missing_packages)
    if missing := missing_packages("openvino"):
        pytest.skip(f"{' and '.join(missing)} not installed (extra openvino)")
    engine, plain = choose_engine(tiny, CPU, torch.float32), EagerEngine(tiny, torch.float32)
    assert isinstance(engine, SwitchingEngine)
    seen = engine.encode(frames(2))
    code_BD = seen.code_BD[:1].expand(WORTHWHILE, -1)
    with caplog.at_level(logging.INFO, "liax"):
        found = engine.coefficients(frames(WORTHWHILE))
        engine.draw_levels(code_BD, tuple(each[:1] for each in seen.features))
    assert isinstance(engine._other, RuntimeEngine)
    assert caplog.text.count("openvino takes over") == 1
    torch.testing.assert_close(found, plain.coefficients(frames(WORTHWHILE)), rtol=0, atol=1e-4)
    # Features of before are still good.
    drawn, wanted = (each.draw_levels(seen.code_BD, seen.features) for each in (engine, plain))
    assert (drawn.int() - wanted.int()).abs().max() <= 1


@torch.inference_mode()
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (RuntimeError("no such instruction"), "does not run"),
        (_Brighter, "computes something else than PyTorch"),
    ],
)
def test_else_pytorch_goes_on(
    tiny: LIAX,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    wrong: RuntimeError | type[EagerEngine],
    reason: str,
) -> None:
    def opened(*_: object) -> EagerEngine:
        if isinstance(wrong, RuntimeError):
            raise wrong
        return wrong(tiny, torch.float32)

    monkeypatch.setattr(engine_choice, "missing_packages", lambda _: ())
    monkeypatch.setattr(engine_choice, "open_runtime", opened)
    monkeypatch.setattr(engine_choice, "RuntimeEngine", lambda runtime: runtime)
    for _ in range(2):
        engine = choose_engine(tiny, CPU, torch.float32)
        engine.encode(frames(WORTHWHILE + 1))
        assert isinstance(engine, SwitchingEngine)
        assert type(engine._other) is EagerEngine
    (message,) = [str(record.msg) for record in caplog.records if isinstance(record.msg, SlowerPath)]
    assert f"OpenVINO {reason}" in message
