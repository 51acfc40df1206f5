"""The loop: pairs in, steps, pictures, checkpoints; exactly resumable, for a step depends on nothing else.

Data, augmentation and every random draw are functions of (seed, rank, step); the rest is in the checkpoint.
"""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor

from liax.data.augment import Batch, augment
from liax.data.frames import open_frames
from liax.data.manifest import Manifest, read_manifest
from liax.data.pairs import PairSampler
from liax.errors import LiaxError
from liax.model import LIAX, PRESETS
from liax.training.adversary import Adversary
from liax.training.checkpoint import (
    check_resumable,
    describe_run,
    load_checkpoint,
    save_checkpoint,
    write_atomically,
)
from liax.training.config import TrainConfig, to_dict
from liax.training.log import RunLog
from liax.training.losses import Reconstruction, SparsityController, centred, hoyer
from liax.training.meaning import COUNT, Meaning, adopt, controls
from liax.training.simplify import simplify
from liax.training.stop import StopSignal
from liax.training.validation import Validation
from liax.weights import load as load_weights
from liax.weights import save as save_weights
from liax.weights.controls import METADATA_KEY


class Trainer:
    """One process of a run. `fabric` is launched; call `run` on every process."""

    def __init__(self, config: TrainConfig, fabric: Fabric) -> None:
        config.check()
        self.config, self.fabric = config, fabric
        self.dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
        self.log = RunLog(config, quiet=not fabric.is_global_zero)
        manifest = read_manifest(config.data.manifest, config.data.split)
        self._prepare_folder(manifest)

        size = PRESETS[config.preset].size
        self.frames = open_frames(
            manifest,
            size,
            fabric.device,
            config.data.frames,
            config.data.workers,
            self.log.say,
            self.log.loading,
            config.data.decoded,
        )
        self.sampler = PairSampler(
            manifest,
            batch=config.batch // config.devices // config.accumulate,
            stills_share=config.data.stills,
            regions=config.data.regions,
            expressive=config.data.expressive,
            steady=config.data.steady,
            seed=config.seed,
            rank=fabric.global_rank,
        )
        network = self._begin()
        if fabric.device.type == "cuda":
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.benchmark_limit = 4
        self.averaged = copy.deepcopy(network).requires_grad_(False)
        self.criterion = Reconstruction(config.loss, config.compile).to(fabric.device)
        if config.compile:
            network.compile_large_maps()
        self.sparsity = SparsityController(config.loss.concentration, config.loss.hoyer).to(fabric.device)
        self.meaning = Meaning().to(fabric.device) if config.meaningful else None
        optim = config.optim
        optimizer = torch.optim.Adam(
            network.parameters(),
            lr=optim.lr,
            betas=(optim.beta1, optim.beta2),
            fused=fabric.device.type == "cuda",
        )
        self.network, self.optimizer = fabric.setup(network, optimizer)
        self.plain: LIAX = network
        self.adversary = Adversary(config, fabric) if config.adversarial.weight > 0 else None
        self.step = 0
        self.minutes = 0.0  # spent in this run, as all processes agree
        self._resume()

        self.validation = None
        if config.data.validation and fabric.is_global_zero:
            self.validation = Validation.read(
                config.data.manifest, config.data.validation, size, fabric.device, config.data.regions
            )

    @property
    def checkpoint(self) -> Path:
        return self.config.out / "checkpoint.pt"

    def run(self) -> Path:
        """Trains to `steps` (or `max_minutes`, Ctrl-C or SIGTERM); returns the averaged weights' path."""
        config = self.config
        self.log.begin(self.step)
        self._mark = time.monotonic()
        with StopSignal() as signal:
            while self.step < config.steps and not self._must_stop(signal):
                terms = self._train_step()
                self.step += 1
                if self.step % config.log_every == 0 or self.step == config.steps:
                    self.log.scalars(self.step, {name: float(v) for name, v in terms.items()}, self.minutes)
                if self.step % config.validate_every == 0:
                    self._validate()
                if self.step % config.checkpoint_every == 0:
                    self._save()
            self._save()
        self._finish()
        if self.step % config.validate_every:
            self._validate()
        self.log.close()
        return config.out / "weights.safetensors"

    def _must_stop(self, signal: StopSignal) -> bool:
        """After a signal, or when time is up; several processes agree on it every 20 steps."""
        alone = self.fabric.world_size == 1
        if self.step % 20 and not (alone and signal.name):
            return False
        now = time.monotonic()
        told = [(now - self._mark) / 60, float(signal.name is not None)]
        mean = self.fabric.all_reduce(torch.tensor(told, device=self.fabric.device), reduce_op="mean")
        minutes, interrupted = mean.tolist()  # type: ignore[union-attr]
        self._mark = now
        self.minutes += minutes
        if interrupted:
            self.log.say(f"interrupted at step {self.step}; the same command resumes")
        out_of_time = self.config.max_minutes is not None and self.minutes >= self.config.max_minutes
        if out_of_time:
            self.log.say(f"stopping at step {self.step}: max_minutes reached")
        return out_of_time or interrupted > 0

    def _train_step(self) -> dict[str, Tensor]:
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = config.optim.lr * learning_rate(self.step, self.minutes, config)
        totals: dict[str, Tensor] = {}
        for micro in range(config.accumulate):
            batch = self._batch(self.step * config.accumulate + micro)
            last = micro == config.accumulate - 1
            with self.fabric.no_backward_sync(self.network, enabled=not last):
                terms = self._losses(batch)
                self.fabric.backward(terms["total"] / config.accumulate)
            for name, term in terms.items():
                totals[name] = totals.get(name, 0) + term.detach() / config.accumulate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._average()
        measured: Tensor = self.fabric.all_reduce(totals["hoyer"], reduce_op="mean")  # type: ignore[assignment]
        if config.loss.concentration:
            self.sparsity.update(measured)
        totals["concentration"] = self.sparsity.weight.clone()
        return totals

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        config = self.config
        levels, alpha_BM = self.network(batch.source.to(self.dtype), batch.driving.to(self.dtype))
        terms = self.criterion(levels, batch, self.dtype)
        total = self.criterion.weighted(terms, self.step)
        sparse = alpha_BM.abs().mean()
        total = total + config.loss.sparse * sparse + self.sparsity(alpha_BM)
        if self.meaning is not None:
            terms["meaning"] = self.meaning(alpha_BM, batch.factors_BK)
            total = total + config.loss.meaning * terms["meaning"]
        if self.adversary is not None and self.step >= config.adversarial.start:
            fake = levels[-1].image
            terms |= self.adversary.learn(batch.target, fake.detach(), self.step)
            terms["adversarial"] = self.adversary.judge(fake)
            total = total + config.adversarial.weight * terms["adversarial"]
        sparsity = hoyer(centred(alpha_BM.detach())).mean()
        return terms | {"sparse": sparse, "total": total, "hoyer": sparsity}

    def _batch(self, micro_step: int) -> Batch:
        pairs = self.sampler.batch(micro_step)
        self.frames.prefetch(self.sampler.batch(micro_step + 1).source_B)  # pairs are of one clip
        device = self.fabric.device
        generator = torch.Generator(device)
        entropy = np.random.SeedSequence([self.config.seed, self.fabric.global_rank, micro_step])
        generator.manual_seed(int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1)))
        batch = augment(
            self.frames.fetch(pairs.source_B),
            self.frames.fetch(pairs.driving_B),
            torch.from_numpy(pairs.boxes_BP4).to(device),
            torch.from_numpy(pairs.factors_BK).to(device),
            pairs.stills,
            self.config.augment,
            generator,
        )
        if device.type != "cuda":
            return batch
        images = (batch.source, batch.target, batch.driving)
        source, target, driving = (x.contiguous(memory_format=torch.channels_last) for x in images)
        return Batch(source, target, driving, batch.boxes_BP4, batch.factors_BK)

    @torch.no_grad()
    def _average(self) -> None:
        """Exponential moving average of the weights, quick at first."""
        decay = min(self.config.optim.ema, (1 + self.step) / (10 + self.step))
        mean: list[Tensor] = list(self.averaged.parameters())
        now: list[Tensor] = list(self.plain.parameters())
        torch._foreach_lerp_(mean, now, 1 - decay)

    def _validate(self) -> None:
        if self.validation is not None:
            scores, picture = self.validation.score(self.averaged, self.dtype)
            self.log.validation(self.step, scores, picture)

    def _save(self) -> None:
        if not self.fabric.is_global_zero:
            return
        state = {
            "step": self.step,
            "minutes": self.minutes,
            "network": self.plain.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sparsity": self.sparsity.state_dict(),
        }
        if self.adversary is not None:
            state["adversary"] = self.adversary.state_dict()
        save_checkpoint(self.checkpoint, state)
        self._export(self.averaged)

    def _export(self, network: LIAX) -> None:
        about = {"name": self.config.preset, "steps": str(self.step)}
        if self.config.meaningful:
            about[METADATA_KEY] = controls(network.config.vectors).to_json()
        save_weights(network, self.config.out / "weights.safetensors", metadata=about)

    @torch.no_grad()
    def _finish(self) -> None:
        """Exports the averaged weights in the coordinates in which their coefficients are sparsest."""
        if not self.fabric.is_global_zero or not self.config.simplify:
            return
        alpha_NM, _ = self._coefficients(self.averaged, self.config.simplify)
        network = copy.deepcopy(self.averaged)
        simplify(network, alpha_NM, fixed=COUNT if self.config.meaningful else 0)
        self._export(network)

    @torch.no_grad()
    def _coefficients(self, network: LIAX, count: int) -> tuple[Tensor, Tensor]:
        """Coefficients (N, M) and factors (N, K) of at least `count` training frames."""
        alphas: list[Tensor] = []
        factors: list[Tensor] = []
        while sum(map(len, alphas)) < count:
            pairs = self.sampler.batch(self.config.steps * self.config.accumulate + len(alphas))
            images = self.frames.fetch(pairs.driving_B).float() / 127.5 - 1
            alphas.append(network.encode(images.to(self.dtype)).alpha_BM)
            factors.append(torch.from_numpy(pairs.factors_BK))
        return torch.cat(alphas), torch.cat(factors)

    def _begin(self) -> LIAX:
        """The network to start with: new, or `init` in the coordinates that its vectors are to have."""
        config, device = self.config, self.fabric.device
        torch.manual_seed(config.seed)
        network = LIAX(PRESETS[config.preset])
        if config.init is not None:
            started = load_weights(config.init)
            if started.config != network.config:
                raise LiaxError(f"{config.init} is no network of the preset {config.preset}; choose its own")
            network = started.train().requires_grad_(True)
        network = network.to(device)
        if config.init is not None and config.meaningful and not self.checkpoint.exists():
            adopt(network, *self._coefficients(network, config.simplify or 4096))
        network.dictionary.train_on()
        return network

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        state = load_checkpoint(self.checkpoint, self.fabric.device)
        self.plain.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sparsity.load_state_dict(state["sparsity"])
        if self.adversary is not None and "adversary" in state:
            self.adversary.load_state_dict(state["adversary"])
        self.step, self.minutes = state["step"], state["minutes"]
        self.log.say(f"resuming {self.checkpoint} at step {self.step}")

    def _prepare_folder(self, manifest: Manifest) -> None:
        out = self.config.out
        if self.checkpoint.exists():
            check_resumable(self.config, out)
        elif self.fabric.is_global_zero:
            out.mkdir(parents=True, exist_ok=True)
            write_atomically(out / "config.json", json.dumps(to_dict(self.config), indent=2))
            about = describe_run(self.config, manifest.digest)
            write_atomically(out / "run.json", json.dumps(about, indent=2))
        self.fabric.barrier()


def learning_rate(step: int, minutes: float, config: TrainConfig) -> float:
    """Factor of the learning rate: linear warm-up, constant, linear to 2 % over the last share of the run.

    The run's end is `steps` or `max_minutes`, whichever is nearer in its own measure.
    """
    optim = config.optim
    rise = min((step + 1) / max(optim.warmup, 1), 1.0)
    done = step / config.steps
    if config.max_minutes is not None:
        done = max(done, minutes / config.max_minutes)
    left = (1 - done) / max(optim.decay, 1e-9)
    return rise * (0.02 + 0.98 * min(max(left, 0.0), 1.0))
