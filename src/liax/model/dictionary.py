"""The sparse motion dictionary: orthonormal motion vectors along which coefficients move a code."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from liax.model.config import ModelConfig


class MotionDictionary(nn.Module):
    """M motion vectors d_i, the orthonormal columns of Q in `Q, _ = qr(W + 1e-8)`.

    W is the trained parameter. Q depends on W only, so `freeze` computes it once for inference. A frozen
    module holds Q itself, because the signs that a QR picks can differ between backends.

    Attributes:
        steady: Whether the signs are chosen so that d_i · w_i > 0. Otherwise they are those of the plain QR,
            as the published weights need, and flip where an element of W crosses zero, which disturbs
            training.
    """

    frozen_DM: Tensor | None

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(config.latent, config.vectors))
        self.register_buffer("frozen_DM", None)
        self.steady = False

    def vectors_DM(self) -> Tensor:
        """Q: (D, M), float32, QᵀQ = 1."""
        if self.frozen_DM is not None:
            return self.frozen_DM
        vectors_DM, triangle_MM = torch.linalg.qr(self.weight.float() + 1e-8)
        return vectors_DM * triangle_MM.diagonal().sign() if self.steady else vectors_DM

    def freeze(self, vectors_DM: Tensor | None = None) -> None:
        """Fix Q to the given orthonormal vectors (D, M), or to those of W."""
        with torch.no_grad():
            self.frozen_DM = (self.vectors_DM() if vectors_DM is None else vectors_DM).detach()

    def train_on(self) -> None:
        """Make the vectors trainable: a frozen Q becomes W, and from now on the signs are steady."""
        with torch.no_grad():
            if self.frozen_DM is not None:
                self.weight.copy_(self.frozen_DM)
        self.frozen_DM, self.steady = None, True

    def displacement(self, alpha_BM: Tensor) -> Tensor:
        """Q a = Σ_i a_i d_i, the displacement in equations (1) to (3): (B, M) -> (B, D)."""
        return alpha_BM @ self.vectors_DM().T
