"""The training loop: steps, validation and checkpoints, exactly resumable.

Pairs, augmentation and every random draw are functions of seed and step, however devices divide a step's
batch. All other state is in the checkpoint.
"""

from __future__ import annotations

import copy
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies import ModelParallelStrategy
from torch import Tensor
from torch.distributed.tensor import DTensor

from liax.data.augment import PairBatch
from liax.data.frames import Frames, open_frames
from liax.data.manifest import read_manifest
from liax.errors import LiaxError
from liax.model import LIAX
from liax.model.pointwise import fused
from liax.training.adversarial import Adversary
from liax.training.batches import BatchLoader
from liax.training.checkpoint import (
    check_resumable,
    describe_run,
    export_canonical,
    export_weights,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
    state_tensors,
    write_atomically,
)
from liax.training.config import TrainConfig, to_dict
from liax.training.cuda_graph import GraphedStep
from liax.training.distillation import Teacher, distillation_terms, reading_error
from liax.training.factor_supervision import FactorLoss, unnamed_mask
from liax.training.history import Entry, describe_material, read_history
from liax.training.init import collect_coefficients, init_network
from liax.training.log import RunLog
from liax.training.losses import ReconstructionLoss, SparsityController, centred, hoyer
from liax.training.optimizer import network_optimizer, set_learning_rates, update_average
from liax.training.self_reenact import StillRenderer, cycle_loss
from liax.training.sharding import (
    average_gradients,
    checkpoint_activations,
    gather_network,
    mean_over_processes,
    shard_network,
)
from liax.training.signals import StopSignal
from liax.training.validation import Validation
from liax.weights import load
from liax.weights.controls import CONTROLS_KEY, LIMITS_KEY
from liax.weights.files import fingerprint


class Trainer:
    """One process of a run; call `run` on every process.

    Args:
        fabric: Already launched.
        frames: Frames to train on instead of those that the manifest names.

    Raises:
        LiaxError: If the settings, the data or the run's folder cannot be used.
    """

    def __init__(self, config: TrainConfig, fabric: Fabric, frames: Frames | None = None) -> None:
        config.check()
        self.config, self.fabric = config, fabric
        self.dtype = config.dtype
        self.log = RunLog(config, quiet=not fabric.is_global_zero)
        manifest = read_manifest(config.data.manifest, config.data.split)
        self._about = describe_run(config, manifest.digest) | describe_material(manifest)
        self._prepare_folder()

        frames = frames or open_frames(
            manifest,
            config.data,
            config.model.size,
            fabric.device,
            self.log.say,
            self.log.loading,
        )
        self.batches = BatchLoader(config, manifest, frames, fabric.global_rank, fabric.world_size)
        self.log.say("making the network" + (", checking kernels" if config.compile else ""))
        network = init_network(config, fabric.device, self.batches)
        self._trained_before = read_history(network.metadata)
        self.averaged = copy.deepcopy(network).requires_grad_(False)
        self.criterion = ReconstructionLoss(config.loss).to(fabric.device)
        if config.checkpoint_activations:
            checkpoint_activations(network)
        self.sparsity = SparsityController(config.loss.max_sparsity_weight, config.loss.hoyer_target).to(
            fabric.device
        )
        self.teacher = self._teacher()
        self.factor_loss = FactorLoss().to(fabric.device) if config.supervises_factors else None
        self.plain: LIAX = network
        # A graph does its own exchange of gradients.
        self.network: Any = network if config.uses_cuda_graph else fabric.setup_module(network)
        self._graphs: dict[bool, GraphedStep] = {}
        self.renderer = StillRenderer(self.teacher or self.averaged, self.dtype, config.uses_cuda_graph)
        if isinstance(fabric.strategy, ModelParallelStrategy):
            shard_network(self.averaged, fabric.strategy.device_mesh)
        self.optimizer = network_optimizer(network, config.optim, fabric.device)
        self.adversary = Adversary(config, fabric.device) if config.adversarial.weight > 0 else None
        self.step = 0
        self.minutes = 0.0  # spent in this run, as all processes agree
        self.stopped_by: str | None = None
        self._resume()

        self.validation = None
        if config.data.validation and fabric.is_global_zero:
            self.validation = Validation.read(
                config.data.manifest,
                config.data.validation,
                network.config.size,
                fabric.device,
                config.data.regions,
                config.data.workers,
            )

    def _teacher(self) -> Teacher | None:
        config = self.config
        if config.distil is None:
            return None
        teacher = Teacher(load(config.distil), config.model, config.distillation).to(self.fabric.device)
        if self.fabric.device.type == "cuda":
            teacher = teacher.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return teacher

    def run(self) -> Path:
        """Trains until `steps`, `max_minutes` or a signal; returns the path of the averaged weights.

        `stopped_by` is then the name of the signal, such as "SIGINT", or None.

        Raises:
            LiaxError: If the loss or the weights are not finite any more. Nothing is saved then, and the last
                checkpoint stays.
        """
        config = self.config
        self.log.begin(self.step)
        if config.starts_trained and self.step == 0:
            self._validate()
        self.log.say("training; the first step takes longest")
        self._mark = time.monotonic()
        with StopSignal() as stop:
            while self.step < config.steps and not self._must_stop(stop):
                terms = self._train_step()
                self.step += 1
                if self.fabric.world_size == 1 and self.fabric.device.type == "cpu":
                    self._check_finite(terms["total"].item())
                if self.step % config.log_every == 0 or self.step == config.steps:
                    means = self._means(terms)
                    self._check_finite(means["total"])
                    self.log.scalars(self.step, means, self.minutes)
                if self.step % config.validate_every == 0:
                    self._validate()
                if self.step % config.checkpoint_every == 0:
                    self._save()
            self._save()
        self.stopped_by = stop.name
        self._finish()
        if self.step % config.validate_every:
            self._validate()
        self.log.close()
        return config.out / "weights.safetensors"

    def _must_stop(self, signal: StopSignal) -> bool:
        """Whether a signal came or time is up; several processes agree on that every 20 steps."""
        alone = self.fabric.world_size == 1
        if self.step % 20 and not (alone and signal.name):
            return False
        now = time.monotonic()
        told = [(now - self._mark) / 60, float(signal.name is not None)]
        if not alone:
            told = mean_over_processes(torch.tensor(told, device=self.fabric.device)).tolist()
        minutes, interrupted = told
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
        set_learning_rates(self.optimizer, self.step, self.minutes, config)
        self.criterion.schedule(self.step)
        totals = self._graphed_gradients() if self.config.uses_cuda_graph else self._gradients()
        if self.adversary is not None and "adversarial" in totals:
            totals |= self.adversary.step(self.step)
        self.optimizer.step()
        if not config.uses_cuda_graph:  # the graph writes gradients where they are
            self.optimizer.zero_grad(set_to_none=True)
        update_average(self.averaged, self.plain, self.step, config.optim.ema)
        if config.loss.max_sparsity_weight:
            self.sparsity.update(mean_over_processes(totals["hoyer"]))
        totals["concentration"] = self.sparsity.weight.clone()
        return totals

    def _gradients(self) -> dict[str, Tensor]:
        """Adds up the gradients of a step's micro-batches; returns the means of their terms."""
        totals: dict[str, Tensor] = {}
        for micro in range(self.config.accumulate):
            batch = self.batches.batch(self.step * self.config.accumulate + micro, self.renderer)
            last = micro == self.config.accumulate - 1
            # With kernels in the backward pass too, which computes checkpointed maps again.
            synchronised = self.fabric.no_backward_sync(self.network, enabled=not last)
            with synchronised, fused(self.config.compile):
                terms, image = self._compute(batch)
                self.fabric.backward(terms["total"] / self.config.accumulate)
            terms |= self._learn(batch, image)
            for name, term in terms.items():
                totals[name] = totals.get(name, 0) + term.detach() / self.config.accumulate
        if self.config.driver_only:  # its loss is not one of the wrapped network
            average_gradients(self.plain)
        return totals

    def _graphed_gradients(self) -> dict[str, Tensor]:
        """The same by a CUDA graph; another one is recorded when the adversarial term starts."""
        batch = self.batches.batch(self.step, self.renderer)
        if self._adversarial not in self._graphs:
            self._graphs[self._adversarial] = GraphedStep(self._compute, self.plain.parameters())
        with fused():
            terms, image = self._graphs[self._adversarial](batch)
        average_gradients(self.plain)
        return terms | self._learn(batch, image)

    def _learn(self, batch: PairBatch, image: Tensor) -> dict[str, Tensor]:
        """Adds up the discriminator's gradients."""
        if self.adversary is None or not self._adversarial:
            return {}
        with fused(self.config.compile):
            return {"discriminator": self.adversary.learn(image, batch)}

    @property
    def _adversarial(self) -> bool:
        """Whether the adversarial term takes part in the present step."""
        return self.adversary is not None and self.step >= self.config.adversarial.start

    def _means(self, terms: dict[str, Tensor]) -> dict[str, float]:
        """The terms' means over all devices."""
        means = mean_over_processes(torch.stack(list(terms.values())))
        return dict(zip(terms, means.tolist(), strict=True))

    def _compute(self, batch: PairBatch) -> tuple[dict[str, Tensor], Tensor]:
        """The terms of the loss, "total" among them, and the image; the driver alone draws none."""
        return (self._reading_terms(batch), batch.driving) if self.config.driver_only else self._losses(batch)

    def _reading_terms(self, batch: PairBatch) -> dict[str, Tensor]:
        """How far the driver's coefficients are from the teacher's."""
        assert self.teacher is not None
        count = len(batch.source)
        both = torch.cat([batch.source, batch.driving]).to(self.dtype)
        wanted, read = (reader.read(both).split(count) for reader in (self.teacher, self.plain))
        error = reading_error(*read, *wanted)
        return {"coefficients": error, "total": error, "hoyer": hoyer(centred(read[1].detach())).mean()}

    def _losses(self, batch: PairBatch) -> tuple[dict[str, Tensor], Tensor]:
        """The terms of equation (9), "total" among them, and the image."""
        config = self.config
        kept_BM = None
        if self.factor_loss is not None or self.teacher is not None:
            kept_BM = unnamed_mask(batch.named_only_B, self.plain.config.vectors)
        lesson = None
        if self.teacher is not None:
            batch, lesson = self.teacher.teach(batch, self.dtype)
        levels, source_BM, alpha_BM = self.network(
            batch.source.to(self.dtype), batch.driving.to(self.dtype), kept_BM, lesson and lesson.given_BM
        )
        terms = self.criterion(levels, batch, self.dtype)
        total = self.criterion.weighted(terms)
        sparse = alpha_BM.abs().mean()
        if lesson is None:
            total = total + config.loss.sparse * sparse + self.sparsity(alpha_BM)
        else:
            taught = distillation_terms(
                lesson, source_BM, alpha_BM, levels, self.plain.config, self.criterion, self.dtype
            )
            total = total + sum(getattr(config.distillation, name) * term for name, term in taught.items())
            terms |= taught
        if self.factor_loss is not None:
            terms["meaning"] = self.factor_loss(source_BM, alpha_BM, batch)
            total = total + config.loss.factor_supervision * terms["meaning"]
        if batch.rendered_BM is not None:
            terms["cycle"] = cycle_loss(source_BM, batch.rendered_BM)
            total = total + config.loss.cycle * terms["cycle"]
        if self.adversary is not None and self._adversarial:
            terms["adversarial"] = self.adversary.judge(levels[-1].image, batch)
            total = total + config.adversarial.weight * terms["adversarial"]
        sparsity = hoyer(centred(alpha_BM.detach())).mean()
        return terms | {"sparse": sparse, "total": total, "hoyer": sparsity}, levels[-1].image

    def _validate(self) -> None:
        averaged = self._averaged_whole()
        if self.validation is not None:
            scores, picture = self.validation.score(averaged, self.dtype)
            self.log.validation(self.step, scores, picture)

    def _averaged_whole(self) -> LIAX:
        """The averaged network, on the first process; all must call this."""
        return gather_network(self.averaged, self.fabric.device)

    def _tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, by name."""
        tensors = state_tensors("network", self.plain, self.optimizer)
        tensors |= state_tensors("averaged", self.averaged) | state_tensors("sparsity", self.sparsity)
        if self.adversary is not None:
            tensors |= state_tensors("discriminator", self.adversary.discriminator, self.adversary.optimizer)
        return tensors

    def _check_finite(self, loss: float) -> None:
        """Raise LiaxError for a loss that is not finite, from which no training recovers."""
        if not math.isfinite(loss):
            raise LiaxError(
                f"the loss is not finite ({loss}) at step {self.step}: the training has diverged",
                "the last checkpoint stays; lower optim.lr and start afresh",
            )

    def _check_weights(self) -> None:
        """The same for weights that are not finite; all processes must call this before they are saved."""
        modules = (self.plain, self.averaged)
        parameters = [parameter for module in modules for parameter in module.parameters()]
        parts = [p.to_local() if isinstance(p, DTensor) else p for p in parameters]
        total = torch.stack([part.detach().float().sum() for part in parts]).sum()
        if not mean_over_processes(total).isfinite():
            self._check_finite(math.nan)

    def _save(self) -> None:
        self._check_weights()
        save_checkpoint(
            self.config.out, self.step, self._tensors(), {"step": self.step, "minutes": self.minutes}
        )
        averaged = self._averaged_whole()
        if self.fabric.is_global_zero:
            taught = self.teacher.network.metadata if self.teacher is not None else {}
            meaning = {key: taught[key] for key in (CONTROLS_KEY, LIMITS_KEY) if key in taught}
            export_weights(averaged, self.config, self.step, history=self._history(), meaning=meaning)

    def _finish(self) -> None:
        """Exports the averaged weights in the coordinates in which their coefficients are sparsest."""
        averaged = self._averaged_whole()
        if self.fabric.is_global_zero and self.config.canonicalize_frames and self.teacher is None:
            alpha_NM, _ = collect_coefficients(
                averaged, self.batches, self.config.canonicalize_frames, self.dtype
            )
            export_canonical(averaged, alpha_NM, self.config, self.step, self._history())

    def _history(self) -> list[Entry]:
        """How the averaged weights were trained, up to now."""
        this = {
            "preset": self.config.preset,
            "steps": self.step,
            "batch": self.config.batch,
            "minutes": round(self.minutes, 2),
            "devices": self.fabric.world_size,
        }
        if self.teacher is not None:
            this["teacher"] = fingerprint(self.teacher.network)
        return [*self._trained_before, this | self._about]

    def _resume(self) -> None:
        path = latest_checkpoint(self.config.out)
        if path is None:
            return
        values = load_checkpoint(path, self._tensors())
        self.step, self.minutes = values["step"], values["minutes"]
        self.log.say(f"resuming {path} at step {self.step}")

    def _prepare_folder(self) -> None:
        out = self.config.out
        if latest_checkpoint(out) is not None:
            check_resumable(self.config, out)
        elif self.fabric.is_global_zero:
            out.mkdir(parents=True, exist_ok=True)
            write_atomically(out / "config.json", json.dumps(to_dict(self.config), indent=2))
            write_atomically(out / "run.json", json.dumps(self._about, indent=2))
        self.fabric.barrier()
