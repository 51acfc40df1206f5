"""A portrait moved by a stream of driving frames: arrays in, arrays out; no files, no faces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.face.crop import resize
from liax.model import LIAX, Encoded
from liax.model.pixels import from_uint8, to_uint8
from liax.options import EditSettings
from liax.portrait.device import choose_device, choose_precision
from liax.portrait.edit_vector import Edit
from liax.portrait.motion import DrivingFrame, Transfer, transfer_motion
from liax.weights.controls import Controls, read_controls

# Frames computed at once: what fills the device without delaying the stream.
_BATCH = {"cuda": 8, "mps": 4, "cpu": 4}


class Animator:
    """The network on its device, ready to animate.

    Args:
        network: Moved to `device` and set to evaluation.
        device: "cpu", "cuda", "cuda:N", "mps"; None chooses the fastest present.
        dtype: In what maps are computed, torch.float32 or torch.bfloat16; None takes bfloat16 where the
            device multiplies it natively, which changes colours by less than a level of 256 on average.

    Raises:
        OptionError: If there is no such device.
    """

    def __init__(
        self,
        network: LIAX,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.device = choose_device(None if device is None else str(device))
        self.dtype = dtype or choose_precision(self.device)
        self.network = network.to(self.device).eval()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.controls: Controls = read_controls(network.metadata, network.config.vectors)

    @property
    def size(self) -> int:
        """Side R of the network's square images, in pixels."""
        return self.network.config.size

    @property
    def batch_size(self) -> int:
        """How many frames are computed at once by default."""
        return _BATCH[self.device.type]

    def animate(
        self,
        source_HW3: NDArray[np.uint8],
        driving: Iterable[NDArray[np.uint8]],
        *,
        absolute: bool = False,
        edit: EditSettings | None = None,
        batch_size: int | None = None,
    ) -> Iterator[NDArray[np.uint8]]:
        """One RGB uint8 frame (R, R, 3) for each driving frame, as they come; memory is that of a batch.

        Args:
            source_HW3: RGB uint8 portrait, cropped as the model expects (`liax.face.crop`). Whatever is not
                R × R is resized.
            driving: RGB uint8 frames (H, W, 3) of one size, cropped likewise.
            absolute: Take over the driving's coefficients as they are (equations 1-3), instead of moving the
                source by their change since the first frame (equations 8 and 10). Neither goes beyond the
                coefficient limits, unless the driving face does.
            edit: What is added throughout, v of equation (10).
            batch_size: Frames computed at once; None chooses by device.

        Raises:
            LiaxError: For an edit of what does not exist or beyond its range.
        """
        wanted = Edit.of(edit or {}, self.controls)
        return self._animate(source_HW3, driving, absolute, wanted, batch_size or self.batch_size)

    def _animate(
        self,
        source_HW3: NDArray[np.uint8],
        driving: Iterable[NDArray[np.uint8]],
        absolute: bool,
        edit: Edit,
        batch_size: int,
    ) -> Iterator[NDArray[np.uint8]]:
        source = self.encode([source_HW3])
        alpha_M = source.alpha_BM[0].cpu().numpy()
        transfer = Transfer(not absolute, edit.vector_for(alpha_M), limits=edit.limits)

        def frames() -> Iterator[DrivingFrame]:
            waiting = iter(driving)
            first = True
            while chunk := list(islice(waiting, batch_size)):
                for frame_M in self.encode(chunk).alpha_BM.cpu().numpy():
                    yield DrivingFrame(Fraction(0), frame_M, first, None)
                    first = False

        yield from self.render(source, transfer_motion(alpha_M, frames(), transfer), batch_size)

    @torch.inference_mode()
    def encode(self, frames: Iterable[NDArray[np.uint8]]) -> Encoded:
        """Codes, coefficients and features of RGB uint8 frames (H, W, 3)."""
        frames_BRR3 = np.stack([resize(frame_HW3, self.size, self.size) for frame_HW3 in frames])
        image_B3RR = torch.from_numpy(frames_BRR3).to(self.device).permute(0, 3, 1, 2)
        return self.network.encode(from_uint8(image_B3RR).to(self.dtype))

    @torch.inference_mode()
    def decode(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> NDArray[np.uint8]:
        """RGB uint8 frames (B, R, R, 3) of B codes, with the features of one source (batch 1)."""
        image_B3RR = self.network.decode(code_BD, features)
        return to_uint8(image_B3RR).permute(0, 2, 3, 1).cpu().numpy()

    def render(
        self, source: Encoded, alphas: Iterable[NDArray[np.floating]], batch_size: int | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """G(z_sr + Q a), an RGB uint8 frame (R, R, 3), for each of the coefficients (M,), as they come.

        Args:
            source: Of one portrait (batch 1).
            batch_size: Frames computed at once; None chooses by device.
        """
        waiting = iter(alphas)
        while chunk := list(islice(waiting, batch_size or self.batch_size)):
            alpha_BM = torch.from_numpy(np.stack(chunk)).to(self.device, torch.float32)
            with torch.inference_mode():
                code_BD = self.network.reenact(source.code_BD, alpha_BM)
            yield from self.decode(code_BD, source.features)
