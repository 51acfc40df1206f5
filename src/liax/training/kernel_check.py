"""Whether this machine's GPU kernels compute what plain PyTorch does, before a run relies on them."""

from __future__ import annotations

import torch
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX
from liax.model.pointwise import fused

_OFF = 0.05  # of the norm; kernels and their twins differ by about a thousandth


def check_kernels(network: LIAX, faces_B3RR: Tensor) -> None:
    """Compares a picture of one face moved like another, and its gradients, with and without kernels.

    Weights trained with a kernel that this machine's compiler got wrong would be of no use elsewhere.
    faces_B3RR: in [-1, 1], float32. Gradients are None afterwards. LiaxError where they differ.
    """
    plain, kernels = (_image_and_gradient(network, faces_B3RR, on) for on in (False, True))
    for what, wanted, got in zip(("picture", "gradient"), plain, kernels, strict=True):
        off = ((got - wanted).norm() / wanted.norm()).item()
        if not off <= _OFF:  # nan too
            raise LiaxError(
                f"with GPU kernels the {what} is {off:.0%} off what plain PyTorch makes on this machine; "
                "train with compile = false, or with another version of Triton"
            )


def _image_and_gradient(network: LIAX, faces_B3RR: Tensor, on: bool) -> tuple[Tensor, Tensor]:
    with fused(on):
        image = network(faces_B3RR[:1], faces_B3RR[-1:])[0][-1].image
        (image - faces_B3RR[-1:]).square().mean().backward()
    gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    network.zero_grad(set_to_none=True)
    return image.detach(), torch.cat(gradients)
