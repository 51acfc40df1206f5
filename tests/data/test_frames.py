import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clips import flat_frames, write_clip
from liax.data import frames as frames_module
from liax.data.frames import ResidentFrames, StreamedFrames, decode_item, first_numbers, read_item
from liax.data.manifest import Item, Manifest, ShardRange
from liax.errors import LiaxError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mp4 of 9 greys and b.mp4 of 5, 64x64; c.png of 40x20, left half black and right half white."""
    folder = tmp_path_factory.mktemp("frames")
    write_clip(folder / "a.mp4", flat_frames(9, 64, 64))
    write_clip(folder / "b.mp4", flat_frames(5, 64, 64)[::-1])
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, 20:] = 255
    Image.fromarray(picture).save(folder / "c.png")
    return folder


@pytest.fixture
def manifest(folder: Path) -> Manifest:
    items = (
        Item("a.mp4", "clip", "a", 9),
        Item("b.mp4", "clip", "b", 5),
        Item("c.png", "portrait", "c", 1),
    )
    return Manifest(folder, items, "")


def levels(frames: torch.Tensor) -> list[int]:
    return [round(float(frame.float().mean())) for frame in frames]


def test_numbers_run_through(manifest: Manifest) -> None:
    assert first_numbers(manifest.items).tolist() == [0, 9, 14, 15]


def test_read_item(manifest: Manifest) -> None:
    frames = read_item(manifest.folder, manifest.items[0], 64)
    assert frames.shape == (9, 3, 64, 64)
    assert frames.dtype == torch.uint8
    assert np.allclose(levels(frames), [20 + 5 * k for k in range(9)], atol=2)


def test_resized_to_the_square_asked_for(manifest: Manifest) -> None:
    still = read_item(manifest.folder, manifest.items[2], 16)
    assert still.shape == (1, 3, 16, 16)
    assert still[..., :6].max() == 0
    assert still[..., 10:].min() == 255


def test_short_clip_repeats_its_last_frame(manifest: Manifest) -> None:
    frames = read_item(manifest.folder, Item("a.mp4", "clip", "a", 12), 64)
    assert len(frames) == 12
    assert all(torch.equal(frame, frames[8]) for frame in frames[9:])
    assert not torch.equal(frames[7], frames[8])


def test_no_more_is_decoded_than_the_manifest_says(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []

    def endless(path: Path):
        while True:
            decoded.append(path)
            yield np.zeros((64, 64, 3), np.uint8)

    monkeypatch.setattr(frames_module, "decode", endless)
    assert len(read_item(manifest.folder, manifest.items[0], 64)) == 9
    assert len(decoded) == 9


def test_both_decoders_agree(manifest: Manifest) -> None:
    path = manifest.folder / "a.mp4"
    ours, theirs = list(frames_module.decode(path)), list(frames_module.decode_with_opencv(path))
    assert len(ours) == len(theirs) == 9
    assert np.abs(np.stack(ours).astype(int) - np.stack(theirs)).mean() < 3


@pytest.fixture
def sharded(folder: Path, tmp_path: Path) -> Manifest:
    """a.mp4 and b.mp4 in a tar, in a folder whose name FFmpeg might misread."""
    (tmp_path / "a, b:c").mkdir()
    path = tmp_path / "a, b:c" / "0.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("a.mp4", "b.mp4"):
            tar.add(folder / name, name)
    with tarfile.open(path) as tar:
        places = [ShardRange("0.tar", member.offset_data, member.size) for member in tar]
    items = (Item("a.mp4", "clip", "a", 9, places[0]), Item("b.mp4", "clip", "b", 5, places[1]))
    return Manifest(path.parent, items, "")


@pytest.mark.parametrize("decoder", [frames_module.decode, frames_module.decode_with_opencv])
def test_clips_are_read_from_inside_shards(
    manifest: Manifest, sharded: Manifest, decoder: Callable[[Path], Iterator[np.ndarray]]
) -> None:
    for item, alone in zip(sharded.items, manifest.items, strict=False):
        frames = list(decoder(item.path(sharded.folder)))
        assert len(frames) == item.frames
        assert np.array_equal(frames, list(decoder(alone.path(manifest.folder))))


def test_shards_that_are_cut_off_or_missing(sharded: Manifest) -> None:
    shard = sharded.folder / "0.tar"
    shard.write_bytes(shard.read_bytes()[: sharded.items[1].shard_range.offset + 100])
    assert len(read_item(sharded.folder, sharded.items[0], 64)) == 9
    with pytest.raises(LiaxError, match=r"^cannot decode b\.mp4 in .*0\.tar "):
        read_item(sharded.folder, sharded.items[1], 64)
    shard.unlink()
    with pytest.raises(LiaxError, match=r"^cannot decode a\.mp4 in .*0\.tar "):
        read_item(sharded.folder, sharded.items[0], 64)


@pytest.mark.parametrize("kind", ["clip", "portrait"])
@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_files_that_cannot_be_decoded(tmp_path: Path, kind: str, content: bytes | None) -> None:
    item = Item("x.mp4", kind, "x", 3)  # type: ignore[arg-type]
    if content is not None:
        (tmp_path / item.file).write_bytes(content)
    with pytest.raises(LiaxError, match=r"^cannot decode .*x\.mp4 .*; remove it from the manifest\.$"):
        read_item(tmp_path, item, 64)


def test_sound_alone_is_no_clip(tmp_path: Path, folder: Path) -> None:
    import av

    with av.open(tmp_path / "x.wav", "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    with pytest.raises(LiaxError, match="cannot decode"):
        list(decode_item(tmp_path, Item("x.wav", "clip", "x", 3)))


def test_resident_and_streamed_frames_are_the_same(manifest: Manifest) -> None:
    said: list[tuple[int, int]] = []
    resident = ResidentFrames(manifest, 64, CPU, 2, lambda done, total: said.append((done, total)))
    streamed = StreamedFrames(manifest, 64, CPU, 2)
    assert said == [(1, 3), (2, 3), (3, 3)]
    numbers = np.array([14, 0, 9, 8, 13, 0], np.int64)
    streamed.prefetch(numbers)
    got = resident.fetch(numbers)
    assert torch.equal(got, streamed.fetch(numbers))
    assert torch.equal(got[3], read_item(manifest.folder, manifest.items[0], 64)[8])
    assert torch.equal(got[4], read_item(manifest.folder, manifest.items[1], 64)[4])


def test_frames_held_in_memory_are_fetched_to_the_device(manifest: Manifest) -> None:
    elsewhere = torch.device("meta")
    frames = ResidentFrames(manifest, 64, elsewhere, 1, held=CPU).fetch(np.array([0, 14], np.int64))
    assert frames.device == elsewhere
    assert frames.shape == (2, 3, 64, 64)


def test_decoded_frames_are_cached_for_other_runs(manifest: Manifest, tmp_path: Path) -> None:
    every = np.arange(15, dtype=np.int64)
    cache = tmp_path / "decoded"
    said: list[int] = []
    first = ResidentFrames(manifest, 64, CPU, 2, lambda done, total: said.append(done), cache=cache)
    second = ResidentFrames(manifest, 64, CPU, 2, lambda done, total: said.append(done), cache=cache)
    assert said == [1, 2, 3]  # the second run decoded nothing
    assert torch.equal(first.fetch(every), second.fetch(every))
    ResidentFrames(manifest, 32, CPU, 2, cache=cache)
    fewer = Manifest(manifest.folder, manifest.items[:1], manifest.digest)
    ResidentFrames(fewer, 64, CPU, 2, cache=cache)
    assert len(list(cache.iterdir())) == 3  # another size, other items: none is mistaken for another


def test_streaming_keeps_the_latest_clips_that_fit(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def watched(folder: Path, item: Item, size: int) -> torch.Tensor:
        read.append(item.file)
        return read_item(folder, item, size)

    monkeypatch.setattr(frames_module, "read_item", watched)
    frame_bytes = 3 * 64**2
    streamed = StreamedFrames(manifest, 64, CPU, 1, cache_bytes=10 * frame_bytes)
    a, b, c = (np.array([n], np.int64) for n in (0, 9, 14))
    for wanted in (a, a, c):
        streamed.fetch(wanted)
    assert read == ["a.mp4", "c.png"]  # nine frames and one fit
    streamed.fetch(b)  # five more do not: a, asked for longest ago, goes
    streamed.fetch(c)
    assert read == ["a.mp4", "c.png", "b.mp4"]
    streamed.fetch(a)
    assert read == ["a.mp4", "c.png", "b.mp4", "a.mp4"]
    for numbers in (a, b, c, np.arange(15)):
        streamed.fetch(numbers)
        assert sum(map(streamed._bytes, streamed._cache)) <= 10 * frame_bytes


def test_a_failed_clip_is_told_where_it_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(os.urandom(1000))
    streamed = StreamedFrames(Manifest(tmp_path, (Item("x.mp4", "clip", "x", 3),), ""), 64, CPU, 1)
    streamed.prefetch(np.array([0], np.int64))  # a hint: no error yet
    with pytest.raises(LiaxError, match="cannot decode"):
        streamed.fetch(np.array([0], np.int64))
