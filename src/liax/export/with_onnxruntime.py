"""The network in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from liax.export.graph import serialized
from liax.export.models import decoder_model, driver_model, encoder_model, feature_shapes
from liax.export.runtime import Array
from liax.model import LIAX

if TYPE_CHECKING:
    import onnx


class OnnxRuntime:
    """A `Runtime`, of the models that `liax export` writes.

    Args:
        network: On any device.
        threads: How many it uses.
    """

    def __init__(self, network: LIAX, threads: int) -> None:
        self._network, self._threads = network, threads
        self._names = list(feature_shapes(network))

    def encode(self, image_B3RR: Array) -> tuple[Array, Array, tuple[Array, ...]]:
        code_BD, alpha_BM, *features = self._encoder.run(None, {"image": image_B3RR})
        return code_BD, alpha_BM, tuple(features)

    def read(self, image_B3RR: Array) -> Array:
        (alpha_BM,) = self._driver.run(None, {"image": image_B3RR})
        return alpha_BM

    def draw(self, code_BD: Array, features: Sequence[Array]) -> tuple[Array, Array]:
        # Nothing is added to the codes.
        alpha_BM = np.zeros((len(code_BD), self._network.config.vectors), np.float32)
        maps = dict(zip(self._names, features, strict=True))
        image_B3RR, grid_BRR2 = self._decoder.run(None, {"code": code_BD, "alpha": alpha_BM, **maps})
        return image_B3RR, grid_BRR2

    @cached_property
    def _encoder(self) -> onnxruntime.InferenceSession:
        return open_session(encoder_model(self._network), self._threads)

    @cached_property
    def _driver(self) -> onnxruntime.InferenceSession:
        return open_session(driver_model(self._network), self._threads)

    @cached_property
    def _decoder(self) -> onnxruntime.InferenceSession:
        return open_session(decoder_model(self._network), self._threads)


def open_session(model: onnx.ModelProto | str, threads: int) -> onnxruntime.InferenceSession:
    """A session on the CPU, of a model or of a file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # other stages use the same cores
    source = model if isinstance(model, str) else serialized(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
