"""The network on an NVIDIA GPU: prepared weights, fused kernels, and one CUDA graph for each batch size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from liax.model import LIAX, Encoded
from liax.model.graph_recording import record
from liax.model.inference import InferenceNetwork
from liax.model.pixels import to_uint8
from liax.portrait.engine import Drawing

_Tensors = tuple[Tensor, ...]


class GraphEngine:
    """An `Engine`. Graphs are recorded when a batch size first occurs, and smaller batches are run in them.

    Args:
        network: On a GPU; changes of its weights are not seen afterwards.
        dtype: Of the maps.
        device: That GPU.
    """

    def __init__(self, network: LIAX, dtype: torch.dtype, device: torch.device) -> None:
        with torch.cuda.device(device):
            self._network = InferenceNetwork(network, dtype)
        self._graphs = GraphCache(device)

    def encode(self, levels_BRR3: Tensor) -> Encoded:
        code_BD, alpha_BM, *features = self._graphs.run("encode", self._encode, (levels_BRR3,))
        return Encoded(code_BD, alpha_BM, tuple(features))

    def coefficients(self, levels_BRR3: Tensor) -> Tensor:
        (alpha_BM,) = self._graphs.run("coefficients", self._coefficients, (levels_BRR3,))
        return alpha_BM

    def draw(self, code_BD: Tensor, features: _Tensors) -> Drawing:
        return Drawing(*self._drawn("draw", self._draw, code_BD, features))

    def draw_levels(self, code_BD: Tensor, features: _Tensors) -> Tensor:
        (levels_BRR3,) = self._drawn("draw levels", self._draw_levels, code_BD, features)
        return levels_BRR3

    def _drawn(
        self, name: str, function: Callable[..., _Tensors], code_BD: Tensor, features: _Tensors
    ) -> _Tensors:
        if len(features[0]) == 1:
            return self._graphs.run(name, function, (code_BD,), features)
        return self._graphs.run(f"{name} each", function, (code_BD, *features))

    def _encode(self, levels_BRR3: Tensor) -> _Tensors:
        seen = self._network.encode(levels_BRR3)
        return seen.code_BD, seen.alpha_BM, *seen.features

    def _coefficients(self, levels_BRR3: Tensor) -> _Tensors:
        return (self._network.read(levels_BRR3),)

    def _draw(self, code_BD: Tensor, *features: Tensor) -> _Tensors:
        return self._network.draw(code_BD, features)

    def _draw_levels(self, code_BD: Tensor, *features: Tensor) -> _Tensors:
        image_B3RR, _ = self._network.draw(code_BD, features)
        return (to_uint8(image_B3RR).permute(0, 2, 3, 1).contiguous(),)


class GraphCache:
    """Functions of tensors as CUDA graphs, one for each batch size.

    All graphs share one pool of memory: whatever one leaves there, the next may overwrite, and so results are
    copied out. Threads may share a cache.

    Args:
        device: The GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graphs: dict[str, dict[int, _Graph]] = {}
        self._pool = torch.cuda.graph_pool_handle()
        self._lock = Lock()

    def run(
        self, name: str, function: Callable[..., _Tensors], batch: _Tensors, fixed: _Tensors = ()
    ) -> _Tensors:
        """function(*batch, *fixed), row by row of the batch.

        Args:
            name: Of the function; it is recorded once for a name and a batch size.
            batch: Tensors of as many rows; on any device.
            fixed: Tensors of the same sizes in every call, which rarely change.
        """
        count = len(batch[0])
        with self._lock, torch.cuda.device(self._device):
            graphs = self._graphs.setdefault(name, {})
            size = fitting(count, graphs)
            if size not in graphs:
                graphs[size] = _Graph(function, batch, fixed, self._pool)
            return graphs[size](batch, fixed)


def fitting(count: int, sizes: Iterable[int]) -> int:
    """The recorded batch size in which so many rows are run, or their own number, which is to be recorded.

    The end of a stream rarely fills a batch: a recorded graph of up to twice the size is taken for it.
    """
    return min((size for size in sizes if count <= size <= 2 * count), default=count)


class _Graph:
    """One function, recorded for inputs of the given shapes."""

    def __init__(
        self, function: Callable[..., _Tensors], batch: _Tensors, fixed: _Tensors, pool: Any
    ) -> None:
        self._batch = tuple(rows.to("cuda", copy=True) for rows in batch)
        self._fixed = tuple(tensor.clone() for tensor in fixed)
        self._last: _Tensors = fixed
        inputs = (*self._batch, *self._fixed)
        self._graph, self._results = record(lambda: function(*inputs), pool=pool)

    def __call__(self, batch: _Tensors, fixed: _Tensors) -> _Tensors:
        count = len(batch[0])
        for held, new in zip(self._batch, batch, strict=True):
            held[:count].copy_(new, non_blocking=True)
        if any(new is not last for new, last in zip(fixed, self._last, strict=True)):
            for held, new in zip(self._fixed, fixed, strict=True):
                held.copy_(new)
            self._last = fixed
        self._graph.replay()
        return tuple(result[:count].clone() for result in self._results)
