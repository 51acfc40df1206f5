"""What every training step repeats, as CUDA graphs: no launch waits for Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Generic

import torch
from torch import Tensor, nn

from liax.data.augment import PairBatch
from liax.model.graph_recording import Result, record

Terms = dict[str, Tensor]


class GraphedFunction(Generic[Result]):
    """Computes a function of tensors by replaying a graph recorded in the first call.

    Every call must have tensors of the shapes of the first. It overwrites what the last call returned.

    Args:
        function: Its result holds tensors. From call to call only the contents of tensors may change: of its
            arguments, and of parameters and buffers.
        before: Is called before each warm-up and before the recording.
    """

    def __init__(self, function: Callable[..., Result], before: Callable[[], None] = lambda: None) -> None:
        self._function, self._before = function, before
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *tensors: Tensor) -> Result:
        if self._graph is None:
            self._held = [tensor.clone() for tensor in tensors]
            self._graph, self._result = record(lambda: self._function(*self._held), before=self._before)
        for held, new in zip(self._held, tensors, strict=True):
            held.copy_(new)
        self._graph.replay()
        return self._result


class GraphedStep:
    """A training step's forward and backward pass.

    A call overwrites all gradients and what the last call returned; gradients must not be set to None between
    calls.

    Args:
        compute: From a batch to the loss terms, "total" among them, and the image.
        parameters: The parameters whose gradients are computed.
    """

    def __init__(
        self, compute: Callable[[PairBatch], tuple[Terms, Tensor]], parameters: Iterable[nn.Parameter]
    ) -> None:
        self._compute = compute
        self._parameters = list(parameters)
        self._graphed: GraphedFunction[tuple[Terms, Tensor]] | None = None

    def __call__(self, batch: PairBatch) -> tuple[Terms, Tensor]:
        named = _tensors(batch)
        if self._graphed is None:

            def run(*tensors: Tensor) -> tuple[Terms, Tensor]:
                return self._run(replace(batch, **dict(zip(named, tensors, strict=True))))

            # Gradients that the graph allocates itself are overwritten, not added to.
            self._graphed = GraphedFunction(run, before=self._forget)
        terms, image = self._graphed(*named.values())
        return dict(terms), image

    def _run(self, batch: PairBatch) -> tuple[Terms, Tensor]:
        terms, image = self._compute(batch)
        terms["total"].backward()
        return {name: term.detach() for name, term in terms.items()}, image.detach()

    def _forget(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None


def _tensors(batch: PairBatch) -> dict[str, Tensor]:
    """The tensors that the batch has, by name."""
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return {name: value for name, value in values.items() if value is not None}
