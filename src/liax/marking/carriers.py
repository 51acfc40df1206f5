"""The waves that carry a mark's bits: two of them a bit, and the one that is stronger is the bit.

A wave is told by its strength alone, so it does not matter how far a picture was cropped on each side. Its
length is a share of the picture, so it does not matter to which size the picture was scaled.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

BITS = 32


class Carriers(nn.Module):
    """Waves with whole numbers of cycles across a picture's width and height.

    Args:
        cycles_K22: For each bit, the two waves (of 0 and of 1), in cycles to the right and down.
        phase_K2: Their phases in a picture that says nothing else, in radians.
    """

    def __init__(self, cycles_K22: Tensor, phase_K2: Tensor) -> None:
        super().__init__()
        self.cycles_K22: Tensor
        self.phase_K2: Tensor
        self.register_buffer("cycles_K22", cycles_K22.float())
        self.register_buffer("phase_K2", phase_K2.float())

    @classmethod
    def drawn(cls, seed: int = 0, bits: int = BITS, fewest: int = 18, most: int = 50) -> Carriers:
        """Waves drawn at random with `fewest` to `most` cycles, far from each other, paired by length."""
        generator = torch.Generator().manual_seed(seed)
        whole = range(-most, most + 1)
        # Neither upright nor level ones, which edges of pictures are full of; of k and -k, one.
        ring = [
            (x, y)
            for x in whole
            for y in whole
            if y > 2 and abs(x) > 2 and fewest <= math.hypot(x, y) <= most
        ]
        candidates = torch.tensor(ring, dtype=torch.float32)
        chosen = candidates[torch.randint(len(ring), (1,), generator=generator)]
        while len(chosen) < 2 * bits:
            some = candidates[torch.randint(len(ring), (64,), generator=generator)]
            nearest = torch.minimum(torch.cdist(some, chosen), torch.cdist(some, -chosen)).amin(1)
            chosen = torch.cat([chosen, some[nearest.argmax()][None]])
        by_length = chosen[chosen.norm(dim=1).argsort()].view(bits, 2, 2)
        phase = 2 * math.pi * torch.rand(bits, 2, generator=generator)
        return cls(by_length[torch.randperm(bits, generator=generator)], phase)

    def spectrum(self, map_BNN: Tensor, kept_B2: Tensor | None = None) -> Tensor:
        """The complex amplitudes (B, K, 2) of the waves in maps of pictures; about 1 in white noise.

        Args:
            kept_B2: What part of the marked picture's width and height each picture is; 1 by default.
        """
        side = map_BNN.shape[-1]
        places = (torch.arange(side, device=map_BNN.device) + 0.5) * (2 * math.pi / side)
        cycles_BJ2 = self.cycles_K22.flatten(0, 1)[None]
        if kept_B2 is not None:
            cycles_BJ2 = cycles_BJ2 * kept_B2[:, None]
        angle_BNJ2 = places[:, None, None] * cycles_BJ2[:, None]
        cos_BNJ2, sin_BNJ2 = angle_BNJ2.cos(), angle_BNJ2.sin()
        maps = map_BNN / side
        # Rows first: 2 J numbers of each row, then the sum over rows.
        right_BNJ = maps @ cos_BNJ2[..., 0]
        left_BNJ = maps @ sin_BNJ2[..., 0]
        real_BJ = (right_BNJ * cos_BNJ2[..., 1] - left_BNJ * sin_BNJ2[..., 1]).sum(1)
        imag_BJ = -(right_BNJ * sin_BNJ2[..., 1] + left_BNJ * cos_BNJ2[..., 1]).sum(1)
        return torch.complex(real_BJ, imag_BJ).unflatten(1, (-1, 2))

    def crop_spectra(self, map_BNN: Tensor, kept_G: Tensor) -> Tensor:
        """As `spectrum` for every pair of shares kept, of the width and of the height: (B, G, G, K, 2)."""
        side = map_BNN.shape[-1]
        places_N = (torch.arange(side, device=map_BNN.device) + 0.5) * (2 * math.pi / side)
        turns_NG = places_N[:, None] * kept_G.to(map_BNN.device)
        right_J, down_J = self.cycles_K22.flatten(0, 1).unbind(1)
        right_NJG, down_JNG = turns_NG[:, None] * right_J[:, None], turns_NG * down_J[:, None, None]
        maps = map_BNN / side
        # Rows first, as in `spectrum`; then for each wave the sums over rows at each share of the height.
        cos_BJGN, sin_BJGN = (
            (maps @ wave_NJG.flatten(1)).unflatten(2, (-1, len(kept_G))).permute(0, 2, 3, 1)
            for wave_NJG in (right_NJG.cos(), right_NJG.sin())
        )
        down_cos_JNG, down_sin_JNG = down_JNG.cos(), down_JNG.sin()
        real_BJGG = cos_BJGN @ down_cos_JNG - sin_BJGN @ down_sin_JNG
        imag_BJGG = -(cos_BJGN @ down_sin_JNG + sin_BJGN @ down_cos_JNG)
        return torch.complex(real_BJGG, imag_BJGG).movedim(1, 3).unflatten(3, (-1, 2))

    def waves(self, amplitude_BK2: Tensor, side: int) -> Tensor:
        """The sum (B, side, side) of the waves with complex amplitudes."""
        places = (torch.arange(side, device=amplitude_BK2.device) + 0.5) * (2 * math.pi / side)
        angle_NJ2 = places[:, None, None] * self.cycles_K22.flatten(0, 1)
        amplitude_BJ = amplitude_BK2.flatten(1)
        real_BJ1, imag_BJ1 = amplitude_BJ.real[..., None], amplitude_BJ.imag[..., None]
        down_cos_JN, down_sin_JN = angle_NJ2[..., 1].cos().T, angle_NJ2[..., 1].sin().T
        cos_BJN = real_BJ1 * down_cos_JN - imag_BJ1 * down_sin_JN
        sin_BJN = real_BJ1 * down_sin_JN + imag_BJ1 * down_cos_JN
        right_cos_JN, right_sin_JN = angle_NJ2[..., 0].cos().T, angle_NJ2[..., 0].sin().T
        return cos_BJN.mT @ right_cos_JN - sin_BJN.mT @ right_sin_JN
