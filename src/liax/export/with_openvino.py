"""The network in OpenVINO, in float32 or bfloat16."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import openvino
import torch

from liax.export.encoder_graph import reader
from liax.export.graph import serialized
from liax.export.models import feature_shapes, map_model, picture_model, style_model
from liax.export.runtime import Array
from liax.model import LIAX

if TYPE_CHECKING:
    import onnx


class OpenVino:
    """A `Runtime`. Frames are computed one after the other, each with all threads.

    Only maps are computed in bfloat16. Codes and coefficients are PyTorch's, as rounding moves heads, and
    styles have a model of their own. Where a driver reads the driving frames, the encoder sees little but
    portraits, and every frame is drawn of what it saw: its maps are float32 too.

    Args:
        network: On the CPU.
        dtype: Of the maps, torch.float32 or torch.bfloat16.
        threads: How many it uses.
    """

    def __init__(self, network: LIAX, dtype: torch.dtype, threads: int) -> None:
        self._network, self._threads = network, threads
        self._precision = openvino.Type.bf16 if dtype == torch.bfloat16 else openvino.Type.f32
        self._names = list(feature_shapes(network))

    def encode(self, image_B3RR: Array) -> tuple[Array, Array, tuple[Array, ...]]:
        frames = [self._maps(image=image_B3RR[i : i + 1]) for i in range(len(image_B3RR))]
        maps = {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]}
        code_BD = self._network.encoder.to_code(torch.from_numpy(maps["last"])).flatten(1)
        own = self._network.driver is None
        alpha_BM = self._network.to_alpha(code_BD).numpy() if own else self.read(image_B3RR)
        return code_BD.numpy(), alpha_BM, tuple(maps[name] for name in self._names)

    def read(self, image_B3RR: Array) -> Array:
        last = [self._driver_map(image=image_B3RR[i : i + 1])["last"] for i in range(len(image_B3RR))]
        code_BD = reader(self._network).to_code(torch.from_numpy(np.concatenate(last))).flatten(1)
        alpha_BM: Array = self._network.to_alpha(code_BD).numpy()
        return alpha_BM

    def draw(self, code_BD: Array, features: Sequence[Array]) -> tuple[Array, Array]:
        images, grids = [], []
        for i in range(len(code_BD)):
            own = [each[i : i + 1] if len(each) > 1 else each for each in features]
            styles = self._styles(code=code_BD[i : i + 1])
            drawn = self._picture(**styles, **dict(zip(self._names, own, strict=True)))
            images.append(drawn["image"])
            grids.append(drawn[f"grid{self._network.drawn_size}"])
        return np.concatenate(images), np.concatenate(grids)

    @cached_property
    def _maps(self) -> _Compiled:
        precision = self._precision if self._network.driver is None else openvino.Type.f32
        return _Compiled(map_model(self._network, features=True), precision, self._threads)

    @cached_property
    def _driver_map(self) -> _Compiled:
        return _Compiled(map_model(self._network, features=False), self._precision, self._threads)

    @cached_property
    def _styles(self) -> _Compiled:
        return _Compiled(style_model(self._network), openvino.Type.f32, self._threads)

    @cached_property
    def _picture(self) -> _Compiled:
        return _Compiled(picture_model(self._network), self._precision, self._threads)


class _Compiled:
    """A model, compiled for one frame: the names and arrays of its inputs to those of its outputs."""

    def __init__(self, model: onnx.ModelProto, precision: openvino.Type, threads: int) -> None:
        self._outputs = [output.name for output in model.graph.output]
        read = _core().read_model(serialized(model))
        # Known sizes run faster than free ones.
        read.reshape({each: _one_frame(each.partial_shape) for each in read.inputs})
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # other stages use the same cores
        }
        self._request = _core().compile_model(read, "CPU", settings).create_infer_request()
        self._lock = Lock()

    def __call__(self, **inputs: Array) -> dict[str, Array]:
        with self._lock:
            results = self._request.infer(inputs, share_inputs=True)
        return dict(zip(self._outputs, results.values(), strict=True))


def _one_frame(shape: openvino.PartialShape) -> list[int]:
    return [size.get_length() if size.is_static else 1 for size in shape]


@cache
def _core() -> openvino.Core:
    return openvino.Core()
