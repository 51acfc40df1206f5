"""In which precision the maps of a network are computed on a device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from liax.model import LIAX
from liax.options import Backend
from liax.portrait.engine import EagerEngine, smooth_noise

# The first NVIDIA GPUs that multiply float16 faster than float32.
_FLOAT16_SINCE = (7, 0)
# Maps of other pictures may be so many times larger than those of noise; portraits' are at most 1.4 times.
_HEADROOM = 64.0


def choose_precision(device: torch.device, backend: Backend | None = None) -> torch.dtype:
    """float16 or bfloat16 where the device is faster in it, else float32.

    float16, whose rounding is an eighth of bfloat16's, on NVIDIA GPUs since Volta. bfloat16 on AMD's CPUs
    with AVX-512 BF16 (since Zen 4) and on Intel's with AMX (servers since Sapphire Rapids), as far as this
    PyTorch tells; onnxruntime has it on none. Intel's AVX-512 BF16, which is what virtual machines without
    AMX have, takes 1.5 times as long as float32 (`benchmarks/backends.py`).
    """
    if backend == "onnxruntime":
        return torch.float32
    if device.type == "cuda":
        able = torch.cuda.get_device_capability(device) >= _FLOAT16_SINCE
        return torch.float16 if able else torch.float32
    told = getattr(torch.cpu, "get_capabilities", None) if device.type == "cpu" else None
    flags: dict[str, object] = told() if told else {}
    avx512 = flags.get("avx512_bf16") and "Intel" not in str(flags.get("cpu_name"))
    return torch.bfloat16 if avx512 or flags.get("amx_bf16") else torch.float32


def without_float16(device: torch.device) -> torch.dtype:
    """What takes the place of float16 on a GPU for a network whose maps do not fit it."""
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32


def fits_float16(network: LIAX) -> bool:
    """Whether float16 holds the maps of a network, which is tried on noise, with room for other pictures."""
    return largest_value(network) * _HEADROOM < torch.finfo(torch.float16).max


@torch.inference_mode()
def largest_value(network: LIAX) -> float:
    """The largest magnitude in any layer's output, in float16, for a picture of smooth noise."""
    largest: list[Tensor] = []

    def look(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            largest.append(output.abs().amax().float())

    hooks = [module.register_forward_hook(look) for module in network.modules()]
    try:
        engine = EagerEngine(network, torch.float16)
        seen = engine.encode(smooth_noise(network.config.size))
        engine.draw(seen.code_BD, seen.features)
    finally:
        for hook in hooks:
            hook.remove()
    return float(torch.stack(largest).amax())
