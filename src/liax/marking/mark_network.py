"""The two networks of the invisible mark: one draws 32 bits into a picture, the other reads them.

Both see the picture's luma on a square of 128 pixels, whatever its shape and size, and both equalise it
first: fine detail, divided by its strength nearby. The embedder chooses how strong each wave of `Carriers`
has to be in this picture, and where in it the mark hides best. The reader brings out the waves and compares
them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.marking.carriers import Carriers

SEEN = 128
"""Side of the square that both networks see, in pixels."""

DRAWN = 256
"""Side of the square on which the mark is drawn, in pixels."""

LEVELS = 64.0  # the networks' unit of luma
PEAK = 2.5  # times its root mean square that the mask is at most
FLOOR = 1.5  # levels of detail that nothing is divided by less than


def equalised(luma_B1NN: Tensor) -> tuple[Tensor, Tensor]:
    """Fine detail of a luma in levels, divided by its strength nearby, within ±2.5; and that strength."""
    detail = luma_B1NN - _box(luma_B1NN, 5)
    strength = _box(detail.square(), 9).clamp(min=0).add(1e-4).sqrt()
    return (detail / (strength + FLOOR)).clamp(-2.5, 2.5), strength


def _box(x_B1NN: Tensor, side: int) -> Tensor:
    """The mean over a square around each pixel, rows first."""
    rows = F.avg_pool2d(x_B1NN, (1, side), 1, (0, side // 2), count_include_pad=False)
    return F.avg_pool2d(rows, (side, 1), 1, (side // 2, 0), count_include_pad=False)


def seen(luma_B1HW: Tensor) -> Tensor:
    """A luma on the square that the networks see."""
    if luma_B1HW.shape[-2:] == (SEEN, SEEN):
        return luma_B1HW
    return F.interpolate(luma_B1HW, (SEEN, SEEN), mode="bilinear", antialias=True, align_corners=False)


class _Residual(nn.Module):
    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.normal_(self.second.weight, std=1e-3)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.second(F.silu(self.first(F.silu(x_BCHW))))


class _Trunk(nn.Sequential):
    """Detail, its strength and luma -> maps of a side that is `fold` times smaller.

    Args:
        out: Channels of the maps, which start near zero.
    """

    def __init__(self, fold: int, channels: int, dilations: tuple[int, ...], out: int) -> None:
        last = nn.Conv2d(channels, out, 3, padding=1)
        nn.init.normal_(last.weight, std=1e-3)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        super().__init__(
            nn.PixelUnshuffle(fold),
            nn.Conv2d(3 * fold**2, channels, 3, padding=1),
            *(_Residual(channels, dilation) for dilation in dilations),
            nn.SiLU(),
            last,
        )


def _inputs(detail_B1NN: Tensor, strength_B1NN: Tensor, luma_B1NN: Tensor) -> Tensor:
    return torch.cat([detail_B1NN, (strength_B1NN + FLOOR).log() - 1, luma_B1NN / LEVELS - 2], 1)


class MarkEmbedder(nn.Module):
    """Draws bits as waves that are hardly there.

    A wave that the picture has already is made stronger rather than covered by a new one, and the wave of the
    other bit is made weaker: how much of both, a small network decides from their amplitudes.

    Args:
        carriers: The waves.
        channels: Of the convolutions.
    """

    def __init__(self, carriers: Carriers, channels: int = 24) -> None:
        super().__init__()
        self.carriers = carriers
        # 16 maps make a correction of the detail of the side seen, 4 the mask of half that side.
        self.trunk = _Trunk(4, channels, (1,), 16 + 4)
        self.share = nn.Sequential(nn.Conv1d(4, 24, 1), nn.SiLU(), nn.Conv1d(24, 24, 1), nn.SiLU())
        self.shares = nn.Conv1d(24, 3, 1)
        nn.init.normal_(self.shares.weight, std=1e-2)
        with torch.no_grad():
            assert self.shares.bias is not None
            self.shares.bias.copy_(torch.tensor([0.5, -1.0, 0.5]))
        self.mask_power = nn.Parameter(torch.tensor(0.5))

    def forward(self, luma_B1HW: Tensor, bits_BK: Tensor, rms: float) -> Tensor:
        """The mark (B, 1, DRAWN, DRAWN), to be added to all channels, in levels.

        Args:
            luma_B1HW: Levels from 0 to 255.
            bits_BK: 0 or 1.
            rms: The root mean square of each mark, in levels.
        """
        luma = seen(luma_B1HW)
        detail, strength = equalised(luma)
        maps = self.trunk(_inputs(detail, strength, luma))
        host_BNN = (detail + F.pixel_shuffle(maps[:, :16], 4))[:, 0]
        nearby = F.avg_pool2d(strength, 2)
        mask = (nearby + 2.0) ** self.mask_power * (0.8 * F.pixel_shuffle(maps[:, 16:], 2).tanh()).exp()
        mask = (mask / mask.square().mean((1, 2, 3), keepdim=True).sqrt()).clamp(max=PEAK)
        seen_as_B = rms * (mask / (nearby + FLOOR)).mean((1, 2, 3))
        amplitude_BK2 = self._amplitudes(self.carriers.spectrum(host_BNN), bits_BK, seen_as_B)
        waves_B1NN = self.carriers.waves(amplitude_BK2, DRAWN)[:, None]
        mark = waves_B1NN * F.interpolate(mask, (DRAWN, DRAWN), mode="bilinear", align_corners=False)
        return mark * (rms / mark.square().mean((1, 2, 3), keepdim=True).add(1e-8).sqrt())

    def _amplitudes(self, host_BK2: Tensor, bits_BK: Tensor, seen_as_B: Tensor) -> Tensor:
        """The amplitudes to add, in an arbitrary unit.

        Args:
            host_BK2: Those in the picture.
            seen_as_B: How strong the mark will be, in units of equalised detail.
        """
        bit_BK1 = bits_BK.long()[..., None]
        size_BK2 = host_BK2.abs()
        wanted_BK, other_BK = (size_BK2.gather(2, index)[..., 0] for index in (bit_BK1, 1 - bit_BK1))
        total_BK = (seen_as_B * (SEEN / 8)).log()[:, None].expand_as(wanted_BK)
        level_BK = size_BK2.square().mean((1, 2)).add(1e-3).log()[:, None].expand_as(wanted_BK) / 2
        logs = torch.stack([(wanted_BK + 0.1).log(), (other_BK + 0.1).log(), level_BK, total_BK], 1)
        more_BK, less_BK, steady_BK = F.softplus(self.shares(self.share(logs))).unbind(1)
        # Where the picture has next to nothing of a wave, its phase is chance: a fixed one steadies videos.
        phase = self.carriers.phase_K2
        towards_BK2 = host_BK2 + steady_BK[..., None] * torch.complex(phase.cos(), phase.sin())
        towards_BK2 = towards_BK2 / (towards_BK2.abs() + 1e-4)
        share_BK2 = torch.stack([-less_BK, -less_BK], 2).scatter(2, bit_BK1, more_BK[..., None])
        return towards_BK2 * share_BK2


class MarkReader(nn.Module):
    """Reads bits.

    Args:
        carriers: The waves.
        channels: Of the convolutions.
        maps: How many maps of the waves it makes, whose strengths count together.
    """

    def __init__(self, carriers: Carriers, channels: int = 32, maps: int = 2) -> None:
        super().__init__()
        self.carriers = carriers
        self.trunk = _Trunk(2, channels, (1, 2, 4, 1), 4 * 2 * maps)
        self.map_weight = nn.Parameter(torch.zeros(maps))
        self.steepness = nn.Parameter(torch.tensor(math.log(1.5)))

    def maps(self, luma_B1HW: Tensor) -> Tensor:
        """What the waves are looked for in: (B, M, SEEN, SEEN) of lumas in levels."""
        luma = seen(luma_B1HW)
        detail, strength = equalised(luma)
        gate, correction = F.pixel_shuffle(self.trunk(_inputs(detail, strength, luma)), 2).chunk(2, 1)
        return detail * gate.tanh().exp() + correction

    def logits(self, maps_BMNN: Tensor, kept_B2: Tensor | None = None) -> Tensor:
        """The bits' logits (B, K); `kept_B2` as for `Carriers.spectrum`."""
        return self._compared([self.carriers.spectrum(one, kept_B2) for one in maps_BMNN.unbind(1)])

    def crop_logits(self, maps_BMNN: Tensor, kept_G: Tensor) -> Tensor:
        """The bits' logits (B, G, G, K) if each of the shares were kept of the width, then of the height."""
        return self._compared([self.carriers.crop_spectra(one, kept_G) for one in maps_BMNN.unbind(1)])

    def _compared(self, spectra: list[Tensor]) -> Tensor:
        """Logits (…, K) of each map's amplitudes (…, K, 2)."""
        energy = torch.stack([z.real.square() + z.imag.square() for z in spectra], -1)
        logs = (energy @ self.map_weight.softmax(0) + 0.02).log()
        return self.steepness.exp() * (logs[..., 1] - logs[..., 0])

    def forward(self, luma_B1HW: Tensor, kept_B2: Tensor | None = None) -> Tensor:
        """The bits' logits (B, K) of lumas in levels; `kept_B2` as for `Carriers.spectrum`."""
        return self.logits(self.maps(luma_B1HW), kept_B2)
