"""Pictures, videos and sound between the nodes and liax. Videos are files, which are never held whole."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.utils
import folder_paths
import numpy as np
import torch
from comfy_api.v0_0_2 import InputImpl
from numpy.typing import NDArray

from liax.marking.pixel_mark import PixelMarker
from liax.options import MarkOptions
from liax.portrait import RenderedClip, write_clip

Progress = Callable[[str, int, int | None], None]


def progress() -> Progress:
    """Shows how far a node is, and stops it when the user does."""
    # Not ComfyAPISync().execution, which the application's version 0.3.64 declares and does not make.
    bar = comfy.utils.ProgressBar(1)

    def tell(stage: str, done: int, total: int | None) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        if total:
            bar.update_absolute(done, total)

    return tell


def pictures(image_BHWC: torch.Tensor) -> list[NDArray[np.uint8]]:
    """IMAGE (B, H, W, C), 0 to 1, as RGB uint8 pictures (H, W, 3)."""
    levels = (image_BHWC[..., :3].float().clamp(0, 1) * 255).round().to(torch.uint8)
    return [picture.cpu().numpy() for picture in levels]


def image(pictures: list[NDArray[np.uint8]]) -> torch.Tensor:
    """RGB uint8 pictures of one size as IMAGE."""
    return torch.from_numpy(np.stack(pictures)).float() / 255


def marked(image_BHWC: torch.Tensor) -> torch.Tensor:
    """IMAGE with the invisible mark in each of its pictures, which stays there whoever saves them."""
    return image([PixelMarker().mark(picture) for picture in pictures(image_BHWC)])


def temporary(suffix: str) -> Path:
    """A new file's path in the folder that is emptied at every start."""
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="liax-", dir=folder)) / f"liax{suffix}"


def video_file(video: Any) -> Path:
    """A VIDEO as a file: its own, or a new one if it is none or only a part of one."""
    # Any other kind would encode all of its frames to answer what its source is.
    source = video.get_stream_source() if isinstance(video, InputImpl.VideoFromFile) else None
    window = getattr(video, "get_active_trim_window", lambda: (0.0, 0.0))()
    if isinstance(source, str) and tuple(window) == (0.0, 0.0):
        return Path(source)
    path = temporary(".mp4")
    video.save_to(str(path))
    return path


def sound_file(audio: dict[str, Any]) -> Path:
    """AUDIO, of which the first of the batch is taken, as a WAV file of 16 bits."""
    waveform_CT = audio["waveform"][0].float().clamp(-1, 1).cpu().numpy()
    path = temporary(".wav")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(waveform_CT))
        file.setsampwidth(2)
        file.setframerate(int(audio["sample_rate"]))
        file.writeframes((waveform_CT.T * 32767).round().astype("<i2").tobytes())
    return path


def written(clip: RenderedClip, mark: bool, tell: Progress, audio: dict[str, Any] | None = None) -> Any:
    """A result as VIDEO: a file that is written frame by frame and, by default, marked as synthetic."""
    if audio is not None:
        clip = replace(clip, sound=sound_file(audio), sound_start=type(clip.sound_start)(0))
    path = temporary(".mp4")
    write_clip(clip, path, mark=MarkOptions(mark=mark), progress=tell)
    return InputImpl.VideoFromFile(str(path))
