"""A training step's forward and backward pass as one CUDA graph: no launch waits for Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace

import torch
from torch import Tensor, nn

from liax.data.augment import PairBatch

_WARM_UPS = 3
Terms = dict[str, Tensor]


class GraphedStep:
    """Computes the loss terms and gradients of a batch by replaying a graph recorded on the first batch.

    Every batch must have the shapes of the first. A call overwrites all gradients and what the last call
    returned; gradients must not be set to None between calls.

    Args:
        compute: From a batch to the loss terms, "total" among them, and the image. From step to step only the
            contents of tensors (batch, parameters, buffers) may change.
        parameters: The parameters whose gradients are computed.
    """

    def __init__(
        self, compute: Callable[[PairBatch], tuple[Terms, Tensor]], parameters: Iterable[nn.Parameter]
    ) -> None:
        self._compute = compute
        self._parameters = list(parameters)
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, batch: PairBatch) -> tuple[Terms, Tensor]:
        if self._graph is None:
            self._record(batch)
        new = _tensors(batch)
        for name, held in _tensors(self._batch).items():
            held.copy_(new[name])
        assert self._graph is not None
        self._graph.replay()
        return dict(self._terms), self._image

    def _record(self, batch: PairBatch) -> None:
        self._batch = replace(batch, **{name: tensor.clone() for name, tensor in _tensors(batch).items()})
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):  # compiles, chooses algorithms
                self._forget()
                self._run()
        torch.cuda.current_stream().wait_stream(stream)
        self._forget()
        self._graph = torch.cuda.CUDAGraph()
        # Other threads, such as the one that watches over NCCL, may go on calling CUDA.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._terms, self._image = self._run()

    def _run(self) -> tuple[Terms, Tensor]:
        terms, image = self._compute(self._batch)
        terms["total"].backward()
        return {name: term.detach() for name, term in terms.items()}, image.detach()

    def _forget(self) -> None:
        """Drops the gradients: those that the graph allocates itself are overwritten, not added to."""
        for parameter in self._parameters:
            parameter.grad = None


def _tensors(batch: PairBatch) -> dict[str, Tensor]:
    """The tensors that the batch has, by name."""
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return {name: value for name, value in values.items() if value is not None}
