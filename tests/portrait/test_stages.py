"""A whole command's stages run in threads: however it ends, no thread and no part of a file is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from liax.media.video import Video
from liax.media.writer import VideoWriter
from liax.model import LIAX
from liax.options import AnimateOptions, EditVideoOptions
from liax.portrait import framing
from liax.portrait.animate import animate_file
from liax.portrait.animator import Animator
from liax.portrait.clip import RenderedClip, write_clip
from liax.portrait.edit_video import edit_video
from liax.portrait.retouch import Retouch

WHOLE = AnimateOptions(crop=False)


@pytest.fixture
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu", torch.float32)


@pytest.fixture
def stages() -> Callable[[], set[threading.Thread]]:
    """Gives the threads of stages that have begun since the test did; other tests may have left theirs."""
    before = set(threading.enumerate())

    def begun() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("liax")} - before

    return begun


def failing(function: Callable[..., Any], after: int, error: BaseException) -> Callable[..., Any]:
    calls = iter(range(after))

    def run(*args: Any, **kwargs: Any) -> Any:
        if next(calls, None) is None:
            raise error
        return function(*args, **kwargs)

    return run


@pytest.mark.parametrize("error", [ZeroDivisionError("here"), KeyboardInterrupt()])
@pytest.mark.parametrize(
    ("owner", "name", "calls"),
    [
        (framing.Framing, "to_square", 3),  # cropping, in a worker
        (Animator, "coefficients", 1),  # the network reads, a batch at once
        (Animator, "_drawn", 1),  # the network draws
        (VideoWriter, "_marked", 3),  # marking, in a worker
        (VideoWriter, "encode", 3),  # the consumer of all stages
    ],
)
def test_animating(
    animator: Animator,
    portrait_path: Path,
    face_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    calls: int,
    error: BaseException,
    stages: Callable[[], set[threading.Thread]],
) -> None:
    monkeypatch.setattr(owner, name, failing(getattr(owner, name), calls, error))
    with pytest.raises(type(error)):
        animate_file(animator, portrait_path, face_clip, tmp_path / "out.mp4", WHOLE)
    assert not stages()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("owner", "name"), [(Retouch, "__call__"), (VideoWriter, "_marked"), (VideoWriter, "encode")]
)
def test_editing_a_video(
    animator: Animator,
    face_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    stages: Callable[[], set[threading.Thread]],
) -> None:
    monkeypatch.setattr(owner, name, failing(getattr(owner, name), 3, ZeroDivisionError("here")))
    clip = edit_video(animator, face_clip, {0: 0.5}, EditVideoOptions(crop=False))
    with pytest.raises(ZeroDivisionError):
        write_clip(clip, tmp_path / "out.mp4")
    assert not stages()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_the_same_with_any_number_of_markers(
    portrait_HW3: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide_HW3 = np.asarray(Image.fromarray(portrait_HW3).resize((256, 256)))
    read = []
    for threads in (1, 4):
        monkeypatch.setattr("liax.portrait.clip.usable_cores", lambda threads=threads: threads)
        frames = ((Fraction(k, 25), np.roll(wide_HW3, 5 * k, 1)) for k in range(11))
        path = tmp_path / f"{threads}.mov"
        write_clip(RenderedClip(frames, Fraction(25), 256, 256), path)
        read.append([frame.rgb() for frame in Video(path)])
    assert len(read[0]) == 11
    assert np.array_equal(*read)
