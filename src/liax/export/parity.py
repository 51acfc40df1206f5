"""Whether written models compute what the network does: they are run in ONNX Runtime beside PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.export.models import feature_shapes
from liax.export.with_onnxruntime import open_session
from liax.model import LIAX

# Least parity in dB of what models compute in a dtype.
LEAST = {"float32": 100.0, "float16": 45.0}
_EXACT = 200.0  # dB that stand for no difference
_FRAMES = 2


@torch.no_grad()
def check_parity(network: LIAX, files: Mapping[str, Path], dtype: str) -> dict[str, dict[str, float]]:
    """Each model's outputs -> their parity in dB.

    Args:
        network: On the CPU, in float32.
        files: "encoder", "driver" or "decoder" -> the model's file.
        dtype: Of the models' maps.

    Raises:
        LiaxError: If an output's parity is less than `LEAST`.
    """
    image = _smooth_noise(_FRAMES, network.config.size)
    seen = network.encode(image)
    names = list(feature_shapes(network))
    features = dict(zip(names, seen.features, strict=True))
    encoded = {"code": seen.code_BD, "alpha": seen.alpha_BM, **features}
    code_1D, one = seen.code_BD[:1], {name: each[:1] for name, each in features.items()}
    state = network.render(network.reenact(code_1D, seen.alpha_BM), tuple(one.values()))[-1]
    driven = {"code": code_1D, "alpha": seen.alpha_BM}
    runs = {
        "encoder": ({"image": image}, encoded),
        "driver": ({"image": image}, {"alpha": seen.alpha_BM}),
        "decoder": (driven | one, {"image": state.image, "grid": state.grid}),
    }
    found = {}
    for model in files:
        inputs, outputs = runs[model]
        arrays = {name: np.ascontiguousarray(value.numpy()) for name, value in inputs.items()}
        for name in one.keys() & arrays.keys():
            arrays[name] = arrays[name].astype(dtype)
        session = open_session(str(files[model]), torch.get_num_threads())
        results = session.run(list(outputs), arrays)
        found[model] = {
            name: round(parity(result, wanted.numpy()), 1)
            for (name, wanted), result in zip(outputs.items(), results, strict=True)
        }
        _refuse_less(model, found[model], dtype)
    return found


def parity(found: NDArray[np.floating], wanted: NDArray[np.floating]) -> float:
    """The range of what is wanted over the root mean square of the error, in dB: PSNR, of a picture."""
    exact = wanted.astype(np.float64)
    error = float(np.sqrt(np.mean((found - exact) ** 2)))
    if error == 0:
        return _EXACT
    span = float(exact.max() - exact.min())
    return min(20 * float(np.log10(span / error)), _EXACT) if span > 0 and np.isfinite(error) else -np.inf


def _refuse_less(model: str, outputs: Mapping[str, float], dtype: str) -> None:
    name, least = min(outputs.items(), key=lambda item: item[1])
    if least < LEAST[dtype]:
        raise LiaxError(
            f"The {model} in {dtype} computes something else than the network ({name}: {least:.0f} dB, "
            f"at least {LEAST[dtype]:.0f} wanted)",
            "use another version of onnxruntime" if dtype == "float32" else "export float32 only",
        )


def _smooth_noise(count: int, size: int) -> torch.Tensor:
    """Pictures (count, 3, size, size) in [-1, 1]."""
    noise = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return F.interpolate(noise, (size, size), mode="bicubic").clamp(0, 1) * 2 - 1
