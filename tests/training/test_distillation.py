"""A pupil learns its teacher's coefficients, flow and pictures, and its controls are the teacher's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from runs import run, tiny
from torch import Tensor

from liax.data.augment import PairBatch
from liax.errors import LiaxError
from liax.model import LIAX, PRESETS
from liax.training.config import DistillationConfig, LossConfig, TrainConfig
from liax.training.distillation import Teacher, distillation_terms, reading_error
from liax.training.losses import ReconstructionLoss
from liax.weights import load, save
from liax.weights.controls import CONTROLS_KEY, LIMITS_KEY, CoefficientLimits, Control, Controls

TINY = PRESETS["tiny"]
LARGE = replace(TINY, size=128)


@pytest.fixture
def teacher_network() -> LIAX:
    torch.manual_seed(3)
    network = LIAX(LARGE).requires_grad_(False).eval()
    network.dictionary.freeze()
    return network


def pairs(count: int) -> PairBatch:
    generator = torch.Generator().manual_seed(1)
    source, driving = (torch.rand(count, 3, 64, 64, generator=generator) * 2 - 1 for _ in range(2))
    return PairBatch(
        source=source,
        target=driving,
        driving=driving,
        boxes_BP4=torch.full((count, 3, 4), 0.5),
        source_factors_BK=torch.zeros(count, 14),
        factors_BK=torch.zeros(count, 14),
        named_only_B=torch.zeros(count, dtype=torch.bool),
        points_B2P2=torch.full((count, 2, 5, 2), 0.5),
    )


def enlarged(image: Tensor) -> Tensor:
    return torch.nn.functional.interpolate(image, (128, 128), mode="bilinear")


def test_foreign_pairs_have_the_teachers_picture_as_target(teacher_network: LIAX) -> None:
    """Rows 3 and 7 of eight: the target's person, moved as the driving image of the row before."""
    teacher = Teacher(teacher_network, TINY, DistillationConfig(foreign_share=0.25))
    batch = pairs(8)
    taught, lesson = teacher.teach(batch, torch.float32)
    assert torch.equal(taught.source[3], batch.target[3])
    assert torch.equal(taught.source[2], batch.source[2])
    assert torch.equal(taught.target[2], batch.target[2])
    seen, driving = (teacher_network.encode(enlarged(x)) for x in (batch.target[3:4], batch.driving[2:3]))
    code_1D = teacher_network.reenact(seen.code_BD, driving.alpha_BM)
    picture = teacher_network.decode(code_1D, seen.features[:4]).clamp(-1, 1)
    torch.testing.assert_close(taught.target[3:4], picture, rtol=1e-4, atol=1e-4)
    assert taught.boxes_BP4.isnan().all(2).all(1).tolist() == [False, False, False, True] * 2
    assert taught.points_B2P2 is not None
    assert taught.points_B2P2[[3, 7]].isnan().all()
    given_B = ~lesson.given_BM.isnan().any(1)
    assert given_B.tolist() == [True, False, True, True, True, False, True, True]
    torch.testing.assert_close(lesson.given_BM[0], lesson.driving_BM[0])


def test_without_pictures_the_batch_stays_and_nothing_is_drawn(teacher_network: LIAX) -> None:
    teacher = Teacher(teacher_network, TINY, DistillationConfig(flow=0.0, picture=0.0))
    batch = pairs(8)
    taught, lesson = teacher.teach(batch, torch.float32)
    assert taught is batch
    assert not lesson.states
    torch.testing.assert_close(lesson.source_BM, teacher_network.encode(enlarged(batch.source)).alpha_BM)


def test_a_pupil_that_is_the_teacher_has_nothing_to_learn(teacher_network: LIAX) -> None:
    """Of its own side, coefficients and picture agree, and the flow of the finest level."""
    small = LIAX(TINY).requires_grad_(False).eval()
    small.dictionary.freeze()
    teacher = Teacher(small, TINY, DistillationConfig(foreign_share=0.0))
    batch, lesson = teacher.teach(pairs(4), torch.float32)
    levels, source_BM, alpha_BM = small(batch.source, batch.driving, None, lesson.given_BM)
    criterion = ReconstructionLoss(LossConfig())
    same = distillation_terms(lesson, source_BM, alpha_BM, levels, TINY, criterion, torch.float32)
    assert same["coefficients"] < 1e-5
    assert same["picture"] < 1e-3
    off = distillation_terms(lesson, source_BM + 1, alpha_BM, levels, TINY, criterion, torch.float32)
    error = 1 / torch.cat([source_BM, alpha_BM]).std(0).clamp(min=0.02)
    wanted = torch.where(error < 3, error**2, 6 * error - 9).mean() * 2 / 3
    torch.testing.assert_close(off["coefficients"], wanted, rtol=1e-3, atol=0)


@pytest.mark.parametrize("change", [{"size": 64}, {"size": 256, "vectors": 7}])
def test_a_teacher_that_cannot_teach_is_refused(change: dict[str, int]) -> None:
    network = LIAX(replace(TINY, **change))
    with pytest.raises(LiaxError, match="cannot learn from one of"):
        Teacher(network, replace(TINY, size=128), DistillationConfig())


def test_reading_error_is_in_the_wanted_deviations() -> None:
    wanted = torch.randn(2, 50, 8, generator=torch.Generator().manual_seed(2))
    spread_M = wanted.flatten(0, 1).std(0)
    assert reading_error(*wanted, *wanted) == 0
    same_shift = reading_error(*(wanted + spread_M), *wanted)  # changes are right
    torch.testing.assert_close(same_shift, torch.tensor(2 / 3))
    torch.testing.assert_close(reading_error(wanted[0], wanted[1] + spread_M, *wanted), torch.tensor(2 / 3))


def test_reading_the_mean_is_better_than_reading_the_median() -> None:
    """Of what is rarely far from its median, as an open jaw is; the absolute error says the opposite."""
    wanted_BM = torch.zeros(20, 1)
    wanted_BM[:2] = 1.0
    mean_BM, median_BM = torch.full_like(wanted_BM, 0.1), torch.zeros_like(wanted_BM)
    assert reading_error(mean_BM, mean_BM, wanted_BM, wanted_BM) < reading_error(
        median_BM, median_BM, wanted_BM, wanted_BM
    )


@pytest.fixture
def with_driver(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(PRESETS, "tiny-driver", replace(TINY, driver_size=64))
    return "tiny-driver"


def test_a_driver_alone_learns_to_read(
    manifest: Path, tmp_path: Path, teacher_network: LIAX, with_driver: str
) -> None:
    """Only the driver and the coefficients' layer change."""
    path = tmp_path / "teacher.safetensors"
    save(teacher_network, path)
    driver = {"preset": with_driver, "distil": str(path), "driver_only": True}
    log = run(tiny(manifest, tmp_path / "run", steps=40, **driver))
    errors = [float(line.split()[1]) for line in log["train/coefficients"]]
    assert sum(errors[-5:]) < 0.8 * sum(errors[:5])
    run(tiny(manifest, tmp_path / "short", steps=3, **driver))
    short, whole = (load(tmp_path / name / "weights.safetensors") for name in ("short", "run"))
    moved = {
        name.partition(".")[0]
        for (name, now), was in zip(whole.named_parameters(), short.parameters(), strict=True)
        if not torch.equal(now, was)
    }
    assert moved == {"driver", "to_alpha"}


@pytest.mark.parametrize("change", [{"preset": "tiny"}, {"distil": None}])
def test_a_driver_alone_needs_a_driver_and_a_teacher(with_driver: str, change: dict[str, str | None]) -> None:
    config = TrainConfig(preset=with_driver, distil="small", driver_only=True)
    with pytest.raises(LiaxError, match="to read a teacher's coefficients"):
        replace(config, **change).check()


def test_a_run_learns_from_its_teacher(manifest: Path, tmp_path: Path, teacher_network: LIAX) -> None:
    """Coefficients and pictures come nearer; controls and limits are the teacher's; the history names it."""
    controls = Controls(8, (Control("yaw", "head", {0: 0.1}, -10.0, 10.0, "deg"),))
    limits = CoefficientLimits.of(torch.randn(50, 8).numpy())
    path = tmp_path / "teacher.safetensors"
    save(teacher_network, path, metadata={CONTROLS_KEY: controls.to_json(), LIMITS_KEY: limits.to_json()})
    config = tiny(manifest, tmp_path / "run", steps=30, distil=str(path), canonicalize_frames=100)
    log = run(config)
    coefficients, pictures = (
        [float(line.split()[1]) for line in log[name]] for name in ("train/coefficients", "train/picture")
    )
    assert sum(coefficients[-5:]) < 0.8 * sum(coefficients[:5])
    assert sum(pictures[-5:]) < sum(pictures[:5])
    learnt = load(tmp_path / "run" / "weights.safetensors")
    assert learnt.metadata[CONTROLS_KEY] == controls.to_json()
    assert learnt.metadata[LIMITS_KEY] == limits.to_json()
    assert json.loads(learnt.metadata["training"])[-1]["teacher"]
