"""Copies of arrays to the device that trains, without waiting for what it is still doing."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def to_device(values: NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """The same values on `device`.

    A GPU copies them in turn, after what is queued already. From memory that is not pinned the host would
    wait until then, and could not queue the next batch while a step is computed.
    """
    held = torch.as_tensor(values)
    if device.type != "cuda":
        return held.to(device)
    return held.pin_memory().to(device, non_blocking=True)
