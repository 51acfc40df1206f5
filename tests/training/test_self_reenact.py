from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric
from runs import assert_same_state, numbers, run, tiny

from liax.data.augment import PairBatch
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.model import LIAX, PRESETS
from liax.training.self_reenact import StillRenderer, cycle_loss, reenact_stills
from liax.training.trainer import Trainer


@pytest.fixture
def network() -> LIAX:
    torch.manual_seed(0)
    return LIAX(PRESETS["tiny"]).requires_grad_(False)


def made_up(pairs: int) -> PairBatch:
    size = PRESETS["tiny"].size
    source, target, driving = torch.rand(3, pairs, 3, size, size) * 2 - 1
    factors = torch.zeros(pairs, len(FACTORS))
    return PairBatch(source, target, driving, torch.zeros(pairs, 3, 4), factors, factors, factors[:, 0] > 0)


def rendered(network: LIAX, batch: PairBatch, stills: int, share: float) -> PairBatch:
    generator = torch.Generator().manual_seed(0)
    return reenact_stills(StillRenderer(network, torch.float32), batch, stills, share, generator)


def test_a_still_moves_as_a_clip_does(network: LIAX) -> None:
    """By equation (8), and only as a source: what is to be made of it stays the real picture."""
    batch = made_up(4)
    got = rendered(network, batch, stills=3, share=0.67)
    still, start, frame = (network.encode(image) for image in (batch.source, batch.source, batch.driving))
    change_1M = frame.alpha_BM[3:] - start.alpha_BM[3:]
    moved = network.reenact(still.code_BD[:2], still.alpha_BM[:2] + change_1M)
    want = network.decode(moved, tuple(maps[:2] for maps in still.features)).clamp(-1, 1)
    assert (got.source[:2] - want).abs().max() < 1e-4
    assert (want - batch.source[:2]).abs().mean() > 0.1
    assert torch.equal(got.source[2:], batch.source[2:])
    assert torch.equal(got.target, batch.target)
    assert torch.equal(got.driving, batch.driving)
    assert got.source_factors_BK[:2].isnan().all()
    assert not got.source_factors_BK[2:].isnan().any()
    assert not got.factors_BK.isnan().any()
    assert got.rendered_BM is not None
    read_BM = network.encode(got.source).alpha_BM
    assert got.rendered_BM[2:].isnan().all()
    assert cycle_loss(read_BM, got.rendered_BM) == pytest.approx(
        float((read_BM[:2] - got.rendered_BM[:2]).abs().mean()), rel=1e-5
    )


@pytest.mark.parametrize(("stills", "share"), [(0, 1.0), (4, 1.0), (2, 0.0)])
def test_nothing_to_render_or_to_move_like(network: LIAX, stills: int, share: float) -> None:
    """Its terms are as those of other batches, on other devices: 0."""
    batch = made_up(4)
    got = rendered(network, batch, stills, share)
    assert got.source is batch.source
    assert got.rendered_BM is not None
    assert got.rendered_BM.shape == (4, network.config.vectors)
    assert cycle_loss(network.encode(got.source).alpha_BM, got.rendered_BM) == 0


@pytest.fixture
def with_still(manifest: Path, portrait_path: Path) -> Path:
    (manifest.parent / "still.jpg").write_bytes(portrait_path.read_bytes())
    path = manifest.parent / "with_still.csv"
    path.write_text(manifest.read_text() + "still.jpg,portrait,train,still,1\n")
    return path


def test_a_run_renders_by_its_average_and_resumes_exactly(with_still: Path, tmp_path: Path) -> None:
    data, augment = {"still_share": 0.5}, {"self_reenact_share": 1.0}
    whole = tiny(with_still, tmp_path / "whole", steps=4, data=data, augment=augment)
    plain = tiny(with_still, tmp_path / "plain", steps=4, data=data)
    trainers = [Trainer(config, Fabric(accelerator="cpu", devices=1)) for config in (whole, plain)]
    batches = [trainer.batches.batch(3, trainer.renderer) for trainer in trainers]
    differs = [not torch.equal(a, b) for a, b in zip(batches[0].source, batches[1].source, strict=True)]
    assert differs == [True, True, False, False]
    run(whole)
    halves = replace(whole, out=tmp_path / "halves")
    run(replace(halves, steps=2))
    run(halves)
    assert_same_state(whole.out, halves.out)


def test_the_encoder_learns_to_read_what_was_rendered(with_still: Path, tmp_path: Path) -> None:
    still = {
        "l1": 0.0,
        "perceptual": 0.0,
        "deep_supervision": 0.0,
        "warp": (0.0, 0.0),
        "sparse": 0.0,
        "max_sparsity_weight": 0.0,
    }
    errors = []
    for weight in (0.0, 10.0):
        config = tiny(
            with_still,
            tmp_path / str(weight),
            steps=30,
            data={"still_share": 0.5},
            augment={"self_reenact_share": 1.0},
            loss=still | {"cycle": weight},
        )
        errors.append(numbers(run(config), "train/cycle")[-10:].mean())
    assert errors[1] < 0.7 * errors[0]


def test_a_cycle_needs_rendered_stills(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match="needs rendered stills"):
        tiny(manifest, tmp_path / "run", loss={"cycle": 1.0}).check()


def test_a_sharded_network_renders_no_stills(manifest: Path, tmp_path: Path) -> None:
    config = tiny(manifest, tmp_path / "run", strategy="fsdp", augment={"self_reenact_share": 0.5})
    with pytest.raises(LiaxError, match="a sharded network cannot render stills"):
        config.check()
