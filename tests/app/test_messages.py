"""Messages as the page tells them."""

import html
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.app.messages import page_html
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
    SlowerPath,
    UnknownControlError,
    UnlikeBeginning,
    WrongFileError,
)

FOLDER = Path("/tmp/liax-studio-x1_y")


def test_files_go_by_their_own_names() -> None:
    path = FOLDER / "0a1b2c" / "my portrait.jpg"
    assert (
        page_html(f"{path} shows no face; give another.", FOLDER)
        == "my portrait.jpg shows no face; give another."
    )


UPLOAD = FOLDER / "0a1b2c" / "my.png"
LABELS = {
    "face": "Which face in the portrait",
    "driving_face": "Which face in the video",
    "crop": "Already cropped to the face",
    "paste": "In the whole picture",
}
NO_FACE = "my.png shows no face that can be found; use one with a face seen from the front"
MESSAGES: list[tuple[LiaxError | LiaxWarning, str]] = [
    (LiaxError(f"{UPLOAD} is damaged", "give another"), "my.png is damaged; give another."),
    (NoFaceError(UPLOAD), f"{NO_FACE}, or choose “Already cropped to the face”."),
    (NoFaceError(UPLOAD, uncropped=False), f"{NO_FACE}."),
    (
        FaceChoiceError(UPLOAD, 2, 5, "driving_face"),
        "my.png shows only 2 faces; choose another one under “Which face in the video”.",
    ),
    (
        FaceChoiceError(UPLOAD, 1, 2, "face"),
        "my.png shows only one face; choose another one under “Which face in the portrait”.",
    ),
    (
        SeveralFaces(UPLOAD, 3, "face"),
        "my.png shows 3 faces; the largest one is used. Choose another under “Which face in the portrait”.",
    ),
    (
        UnlikeBeginning("with an opener mouth", "first", "best"),
        "The driving begins with an opener mouth; its motion counts from the first frame.",
    ),
    (
        OutOfRangeError("yaw=90deg", "-25 to 25 deg"),
        "yaw=90deg is out of its range -25 to 25 deg; choose a gentler value.",
    ),
    (
        UnknownControlError("yaww", ("yaw",), "yaw"),
        "These weights have no control 'yaww'; the sliders show which there are.",
    ),
    (
        OptionError({"paste": True, "crop": False}, "Without a crop there is nothing to paste back into"),
        "Without a crop there is nothing to paste back into; "
        "choose either “In the whole picture” or “Already cropped to the face”.",
    ),
    (OptionError({"turns": 0}, "0 turns are no orbit", "take 1 to 9"), "0 turns are no orbit; take 1 to 9."),
    (
        WrongFileError(UPLOAD, "weights", "motion template"),
        "my.png is not a saved motion; make one with “Save this motion”.",
    ),
    (
        WrongFileError(UPLOAD, "checkpoint", "weights"),
        "my.png is not a file of weights but a PyTorch checkpoint.",
    ),
    (OutputExistsError(UPLOAD), "my.png exists already."),
    (MissingPackageError("Identity", ("dlib-bin",), "evaluate"), "Identity needs the package dlib-bin."),
    (SlowerPath("Triton is missing"), "Triton is missing; going on all the same, more slowly."),
    (NotMeasured("Identity", MissingPackageError("It", ("dlib-bin",), "x")), "Identity is not measured."),
]


@pytest.mark.parametrize(("message", "told"), MESSAGES, ids=lambda value: type(value).__name__)
def test_remedies_are_called_as_on_the_page(message: LiaxError | LiaxWarning, told: str) -> None:
    assert html.unescape(page_html(message, FOLDER, LABELS)) == told


@pytest.mark.parametrize("labels", [{}, LABELS])
def test_nobody_is_told_of_flags_and_commands(labels: dict[str, str]) -> None:
    for message, _ in MESSAGES:
        told = page_html(message, FOLDER, labels)
        assert "--" not in told
        assert "liax" not in told
        assert "True" not in told


def test_every_kind_of_message_is_phrased() -> None:
    def kinds(base: type) -> set[type]:
        return {kind for child in base.__subclasses__() for kind in {child, *kinds(child)}}

    public = {kind for kind in kinds(LiaxError) | kinds(LiaxWarning) if not kind.__name__.startswith("_")}
    ours = {kind for kind in public if kind.__module__ == "liax.errors"}
    assert ours == {type(message) for message, _ in MESSAGES} - {LiaxError}


def test_what_a_tab_does_not_offer_is_not_advised() -> None:
    assert page_html(NoFaceError(UPLOAD), FOLDER) == f"{NO_FACE}."
    assert page_html(SeveralFaces(UPLOAD, 3, "driving_face"), FOLDER) == (
        "my.png shows 3 faces; the largest one is used."
    )
    conflict = OptionError({"paste": True, "crop": False}, "Nothing to paste into")
    assert page_html(conflict, FOLDER) == "Nothing to paste into."


def test_other_folders_of_typed_errors_are_not_told_either() -> None:
    assert page_html(NoFaceError(Path("/srv/secret/a.png")), FOLDER).startswith("a.png shows no face")


def test_names_of_files_cannot_be_markup() -> None:
    assert page_html("<img src=x onerror=alert(1)>.png is damaged", FOLDER).startswith("&lt;img src=x")


@given(st.text(alphabet=st.characters(exclude_characters="/")), st.text("0123456789abcdef", min_size=1))
def test_the_server_s_folder_is_never_told(name: str, upload: str) -> None:
    assert str(FOLDER) not in page_html(f"{FOLDER / upload}/{name} is not there", FOLDER)
    assert str(FOLDER) not in page_html(NoFaceError(FOLDER / upload / (name or "a")), FOLDER)


def test_the_folder_itself_is_not_told() -> None:
    assert page_html(f"cannot write to {FOLDER}; free some space.", FOLDER) == (
        "cannot write to the server&#x27;s folder; free some space."
    )
