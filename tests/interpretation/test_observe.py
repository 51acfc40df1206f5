"""Observing the demo's face with a tiny network."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clips import moving_face, write_clip
from liax.data.frames import decode_item
from liax.data.manifest import Item, Manifest
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.interpretation.instrument import MediaPipe, Quantity
from liax.interpretation.observe import Observations, load_observations, observe
from liax.model import LIAX
from liax.portrait import Animator


class Eye:
    """An instrument that sees the mean of each colour, and nothing in the dark."""

    name = "eye"
    factors: Mapping[str, Quantity] = dict.fromkeys(("red", "green", "blue"), FACTORS["yaw"])

    def measure(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        rows = []
        for image_RR3 in images:
            assert image_RR3.dtype == np.uint8
            mean_3 = image_RR3.mean((0, 1))
            rows.append(mean_3 if mean_3.sum() else np.full(3, np.nan))
        return np.array(rows)

    def __enter__(self) -> "Eye":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@pytest.fixture(scope="module")
def manifest(portrait_HW3: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("data")
    square = portrait_HW3[::4, ::4]
    frames = [np.roll(square, i, 1) for i in range(12)]
    write_clip(folder / "a.mp4", frames, rate=12)
    Image.fromarray(square).save(folder / "b.png")
    Image.fromarray(np.zeros_like(square)).save(folder / "dark.png")
    items = (
        Item("a.mp4", "clip", "a", 12),
        Item("b.png", "portrait", "b", 1),
        Item("dark.png", "portrait", "c", 1),
    )
    return Manifest(folder, items, "")


def test_frames_are_evenly_spaced_and_in_order(tiny: LIAX, manifest: Manifest) -> None:
    animator = Animator(tiny, "cpu")
    calls: list[tuple[str, int, int | None]] = []
    found = observe(animator, manifest, Eye(), frames=5, progress=lambda *now: calls.append(now))
    assert found.clip_N.tolist() == [0] * 5 + [1, 2]
    assert found.clips == ("a.mp4", "b.png", "dark.png")
    assert found.factors == ("red", "green", "blue")
    frames = list(decode_item(manifest.folder, manifest.items[0]))
    chosen = [frames[i] for i in (0, 2, 5, 8, 11)]
    np.testing.assert_allclose(found.factors_NF[:5], [frame.mean((0, 1)) for frame in chosen])
    alone_NM = np.concatenate([animator.encode([frame]).alpha_BM.numpy() for frame in chosen])
    np.testing.assert_allclose(found.alpha_NM[:5], alone_NM, atol=1e-4)
    assert found.alpha_NM.dtype == np.float32
    assert np.isnan(found.factors_NF[-1]).all()
    assert calls[-1] == ("observing faces", 7, 7)


def test_all_frames_of_a_short_clip(tiny: LIAX, manifest: Manifest) -> None:
    found = observe(Animator(tiny, "cpu"), manifest, Eye(), frames=60)
    assert found.clip_N.tolist() == [0] * 12 + [1, 2]


def test_memory_holds_a_batch(tiny: LIAX, manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are decoded as they are measured, at most a batch ahead."""
    decoded, seen = 0, 0

    def counted(folder: Path, item: Item) -> Iterable[NDArray[np.uint8]]:
        nonlocal decoded
        for frame_HW3 in decode_item(folder, item):
            decoded += 1
            yield frame_HW3

    class Patient(Eye):
        def measure(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
            nonlocal seen
            for _ in images:
                seen += 1
                assert decoded - seen < animator.batch_size
            return np.zeros((seen, 3))

    animator = Animator(tiny, "cpu")
    monkeypatch.setattr("liax.interpretation.observe.decode_item", counted)
    observe(animator, manifest, Patient())
    assert seen == 14


def test_a_real_instrument(tiny: LIAX, manifest: Manifest) -> None:
    with MediaPipe() as instrument:
        found = observe(Animator(tiny, "cpu"), manifest, instrument, frames=2)
    assert found.factors == tuple(instrument.factors)
    x_N = found.factors_NF[:, found.factors.index("x")]
    assert x_N[1] - x_N[0] == pytest.approx(11 / 128, abs=0.02)  # the face was moved by 11 of 128 pixels
    assert np.isnan(found.factors_NF[-1]).all()


def test_saved_and_loaded(tmp_path: Path) -> None:
    kept = Observations(
        np.ones((2, 3), np.float32),
        np.array([[1.5], [np.nan]]),
        np.array([0, 1]),
        ("a.mp4", "b ü.png"),
        ("yaw",),
    )
    kept.save(tmp_path / "seen.npz")
    found = load_observations(tmp_path / "seen.npz")
    np.testing.assert_array_equal(found.alpha_NM, kept.alpha_NM)
    np.testing.assert_array_equal(found.factors_NF, kept.factors_NF)
    np.testing.assert_array_equal(found.clip_N, kept.clip_N)
    assert (found.clips, found.factors) == (kept.clips, kept.factors)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("nothing")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name in ("text.npz", "other.npz", "missing.npz"):
        with pytest.raises(LiaxError, match=rf"{name} holds no observations .*observe anew"):
            load_observations(tmp_path / name)


def test_a_clip_that_is_not_square_is_named(
    tiny: LIAX, portrait_HW3: NDArray[np.uint8], tmp_path: Path
) -> None:
    write_clip(tmp_path / "wide.mp4", moving_face(portrait_HW3, 3), rate=12)
    manifest = Manifest(tmp_path, (Item("wide.mp4", "clip", "a", 3),), "")
    with pytest.raises(LiaxError, match=r"wide\.mp4 is not square"):
        observe(Animator(tiny, "cpu"), manifest, Eye())
