"""Live Link Face, MediaPipe and OpenFace: directions, units, times, and what is refused."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.tracks import Timing, Track, read_track
from liax.tracks.live_link import parse_live_link, write_live_link
from liax.tracks.shapes import SHAPES, ShapeTrack, full_value, head_angles, rotation, shapes_of

ANGLES = st.tuples(st.floats(-80, 80), st.floats(-80, 80), st.floats(-80, 80)).map(np.array)


def column(track: Track, name: str) -> list[float]:
    return track.amounts_TK[:, track.controls.index(name)].tolist()


def face(rate: Fraction = Fraction(60), **shapes: list[float]) -> ShapeTrack:
    count = len(next(iter(shapes.values())))
    values = {name: np.zeros(count) for name in SHAPES} | {k: np.array(v, float) for k, v in shapes.items()}
    return ShapeTrack(Timing.steady(count, rate), values, np.zeros((count, 3)))


@given(ANGLES)
def test_angles_of_a_rotation(angles_3: np.ndarray) -> None:
    np.testing.assert_allclose(head_angles(rotation(angles_3)), angles_3, atol=1e-3)


def test_factors_are_those_that_are_measured() -> None:
    track = face(
        jawOpen=[0, 0.3], mouthSmileLeft=[0, 0.4], eyeBlinkLeft=[0, 1], browDownLeft=[0, 1]
    ).to_track()
    assert column(track, "jaw") == pytest.approx([0, 0.3 / full_value("jaw")])
    assert column(track, "smile") == pytest.approx([0, 0.2 / full_value("smile")])  # one side of two
    assert column(track, "blink") == pytest.approx([0, 0.5 / full_value("blink")])
    assert column(track, "wink") == pytest.approx([0, 0.5 / full_value("wink")])
    assert column(track, "brow") == pytest.approx([0, -0.5 / full_value("brow")])
    assert not track.changes


def test_shapes_that_are_missing_leave_their_factors_out() -> None:
    shapes = {"jawOpen": np.array([0.1]), "mouthSmileLeft": np.array([0.1])}
    track = ShapeTrack(Timing.steady(1, Fraction(30)), shapes, None).to_track()
    assert track.controls == ("jaw",)


NAMED = st.fixed_dictionaries(
    {
        "yaw": st.floats(-60, 60),
        "pitch": st.floats(-60, 60),
        "roll": st.floats(-60, 60),
        "jaw": st.floats(0, 1),
        "smile": st.floats(0, 1),
        "pucker": st.floats(0, 1),
        "blink": st.floats(0, 1),
        "brow": st.floats(-1, 1),
        "gaze-x": st.floats(-0.8, 0.8),
        "gaze-y": st.floats(-0.8, 0.8),
    }
)


@settings(max_examples=25)
@given(
    st.lists(NAMED, min_size=1, max_size=4),
    st.sampled_from([Fraction(60), Fraction(30000, 1001), Fraction(25)]),
)
def test_live_link_and_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, float]], rate: Fraction
) -> None:
    amounts_TK = np.array([[row[name] for name in rows[0]] for row in rows])
    track = Track(Timing.steady(len(rows), rate), tuple(rows[0]), amounts_TK)
    path = tmp_path_factory.mktemp("t") / "face.csv"
    write_live_link(shapes_of(track), path)
    read = read_track(path, rate)
    np.testing.assert_allclose(read.timing.seconds_T, track.timing.seconds_T, atol=1e-6)
    for name in rows[0]:
        np.testing.assert_allclose(column(read, name), column(track, name), atol=1e-3, err_msg=name)
    assert column(read, "wink") == pytest.approx([0] * len(rows))


def test_what_live_link_calls_directions(tmp_path: Path) -> None:
    """The head: to the viewer's right, up, counterclockwise. Eyes: the other way, 35 degrees a whole look."""
    looks = face(eyeLookOutLeft=[1.0], eyeLookInRight=[1.0], eyeLookDownLeft=[0.5], eyeLookDownRight=[0.5])
    head = ShapeTrack(looks.timing, looks.shapes, np.array([[10.0, 20.0, 30.0]]))
    write_live_link(head, tmp_path / "a.csv")
    header, line = (tmp_path / "a.csv").read_text().splitlines()
    values = dict(zip(header.split(","), line.split(","), strict=True))
    assert len(values) == 63
    assert (values["Timecode"], values["BlendshapeCount"]) == ("00:00:00:00.000", "61")
    turns = [float(values[name]) for name in ("HeadYaw", "HeadPitch", "HeadRoll")]
    assert turns == pytest.approx(np.radians([10, -20, 30]), abs=1e-6)
    assert float(values["LeftEyeYaw"]) == pytest.approx(-0.6105)
    assert float(values["RightEyeYaw"]) == pytest.approx(-0.6105)
    assert float(values["LeftEyePitch"]) == pytest.approx(0.30525)


def live_link(timecodes: list[str], cells: str = "0.5") -> bytes:
    return ("Timecode,BlendShapeCount,JawOpen\n" + "".join(f"{t},61,{cells}\n" for t in timecodes)).encode()


def test_timecodes_of_the_app() -> None:
    """Frames count from the app's clock, with parts of a frame that only jitter; 60 a second unless seen."""
    short = parse_live_link(live_link(["00:32:09:07.867", "00:32:09:08.868", "00:32:09:09.868"]))
    assert (short.timing.rate, short.timing.ticks_T.tolist()) == (60, [0, 1, 2])
    wrapped = parse_live_link(live_link(["23:59:59:28.1", "23:59:59:29.1", "00:00:00:00.1"]))
    assert (wrapped.timing.rate, wrapped.timing.ticks_T.tolist()) == (30, [0, 1, 2])
    ntsc = parse_live_link(live_link(["00:00:00:28", "00:00:00:29", "00:00:01:00"]), Fraction(30000, 1001))
    assert ntsc.timing.rate == Fraction(30000, 1001)
    dropped = parse_live_link(live_link(["00:00:00:00", "00:00:00:01", "00:00:00:04"]))
    np.testing.assert_allclose(dropped.timing.seconds_T, [0, 1 / 60, 4 / 60], atol=1e-6)


def test_lines_without_a_face_keep_the_last_one() -> None:
    raw = b"Timecode,BlendShapeCount,JawOpen\n00:00:00:00,0\n00:00:00:01,61,0.2\n00:00:00:02,0,\n"
    assert parse_live_link(raw).shapes["jawOpen"].tolist() == [0.2, 0.2, 0.2]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (live_link(["soon"]), "is no timecode"),
        (live_link(["00:00:00:00"], "open"), "is no number"),
        (live_link(["00:00:00:00"], ""), "no line has a value in every column"),
        (live_link(["00:00:00:00"], "1e9"), "beyond 100"),
        (live_link(["00:00:00:99"]), "count more than 60 frames a second"),
        (live_link(["00:00:00:02", "00:00:00:01"]), "is not at least"),
        (b"Timecode\n00:00:00:00\n", "neither shapes nor"),
        (b"Timecode,TongueOut\n00:00:00:00,1\n", "no shape that a control is made of"),
    ],
)
def test_bad_live_link(tmp_path: Path, raw: bytes, reason: str) -> None:
    (tmp_path / "bad.csv").write_bytes(raw)
    with pytest.raises(LiaxError, match=reason):
        read_track(tmp_path / "bad.csv")


def matrix(yaw: float) -> np.ndarray:
    pose_44 = np.eye(4)
    pose_44[:3, :3] = 1.3 * rotation(np.array([yaw, 5.0, -7.0]))
    pose_44[:3, 3] = (1, -2, -50)
    return pose_44


SCORES = {"jawOpen": 0.25, "mouthSmileLeft": 0.5, "mouthSmileRight": 0.3}
CATEGORIES = [{"index": 0, "score": s, "categoryName": n, "displayName": ""} for n, s in SCORES.items()]
PYTHON = [{"category_name": name, "score": score} for name, score in SCORES.items()]


@pytest.mark.parametrize(
    "frame",
    [
        {"time": 0.0, "blendshapes": SCORES, "matrix": matrix(12).tolist()},
        {"timestamp_ms": 0, "blendshapes": CATEGORIES, "matrix": matrix(12).T.ravel().tolist()},
        {
            "timestampMs": 0,
            "faceBlendshapes": [{"categories": CATEGORIES, "headIndex": -1}],
            "facialTransformationMatrixes": [
                {"rows": 4, "columns": 4, "data": matrix(12).T.ravel().tolist()}
            ],
        },
        {
            "time": 0,
            "face_blendshapes": [PYTHON],
            "facial_transformation_matrixes": [matrix(12).tolist()],
        },
    ],
    ids=["table", "list", "javascript", "python"],
)
def test_mediapipe(tmp_path: Path, frame: dict[str, Any]) -> None:
    key = next(key for key in frame if "time" in key)
    later = frame | {key: 0.5 if key == "time" else 500}
    path = tmp_path / "face.json"
    for values in ([frame, later], {"frames": [frame, later]}):
        path.write_text(json.dumps(values))
        track = read_track(path)
        assert track.controls == ("yaw", "pitch", "roll", "jaw", "smile")
        wanted = [12, 5, -7, 0.25 / full_value("jaw"), 0.4 / full_value("smile")]
        np.testing.assert_allclose(track.amounts_TK, [wanted, wanted], atol=1e-4)
        assert track.timing.seconds_T.tolist() == [0, 0.5]


def test_mediapipe_without_times_or_a_face(tmp_path: Path) -> None:
    path = tmp_path / "face.json"
    path.write_text(json.dumps({"fps": 50, "frames": [{"faceBlendshapes": []}, SCORES, [], SCORES]}))
    track = read_track(path)
    assert track.timing.rate == 50
    assert column(track, "jaw") == pytest.approx([0.25 / full_value("jaw")] * 4)
    path.write_text(json.dumps([SCORES]))
    assert read_track(path).timing.rate == 30
    assert read_track(path, Fraction(24)).timing.rate == 24


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([{"blendshapes": {"jawOpen": "wide"}}], "score of jawOpen is 'wide' and no number"),
        ([{"blendshapes": {}}], "no frame has blendshapes"),
        ([SCORES, {"jawOpen": 1}], "frame 2 lacks some"),
        ([{"blendshapes": {"jawOpen": 1e9}}], "beyond 100"),
        ([SCORES | {"matrix": [1, 2]}], "no matrix of four"),
        ([SCORES | {"matrix": [0] * 16}], "does not rotate"),
        ([SCORES | {"matrix": [math.nan] * 16}], "impossible values"),
        ({"rate": -1, "frames": [SCORES]}, "no frame rate"),
        ({"rate": 1e-9, "frames": [SCORES]}, "no frame rate"),
        ([SCORES | {"time": 1}, SCORES | {"time": 0}], "is not at least"),
    ],
)
def test_bad_mediapipe(tmp_path: Path, values: object, reason: str) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(values))
    with pytest.raises(LiaxError, match=reason):
        read_track(tmp_path / "bad.json")


OPENFACE = (
    "frame, face_id, timestamp, confidence, success, gaze_angle_x, gaze_angle_y, pose_Rx, pose_Ry, pose_Rz, "
    "AU01_r, AU02_r, AU04_r, AU12_r, AU26_r, AU45_r\n"
)


def test_openface(tmp_path: Path) -> None:
    """Rx nods down, Ry turns to the viewer's left, Rz tilts clockwise; units are 5 at their strongest."""
    path = tmp_path / "face.csv"
    path.write_text(
        OPENFACE
        + "1, 0, 0.000, 0.98, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0\n"
        + "2, 0, 0.033, 0.98, 1, 0.1, 0.2, 0.2, 0, 0, 1, 3, 0.5, 2.5, 5, 1\n"
        + "3, 0, 0.067, 0.00, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9\n"
        + "4, 0, 0.100, 0.98, 1, 0, 0, 0, 0.3, 0, 0, 0, 0, 0, 0, 0\n"
        + "5, 0, 0.133, 0.98, 1, 0, 0, 0, 0, 0.4, 0, 0, 0, 0, 0, 0\n"
    )
    track = read_track(path)
    assert (track.timing.rate, len(track.timing)) == (30, 5)
    degrees = np.degrees
    assert column(track, "pitch") == pytest.approx([0, degrees(0.2), degrees(0.2), 0, 0], abs=1e-4)
    assert column(track, "yaw") == pytest.approx([0, 0, 0, -degrees(0.3), 0], abs=1e-4)
    assert column(track, "roll") == pytest.approx([0, 0, 0, 0, -degrees(0.4)], abs=1e-4)
    assert column(track, "brow")[1] == pytest.approx(0.3)
    assert [column(track, name)[1] for name in ("smile", "jaw", "blink")] == pytest.approx([0.5, 1, 0.2])
    assert column(track, "gaze-x")[1] == pytest.approx(0.1 / 0.6105)
    assert column(track, "gaze-y")[1] == pytest.approx(0, abs=1e-6)  # down with the head


def test_bad_openface(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    for text, reason in (
        (OPENFACE, "no line but"),
        (OPENFACE + "1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0\n", "tracking failed in every line"),
        (OPENFACE + "1, 0, 0, 0, 1, 0, 0, 1e300, 0, 0, 0, 0, 0, 0, 0, 0\n", "values beyond 10000"),
        (OPENFACE + "1, 0, x, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0\n", "is no number"),
    ):
        path.write_text(text)
        with pytest.raises(LiaxError, match=reason):
            read_track(path)


def test_every_control_of_a_face_is_a_factor() -> None:
    assert set(face(jawOpen=[0]).to_track().controls) < set(FACTORS)
