"""One ONNX graph in the making: its operations, constants, inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from liax.errors import LiaxError
from liax.version import __version__

OPSET = 18
_IR_VERSION = 8  # ONNX's own format, as it was when opset 18 came
_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}
_LARGEST = 2_000_000_000  # bytes of constants; the format's limit is 2³¹ for all
_COMPARED = 16  # values of the largest constants that are kept once


class Graph:
    """Operations are added in the order in which they run. Values are named by texts.

    Args:
        name: Of the graph.
        dtype: Of the maps, "float32" or "float16". Everything else is computed in float32.
    """

    def __init__(self, name: str, dtype: str = "float32") -> None:
        self.dtype = dtype
        self._name = name
        self._scope = ""
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def enter(self, scope: str) -> None:
        """Name what is added from now on after this part of the network, such as "decoder/64/flow"."""
        self._scope = scope

    def input(self, name: str, shape: Sequence[int | str], dtype: str = "float32") -> str:
        """An input of the graph; sizes that are texts are free."""
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], shape))
        return name

    def output(self, value: str, name: str, shape: Sequence[int | str], dtype: str = "float32") -> None:
        """Give a value out under a name of its own."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name))
        self._outputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], shape))

    def constant(self, values: Tensor | NDArray[Any], dtype: str | None = None) -> str:
        """A constant of the maps' dtype, or of another: "float32" or "int64"."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        tensor = numpy_helper.from_array(np.ascontiguousarray(array, dtype or self.dtype))
        if array.size > _COMPARED:
            tensor.name = f"{self._scope}/weight_{len(self._constants)}"
        else:
            tensor.name = f"constant/{tensor.data_type}/{array.shape}/{tensor.raw_data.hex()}"
        self._constants.setdefault(tensor.name, tensor)
        return tensor.name

    def float_weight(self, values: Tensor) -> str:
        """A float32 value that is kept in the maps' dtype, which makes files of float16 smaller."""
        return self.to_float(self.constant(values))

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation that has one output, and name that."""
        (value,) = self.add_several(operation, 1, *inputs, **attributes)
        return value

    def add_several(self, operation: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add an operation that has several outputs, and name them."""
        name = f"{self._scope}/{operation}_{len(self._nodes)}"
        outputs = [name] if count == 1 else [f"{name}.{number}" for number in range(count)]
        self._nodes.append(helper.make_node(operation, inputs, outputs, name, **attributes))
        return outputs

    def to_maps(self, value: str) -> str:
        """A float32 value in the maps' dtype."""
        return value if self.dtype == "float32" else self.add("Cast", value, to=_TYPES[self.dtype])

    def to_float(self, value: str) -> str:
        """A value of the maps' dtype in float32."""
        return value if self.dtype == "float32" else self.add("Cast", value, to=TensorProto.FLOAT)

    def model(self) -> onnx.ModelProto:
        """The graph as a model."""
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, constants)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="liax",
            producer_version=__version__,
        )


def serialized(model: onnx.ModelProto) -> bytes:
    """A model as the bytes of its file.

    Raises:
        LiaxError: If it is larger than such a file may be.
    """
    size = sum(len(constant.raw_data) for constant in model.graph.initializer)
    if size > _LARGEST:
        raise LiaxError(
            f"The {model.graph.name} has {size / 1e9:.1f} GB, and a file of ONNX holds 2 GB",
            "use float16 or smaller weights",
        )
    return model.SerializeToString()
