"""A run's configuration; these dataclasses are also its documentation."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import torch

from liax.data.augment import AugmentConfig
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.model import PRESETS

T = TypeVar("T")


@dataclass(frozen=True)
class DataConfig:
    """Where frames come from.

    Args:
        manifest: CSV with one line a clip or still, or its folder.
        regions: What `liax regions` wrote for it, or None to train without emphasis on eyes and mouth.
        validation: The split shown in pictures and scored.
        frames: "device" or "memory" holds every frame as uint8, "stream" decodes as needed, "auto" takes the
            first of these that fits.
        frame_cache: A folder that keeps them decoded (11 GB for 57,000 frames of 256²), so that other runs
            over the same frames start at once.
        still_share: Share of a batch that are stills moved by two random similarities.
        expression_boost: How much more often closed eyes and open mouths are drawn than they happen.
        near_pose_share: Share of pairs whose source is picked for having nearly the driving frame's head
            pose, and far_pose_share: for having another.
        motion_power: People are drawn as often as this power of how far their heads turn.
    """

    manifest: Path = Path("data/manifest.csv")
    split: str = "train"
    validation: str | None = "val"
    regions: Path | None = None
    frames: Literal["auto", "device", "memory", "stream"] = "auto"
    workers: int = 8
    frame_cache: Path | None = None
    still_share: float = 0.15
    expression_boost: float = 4.0
    near_pose_share: float = 0.35
    far_pose_share: float = 0.0
    motion_power: float = 0.0


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms of equation (9) and of the supervision that makes it train in minutes.

    l1, perceptual (λ1), sparse (λ2) are the paper's.

    Args:
        l2: Mean squared difference of the pictures, which asks for the mean of what may be there, where L1
            asks for the median.
        deep_supervision: L1 of the running image at 32², 64², …, R/2.
        warp: L1 of the source image itself sampled with those levels' grids, falling from the first to the
            second value over `warp_steps`.
        region_loss: L1 and perceptual loss of eye and mouth crops.
        factor_supervision: Distance of the first coefficients from the frames' measured factors
            (training/factor_supervision.py), where data.regions has them.
        cycle: Distance of the coefficients that are read in a rendered still (augment.self_reenact_share)
            from those it was rendered with.
        max_sparsity_weight: The largest weight that the sparsity controller may give to the coefficients'
            L1/L2 ratio (0 leaves it out), and hoyer_target: the Hoyer sparsity at which it stops pushing.
    """

    l1: float = 6.0
    l2: float = 0.0
    perceptual: float = 1.0
    backbone: Literal["squeezenet", "vgg19"] = "squeezenet"
    sparse: float = 0.05
    deep_supervision: float = 1.5
    warp: tuple[float, float] = (1.0, 0.1)
    warp_steps: int = 8000
    region_loss: float = 2.0
    factor_supervision: float = 20.0
    cycle: float = 0.0
    max_sparsity_weight: float = 3.0
    hoyer_target: float = 0.55


@dataclass(frozen=True)
class AdversarialConfig:
    """Non-saturating GAN with a StyleGAN2 discriminator and lazy R1.

    weight 0 trains without.

    Args:
        start: First step with it.
        r1: Weight γ of γ/2 · ‖∇D‖² on real images, applied every `r1_every` steps.
    """

    weight: float = 0.0
    start: int = 0
    r1: float = 10.0
    r1_every: int = 16
    width: int = 32
    lr: float = 0.002


@dataclass(frozen=True)
class OptimConfig:
    """Adam.

    Args:
        warmup: Steps of linear rise.
        lr_decay_share: Share of the run, at its end, over which lr falls to 2 %.
    """

    lr: float = 0.002
    beta1: float = 0.8
    beta2: float = 0.99
    warmup: int = 100
    lr_decay_share: float = 0.3
    ema: float = 0.999


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Args:
        out: The run's folder: config.json, run.json, TensorBoard events, checkpoint-…, weights.safetensors.
        preset: Network size.
        batch: Pairs per optimiser step over all devices.
        accumulate: Micro-batches a step. Both the devices and the micro-batches share one batch: their
            numbers do not change which pairs it has.
        precision: Of the maps; parameters, codes and coefficients are float32 always.
        compile: On GPUs, own kernels for what lies between convolutions and, where a device holds the whole
            step, one CUDA graph of it.
        checkpoint_activations: Computes most maps twice instead of keeping them, for networks that would not
            fit.
        devices: Of each of `nodes` machines; torchrun and srun decide both where they start the processes.
        strategy: "ddp" keeps the whole network on every device, "fsdp" a part of it; "auto" is fsdp for the
            presets of 512² where devices are several.
        max_minutes: Stop and save after this time if `steps` are not reached; the learning rate's decay then
            follows the clock, so that a run on borrowed time ends as well as one of known length.
        canonicalize_frames: Frames from which the final weights' sparsest coordinates are found (0 leaves
            them as trained).
        init: Name or file of weights of the same preset to start from. A checkpoint in `out` is resumed.
    """

    out: Path = Path("runs/small")
    preset: str = "small"
    init: str | None = None
    steps: int = 20_000
    batch: int = 32
    accumulate: int = 1
    seed: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    checkpoint_activations: bool = False
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    max_minutes: float | None = None
    canonicalize_frames: int = 4096
    log_every: int = 50
    validate_every: int = 1000
    checkpoint_every: int = 1000
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)

    @property
    def dtype(self) -> torch.dtype:
        """What maps are computed in."""
        return torch.bfloat16 if self.precision == "bfloat16" else torch.float32

    @property
    def supervises_factors(self) -> bool:
        """Whether the first coefficients are tied to measured factors."""
        return self.loss.factor_supervision > 0 and self.data.regions is not None

    @property
    def processes(self) -> int:
        """One for each device of each node."""
        return self.devices * self.nodes

    @property
    def uses_cuda_graph(self) -> bool:
        """Whether a step is replayed as one CUDA graph: on a GPU that holds the whole network and batch."""
        on_gpu = self.accelerator in ("cuda", "gpu") or (
            self.accelerator == "auto" and torch.cuda.is_available()
        )
        plain = not self.sharded and not self.checkpoint_activations and self.accumulate == 1
        return self.compile and on_gpu and plain

    @property
    def sharded(self) -> bool:
        """Whether each device holds only a part of the network."""
        if self.strategy == "auto":
            return self.processes > 1 and PRESETS[self.preset].size > 256
        return self.strategy == "fsdp"

    def check(self) -> None:
        """Raises LiaxError for values that cannot train."""
        if self.preset not in PRESETS:
            raise LiaxError(f"there is no preset '{self.preset}'; choose one of {', '.join(PRESETS)}")
        vectors = PRESETS[self.preset].vectors
        if self.supervises_factors and vectors < len(FACTORS):
            raise LiaxError(
                f"the preset {self.preset} has {vectors} motion vectors, fewer than the {len(FACTORS)} "
                "factors that they are to mean; set loss.factor_supervision to 0"
            )
        counts = (
            "steps",
            "devices",
            "nodes",
            "accumulate",
            "log_every",
            "validate_every",
            "checkpoint_every",
        )
        for name in counts:
            if getattr(self, name) < 1:
                raise LiaxError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.data.near_pose_share + self.data.far_pose_share > 1:
            raise LiaxError(
                "data.near_pose_share and data.far_pose_share are shares of the same pairs; "
                "make their sum at most 1"
            )
        if self.loss.cycle and not self.augment.self_reenact_share:
            raise LiaxError(
                "loss.cycle needs rendered stills; set augment.self_reenact_share, or loss.cycle to 0"
            )
        if self.augment.self_reenact_share and self.sharded:
            raise LiaxError("a sharded network cannot render stills; set augment.self_reenact_share to 0")
        parts = self.processes * self.accumulate
        if self.batch < 1 or self.batch % parts:
            raise LiaxError(
                f"batch {self.batch} does not divide by devices × nodes × accumulate = {parts}; change one"
            )


def load_config(path: Path) -> TrainConfig:
    """Reads a TOML or JSON file; keys that it leaves out keep their defaults.

    Raises:
        LiaxError: For a missing file, wrong syntax, an unknown key or a value of the wrong kind.
    """
    try:
        text = path.read_text()
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise LiaxError(f"cannot read the configuration {path}: {error.strerror}; check the path") from None
    except ValueError as error:
        raise LiaxError(f"the configuration {path} is not valid: {error}") from None
    return from_dict(values)


def from_dict(values: dict[str, Any]) -> TrainConfig:
    """Inverse of `to_dict`."""
    return _build(TrainConfig, values, "")


def to_dict(config: TrainConfig) -> dict[str, Any]:
    """Plain JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return plain


def _build(kind: type[T], values: Any, where: str) -> T:
    """A dataclass from a table; `where` is the table's own key, for messages."""
    if not isinstance(values, dict):
        raise LiaxError(f"{where or 'the configuration'} must be a table of keys, not {values!r}")
    kinds = get_type_hints(kind)
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        prefix = f"{where}." if where else ""
        raise LiaxError(f"unknown configuration key {prefix}{unknown[0]}; known: {', '.join(kinds)}")
    return kind(
        **{name: _value(kinds[name], v, f"{where}.{name}" if where else name) for name, v in values.items()}
    )


def _value(kind: Any, value: Any, where: str) -> Any:
    """A field's value from what TOML or JSON gave."""
    if is_dataclass(kind):
        return _build(kind, value, where)  # type: ignore[arg-type]
    choices = get_args(kind)
    if get_origin(kind) is UnionType:
        return None if value is None else _value(choices[0], value, where)
    if get_origin(kind) is tuple and isinstance(value, list | tuple) and len(value) == len(choices):
        return tuple(_value(k, v, where) for k, v in zip(choices, value, strict=True))
    if get_origin(kind) is Literal and value in choices:
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number:
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind in (bool, int, str) and type(value) is kind:
        return value
    wanted = " or ".join(map(repr, choices)) if get_origin(kind) is Literal else _kind_name(kind)
    raise LiaxError(f"configuration key {where} must be {wanted}, not {value!r}")


def _kind_name(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return f"a list of {len(get_args(kind))} numbers"
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "a text")
