"""A run's state on disk, replaced at once so that a kill never leaves half a checkpoint."""

from __future__ import annotations

import json
import pickle
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from liax.errors import LiaxError
from liax.files import replacing
from liax.training.config import TrainConfig, from_dict, to_dict

# May differ between a run and its resumption without changing what is computed.
_FREE = {
    "out",
    "steps",
    "max_minutes",
    "simplify",
    "log_every",
    "validate_every",
    "checkpoint_every",
    "devices",
    "accelerator",
}
_FREE_DATA = {"manifest", "regions", "frames", "workers", "decoded", "validation"}


def write_atomically(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Tensors and plain values only, so that it can be read without unpickling code."""
    with replacing(path) as file:
        torch.save(state, file)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """Raises LiaxError if the file is not one of ours or is damaged."""
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error) or "it is empty").splitlines()[0]
        raise LiaxError(f"cannot resume from {path} ({reason}); move it away to start afresh") from None
    if not isinstance(state, dict) or "step" not in state:
        raise LiaxError(f"cannot resume from {path} (it is no run's state); move it away to start afresh")
    return state


def check_resumable(config: TrainConfig, folder: Path) -> None:
    """Raises LiaxError if the run in `folder` was started with settings that would change its course."""
    path = folder / "config.json"
    try:
        recorded = to_dict(from_dict(json.loads(path.read_text())))
    except (OSError, ValueError, LiaxError) as error:
        raise LiaxError(f"cannot read {path} ({error}); move the folder away to start afresh") from None
    wanted = to_dict(config)
    changed = [key for key in wanted if key not in _FREE | {"data"} and wanted[key] != recorded.get(key)]
    changed += [
        f"data.{key}"
        for key in wanted["data"]
        if key not in _FREE_DATA and wanted["data"][key] != recorded["data"].get(key)
    ]
    if changed:
        raise LiaxError(
            f"the run in {folder} was started with another {', '.join(changed)}; "
            "use those settings or another --out"
        )


def describe_run(config: TrainConfig, manifest_digest: str) -> dict[str, Any]:
    """What is needed to tell later how weights came about."""
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
    """Git's answer about the checkout this code runs from; None outside one."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
