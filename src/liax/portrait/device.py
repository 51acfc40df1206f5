"""Where the network runs."""

from __future__ import annotations

import torch

from liax.errors import LiaxError


def choose_device(name: str | None = None) -> torch.device:
    """The device called `name` ("cpu", "cuda", "cuda:1", "mps"); without a name CUDA, else MPS, else the CPU.

    Raises LiaxError when the device is unknown or not present.
    """
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise LiaxError(f"{name} is not a device; use cpu, cuda, cuda:N or mps.") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise LiaxError(f"{name} is not a device that liax runs on; use cpu, cuda, cuda:N or mps.")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise LiaxError(f"{name} is not available: PyTorch sees no NVIDIA GPU here; use --device cpu.")
        if (device.index or 0) >= count:
            raise LiaxError(f"{name} is not available: PyTorch sees {count} GPU(s), numbered from cuda:0.")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise LiaxError(f"{name} is not available: PyTorch sees no Apple GPU here; use --device cpu.")
    return device
