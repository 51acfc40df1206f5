"""A portrait moved by a stream of driving frames: arrays in, arrays out; no files, no faces."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.errors import LiaxError, SlowerPath
from liax.face.crop import resize
from liax.model import LIAX, Encoded
from liax.options import Backend, EditSettings
from liax.portrait.device import choose_device
from liax.portrait.edit_vector import Edit
from liax.portrait.engine import Drawing, EagerEngine
from liax.portrait.engine_choice import choose_engine
from liax.portrait.motion import DrivingFrame, Transfer, transfer_motion
from liax.portrait.precision import choose_precision, fits_float16, without_float16
from liax.portrait.switching_engine import SwitchingEngine
from liax.weights.controls import Controls, read_controls
from liax.weights.files import fingerprint

log = logging.getLogger(__name__)

# Frames computed at once: what fills the device without delaying the stream.
_BATCH = {"cuda": 8, "mps": 4, "cpu": 4}


class Animator:
    """The network on its device, ready to animate.

    Args:
        network: Moved to `device` and set to evaluation. Where it draws at a smaller side than it sees
            (`liax.load("small", size=256)`), so does the animator.
        device: "cpu", "cuda", "cuda:N", "mps"; None chooses the fastest present.
        dtype: In what maps are computed, torch.float32, torch.bfloat16 or, on GPUs, torch.float16. None takes
            half precision where the device multiplies it natively (`liax.portrait.precision`), which changes
            colours by less than a level of 256 on average.
        backend: What runs the network. "onnxruntime" (float32 only) and "openvino" run on the CPU. None takes
            PyTorch, and on a CPU OpenVINO after some frames, if it is installed.

    Attributes:
        backend: What runs the network, as was chosen or, until it takes over, by PyTorch.
        batch_size: How many frames are computed at once by default; halved when the GPU's memory is full.

    Raises:
        OptionError: If there is no such device, or the backend does not run there.
        MissingPackageError: If the backend is not installed.
        LiaxError: If the network does not fit on it.
    """

    def __init__(
        self,
        network: LIAX,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        backend: Backend | None = None,
    ) -> None:
        self.device = choose_device(None if device is None else str(device), backend)
        self.dtype = dtype or choose_precision(self.device, backend)
        try:
            self.network = network.to(self.device).eval()
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            if dtype is None and self.dtype == torch.float16 and not fits_float16(self.network):
                self.dtype = without_float16(self.device)
        except torch.OutOfMemoryError as error:
            raise _full(self.device) from error
        if dtype is None and self.device.type == "cuda" and self.dtype == torch.float32:
            log.warning(SlowerPath("This GPU does not multiply half precision, and float32 takes its place"))
        self._engine = choose_engine(self.network, self.device, self.dtype, backend)
        self.backend: Backend = backend or "torch"
        self.batch_size = _BATCH[self.device.type]
        self._too_many: set[int] = set()  # frames at once, as was said
        self.controls: Controls = read_controls(network.metadata, network.config.vectors)

    @cached_property
    def fingerprint(self) -> str:
        """What identifies the network's weights (`liax.weights.files.fingerprint`)."""
        return fingerprint(self.network)

    @property
    def size(self) -> int:
        """Side R of the square pictures that are drawn, in pixels."""
        return self.network.drawn_size

    @property
    def seen_size(self) -> int:
        """Side of the square pictures that the network is given; R, or a larger one."""
        return self.network.config.size

    def start(self) -> None:
        """Let what would take over from PyTorch later do so with the next frame, which waits for it."""
        if isinstance(self._engine, SwitchingEngine):
            self._engine.switch()

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
                `seen_size` wide and high is resized.
            driving: RGB uint8 frames (H, W, 3) of one size, cropped likewise.
            absolute: Take over the driving's coefficients as they are (equations 1-3), instead of moving the
                source by their change since the first frame (equations 8 and 10). Neither goes beyond the
                coefficient limits, unless the driving face does; the head's pose, which is not measured
                here, is not held in its range.
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
                for frame_M in self.coefficients(chunk):
                    yield DrivingFrame(Fraction(0), frame_M, first, None)
                    first = False

        yield from self.render(source, transfer_motion(alpha_M, frames(), transfer), batch_size)

    @torch.inference_mode()
    def encode(self, frames: Iterable[NDArray[np.uint8]]) -> Encoded:
        """Codes, coefficients and features of RGB uint8 frames (H, W, 3)."""

        def encode(levels_BRR3: Tensor) -> tuple[Tensor, ...]:
            seen = self._engine.encode(levels_BRR3)
            return seen.code_BD, seen.alpha_BM, *seen.features

        code_BD, alpha_BM, *features = self._by_halves(encode, self._levels(frames))
        return Encoded(code_BD, alpha_BM, tuple(features))

    @torch.inference_mode()
    def coefficients(self, frames: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Motion coefficients (B, M) of RGB uint8 frames (H, W, 3)."""

        def coefficients(levels_BRR3: Tensor) -> tuple[Tensor, ...]:
            return (self._engine.coefficients(levels_BRR3),)

        (alpha_BM,) = self._by_halves(coefficients, self._levels(frames))
        return alpha_BM.cpu().numpy()

    @torch.inference_mode()
    def draw(self, source: Encoded, alpha_BM: Tensor) -> Drawing:
        """G(z_sr + Q a) in float32, and where its pixels are from.

        Args:
            source: Of one portrait (batch 1), or as many as there are coefficients.
            alpha_BM: On any device.
        """
        image, grid = self._drawn(lambda *what: tuple(self._engine.draw(*what)), source, alpha_BM)
        return Drawing(image, grid)

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
            with torch.inference_mode():
                (levels_BRR3,) = self._drawn(
                    lambda *what: (self._engine.draw_levels(*what),),
                    source,
                    torch.from_numpy(np.stack(chunk)),
                )
            yield from levels_BRR3.cpu().numpy()

    @torch.inference_mode()
    def render_small(self, source: Encoded, alpha_M: NDArray[np.floating], side: int) -> NDArray[np.uint8]:
        """G(z_sr + Q a) up to the decoder's level of this side: an RGB uint8 frame (side, side, 3).

        PyTorch draws it whatever the backend, whose graphs end at the last level only.

        Args:
            source: Of one portrait (batch 1).
            side: A level's, of at most `size` pixels.
        """
        levels = self.network.config.sides.index(side) + 1
        features = tuple(each.to(self.device, self.dtype) for each in source.features[:levels])
        alpha_1M = torch.from_numpy(alpha_M[None]).to(self.device, torch.float32)
        code_1D = self.network.reenact(source.code_BD, alpha_1M)
        frame_RR3: NDArray[np.uint8] = (
            EagerEngine(self.network, self.dtype).draw_levels(code_1D, features)[0].cpu().numpy()
        )
        return frame_RR3

    def _levels(self, frames: Iterable[NDArray[np.uint8]]) -> Tensor:
        """The frames at the side that the network sees, (B, side, side, 3)."""
        side = self.seen_size
        return torch.from_numpy(np.stack([resize(frame_HW3, side, side) for frame_HW3 in frames]))

    def _drawn(
        self,
        draw: Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]],
        source: Encoded,
        alpha_BM: Tensor,
    ) -> tuple[Tensor, ...]:
        code_BD = self.network.reenact(source.code_BD, alpha_BM.to(self.device, torch.float32))
        if len(source.code_BD) == 1:
            return self._by_halves(lambda code_BD: draw(code_BD, source.features), code_BD)
        return self._by_halves(lambda code_BD, *features: draw(code_BD, features), code_BD, *source.features)

    def _by_halves(self, function: Callable[..., tuple[Tensor, ...]], *batch: Tensor) -> tuple[Tensor, ...]:
        """function(*batch), or of its halves, one after the other, where the GPU's memory is full."""
        try:
            return function(*batch)
        except torch.OutOfMemoryError as error:
            half = len(batch[0]) // 2
            if not half:
                raise _full(self.device) from error
        torch.cuda.empty_cache()
        self.batch_size = min(self.batch_size, half)
        if 2 * half not in self._too_many:
            self._too_many.add(2 * half)
            frames = f"{2 * half} frames at once"
            log.warning(SlowerPath(f"The GPU's memory is too small for {frames}, and {half} are tried"))
        parts = zip(*(tensor.split([half, len(tensor) - half]) for tensor in batch), strict=True)
        halves = [self._by_halves(function, *part) for part in parts]
        return tuple(torch.cat(rows) for rows in zip(*halves, strict=True))


def _full(device: torch.device) -> LiaxError:
    return LiaxError(
        f"The memory of {device} is too full for this network",
        "end other programs that use it, choose smaller weights, or use cpu",
    )
