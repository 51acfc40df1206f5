"""The library's errors in the command line's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from liax.cli.messages import option, sentence
from liax.errors import (
    FaceChoiceError,
    LiaxError,
    LiaxWarning,
    MissingPackageError,
    NoFaceError,
    NotMeasured,
    OptionError,
    OutOfRangeError,
    OutputExistsError,
    SeveralFaces,
    UnknownControlError,
    UnlikeBeginning,
    WrongFileError,
)

P = Path("a.mp4")
CASES: list[tuple[LiaxError | LiaxWarning, str, str]] = [
    (LiaxError("As it is."), "animate", "As it is."),
    (
        OutputExistsError(P),
        "animate",
        "a.mp4 exists already; pass --overwrite to replace it, or name another output.",
    ),
    (
        NoFaceError(P),
        "edit",
        "a.mp4 shows no face that can be found; use one with a face seen from the front, "
        "or --no-crop if it is cropped to the face already.",
    ),
    (
        NoFaceError(P),
        "batch",
        "a.mp4 shows no face that can be found; use one with a face seen from the front, "
        "or crop = false if it is cropped to the face already.",
    ),
    (
        FaceChoiceError(P, 1, 2, "driving_face"),
        "animate",
        "a.mp4 has 1 face(s); --driving-face goes from 1 (the largest) to 1.",
    ),
    (
        FaceChoiceError(P, 1, 2, "driving_face"),
        "batch",
        "a.mp4 has 1 face(s); driving_face goes from 1 (the largest) to 1.",
    ),
    (
        OutOfRangeError("yaw=90deg", "-25 to 25 deg"),
        "edit",
        "yaw=90deg is out of its range -25 to 25 deg; stay within it, or pass --force.",
    ),
    (
        OutOfRangeError("yaw=90deg", "-25 to 25 deg"),
        "batch",
        "yaw=90deg is out of its range -25 to 25 deg; stay within it, or set force = true.",
    ),
    (UnknownControlError("", ("yaw",)), "manipulate", "No control is named; liax controls lists them."),
    (
        OptionError({"paste": True, "crop": False}, "There is nothing to paste into"),
        "animate",
        "There is nothing to paste into; leave out --paste or --no-crop.",
    ),
    (
        OptionError({"paste": True, "crop": False}, "There is nothing to paste into"),
        "batch",
        "There is nothing to paste into; leave out paste = true or crop = false.",
    ),
    (
        OptionError({"device": "cuda"}, "cuda is not available", "use cpu"),
        "animate",
        "cuda is not available; use cpu (--device).",
    ),
    (
        WrongFileError(P, "weights", "motion template"),
        "animate",
        "a.mp4 is not a motion template but a file of weights; give it as --weights.",
    ),
    (
        WrongFileError(P, "other", "motion template"),
        "animate",
        "a.mp4 is not a motion template; make one with liax encode.",
    ),
    (
        WrongFileError(P, "checkpoint", "weights"),
        "animate",
        "a.mp4 is not a file of weights but a PyTorch checkpoint; "
        "convert it once: liax convert a.mp4 -o OUT.safetensors.",
    ),
    (
        SeveralFaces(P, 3, "face"),
        "animate",
        "a.mp4 shows 3 faces; using the largest, --face N chooses another.",
    ),
    (
        UnlikeBeginning("turned", "best", "first"),
        "animate",
        "The driving begins turned; its motion counts from where the two are most alike. "
        "--reference first counts it from the first frame.",
    ),
    (
        NotMeasured("Identity", MissingPackageError("Identity", ("dlib-bin",), "evaluate")),
        "evaluate",
        "Identity is not measured: Identity needs the package dlib-bin; "
        "install liax with the extra evaluate.",
    ),
]


@pytest.mark.parametrize(("message", "command", "words"), CASES)
def test_remedies(message: LiaxError | LiaxWarning, command: str, words: str) -> None:
    assert sentence(message, command) == words


def test_names_of_options() -> None:
    assert option("crop", False, "animate") == "--no-crop"
    assert option("driving_face", 2, "animate") == "--driving-face"
    assert option("crop", False, "batch") == "crop = false"
    assert option("face", None, "batch") == "face"
