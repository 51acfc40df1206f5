"""The sparse motion dictionary: orthonormal vectors, and how coefficients move a code along them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from liax.model.config import ModelConfig


class MotionDictionary(nn.Module):
    """M motion vectors d_i, the orthonormal columns of Q in `Q, _ = qr(W + 1e-8)`.

    W is the trained parameter. Q depends on W only, so `freeze` computes it once for inference; frozen, the
    module holds Q itself, because the signs that a QR picks can differ between backends.

    Attributes:
        steady: While W is trained, the signs must not jump either, as Householder's do where an element of W
            crosses zero; with `steady` each vector d_i has d_i · w_i > 0. (Published weights mean the plain
            QR.).
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
        """Fix Q from now on: to the given orthonormal vectors (D, M), or to those of W."""
        with torch.no_grad():
            self.frozen_DM = (self.vectors_DM() if vectors_DM is None else vectors_DM).detach()

    def train_on(self) -> None:
        """Make the vectors trainable from where they are: W becomes Q, unless W is what they came from."""
        with torch.no_grad():
            if self.frozen_DM is not None:
                self.weight.copy_(self.frozen_DM)
        self.frozen_DM, self.steady = None, True

    def displacement(self, alpha_BM: Tensor) -> Tensor:
        """Σ_i a_i d_i = Q a, the moving part of equations (1)-(3): (B, M) -> (B, D)."""
        return alpha_BM @ self.vectors_DM().T
