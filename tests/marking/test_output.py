"""Pictures and videos on their way into a file: marked, and otherwise as they would be without."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.marking import NOT_SYNTHETIC, Provenance, manifest, output
from liax.marking.verify import FileMark, read_mark
from liax.media.footage import open_footage
from liax.media.images import write_image
from liax.media.writer import create_video
from liax.options import MarkOptions

pytestmark = pytest.mark.usefixtures("read_here")

PICTURES, VIDEOS = ("a.png", "a.jpg", "a.webp"), ("a.mp4", "a.mov", "a.gif", "a.webm")


@pytest.fixture
def made(tmp_path: Path) -> Provenance:
    source = tmp_path / "the portrait of somebody.bin"
    source.write_bytes(b"portrait")
    frames = [tmp_path / f"{k}.bin" for k in range(2)]
    for k, path in enumerate(frames):
        path.write_bytes(bytes([k]))
    return Provenance("animate", "0123456789abcdef", {"source": (source,), "driving": tuple(frames)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def frames() -> Iterator[NDArray[np.uint8]]:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    for k in range(6):
        yield np.ascontiguousarray(np.broadcast_to(np.roll(ramp, 7 * k)[:, None], (64, 64, 3)))


def write(path: Path, provenance: Provenance, mark: MarkOptions = MarkOptions()) -> Path:  # noqa: B008
    if path.name in PICTURES:
        write_image(path, next(frames()), provenance=provenance, mark=mark)
        return path
    with create_video(path, Fraction(12), provenance=provenance, mark=mark) as writer:
        for k, frame_HW3 in enumerate(frames()):
            writer.write(frame_HW3, Fraction(k, 12))
    return path


def content(path: Path) -> NDArray[np.uint8]:
    return np.stack([frame.rgb() for frame in open_footage(path, "output")])


@pytest.mark.parametrize("name", PICTURES + VIDEOS)
def test_a_mark_tells_how_it_was_made_and_changes_no_pixel_of_small_pictures(
    folder: Path, made: Provenance, name: str
) -> None:
    mark = read_mark(write(folder / name, made))
    assert mark.marked
    assert mark.finding == ("tagged" if name == "a.webm" else "signed")
    assert mark.tool.startswith("liax ")
    digests = [sha256(bytes([k])).hexdigest() for k in range(2)]
    assert mark.facts == {
        "operation": "animate",
        "weights": "0123456789abcdef",
        "version": mark.tool.removeprefix("liax "),
        "ingredients": [
            {"role": "source", "sha256": sha256(b"portrait").hexdigest()},
            {"role": "driving", "sha256": sha256("".join(digests).encode()).hexdigest()},
        ],
    }
    assert b"somebody" not in (folder / name).read_bytes()  # names stay private
    (folder / "plain").mkdir()
    plain = write(folder / "plain" / name, made, MarkOptions(mark=False))
    assert not read_mark(plain).marked
    # These pictures are too small for the invisible mark, which tests/media/test_pixel_marks.py is about.
    assert np.array_equal(content(folder / name), content(plain))
    assert sorted(os.listdir(folder)) == sorted([name, "plain"])


@pytest.mark.parametrize("name", PICTURES + VIDEOS)
def test_what_no_network_drew_is_not_marked(folder: Path, name: str) -> None:
    badge = write(folder / name, NOT_SYNTHETIC, MarkOptions(badge=True))
    assert read_mark(badge) == FileMark(badge, "none", {})
    corner = content(badge)[0][-20:, -20:].astype(int)
    assert np.abs(corner - next(frames())[-20:, -20:].astype(int)).max() < 40


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.mp4", "a.gif"])
def test_a_changed_file_is_found(folder: Path, made: Provenance, name: str) -> None:
    path = write(folder / name, made)
    data = bytearray(path.read_bytes())
    place = {"a.mp4": data.find(b"mdat") + 40, "a.webp": 60}.get(name, len(data) - 40)
    data[place] ^= 1
    path.write_bytes(data)
    mark = read_mark(path)
    assert (mark.finding, mark.marked) == ("changed", False)
    assert "hash" in mark.problem


def test_tags_stay_when_streams_are_copied(folder: Path, made: Provenance) -> None:
    """As programs do that write a video anew without encoding it: the manifest is lost, the tags are not."""
    path = write(folder / "a.mp4", made)
    options = {"movflags": "use_metadata_tags"}
    with av.open(path) as old, av.open(folder / "b.mp4", "w", options=options) as new:
        new.metadata.update(old.metadata)
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    mark = read_mark(folder / "b.mp4")
    assert (mark.finding, mark.facts) == ("tagged", read_mark(path).facts)


def test_a_badge_is_in_the_corner_and_nowhere_else(folder: Path) -> None:
    grey_HW3 = np.full((240, 320, 3), 128, np.uint8)
    write_image(folder / "a.png", grey_HW3, mark=MarkOptions(mark=False, badge=True))
    changed_HW = (content(folder / "a.png")[0] != 128).any(-1)
    rows, columns = np.flatnonzero(changed_HW.any(1)), np.flatnonzero(changed_HW.any(0))
    assert rows.min() >= 210
    assert columns.min() >= 280
    assert rows.max() < 239  # apart from the edge
    assert columns.max() < 319
    shown_HW3 = content(folder / "a.png")[0][rows.min() : rows.max(), columns.min() : columns.max()]
    assert shown_HW3.max() > 240  # letters
    assert shown_HW3.min() < 60  # on a plate
    tiny_HW3 = np.full((8, 8, 3), 128, np.uint8)
    write_image(folder / "b.png", tiny_HW3, mark=MarkOptions(badge=True))
    assert np.array_equal(content(folder / "b.png")[0], tiny_HW3)


@pytest.mark.parametrize("name", ["a.png", "a.mp4"])
def test_a_mark_needs_its_package_and_a_file_does_not(
    folder: Path,
    made: Provenance,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(manifest, "c2pa", lambda: None)
    path = write(folder / name, made)
    assert len(content(path)) == (1 if name == "a.png" else 6)
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == (
        f"{path} is not marked as synthetic: the package c2pa-python is not installed, or does not run here."
    )
    with pytest.raises(LiaxError, match="c2pa-python"):
        read_mark(path)


def test_work_is_kept_when_its_end_cannot_be_signed(
    folder: Path, made: Provenance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(source: object, target: object, *_: object) -> None:
        target.write(b"half of a")  # type: ignore[attr-defined]
        raise LiaxError("The result cannot be signed")

    monkeypatch.setattr(output, "_try", lambda signer: None)
    monkeypatch.setattr(manifest, "sign", fail)
    path = write(folder / "a.mp4", made)
    assert len(content(path)) == 6
    assert f"{path} is not marked as synthetic" in caplog.text
    assert os.listdir(folder) == ["a.mp4"]


@pytest.mark.parametrize("name", ["a.png", "a.mp4"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_of_what_is_stopped_while_it_is_signed(
    folder: Path, made: Provenance, name: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / name, made)  # the certificate is tried
    before = (folder / name).read_bytes()
    kept, calls = manifest._Guarded._kept, []

    def fail(*_: object) -> None:
        raise error

    def stopped(self: manifest._Guarded, call: object, *arguments: object) -> object:
        calls.append(call)
        return kept(self, fail if len(calls) == 20 else call, *arguments)

    monkeypatch.setattr(manifest._Guarded, "_kept", stopped)
    with pytest.raises(error):
        write(folder / name, made)
    assert os.listdir(folder) == [name]
    assert (folder / name).read_bytes() == before


def test_a_full_disk_is_told(
    folder: Path, made: Provenance, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    noise_HW3 = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    write_image(folder / "a.png", noise_HW3, provenance=made)
    size = (folder / "a.png").stat().st_size
    (folder / "a.png").unlink()
    with full_disk(size - 1000), pytest.raises(LiaxError, match="disk is full"):
        write_image(folder / "a.png", noise_HW3, provenance=made)
    assert os.listdir(folder) == []


def test_a_marked_file_has_the_users_default_mode(folder: Path, made: Provenance) -> None:
    other = folder / "other"
    other.write_bytes(b"")
    assert stat.S_IMODE(write(folder / "a.png", made).stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_facts_are_json_and_leave_out_what_is_unknown(tmp_path: Path) -> None:
    facts = Provenance(ingredients={"source": (tmp_path / "gone",)}).facts()
    assert json.loads(json.dumps(facts)) == facts
    assert set(facts) == {"version", "ingredients"}
    assert facts["ingredients"] == [{"role": "source"}]
