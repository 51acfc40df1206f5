"""A run's configuration. Each field's docstring is what `liax train --help` says about it."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from liax.bounded import short
from liax.data.config import AugmentConfig, DataConfig
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.options_file import has_key, read_options, read_tables
from liax.training.ranges import check_ranges

if TYPE_CHECKING:
    import torch

    from liax.model import ModelConfig

RENAMED = {
    "simplify": "canonicalize_frames",
    "data.stills": "data.still_share",
    "data.expressive": "data.expression_boost",
    "data.steady": "data.near_pose_share",
    "data.far": "data.far_pose_share",
    "data.moving": "data.motion_power",
    "data.decoded": "data.frame_cache",
    "augment.still_rendered": "augment.self_reenact_share",
    "augment.bend": "augment.elastic",
    "augment.driving_cover": "augment.driving_cutout",
    "augment.alone": "augment.named_only_share",
    "loss.deep": "loss.deep_supervision",
    "loss.parts": "loss.region_loss",
    "loss.meaning": "loss.factor_supervision",
    "loss.concentration": "loss.max_sparsity_weight",
    "loss.hoyer": "loss.hoyer_target",
    "optim.decay": "optim.lr_decay_share",
}
"""Former keys of configurations, each with its present name."""

# Channels up to which a network is kept whole on each of several devices.
_WIDEST_WHOLE = 256


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms of equation (9), and of the supervision that makes training fast."""

    l1: float = 6.0
    """Weight of the mean absolute difference between output and target."""
    l2: float = 0.0
    """Weight of the mean squared difference, which asks for the mean of possible pictures where L1 asks for
    their median."""
    perceptual: float = 1.0
    """Weight of the perceptual loss (the paper's λ1)."""
    backbone: Literal["squeezenet", "vgg19"] = "squeezenet"
    """Network whose features the perceptual loss compares."""
    sparse: float = 0.05
    """Weight of the coefficients' L1 norm (the paper's λ2)."""
    deep_supervision: float = 1.5
    """Weight of the L1 loss of the intermediate images at 32x32, 64x64, … up to half the output's side."""
    warp: tuple[float, float] = (1.0, 0.1)
    """Weight of the L1 loss of the source picture warped by each level's flow, at the first step and from
    step `warp_steps` on; it falls linearly between them."""
    warp_steps: int = 8000
    """Steps over which the weight of the warp loss falls."""
    region_loss: float = 2.0
    """Weight of the L1 and perceptual loss of crops of the eyes and the mouth; needs data.regions."""
    eye_weight: float = 1.0
    """Factor of the eyes' crops in the region loss."""
    mouth_weight: float = 1.0
    """Factor of the mouth's crops in the region loss."""
    landmark_flow: float = 0.0
    """Weight of how far from each landmark's place in the source the flow looks for it, in half pictures;
    needs data.landmarks."""
    factor_supervision: float = 20.0
    """Weight of the distance between the first coefficients and the measured factors of each frame, which
    gives the weights named controls; needs data.regions."""
    cycle: float = 0.0
    """Weight of the distance between the coefficients with which a still was rendered and those that are read
    from it; needs augment.self_reenact_share."""
    max_sparsity_weight: float = 3.0
    """Largest weight that the sparsity controller may give to the coefficients' L1/L2 ratio; 0 leaves the
    term out."""
    hoyer_target: float = 0.55
    """Hoyer sparsity of the coefficients (0 to 1) that the controller aims at."""


@dataclass(frozen=True)
class DistillationConfig:
    """What a run learns from the weights that `distil` names, beside the real frames."""

    coefficients: float = 20.0
    """Weight of the squared distance from the teacher's coefficients, in their usual deviations."""
    flow: float = 10.0
    """Weight of the distance from the teacher's flow, in half pictures, and mask."""
    picture: float = 1.0
    """Weight of the L1 and perceptual distance from the teacher's picture, which are weighted among
    themselves as in the loss."""
    foreign_share: float = 0.25
    """Share of pairs in which another person moves the source, so that only the teacher knows the target."""


@dataclass(frozen=True)
class AdversarialConfig:
    """A discriminator with the non-saturating loss: StyleGAN2's with lazy R1, or a projected one."""

    weight: float = 0.0
    """Weight of the adversarial term; 0 trains without a discriminator."""
    start: int = 0
    """First step with the adversarial term."""
    backbone: Literal["pixels", "squeezenet"] = "pixels"
    """What the discriminator starts from: pixels, as StyleGAN2's; or the features of SqueezeNet, which do not
    change, so that it judges well within minutes, place by place."""
    view: Literal["picture", "regions", "both"] = "picture"
    """What the discriminator sees: whole pictures; crops of the eyes and the mouth; or both, with half the
    weight each, which needs the backbone squeezenet. Crops need data.regions."""
    feature_matching: float = 0.0
    """Weight, beside the adversarial loss, of the distance of the discriminator's feature maps from those of
    the real picture."""
    r1: float = 10.0
    """Weight γ of the gradient penalty γ/2 · ‖∇D‖² on real pictures, for the backbone pixels. It suits
    pictures of 256x256; crops want a hundredth."""
    r1_every: int = 16
    """Steps between gradient penalties."""
    width: int = 32
    """The discriminator's channels at full resolution; with the backbone squeezenet, those of its hidden
    maps."""
    lr: float = 0.002
    """The discriminator's learning rate."""


@dataclass(frozen=True)
class OptimConfig:
    """Adam, its learning rate's schedule and the moving average of the weights."""

    lr: float = 0.002
    """Learning rate."""
    beta1: float = 0.8
    """Decay of Adam's first moment."""
    beta2: float = 0.99
    """Decay of Adam's second moment."""
    warmup: int = 100
    """Steps over which the learning rate rises linearly from 0."""
    lr_decay_share: float = 0.3
    """Share of the run, at its end, over which the learning rate falls linearly to 2 %."""
    ema: float = 0.999
    """Decay of the moving average of the weights, which is what the run exports."""
    outer_steps: int = 0
    """First steps that change only the levels that `grow` added."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    out: Path = Path("runs/small")
    """Folder of the run, for its settings, logs, checkpoints and weights.safetensors. If it holds a
    checkpoint, the run resumes."""
    preset: str = "small"
    """Network size: tiny, live, small, small-512, base, middle, large or published-1."""
    init: str | None = None
    """Name or file of weights of the same preset to start from; None starts from random weights."""
    grow: str | None = None
    """Name or file of weights of half the side, and otherwise the same sizes, to start from: the first
    picture is that network's, enlarged."""
    narrow: str | None = None
    """Name or file of wider weights of the same side to start from: of their channels, the most used ones."""
    distil: str | None = None
    """Name or file of trained weights to learn from: the teacher, of the run's side or larger. Its
    coefficients take the place of factors and sparsity, and its controls those of the run."""
    driver_only: bool = False
    """Train only the driver, to read the teacher's coefficients: nothing is drawn, so a step takes a fraction
    of the time. Needs distil, and a preset with a driver."""
    steps: int = 20_000
    """Optimizer steps of the whole run."""
    batch: int = 32
    """Pairs per step, over all devices and micro-batches together."""
    accumulate: int = 1
    """Micro-batches per step, whose gradients are added up. Neither this nor the number of devices changes
    which pairs a step has."""
    seed: int = 0
    """Seed of the initial weights, the pairs and their augmentation."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Type of the feature maps. Parameters, codes and coefficients are always float32."""
    compile: bool = False
    """Use liax's GPU kernels, and replay each step as one CUDA graph where a device holds the whole network
    and batch."""
    checkpoint_activations: bool = False
    """Compute most feature maps again in the backward pass instead of keeping them, which saves memory."""
    accelerator: str = "auto"
    """What to train on: auto, cuda, mps or cpu."""
    devices: int = 1
    """Devices on each node. torchrun and srun set this themselves."""
    nodes: int = 1
    """Machines. torchrun and srun set this themselves."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """ddp keeps the whole network on every device, fsdp a part of it; auto takes fsdp for the wide presets of
    512x512 on several devices."""
    max_minutes: float | None = None
    """Stop and save after this many minutes, even if steps are left. The learning rate then decays by the
    clock."""
    canonicalize_frames: int = 4096
    """Training frames from which the sparsest coordinates of the final weights are computed; 0 leaves the
    coordinates as they were trained."""
    log_every: int = 50
    """Steps between lines of the log."""
    validate_every: int = 1000
    """Steps between validations."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""
    data: DataConfig = field(default_factory=DataConfig)
    """The frames, and how pairs are drawn."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """How pairs are augmented."""
    loss: LossConfig = field(default_factory=LossConfig)
    """Weights of the loss terms."""
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    """What is learnt from the teacher, with distil."""
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    """The discriminator."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """The optimizer."""

    @property
    def dtype(self) -> torch.dtype:
        """What feature maps are computed in."""
        import torch

        return torch.bfloat16 if self.precision == "bfloat16" else torch.float32

    @property
    def model(self) -> ModelConfig:
        """The preset's sizes. LiaxError for a preset that there is not."""
        from liax.model import PRESETS

        if self.preset not in PRESETS:
            raise LiaxError(f"there is no preset {short(self.preset)}", f"choose one of {', '.join(PRESETS)}")
        return PRESETS[self.preset]

    @property
    def supervises_factors(self) -> bool:
        """Whether the first coefficients are tied to measured factors."""
        measured = self.loss.factor_supervision > 0 and self.data.regions is not None
        return measured and self.distil is None

    @property
    def starts_trained(self) -> bool:
        """Whether the run starts from trained weights."""
        return any(self._starts)

    @property
    def _starts(self) -> tuple[str | None, ...]:
        return self.init, self.grow, self.narrow

    @property
    def processes(self) -> int:
        """One for each device of each node."""
        return self.devices * self.nodes

    @property
    def uses_cuda_graph(self) -> bool:
        """Whether a step is replayed as one CUDA graph: on a GPU that holds the whole network and batch."""
        import torch

        on_gpu = self.accelerator in ("cuda", "gpu") or (
            self.accelerator == "auto" and torch.cuda.is_available()
        )
        plain = not self.sharded and not self.checkpoint_activations and self.accumulate == 1
        return self.compile and on_gpu and plain

    @property
    def sharded(self) -> bool:
        """Whether each device holds only a part of the network."""
        if self.strategy == "auto":
            return self.processes > 1 and self.model.max_width > _WIDEST_WHOLE
        return self.strategy == "fsdp"

    def check(self) -> None:
        """Raises LiaxError for values that cannot train."""
        check_ranges(self)
        vectors = self.model.vectors
        if self.supervises_factors and vectors < len(FACTORS):
            raise LiaxError(
                f"the preset {self.preset} has {vectors} motion vectors, fewer than the {len(FACTORS)} "
                "factors that they are to mean",
                "set loss.factor_supervision to 0",
            )
        exported = self.out / "weights.safetensors"
        starts_from = Path(self.init or "")
        if starts_from.is_file() and exported.is_file() and exported.samefile(starts_from):
            raise LiaxError(
                f"{exported} is what the run would start from, and where it would write",
                "choose another folder",
            )
        self.data.check()
        if sum(start is not None for start in self._starts) > 1:
            raise LiaxError("a run starts from one of init, grow and narrow", "leave the others out")
        if self.driver_only and (self.distil is None or not self.model.driver_size):
            raise LiaxError(
                "driver_only trains the driver of a preset that has one, to read a teacher's coefficients",
                'set distil, and preset to "live", or driver_only to false',
            )
        if self.distil is not None and self.sharded:
            raise LiaxError("a sharded network cannot learn from a teacher", 'set strategy to "ddp"')
        if self.optim.outer_steps and self.grow is None:
            raise LiaxError(
                "optim.outer_steps are for the levels that grow adds", "set grow, or optim.outer_steps to 0"
            )
        if self.adversarial.weight and self.adversarial.view != "picture" and self.data.regions is None:
            raise LiaxError(
                f'adversarial.view = "{self.adversarial.view}" needs data.regions',
                "measure the eyes and mouths first",
            )
        if self.adversarial.view == "both" and self.adversarial.backbone == "pixels":
            raise LiaxError(
                "a discriminator from pixels sees pictures of one side",
                'set adversarial.backbone to "squeezenet", or adversarial.view to "picture" or "regions"',
            )
        if self.loss.landmark_flow and self.data.landmarks is None:
            raise LiaxError("loss.landmark_flow needs data.landmarks", "measure the landmarks first")
        if self.loss.cycle and not self.augment.self_reenact_share:
            raise LiaxError(
                "loss.cycle needs rendered stills", "set augment.self_reenact_share, or loss.cycle to 0"
            )
        if self.augment.self_reenact_share and self.sharded:
            raise LiaxError("a sharded network cannot render stills", "set augment.self_reenact_share to 0")
        parts = self.processes * self.accumulate
        if self.batch < 1 or self.batch % parts:
            raise LiaxError(
                f"batch {self.batch} does not divide by devices × nodes × accumulate = {parts}", "change one"
            )


def load_config(path: Path) -> TrainConfig:
    """Reads a TOML or JSON file; keys that it leaves out keep their defaults.

    Raises:
        LiaxError: If the file is missing or its syntax wrong, a key is unknown or renamed, or a value is of
            the wrong type.
    """
    return from_dict(read_tables(path), str(path))


def from_dict(values: dict[str, Any], where: str = "the configuration") -> TrainConfig:
    """Inverse of `to_dict`.

    Args:
        where: The file that the values are from, for messages.

    Raises:
        LiaxError: If a key is unknown or renamed, or a value is of the wrong type.
    """
    return read_options(TrainConfig, values, where, renamed=RENAMED)


def to_dict(config: TrainConfig) -> dict[str, Any]:
    """Plain JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return plain


def with_present_names(values: dict[str, Any]) -> dict[str, Any]:
    """What an earlier run recorded of its configuration, with the present names of its keys."""
    values = copy.deepcopy(values)
    for old, new in RENAMED.items():
        if has_key(values, old):
            table = values[old.partition(".")[0]] if "." in old else values
            table[new.rpartition(".")[2]] = table.pop(old.rpartition(".")[2])
    return values
