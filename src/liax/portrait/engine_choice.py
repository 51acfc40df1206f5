"""The fastest way to run the network that works on a device: PyTorch, graphs of a GPU, or OpenVINO."""

from __future__ import annotations

import logging
import time
from functools import cache, partial

import torch

from liax.errors import SlowerPath
from liax.export.runtime_choice import missing_packages, open_runtime
from liax.model import LIAX
from liax.options import Backend
from liax.portrait.engine import EagerEngine, Engine, smooth_noise
from liax.portrait.runtime_engine import RuntimeEngine
from liax.portrait.switching_engine import WORTHWHILE, SwitchingEngine

log = logging.getLogger(__name__)

# Of the norm; two right ways differ by one or two per cent in bfloat16, and hardly in float32.
_LARGEST_ERROR = 0.05


@torch.inference_mode()
def choose_engine(
    network: LIAX, device: torch.device, dtype: torch.dtype, backend: Backend | None = None
) -> Engine:
    """The backend's way, or the fastest that works here; where that does not work, it is told about once.

    Raises:
        MissingPackageError: If the backend is not installed.
        LiaxError: If the network is too large for it.
    """
    if backend in ("onnxruntime", "openvino"):
        return RuntimeEngine(open_runtime(backend, network, dtype))
    plain = EagerEngine(network, dtype)
    if device.type == "cpu" and backend is None and not missing_packages("openvino"):
        return SwitchingEngine(plain, partial(_openvino, network, dtype, plain))
    if device.type != "cuda":
        return plain
    try:
        from liax.portrait.graph_engine import GraphEngine  # needs Triton

        graphs = GraphEngine(network, dtype, device)
        off = difference(graphs, plain, network.config.size)
    except torch.OutOfMemoryError:
        _warn("The GPU's memory is nearly full")
        return plain
    except ImportError:
        _warn("Triton, which liax's GPU kernels need, is not installed")
        return plain
    except Exception as error:  # whatever a compiler or a driver that is too old may raise
        log.debug("GPU kernels do not run", exc_info=True)
        _warn(f"liax's GPU kernels do not run with this driver and Triton ({type(error).__name__})")
        return plain
    if not off <= _LARGEST_ERROR:  # nan too
        _warn(f"liax's GPU kernels compute something else than PyTorch does on this machine ({off:.0%} off)")
        return plain
    return graphs


@torch.inference_mode()
def _openvino(network: LIAX, dtype: torch.dtype, plain: Engine) -> Engine:
    """OpenVINO where it computes what `plain` does, else that."""
    started = time.monotonic()
    try:
        engine = RuntimeEngine(open_runtime("openvino", network, dtype))
        off = difference(engine, plain, network.config.size)
    except Exception as error:  # whatever another program's compiler may raise
        log.debug("OpenVINO does not run", exc_info=True)
        _warn(f"OpenVINO does not run on this machine ({type(error).__name__})")
        return plain
    if not off <= _LARGEST_ERROR:
        _warn(f"OpenVINO computes something else than PyTorch does on this machine ({off:.0%} off)")
        return plain
    log.info("openvino takes over after %d frames: started in %.1f s", WORTHWHILE, time.monotonic() - started)
    return engine


def difference(engine: Engine, other: Engine, size: int) -> float:
    """Relative difference of the pictures of smooth noise that two engines draw."""
    pictures = []
    for each in (engine, other):
        seen = each.encode(smooth_noise(size))
        pictures.append(each.draw_levels(seen.code_BD, seen.features).double() - 127.5)
    return float((pictures[0] - pictures[1]).norm() / pictures[1].norm())


@cache
def _warn(reason: str) -> None:
    log.warning(SlowerPath(reason))
