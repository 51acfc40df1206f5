"""MediaPipe as an instrument, by one process and by two; several instruments on the same pictures."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from linear_faces import Brightness
from numpy.typing import NDArray
from PIL import Image

from liax.face.factors import FACTORS, MIRROR
from liax.interpretation.instrument import CompositeInstrument, MediaPipe, instrument_columns

SCRIPT = """
import numpy as np
from liax.interpretation.instrument import MediaPipe

if __name__ == "__main__":
    images = np.load("images.npy")
    taken = []

    def stream():
        for k in range(24):
            taken.append(k)
            yield images[k % len(images)]

    with MediaPipe(processes=2) as instrument:
        np.save("rows.npy", instrument.measure(stream()))
        assert taken == list(range(24))
        assert instrument.measure([]).shape == (0, len(instrument.factors))
"""


@pytest.fixture(scope="module")
def images(portrait_HW3: np.ndarray) -> list[np.ndarray]:
    """The portrait, tilted by 15 degrees, grey, and mirrored."""
    picture = Image.fromarray(portrait_HW3).resize((256, 256))
    tilted = np.asarray(picture.rotate(15))
    return [np.asarray(picture), tilted, np.full((256, 256, 3), 90, np.uint8), np.asarray(picture)[:, ::-1]]


def test_rows_are_in_order_and_nan_where_no_face_is(images: list[np.ndarray]) -> None:
    with MediaPipe() as instrument:
        rows = instrument.measure(iter(images))
        assert instrument.measure([]).shape == (0, len(instrument.factors))
    assert rows.shape == (4, len(FACTORS))
    assert rows.dtype == np.float64
    assert np.isnan(rows).all(1).tolist() == [False, False, True, False]
    roll = list(FACTORS).index("roll")
    assert rows[1, roll] - rows[0, roll] == pytest.approx(15, abs=2)
    usual_K = np.array([factor.usual for factor in FACTORS.values()])
    assert (np.abs(rows[3] - MIRROR * rows[0]) < usual_K).all()  # as training's flips have it
    seen_K = np.abs(rows[0]) > usual_K / 2
    assert seen_K[MIRROR < 0].any()  # and some were not nothing


def test_two_processes_of_a_plain_script_measure_what_one_does(
    images: list[np.ndarray], tmp_path: Path
) -> None:
    np.save(tmp_path / "images.npy", np.stack(images))
    (tmp_path / "measure.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "measure.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with MediaPipe() as instrument:
        alone = instrument.measure(images)
    rows = np.load(tmp_path / "rows.npy")
    assert rows.shape == (24, alone.shape[1])
    np.testing.assert_allclose(rows, np.tile(alone, (6, 1)), rtol=1e-6, equal_nan=True)


def test_a_script_without_a_guard_is_told_what_to_do(tmp_path: Path, images: list[np.ndarray]) -> None:
    unguarded = SCRIPT.replace('if __name__ == "__main__":', "if True:")
    np.save(tmp_path / "images.npy", np.stack(images))
    (tmp_path / "measure.py").write_text(unguarded)
    done = subprocess.run(
        [sys.executable, "measure.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    assert "LiaxError" in done.stderr
    assert "if __name__ == '__main__':" in done.stderr


def test_only_a_few_images_wait(images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long stream, the pool holds a few images for each process at any time."""
    from concurrent.futures import Future

    from liax.interpretation import instrument as module

    waiting, most = 0, 0

    class Pool:
        """Runs each task when its result is asked for."""

        def submit(self, task: object, image_RR3: np.ndarray) -> Future:
            nonlocal waiting, most
            waiting, most = waiting + 1, max(most, waiting + 1)
            future: Future = Future()

            def result(timeout: float | None = None) -> np.ndarray:
                nonlocal waiting
                waiting -= 1
                return np.full(len(MediaPipe.factors), image_RR3[0, 0, 0], np.float64)

            future.result = result  # type: ignore[method-assign]
            return future

        def shutdown(self, cancel_futures: bool) -> None:
            pass

    monkeypatch.setattr(module, "ProcessPoolExecutor", lambda *_: Pool())
    with MediaPipe(processes=3) as measuring:
        rows = measuring.measure(np.full((1, 1, 3), k, np.uint8) for k in range(200))
    assert rows[:, 0].tolist() == list(range(200))
    assert 3 < most <= 20


class Darkness(Brightness):
    name = "darkness"

    def measure(self, images: object) -> NDArray[np.float64]:
        return -super().measure(images)  # type: ignore[arg-type]


def pictures(count: int) -> list[NDArray[np.uint8]]:
    return [np.full((4, 4, 3), level, np.uint8) for level in range(count)]


def test_every_picture_is_seen_by_all() -> None:
    first, second = Brightness(), Darkness()
    with CompositeInstrument([first, second]) as both:
        assert both.name == "brightness + darkness"
        measured_NF = both.measure(iter(pictures(150)))
    assert measured_NF.shape == (150, 4)
    assert measured_NF[:, 0].tolist() == list(range(150))
    assert (measured_NF[:, 2:] == -measured_NF[:, :2]).all()
    assert (first.seen, second.seen) == (150, 150)
    assert both.measure([]).shape == (0, 4)


def test_columns_of_one_instrument() -> None:
    names = tuple(CompositeInstrument([Brightness(), Darkness()]).factors)
    assert names[0] == "brightness: bright"
    assert instrument_columns(names, "darkness") == ([2, 3], ("bright", "right"))
    assert instrument_columns(names, "nobody") == ([], ())


def test_pictures_are_taken_as_they_are_needed() -> None:
    taken = []

    class Watching(Brightness):
        def measure(self, images: object) -> NDArray[np.float64]:
            measured_NF = super().measure(images)  # type: ignore[arg-type]
            taken.append((self.seen, drawn[0]))
            return measured_NF

    drawn = [0]

    def drawing() -> object:
        for picture in pictures(200):
            drawn[0] += 1
            yield picture

    CompositeInstrument([Watching()]).measure(drawing())  # type: ignore[arg-type]
    assert all(ahead - seen == 0 for seen, ahead in taken)
    assert len(taken) > 2
