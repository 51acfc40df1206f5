"""Recording what a GPU does as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

_WARM_UPS = 3  # runs before recording: kernels are compiled, libraries choose algorithms
Result = TypeVar("Result")


def record(
    function: Callable[[], Result], *, before: Callable[[], None] = lambda: None, pool: Any = None
) -> tuple[torch.cuda.CUDAGraph, Result]:
    """A graph of what a function does, on the current GPU.

    Args:
        function: Computes with tensors whose places do not change.
        before: Is called before each warm-up and before the recording.
        pool: Of the graph's memory (`torch.cuda.graph_pool_handle`); by default one of its own.

    Returns:
        The graph, and what the function returned while it was recorded. Each replay overwrites that.
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UPS):
            before()
            function()
    torch.cuda.current_stream().wait_stream(stream)
    before()
    torch.cuda.empty_cache()  # what the warm-ups took, the graph needs
    graph = torch.cuda.CUDAGraph()
    # Other threads, such as the one that watches over NCCL, may go on calling CUDA.
    with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
        result = function()
    return graph, result
