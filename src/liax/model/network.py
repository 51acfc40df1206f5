"""LIAX: encode, navigate, decode. Equation numbers are those of arXiv 2508.09959."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from liax.model.config import ModelConfig
from liax.model.decoder import Decoder, State
from liax.model.dictionary import MotionDictionary
from liax.model.encoder import Encoder
from liax.model.layers import EqualLinear


class Encoded(NamedTuple):
    """What the network knows of an image.

    Args:
        code_BD: z_sr, (B, D) float32.
        alpha_BM: Motion coefficients a, (B, M) float32.
        features: Maps to be warped, (B, C, side, side) from side 8 up to R.
    """

    code_BD: Tensor
    alpha_BM: Tensor
    features: tuple[Tensor, ...]


class LIAX(nn.Module):
    """The latent portrait animator.

    Images are RGB in [-1, 1], (B, 3, R, R). Their dtype decides in what precision maps are computed
    (float32, or bfloat16 on a GPU); parameters, codes and coefficients stay float32.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.metadata: dict[str, str] = {}  # Free facts of the file that the weights came from.
        self.encoder = Encoder(config)
        self.to_alpha = EqualLinear(config.latent, config.vectors)
        self.dictionary = MotionDictionary(config)
        self.decoder = Decoder(config)

    def encode(self, image_B3RR: Tensor, count: int | None = None) -> Encoded:
        """E(x), its features (of the first `count` images only, if told), and a = FC(E(x))  (equation 3)."""
        code_BD, features = self.encoder(image_B3RR, count)
        return Encoded(code_BD, self.to_alpha(code_BD), features)

    def reenact(self, code_BD: Tensor, alpha_BM: Tensor) -> Tensor:
        """z_sd = z_sr + Σ_i a_i d_i  (equations 1 and 2): (B, D).

        Equations (8), (10) and (11) are the same with a_s + v + a_t − a_1 and a_s + v in place of a: sums of
        coefficients, which `liax.portrait.motion` and `liax.portrait.edit` make.
        """
        return code_BD + self.dictionary.displacement(alpha_BM)

    def decode(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        """G(z): float32 image (B, 3, R, R), not clamped; `liax.model.pixels` makes it one to show.

        Args:
            code_BD: Navigated codes.
            features: Of the sources, or of one source (batch 1) for all codes.
        """
        return self.render(code_BD, features)[-1].image

    def render(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> list[State]:
        """G(z) with every level's flow, mask and running image, 8×8 first; otherwise as `decode`."""
        if len(features[0]) != len(code_BD):
            features = tuple(map_1CHW.expand(len(code_BD), -1, -1, -1) for map_1CHW in features)
        return self.decoder(code_BD, features)

    def forward(
        self, source_B3RR: Tensor, driving_B3RR: Tensor, kept_BM: Tensor | None = None
    ) -> tuple[list[State], Tensor, Tensor]:
        """Self-reenactment, as trained: decode z_sr + Q a_d.

        Args:
            kept_BM: Where true, the source's own coefficient is decoded in place of the driving image's.
                Returns all levels' states, and a_s and a_d as the encoder reads them, (B, M).
        """
        # One pass of the encoder over both halves.
        count = len(source_B3RR)
        both = self.encode(torch.cat([source_B3RR, driving_B3RR]), count)
        source_BM, read_BM = both.alpha_BM[:count], both.alpha_BM[count:]
        alpha_BM = read_BM if kept_BM is None else torch.where(kept_BM, source_BM, read_BM)
        return self.render(self.reenact(both.code_BD[:count], alpha_BM), both.features), source_BM, read_BM
