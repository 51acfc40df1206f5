"""The range of every number in a run's configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from liax.bounded import short
from liax.errors import LiaxError

_SHARE = (0, 1)
_WEIGHT = (0, 1e6)
_RATE = (0, 10)
_DECAY = (0, 0.999999)
_EVERY = (1, 10**9)
_STRENGTH = (0, 10)
_DEGREES = (0, 180)
_SCALE = (0, 0.9)  # of a change of scale; 1 would leave nothing
_MOST_STEPS = 10**9

RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, _MOST_STEPS),
    "batch": (-math.inf, 10**6),  # `TrainConfig.check` says what it must divide by
    "accumulate": (1, 10**6),
    "seed": (0, 2**63 - 1),
    "devices": (1, 10**4),
    "nodes": (1, 10**5),
    "max_minutes": (0.001, 1e7),
    "canonicalize_frames": (0, 10**7),
    "log_every": _EVERY,
    "validate_every": _EVERY,
    "checkpoint_every": _EVERY,
    "data.workers": (1, 1024),
    "data.still_share": _SHARE,
    "data.expression_boost": (0, 1e6),
    "data.near_pose_share": _SHARE,
    "data.far_pose_share": _SHARE,
    "data.neighbour_share": _SHARE,
    "data.mouth_share": _SHARE,
    "data.gaze_boost": (0, 1e6),
    "data.motion_power": (0, 100),
    "augment.flip": _SHARE,
    "augment.colour": _STRENGTH,
    "augment.hue": _DEGREES,
    "augment.still_rotation": _DEGREES,
    "augment.still_scale": _SCALE,
    "augment.still_shift": _SHARE,
    "augment.self_reenact_share": _SHARE,
    "augment.pair_share": _SHARE,
    "augment.pair_rotation": _DEGREES,
    "augment.pair_scale": _SCALE,
    "augment.pair_shift": _SHARE,
    "augment.stretch": _SCALE,
    "augment.elastic": _SHARE,
    "augment.driving_colour": _STRENGTH,
    "augment.driving_stretch": _SCALE,
    "augment.driving_blur": _SHARE,
    "augment.driving_cutout": _SHARE,
    "augment.named_only_share": _SHARE,
    "loss.l1": _WEIGHT,
    "loss.l2": _WEIGHT,
    "loss.perceptual": _WEIGHT,
    "loss.sparse": _WEIGHT,
    "loss.deep_supervision": _WEIGHT,
    "loss.warp": _WEIGHT,
    "loss.warp_steps": (0, _MOST_STEPS),
    "loss.region_loss": _WEIGHT,
    "loss.eye_weight": _WEIGHT,
    "loss.mouth_weight": _WEIGHT,
    "loss.landmark_flow": _WEIGHT,
    "loss.factor_supervision": _WEIGHT,
    "loss.cycle": _WEIGHT,
    "loss.max_sparsity_weight": _WEIGHT,
    "loss.hoyer_target": _SHARE,
    "distillation.coefficients": _WEIGHT,
    "distillation.flow": _WEIGHT,
    "distillation.picture": _WEIGHT,
    "distillation.foreign_share": (0, 0.5),
    "adversarial.weight": _WEIGHT,
    "adversarial.feature_matching": _WEIGHT,
    "adversarial.start": (0, _MOST_STEPS),
    "adversarial.r1": _WEIGHT,
    "adversarial.r1_every": _EVERY,
    "adversarial.width": (1, 4096),
    "adversarial.lr": _RATE,
    "optim.lr": _RATE,
    "optim.beta1": _DECAY,
    "optim.beta2": _DECAY,
    "optim.warmup": (0, _MOST_STEPS),
    "optim.outer_steps": (0, _MOST_STEPS),
    "optim.lr_decay_share": _SHARE,
    "optim.ema": _SHARE,
}
"""Lowest and highest value by key; of a list, each value's."""


def check_ranges(config: Any) -> None:
    """Raise LiaxError for a number of a `TrainConfig` that is out of its range, or none."""
    for name, value in numbers_in(config):
        low, high = RANGES[name]
        if value != value:
            raise LiaxError(f"{name} must be a number, not {value}")
        if value < low:
            raise LiaxError(f"{name} must be at least {low:g}, not {short(value)}")
        if value > high:
            raise LiaxError(f"{name} must be at most {high:.7g}, not {short(value)}")


def numbers_in(config: Any, table: str = "") -> Iterator[tuple[str, float]]:
    """Key and value of every number of a configuration and its tables."""
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            yield from numbers_in(value, f"{table}{field.name}.")
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, int | float) and not isinstance(each, bool):
                yield f"{table}{field.name}", each
