"""Copies of arrays to the training device that do not wait for its queue."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def to_device(values: NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """The same values on `device`.

    A GPU copies them after what is queued already. The host does not wait for that, because it copies them
    to pinned memory first, so that it can queue the next batch while a step is computed.
    """
    held = torch.as_tensor(values)
    if device.type != "cuda":
        return held.to(device)
    return held.pin_memory().to(device, non_blocking=True)
