"""Which runtimes there are, and opening one by name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import torch

from liax.errors import MissingPackageError
from liax.export.runtime import Runtime
from liax.model import LIAX

RuntimeName = Literal["onnxruntime", "openvino"]


def open_runtime(name: RuntimeName, network: LIAX, dtype: torch.dtype = torch.float32) -> Runtime:
    """The runtime of that name.

    Args:
        name: Which one.
        network: On the CPU.
        dtype: Of the maps, torch.float32, or torch.bfloat16, which only OpenVINO has.

    Raises:
        MissingPackageError: If its packages are not installed.
        LiaxError: If the network is too large for it.
    """
    if missing := missing_packages(name):
        raise MissingPackageError(f"The backend {name}", missing, name)
    if name == "onnxruntime":
        from liax.export.with_onnxruntime import OnnxRuntime

        return OnnxRuntime(network, torch.get_num_threads())
    from liax.export.with_openvino import OpenVino

    return OpenVino(network, dtype, torch.get_num_threads())


def missing_packages(name: RuntimeName) -> tuple[str, ...]:
    """The packages that a runtime needs and that are not installed."""
    return tuple(package for package in ("onnx", name) if find_spec(package) is None)
