"""The network LIAX. Equation numbers are those of arXiv 2508.09959."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.model.config import ModelConfig
from liax.model.decoder import Decoder, State
from liax.model.dictionary import MotionDictionary
from liax.model.encoder import Encoder
from liax.model.layers import EqualLinear


class Encoded(NamedTuple):
    """Encoded images.

    Args:
        code_BD: Codes z_sr, float32.
        alpha_BM: Motion coefficients a, float32.
        features: Maps that the decoder warps, (B, C, side, side) from side 8 up to that of what is drawn.
    """

    code_BD: Tensor
    alpha_BM: Tensor
    features: tuple[Tensor, ...]


class LIAX(nn.Module):
    """The latent portrait animator.

    Images are RGB in [-1, 1], (B, 3, R, R). Feature maps are computed in their dtype, float32 or bfloat16.
    Parameters, codes and coefficients are float32.

    Attributes:
        metadata: Free facts of the weights file, text to text.
        drawn_size: Side of the pictures that are drawn: R, or what `draw_at` chose.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.metadata: dict[str, str] = {}
        self.encoder = Encoder(config)
        self.driver = Encoder(config.driver) if config.driver else None
        self.to_alpha = EqualLinear(config.latent, config.vectors)
        self.dictionary = MotionDictionary(config)
        self.decoder = Decoder(config)
        self.drawn_size = config.size

    def draw_at(self, size: int) -> None:
        """Draw pictures of this side from now on, by stopping at its level; images that go in stay R × R.

        Raises:
            ValueError: If no level from 64 up has this side.
        """
        if size < 64 or size not in self.config.sides:
            raise ValueError(f"there is no level of {size} × {size}")
        self.drawn_size = size

    def encode(self, image_B3RR: Tensor, count: int | None = None) -> Encoded:
        """E(x), its features, and the coefficients a = FC(E(x)) of equation (3).

        Where the network has a driver, the coefficients are `read` by it.

        Args:
            image_B3RR: RGB in [-1, 1].
            count: Return features of the first `count` images only; None for all.
        """
        code_BD, features = self.encoder(image_B3RR, count)
        levels = self.config.sides.index(self.drawn_size) + 1
        alpha_BM = self.to_alpha(code_BD) if self.driver is None else self.read(image_B3RR)
        return Encoded(code_BD, alpha_BM, features[:levels])

    def read(self, image_B3RR: Tensor) -> Tensor:
        """Only the coefficients a (B, M) of images, by the driver where there is one: FC(E_driver(x))."""
        if self.driver is None:
            return self.to_alpha(self.encoder(image_B3RR, 0)[0])
        side = self.config.driver_size
        small_B3SS = F.interpolate(image_B3RR, (side, side), mode="area")
        return self.to_alpha(self.driver(small_B3SS, 0)[0])

    def reenact(self, code_BD: Tensor, alpha_BM: Tensor) -> Tensor:
        """z_sd = z_sr + Σ_i a_i d_i of equations (1) and (2): (B, D).

        Equations (8), (10) and (11) have a_s + v + a_t − a_1 or a_s + v in place of a. `liax.portrait.motion`
        and `liax.portrait.edit` compute these sums.
        """
        return code_BD + self.dictionary.displacement(alpha_BM)

    def decode(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        """Draw codes: G(z).

        Args:
            code_BD: Codes, as `reenact` returns them.
            features: Of each code's source, or of one source (batch 1) for all codes.

        Returns:
            Images (B, 3, side, side) in float32, of the last feature's side, not clamped to [-1, 1];
            `liax.model.pixels` converts them.
        """
        return self.render(code_BD, features)[-1].image

    def render(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> list[State]:
        """As `decode`, but return the states of all levels up to the last feature's, 8×8 first."""
        if len(features[0]) != len(code_BD):
            features = tuple(map_1CHW.expand(len(code_BD), -1, -1, -1) for map_1CHW in features)
        return self.decoder(code_BD, features)

    def forward(
        self,
        source_B3RR: Tensor,
        driving_B3RR: Tensor,
        kept_BM: Tensor | None = None,
        given_BM: Tensor | None = None,
    ) -> tuple[list[State], Tensor, Tensor]:
        """The training step: draw the source with the driving image's coefficients, z_sr + Q a_d.

        Args:
            source_B3RR, driving_B3RR: RGB in [-1, 1].
            kept_BM: Where true, the source's own coefficient is used in place of the driving image's.
            given_BM: Coefficients to use in their place; NaN where none is given.

        Returns:
            The states of all levels, and the coefficients a_s and a_d, (B, M) each.
        """
        code_BD, features, source_BM, read_BM = self.encode_pair(source_B3RR, driving_B3RR)
        alpha_BM = read_BM if kept_BM is None else torch.where(kept_BM, source_BM, read_BM)
        if given_BM is not None:
            alpha_BM = torch.where(given_BM.isnan(), alpha_BM, given_BM)
        return self.render(self.reenact(code_BD, alpha_BM), features), source_BM, read_BM

    def encode_pair(
        self, source_B3RR: Tensor, driving_B3RR: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor, Tensor]:
        """The source's code and features, and the coefficients a_s and a_d, (B, M) each.

        A driving image's own code and features are computed only where its coefficients come from them.
        """
        count = len(source_B3RR)
        both_B3RR = torch.cat([source_B3RR, driving_B3RR])
        if self.driver is None:
            # One pass of the encoder over both halves.
            both = self.encode(both_B3RR, count)
            return both.code_BD[:count], both.features, both.alpha_BM[:count], both.alpha_BM[count:]
        code_BD, features = self.encoder(source_B3RR)
        alpha_BM = self.read(both_B3RR)
        return code_BD, features, alpha_BM[:count], alpha_BM[count:]
