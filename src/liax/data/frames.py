"""Training frames by number: all in GPU or main memory, or decoded when they are drawn."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, islice
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from liax.data.config import DataConfig
from liax.data.manifest import Item, Manifest
from liax.data.transfer import to_device
from liax.errors import LiaxError
from liax.files import atomic_file
from liax.media.formats import PICTURE_ERRORS, PROTOCOLS, VIDEO_FORMATS, open_picture

LoadProgress = Callable[[int, int], None]


class Frames(Protocol):
    """Frames of a manifest's items, numbered through: item i's are first(i) … first(i) + frames − 1."""

    def fetch(self, numbers: NDArray[np.int64]) -> Tensor:
        """uint8 RGB (N, 3, R, R) of the given frame numbers, on the device they are fetched to."""
        ...

    def prefetch(self, numbers: NDArray[np.int64]) -> None:
        """A hint that these will be fetched soon."""
        ...


def first_numbers(items: tuple[Item, ...]) -> NDArray[np.int64]:
    """The number of each item's first frame, with the total appended."""
    return np.fromiter(accumulate((item.frames for item in items), initial=0), np.int64)


def read_item(folder: Path, item: Item, size: int) -> Tensor:
    """All frames of one item: uint8 (T, 3, size, size), T = item.frames.

    A clip that decodes to fewer frames than the manifest says has its last one repeated.

    Raises:
        LiaxError: If it cannot be decoded.
    """
    decoded = list(decode_item(folder, item))
    try:
        frames = torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2)
    except ValueError as error:  # frames of several sizes
        raise _undecodable(folder, item, error) from None
    if frames.shape[-2:] != (size, size):
        resized = F.interpolate(frames.float(), (size, size), mode="bilinear", antialias=True)
        frames = resized.round().clamp(0, 255).to(torch.uint8)
    repeats = item.frames - len(frames)
    return torch.cat([frames, frames[-1:].expand(repeats, -1, -1, -1)]) if repeats > 0 else frames


def decode_item(folder: Path, item: Item) -> Iterator[NDArray[np.uint8]]:
    """One item's frames (H, W, 3) in their own size, one at a time, at most item.frames; RGB uint8.

    Raises:
        LiaxError: Where decoding fails.
    """
    path = item.path(folder)
    try:
        if item.kind == "portrait":
            with open_picture(path) as image:
                yield np.array(image.convert("RGB"))
        else:
            frame_HW3 = None
            for frame_HW3 in islice(decode(path), item.frames):
                yield frame_HW3
            if frame_HW3 is None:
                raise ValueError("no frame in it")
    except PICTURE_ERRORS as error:  # among them IndexError, PyAV's for a file without video
        raise _undecodable(folder, item, error) from None


def _undecodable(folder: Path, item: Item, error: Exception) -> LiaxError:
    where = f" in {folder / item.shard_range.shard}" if item.shard_range else ""
    file = item.file if item.shard_range else folder / item.file
    return LiaxError(f"cannot decode {file}{where} ({error})", "remove it from the manifest")


def decode(path: Path) -> Iterator[NDArray[np.uint8]]:
    """RGB uint8 frames (H, W, 3) by PyAV, or by OpenCV on training nodes that have only that.

    Args:
        path: A file, or what `Item.path` gives for a clip in a shard.

    Raises:
        ValueError: For what is no video.
    """
    try:
        import av

        from liax.media.container import open_media
    except ImportError:
        yield from decode_with_opencv(path)
        return
    try:
        with open_media(path) as container:
            for frame in container.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    except av.FFmpegError as error:
        raise ValueError(error) from error


def decode_with_opencv(path: Path) -> Iterator[NDArray[np.uint8]]:
    """RGB uint8 frames (H, W, 3) of a video, by one thread; none where OpenCV cannot read it."""
    import cv2

    # Read by OpenCV, which hands them to FFmpeg.
    os.environ.setdefault(
        "OPENCV_FFMPEG_CAPTURE_OPTIONS",
        f"format_whitelist;{','.join(VIDEO_FORMATS)}|protocol_whitelist;{','.join(PROTOCOLS)}",
    )
    capture = cv2.VideoCapture(str(path), cv2.CAP_ANY, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        while True:
            found, frame_bgr = capture.read()
            if not found:
                return
            yield np.asarray(cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2RGB), np.uint8)
    finally:
        capture.release()


class ResidentFrames:
    """All frames in one uint8 tensor (57,000 frames of 256x256 take 11 GB).

    Args:
        device: Where fetched frames go.
        held: Where all of them are kept; by default on `device` too.
        cache: A folder that keeps them decoded, for later runs on the same frames, which read them from
            there.
    """

    def __init__(
        self,
        manifest: Manifest,
        size: int,
        device: torch.device,
        workers: int,
        progress: LoadProgress | None = None,
        held: torch.device | None = None,
        cache: Path | None = None,
    ) -> None:
        starts = first_numbers(manifest.items)
        shape = (int(starts[-1]), 3, size, size)
        self._device = device
        path = cache / _decoded_name(manifest, size) if cache else None
        if path is not None and path.exists():
            decoded = np.memmap(path, np.uint8, "c", shape=shape)  # "c": PyTorch wants it writable
            self._frames = torch.from_numpy(decoded).to(held or device)
            return
        self._frames = torch.empty(shape, dtype=torch.uint8, device=held or device)

        def load(index: int) -> None:
            frames = read_item(manifest.folder, manifest.items[index], size)
            self._frames[starts[index] : starts[index + 1]] = frames.to(self._frames.device)

        with ThreadPoolExecutor(workers) as pool:
            for done, _ in enumerate(pool.map(load, range(len(manifest.items))), start=1):
                if progress is not None:
                    progress(done, len(manifest.items))
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(path) as file:
                for chunk in self._frames.split(1024):
                    file.write(chunk.cpu().numpy().data)

    def fetch(self, numbers: NDArray[np.int64]) -> Tensor:
        if self._frames.device.type == "cpu":
            return to_device(self._frames[torch.from_numpy(numbers)], self._device)
        return self._frames[to_device(numbers, self._frames.device)]

    def prefetch(self, numbers: NDArray[np.int64]) -> None:
        pass


def _decoded_name(manifest: Manifest, size: int) -> str:
    """Name of the file that caches these items at this size; another manifest or split has another name."""
    items = hashlib.sha256(repr((manifest.digest, manifest.items)).encode()).hexdigest()
    return f"{items[:16]}-{size}.u8"


class StreamedFrames:
    """Decodes whole items when one of their frames is drawn, and keeps the latest, up to `cache_bytes`."""

    def __init__(
        self, manifest: Manifest, size: int, device: torch.device, workers: int, cache_bytes: int = 4 << 30
    ) -> None:
        self._manifest, self._size, self._device = manifest, size, device
        self._starts = first_numbers(manifest.items)
        self._pool = ThreadPoolExecutor(workers)
        self._cache: OrderedDict[int, Future[Tensor]] = OrderedDict()
        self._cache_bytes = cache_bytes
        self._lock = Lock()

    def fetch(self, numbers: NDArray[np.int64]) -> Tensor:
        places = self._places(numbers)
        clips = {item: self._clip(item) for item, _ in places}
        frames = torch.stack([clips[item].result()[offset] for item, offset in places])
        return to_device(frames, self._device)

    def prefetch(self, numbers: NDArray[np.int64]) -> None:
        for item, _ in self._places(numbers):
            self._clip(item)

    def _places(self, numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
        items = np.searchsorted(self._starts, numbers, side="right") - 1
        return [(int(i), int(n - self._starts[i])) for i, n in zip(items, numbers, strict=True)]

    def _clip(self, item: int) -> Future[Tensor]:
        with self._lock:
            if item not in self._cache:
                self._cache[item] = self._pool.submit(
                    read_item, self._manifest.folder, self._manifest.items[item], self._size
                )
            self._cache.move_to_end(item)
            used = sum(self._bytes(cached) for cached in self._cache)
            while used > self._cache_bytes and len(self._cache) > 1:
                used -= self._bytes(self._cache.popitem(last=False)[0])
            return self._cache[item]

    def _bytes(self, item: int) -> int:
        return self._manifest.items[item].frames * 3 * self._size**2


def open_frames(
    manifest: Manifest,
    config: DataConfig,
    size: int,
    device: torch.device,
    say: Callable[[str], None],
    progress: LoadProgress,
) -> Frames:
    """A manifest's frames, kept where `config.frames` says; "auto" takes the first place where they fit.

    Args:
        size: Side R of the frames.
        device: Where fetched frames go.
        say: Gets a sentence about how many there are and where they are kept.
        progress: Gets the numbers of items decoded and of all items.
    """
    choice = config.frames
    needed = int(first_numbers(manifest.items)[-1]) * 3 * size**2
    if choice == "auto":
        choice = "device" if _free_bytes(device) > 4 * needed else "memory"
        if choice == "memory" and _free_bytes(torch.device("cpu")) < 2 * needed:
            choice = "stream"
    elif choice == "memory" and needed > _free_bytes(torch.device("cpu")):
        raise LiaxError(
            f"the frames take {needed / 2**30:.1f} GiB, more than memory has free", "use frames = stream"
        )
    say(f"{needed / 2**30:.1f} GiB of frames: {choice}")
    if choice == "stream":
        return StreamedFrames(manifest, size, device, config.workers)
    held = device if choice == "device" else torch.device("cpu")
    return ResidentFrames(manifest, size, device, config.workers, progress, held, config.frame_cache)


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        import psutil
    except ImportError:
        return 8 << 30
    return int(psutil.virtual_memory().available)
