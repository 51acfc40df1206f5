"""dlib's 68 points: pose in degrees from geometry alone, in agreement with MediaPipe on real frames."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liax.interpretation.dlib68 import Dlib68
from liax.interpretation.instrument import MediaPipe

NAMES = list(Dlib68.factors)


def project(yaw: float, pitch: float, roll: float, side: float = 256.0) -> np.ndarray:
    """68 points whose rigid ones are the generic face's, turned, seen from a metre away through a pinhole."""
    from liax.interpretation.dlib68 import _FOCAL, _RIGID

    y, x, z = np.radians([yaw, pitch, roll])
    turn = (
        np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
        @ np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
        @ np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    )
    points = np.zeros((68, 2))
    for index, place in _RIGID.items():
        seen = turn @ (np.array(place) * [1, -1, -1]) * [1, -1, -1] + [10, -5, 1000]
        points[index] = seen[:2] / seen[2] * _FOCAL * side + side / 2
    return points


@pytest.mark.parametrize("turn", [(0, 0, 0), (20, 0, 0), (0, -15, 0), (0, 0, 25), (-25, 10, -8)])
def test_a_turned_generic_face_measures_its_angles(turn: tuple[float, float, float]) -> None:
    points = project(*turn)
    measured = [Dlib68.factors[name].measure(points, 256.0) for name in ("yaw", "pitch", "roll")]
    assert measured == pytest.approx(turn, abs=0.1)


def test_expressions_measure_what_their_points_do() -> None:
    points = project(0, 0, 0)
    eyes = np.linalg.norm(points[45] - points[36])
    points[62], points[66] = (128, 150), (128, 150 + 0.2 * eyes)
    points[48], points[54] = (100, 160), (100 + 0.7 * eyes, 160)
    for eye in (36, 42):  # open by a quarter of their widths
        width = points[eye + 3] - points[eye]
        down = np.array([-width[1], width[0]]) / 8
        for upper, lower, along in ((eye + 1, eye + 5, 0.3), (eye + 2, eye + 4, 0.7)):
            middle = points[eye] + along * width
            points[upper], points[lower] = middle - down, middle + down
    points[17:27] = points[[36, 39, 42, 45]].mean(0) - [0, 0.3 * eyes]
    measured = {
        name: Dlib68.factors[name].measure(points, 256.0) for name in ("jaw", "smile", "blink", "brow")
    }
    assert measured == pytest.approx({"jaw": 0.2, "smile": 0.7, "blink": -0.25, "brow": 0.3}, abs=1e-6)


def test_no_face_is_nan_and_a_tilted_one_is_tilted(portrait_HW3: np.ndarray) -> None:
    picture = Image.fromarray(portrait_HW3).resize((256, 256))
    with Dlib68() as instrument:
        rows = instrument.measure([np.asarray(picture), np.full((64, 64, 3), 9, np.uint8)])
        tilted = instrument.measure([np.asarray(picture.rotate(10))])
    assert np.isnan(rows[1]).all()
    assert np.isfinite(rows[0]).all()
    roll = NAMES.index("roll")
    assert tilted[0, roll] - rows[0, roll] == pytest.approx(10, abs=2)


def test_it_agrees_with_mediapipe_on_real_frames(shared: Path) -> None:
    """Sign and scale of pose and place; the two share nothing but the picture."""
    from liax.data.frames import decode_item
    from liax.data.manifest import read_manifest

    manifest = read_manifest(shared / "data", "val")
    images = []
    for item in [item for item in manifest.items if item.kind == "clip"][::2]:
        frames = list(decode_item(manifest.folder, item))
        images += frames[:: len(frames) // 4][:4]
    with Dlib68() as points, MediaPipe() as mediapipe:
        ours, theirs = points.measure(images), mediapipe.measure(images)
    known = np.isfinite(ours).all(1) & np.isfinite(theirs).all(1)
    assert known.mean() > 0.9
    for name, least in {"yaw": 0.95, "pitch": 0.75, "roll": 0.9, "x": 0.98, "y": 0.97, "smile": 0.7}.items():
        a, b = ours[known, NAMES.index(name)], theirs[known, list(MediaPipe.factors).index(name)]
        assert np.corrcoef(a, b)[0, 1] > least, name
        # Where the truth is known, MediaPipe reads three quarters of a nod (pitch), nine tenths of a turn.
        if name in ("yaw", "roll", "x", "y"):
            assert 0.85 < np.polyfit(b, a, 1)[0] < 1.2, name
        elif name == "pitch":
            assert 0.8 < np.polyfit(b, a, 1)[0] < 1.8
