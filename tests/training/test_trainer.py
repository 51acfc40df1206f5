from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from runs import FRAMES, numbers, read_log, run, tiny
from safetensors.torch import load_file

from liax.data.regions import Regions, save_regions
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.model import PRESETS, pointwise
from liax.training.factor_supervision import FACTOR_COUNT
from liax.training.history import read_history
from liax.training.trainer import Trainer
from liax.weights import load
from liax.weights.controls import read_controls

CHEAP = {"perceptual": 0.0, "max_sparsity_weight": 0.0}


def test_what_a_run_leaves(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "one"  # made with its parents
    log = run(tiny(manifest, out, steps=2, validate_every=2, data={"validation": "val"}))
    files = {path.name for path in out.iterdir()}
    assert {"config.json", "run.json", "checkpoint-00000002", "weights.safetensors", "log.csv"} < files
    assert {"validation.png"} < files
    assert not [name for name in files if "partial" in name]
    assert all(np.isfinite(numbers(log, name)).all() for name in log)
    assert len(log["val/psnr"]) == 1


def test_streamed_and_resident_frames_train_alike(manifest: Path, tmp_path: Path) -> None:
    logs = [
        run(tiny(manifest, tmp_path / frames, steps=4, data={"frames": frames}, loss=CHEAP))
        for frames in ("memory", "stream", "device", "auto")
    ]
    assert logs[0] == logs[1] == logs[2] == logs[3]


def test_a_batch_in_parts_is_the_same_batch(manifest: Path, tmp_path: Path) -> None:
    """Its pairs, what happens to them, and the gradients of the terms that are means over pairs."""

    def step(accumulate: int) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
        config = tiny(
            manifest,
            tmp_path / str(accumulate),
            batch=8,
            accumulate=accumulate,
            loss={"max_sparsity_weight": 0.0, "sparse": 1.0},
            augment={"flip": 0.5, "colour": 0.2, "driving_colour": 0.2},
        )
        trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))
        gradients: list[torch.Tensor] = []
        trainer.optimizer.register_step_pre_hook(
            lambda *_: gradients.extend(p.grad.clone() for p in trainer.plain.parameters())
        )
        return trainer._train_step(), gradients

    whole, expected = step(1)
    for parts in (2, 4):
        accumulated, got = step(parts)
        for name in ("l1", "perceptual", "deep", "warp", "sparse", "total"):
            assert float(accumulated[name]) == pytest.approx(float(whole[name]), rel=1e-4), name
        assert len(got) == len(expected) > 50
        for one, other in zip(got, expected, strict=True):  # rounding may flip a sign of L1's
            assert (one - other).norm() <= 0.02 * other.norm() + 1e-6


def test_activations_made_anew_give_the_same_gradients(manifest: Path, tmp_path: Path) -> None:
    weights = []
    for again in (False, True):
        config = tiny(manifest, tmp_path / str(again), steps=2, checkpoint_activations=again)
        run(config)
        weights.append(load_file(config.out / "weights.safetensors"))
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_maps_are_made_anew_as_they_were_made(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With kernels or without; kernels keep other tensors for gradients than what they stand for."""
    monkeypatch.setattr(
        pointwise, "use_kernels", lambda x: False
    )  # in Triton's interpreter they take minutes
    config = tiny(manifest, tmp_path / "run", batch=1, compile=True, checkpoint_activations=True, loss=CHEAP)
    trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))
    seen: list[bool] = []
    trainer.plain.decoder.levels[0].up.register_forward_hook(lambda *_: seen.append(pointwise._fused))
    trainer._train_step()
    assert seen == [True, True]


def test_stills_alone_can_be_trained_on(manifest: Path, tmp_path: Path, portrait_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(portrait_path.read_bytes())
    (tmp_path / "stills.csv").write_text("file,type,split,identity,frames\na.jpg,portrait,train,a,1\n")
    log = run(tiny(tmp_path / "stills.csv", tmp_path / "run", steps=2, loss=CHEAP))
    assert (numbers(log, "train/warp") > 0).all()  # two different warps of the one picture


def test_regions_put_weight_on_parts(manifest: Path, tmp_path: Path) -> None:
    boxes = np.tile(np.float32([0.2, 0.2, 0.7, 0.7]), (FRAMES, 3, 1))
    path = tmp_path / "regions.npz"
    opening = np.full((FRAMES, 3), 0.3, np.float32)
    save_regions(
        path,
        {
            name: Regions(boxes, opening, np.full((len(boxes), len(FACTORS)), np.nan, np.float32))
            for name in ("ann.mp4", "bob.mp4")
        },
    )
    parts = {
        regions: numbers(
            run(
                tiny(
                    manifest,
                    tmp_path / str(regions is None),
                    steps=2,
                    data={"regions": regions},
                    loss={"region_loss": 1.0, "perceptual": 0.0, "factor_supervision": 0.0},
                )
            ),
            "train/parts",
        )
        for regions in (path, None)
    }
    assert (parts[path] > 0.1).all()
    assert (parts[None] == 0).all()


@pytest.fixture
def turning(tmp_path: Path) -> Path:
    """Regions of the two clips whose only known factor, "yaw", is how far the picture is to the side."""
    unknown = np.full((FRAMES, 3, 4), np.nan, np.float32)
    regions = {}
    for name, phase in (("ann.mp4", 0.0), ("bob.mp4", 1.0)):
        factors = np.full((FRAMES, len(FACTORS)), np.nan, np.float32)
        factors[:, 0] = 30 * np.cos(2 * np.pi * np.arange(FRAMES) / FRAMES + phase)
        regions[name] = Regions(unknown, unknown[..., 0], factors)
    path = tmp_path / "regions.npz"
    save_regions(path, regions)
    return path


def test_the_first_coefficients_learn_their_meaning(
    manifest: Path, tmp_path: Path, turning: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], vectors=16))
    monkeypatch.setattr("liax.training.checkpoint._FRAMES_FOR_LIMITS", 24)
    data = {"regions": turning, "validation": "val", "near_pose_share": 0.0}
    loss = CHEAP | {
        "l1": 0.0,
        "deep_supervision": 0.0,
        "warp": (0.0, 0.0),
        "sparse": 0.0,
        "factor_supervision": 1.0,
    }
    config = tiny(manifest, tmp_path / "one", steps=60, canonicalize_frames=24, data=data, loss=loss)
    apart = numbers(run(config), "train/meaning")
    assert apart[-20:].mean() < 0.8 * apart[:20].mean()
    network = load(config.out / "weights.safetensors")
    assert network.dictionary.vectors_DM().shape[1] == 16
    known = read_controls(network.metadata, 16)
    assert known["yaw"].vectors == {0: pytest.approx(1 / 30)}
    assert known.limits is not None
    assert (known.limits.low_M < known.limits.high_M).all()

    went_on = run(
        replace(config, out=tmp_path / "two", steps=1, init=str(config.out / "weights.safetensors"))
    )
    earlier, later = read_history(load(tmp_path / "two" / "weights.safetensors").metadata)
    assert (earlier["steps"], later["steps"], later["minutes"] >= 0) == (60, 1, True)
    assert [later[key] for key in ("clips", "stills", "frames", "people")] == [2, 0, 24, 2]
    monkeypatch.setattr("liax.training.checkpoint._FRAMES_FOR_LIMITS", 1000)
    anew = run(replace(config, out=tmp_path / "three", steps=1))
    few = load(tmp_path / "three" / "weights.safetensors")
    assert read_controls(few.metadata, 16).limits is None  # 24 frames do not tell how far faces go
    assert numbers(went_on, "train/meaning")[0] < numbers(anew, "train/meaning")[0]


@pytest.mark.parametrize("alone", [0.0, 1.0])
def test_named_coefficients_can_be_made_to_draw_alone(
    manifest: Path, tmp_path: Path, turning: Path, monkeypatch: pytest.MonkeyPatch, alone: float
) -> None:
    """The picture then asks nothing of how the driving frame's other coefficients are read."""
    monkeypatch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], vectors=16))
    loss = CHEAP | {"sparse": 0.0, "max_sparsity_weight": 0.0, "factor_supervision": 1e-30}
    config = tiny(
        manifest, tmp_path / "run", data={"regions": turning}, loss=loss, augment={"named_only_share": alone}
    )
    trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))
    read: list[torch.Tensor] = []

    def keep(_: object, __: object, output: tuple[object, torch.Tensor, torch.Tensor]) -> None:
        output[2].retain_grad()
        read.append(output[2])

    trainer.plain.register_forward_hook(keep)
    trainer._gradients()
    gradient_BM = read[0].grad
    assert gradient_BM is not None
    assert gradient_BM[:, :FACTOR_COUNT].abs().amin() > 0
    assert (gradient_BM[:, FACTOR_COUNT:].abs().max() > 0) == (alone == 0)


def test_weights_of_another_preset_are_refused(manifest: Path, tmp_path: Path, tiny_weights: Path) -> None:
    config = tiny(manifest, tmp_path / "run", preset="small", init=str(tiny_weights))
    with pytest.raises(LiaxError, match="is not of the preset small; choose weights that are"):
        Trainer(config, Fabric(accelerator="cpu", devices=1))


def test_too_few_vectors_to_mean_anything(manifest: Path, tmp_path: Path, turning: Path) -> None:
    with pytest.raises(LiaxError, match="has 8 motion vectors, fewer than the 14 factors"):
        tiny(manifest, tmp_path / "run", data={"regions": turning}).check()


def test_adversary_begins_at_its_step(manifest: Path, tmp_path: Path) -> None:
    config = tiny(
        manifest,
        tmp_path / "run",
        steps=7,
        loss=CHEAP,
        adversarial={"weight": 0.1, "start": 3, "r1_every": 4, "width": 4},
    )
    trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))
    assert trainer.adversary is not None
    before = [p.clone() for p in trainer.adversary.discriminator.parameters()]
    trainer.run()
    log = read_log(config.out)
    assert len(log["train/total"]) == 7
    assert [text.partition(":")[0] for text in log["train/adversarial"]] == ["4", "5", "6", "7"]
    assert [text.partition(":")[0] for text in log["train/r1"]] == ["5"]  # steps are told once done
    assert all(np.isfinite(numbers(log, name)).all() for name in log)
    after = trainer.adversary.discriminator.parameters()
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    alone = run(replace(config, out=tmp_path / "alone", adversarial=replace(config.adversarial, weight=0.0)))
    assert alone["train/l1"][:4] == log["train/l1"][:4]
    assert alone["train/l1"][4:] != log["train/l1"][4:]


def test_eyes_and_mouths_have_a_judge_of_their_own(manifest: Path, tmp_path: Path, turning: Path) -> None:
    """It sees crops of 64²; where no part is known there is nothing to judge, and nothing to learn."""
    adversarial = {"weight": 0.1, "view": "regions", "feature_matching": 1.0, "r1_every": 2, "width": 4}
    changes = {"loss": CHEAP | {"factor_supervision": 0.0}, "adversarial": adversarial, "steps": 3}
    with pytest.raises(LiaxError, match=r"needs data\.regions"):
        tiny(manifest, tmp_path / "none", **changes).check()
    logs = {}
    for known in (True, False):
        path = tmp_path / f"{known}.npz"
        boxes = np.tile(np.float32([0.2, 0.2, 0.7, 0.7]), (FRAMES, 3, 1)) if known else np.nan
        regions = Regions(
            np.broadcast_to(np.float32(boxes), (FRAMES, 3, 4)),
            np.full((FRAMES, 3), 0.3, np.float32),
            np.full((FRAMES, len(FACTORS)), np.nan, np.float32),
        )
        save_regions(path, {"ann.mp4": regions, "bob.mp4": regions})
        config = tiny(manifest, tmp_path / str(known), data={"regions": path}, **changes)
        trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))
        assert trainer.adversary is not None
        assert trainer.adversary.discriminator.hidden.weight.shape[1] == 4 * 4 * 32  # five halvings: 64²
        trainer.run()
        logs[known] = read_log(config.out)
    assert (numbers(logs[True], "train/adversarial") > 0.3).all()
    assert (numbers(logs[True], "train/discriminator") > 0.5).all()
    assert (numbers(logs[False], "train/adversarial") == 0).all()
    assert (numbers(logs[False], "train/discriminator") == 0).all()


def test_a_projected_judge_sees_pictures_and_parts(manifest: Path, tmp_path: Path) -> None:
    """No gradient penalty; its judges learn, the features that they look at do not."""
    regions = Regions(
        np.tile(np.float32([0.2, 0.2, 0.7, 0.7]), (FRAMES, 3, 1)),
        np.full((FRAMES, 3), 0.3, np.float32),
        np.full((FRAMES, len(FACTORS)), np.nan, np.float32),
    )
    save_regions(tmp_path / "regions.npz", {"ann.mp4": regions, "bob.mp4": regions})
    adversarial = {"weight": 0.1, "backbone": "squeezenet", "view": "both", "r1_every": 1, "width": 4}
    config = tiny(
        manifest,
        tmp_path / "run",
        loss=CHEAP | {"factor_supervision": 0.0},
        data={"regions": tmp_path / "regions.npz"},
        adversarial=adversarial,
        steps=3,
    )
    trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))
    assert trainer.adversary is not None
    discriminator = trainer.adversary.discriminator
    features = [each.clone() for each in discriminator.features.buffers()]
    before = [parameter.detach().clone() for parameter in discriminator.parameters()]
    trainer.run()
    log = read_log(config.out)
    assert "train/r1" not in log
    assert (numbers(log, "train/discriminator") > 0.5).all()
    assert all(map(torch.equal, features, discriminator.features.buffers()))
    assert all(not torch.equal(old, new) for old, new in zip(before, discriminator.parameters(), strict=True))


def test_the_flow_follows_landmarks(manifest: Path, tmp_path: Path) -> None:
    """Landmarks of only three frames a clip: only these are drawn, and their term falls."""
    times = np.array([0, 5, 9], np.int32)
    angle_T = 2 * np.pi * times / FRAMES
    shift_T2 = np.stack([np.cos(angle_T), np.sin(2 * angle_T)], 1) * 0.1
    points_TP2 = np.float16([[0.4, 0.4], [0.6, 0.6]]) + shift_T2[:, None]
    arrays = {
        f"{name}.mp4:{kind}": x
        for name in ("ann", "bob")
        for kind, x in (("times", times), ("points", points_TP2))
    }
    np.savez(tmp_path / "landmarks.npz", **arrays)
    data = {"landmarks": tmp_path / "landmarks.npz"}
    config = tiny(manifest, tmp_path / "run", data=data, loss=CHEAP | {"landmark_flow": 20.0}, steps=40)
    trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))
    drawn = trainer.batches.sampler.batch(0)
    assert set(drawn.source_B % FRAMES) | set(drawn.driving_B % FRAMES) <= set(times.tolist())
    trainer.run()
    off = numbers(read_log(config.out), "train/landmarks")
    assert off[-8:].mean() < off[:8].mean()


def test_the_discriminator_steps_once_whatever_the_micro_batches(manifest: Path, tmp_path: Path) -> None:
    adversarial = {"weight": 0.1, "r1_every": 2, "width": 4}
    config = tiny(manifest, tmp_path / "run", steps=2, accumulate=2, loss=CHEAP, adversarial=adversarial)
    trainer = Trainer(config, Fabric(accelerator="cpu", devices=1))
    assert trainer.adversary is not None
    trainer.run()
    weight = trainer.adversary.discriminator.from_rgb.weight
    assert trainer.adversary.optimizer.state[weight]["step"] == 3  # two, and one with the penalty


def test_time_ends_a_run(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The clock is looked at every 20 steps, which take longer than a fifth of a second; it is kept."""
    config = tiny(manifest, tmp_path / "run", steps=1000, batch=2, max_minutes=0.2 / 60, loss=CHEAP)
    log = run(config)
    assert "stopping at step 20: max_minutes reached" in capsys.readouterr().err
    assert len(log["train/total"]) == 20
    assert run(config) == log
