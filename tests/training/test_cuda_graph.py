"""Graphs compute what their functions compute; needs a GPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liax.model import LIAX, PRESETS
from liax.training.cuda_graph import GraphedFunction
from liax.training.self_reenact import StillRenderer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


def test_a_graph_computes_with_what_tensors_hold_by_then() -> None:
    weight_N = torch.ones(3, device="cuda")
    calls: list[str] = []

    def times(x_N: Tensor, y_N: Tensor) -> tuple[Tensor, Tensor]:
        return x_N * weight_N, x_N + y_N

    graphed = GraphedFunction(times, before=lambda: calls.append("before"))
    for factor in (1.0, 2.0, 3.0):
        weight_N.fill_(factor)
        x_N, y_N = torch.rand(2, 3, device="cuda")
        product_N, sum_N = graphed(x_N, y_N)
        torch.testing.assert_close(product_N, x_N * factor)
        torch.testing.assert_close(sum_N, x_N + y_N)
    assert len(calls) == 4  # three warm-ups and the recording


@torch.no_grad()
def test_stills_move_in_a_graph_as_without_one() -> None:
    torch.manual_seed(0)
    network = LIAX(PRESETS["tiny"]).cuda()
    plain, graphed = (StillRenderer(network, torch.float32, graphed=graph) for graph in (False, True))
    for _ in range(3):
        images = tuple(torch.rand(3, 2, 3, 64, 64, device="cuda") * 2 - 1)
        wanted_B3RR, wanted_BM = plain(*images)
        got_B3RR, got_BM = graphed(*images)
        torch.testing.assert_close(got_BM, wanted_BM, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(got_B3RR, wanted_B3RR, atol=1e-2, rtol=1e-2)
        for parameter in network.parameters():  # as a step of training does
            parameter.mul_(1.01)
