"""What a run leaves in its folder: its state to resume from, and weights to animate with.

The state is a folder of safetensors, in which every process wrote what it holds. Tensors are found by name
and position, so a run may resume on another number of devices, sharded or not. A checkpoint gets its final
name when it is complete; a kill never leaves half a one.
"""

from __future__ import annotations

import copy
import json
import platform
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException

from liax.bounded import read_json
from liax.errors import LiaxError
from liax.files import atomic_file
from liax.model import LIAX
from liax.options_file import read_tables
from liax.training.canonicalize import canonicalize
from liax.training.config import TrainConfig, from_dict, to_dict, with_present_names
from liax.training.factor_supervision import FACTOR_COUNT, factor_controls
from liax.training.history import Entry, write_history
from liax.weights import save
from liax.weights.controls import CONTROLS_KEY, LIMITS_KEY, CoefficientLimits

# Settings that may change when a run is resumed, because they do not change what is computed.
_MAY_CHANGE = {
    "out",
    "steps",
    "max_minutes",
    "canonicalize_frames",
    "log_every",
    "validate_every",
    "checkpoint_every",
    "devices",
    "nodes",
    "strategy",
    "accumulate",
    "checkpoint_activations",
    "accelerator",
}
_MAY_CHANGE_DATA = {"manifest", "regions", "landmarks", "frames", "workers", "frame_cache", "validation"}
_VALUES = "state.json"


def write_atomically(path: Path, text: str) -> None:
    with atomic_file(path) as file:
        file.write(text.encode())


def state_tensors(
    name: str, module: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> dict[str, Tensor]:
    """A module's tensors and its optimizer's, by name: not copies; sharded ones are DTensors."""
    tensors = {f"{name}.{key}": value for key, value in module.state_dict().items()}
    if optimizer is not None:
        for key, parameter in module.named_parameters():
            for kind, value in optimizer.state.get(parameter, {}).items():
                tensors[f"{name}.{key}.{kind}"] = value
    return tensors


def latest_checkpoint(out: Path) -> Path | None:
    """The newest complete checkpoint of a run's folder."""
    return max(out.glob("checkpoint-" + "[0-9]" * 8), default=None)


def save_checkpoint(out: Path, step: int, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Writes what all processes hold, then removes older checkpoints; all processes must call it.

    Args:
        tensors: From `state_tensors`.
        values: Plain values, the same on all processes.

    Raises:
        LiaxError: If the disk is full or cannot be written to.
    """
    path = out / f"checkpoint-{step:08d}"
    if path.exists():
        return
    first = not dist.is_initialized() or dist.get_rank() == 0
    partial = path.with_suffix(".partial")
    if first:
        shutil.rmtree(partial, ignore_errors=True)
    if dist.is_initialized():
        dist.barrier()
    try:
        with _single_process_allowed():
            dcp.save(
                {name: tensor.detach().contiguous() for name, tensor in tensors.items()},
                storage_writer=dcp.HuggingFaceStorageWriter(str(partial), save_distributed=True),
                planner=dcp.DefaultSavePlanner(dedup_save_to_lowest_rank=True),
            )
        if first:
            write_atomically(partial / _VALUES, json.dumps(values))
            partial.rename(path)
    except (OSError, CheckpointException) as error:
        raise LiaxError(
            f"{path} cannot be written ({_reason(error)})", "free some space or use another folder"
        ) from None
    if first:
        for other in out.glob("checkpoint-*"):
            if other != path:
                shutil.rmtree(other, ignore_errors=True)


def load_checkpoint(path: Path, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Reads a checkpoint into `tensors`, in place; returns its plain values.

    Raises:
        LiaxError: If it is damaged or of another network.
    """
    try:
        values: dict[str, Any] = read_json(path / _VALUES)
        if not (isinstance(values, dict) and type(values["step"]) is int and values["minutes"] >= 0):
            raise ValueError(f"{_VALUES} has no step")
        reader = dcp.HuggingFaceStorageReader(str(path))
        reader.read_metadata()  # says in an exception what `load` would log with a traceback
        with _single_process_allowed():
            dcp.load(dict(tensors), storage_reader=reader)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, CheckpointException) as error:
        raise LiaxError(
            f"cannot resume from {path} ({_reason(error)})", "move it away to start afresh"
        ) from None
    return values


@contextmanager
def _single_process_allowed() -> Iterator[None]:
    """Silences the warning that a run has only one process."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled, unavailable or uninitialized")
        yield


def _reason(error: BaseException) -> str:
    """The first line of what went wrong, on whichever process."""
    if isinstance(error, CheckpointException):
        error = next(iter(error.failures.values()))[0]
    return (str(error) or type(error).__name__).splitlines()[0]


def check_resumable(config: TrainConfig, folder: Path) -> None:
    """Raises LiaxError if the run in `folder` was started with settings that would change its course."""
    path = folder / "config.json"
    try:
        recorded = to_dict(from_dict(with_present_names(read_tables(path)), str(path)))
    except LiaxError as error:
        raise LiaxError(
            f"{path} does not tell how the run was started ({error.problem.rstrip('.')})",
            "move the folder away to start afresh",
        ) from None
    wanted = to_dict(config)
    changed = [
        key for key in wanted if key not in _MAY_CHANGE | {"data"} and wanted[key] != recorded.get(key)
    ]
    changed += [
        f"data.{key}"
        for key in wanted["data"]
        if key not in _MAY_CHANGE_DATA and wanted["data"][key] != recorded["data"].get(key)
    ]
    if changed:
        raise LiaxError(
            f"the run in {folder} was started with another {', '.join(changed)}",
            "use those settings or another folder",
        )


def describe_run(config: TrainConfig, manifest_digest: str) -> dict[str, Any]:
    """Where the weights come from: the commit, the data, versions and the device."""
    return {
        "seed": config.seed,
        "git_commit": _git("rev-parse", "HEAD"),
        "git_changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "manifest_sha256": manifest_digest,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
    }


def _git(*arguments: str) -> str | None:
    """Git's answer about the checkout that this code runs from; None outside one."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


# Least number of frames from which limits of the coefficients are taken.
_FRAMES_FOR_LIMITS = 1000


def export_weights(
    network: LIAX,
    config: TrainConfig,
    step: int,
    limits: CoefficientLimits | None = None,
    history: Sequence[Entry] = (),
    meaning: Mapping[str, str] | None = None,
) -> None:
    """Writes `weights.safetensors` into the run's folder.

    Args:
        limits: The coefficient limits, if they are known.
        history: How the network was trained, this run included.
        meaning: A teacher's controls and coefficient limits, as its metadata has them.
    """
    about = {"name": config.preset, "steps": str(step)} | write_history(history) | dict(meaning or {})
    if limits is not None:
        about[LIMITS_KEY] = limits.to_json()
    if config.supervises_factors:
        about[CONTROLS_KEY] = factor_controls(network.config.vectors).to_json()
    save(network, config.out / "weights.safetensors", metadata=about)


@torch.no_grad()
def export_canonical(
    network: LIAX, alpha_NM: Tensor, config: TrainConfig, step: int, history: Sequence[Entry] = ()
) -> None:
    """The same in the coordinates in which the coefficients are sparsest, with their limits.

    Args:
        alpha_NM: The network's coefficients of N training frames. Limits are left out if these are few.
        history: How the network was trained, this run included.
    """
    network = copy.deepcopy(network)
    simple_NM = canonicalize(network, alpha_NM, fixed=FACTOR_COUNT if config.supervises_factors else 0)
    limits = CoefficientLimits.of(simple_NM.numpy()) if len(simple_NM) >= _FRAMES_FOR_LIMITS else None
    export_weights(network, config, step, limits, history)
