"""Every way in which liax writes pictures or videos ends in a marked file.

Two fences: the source is searched for whatever writes pictures or videos, and every command is run. A new
writer or command fails here until it is listed, with the reason if it writes unmarked.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clips import moving_face, write_clip
from liax.cli.main import COMMANDS
from liax.marking.verify import read_mark
from liax.model import LIAX
from liax.options import MarkOptions
from liax.portrait import Animator
from liax.weights import save

SOURCE = Path(__file__).parents[2] / "src" / "liax"
# Module that encodes pictures or videos itself -> where they are marked, or why they are not.
WRITERS = {
    "media/writer.py": "marked: create_video passes marked_file and picture_marker",
    "media/images.py": "marked: write_image passes marked_file and picture_marker",
    "live/frames.py": "pictures for a moment on the page; app/live_visit.py marks their pixels before",
    "live/recording.py": "pictures pass picture_marker; media/remux.py signs the file",
    "media/remux.py": "adds sound to marked pictures, and passes marked_file",
    "media/sound.py": "adds sound to what media/writer.py writes",
    "interpretation/figures.py": "marked: strips of faces pass marked_file and picture_marker",
    "preparation/clip.py": "clips cut out of recordings; nothing of them is drawn",
    "evaluation/reenactors.py": "frames kept between two machines, to be measured",
    "report/charts.py": "charts of measurements",
    "report/page.py": "pictures within the HTML of a report on measurements",
    "marking/manifest.py": "the picture of one pixel that tries a certificate",
}
ENCODERS = (
    *("VideoWriter", "imwrite", "imencode", "imsave", "savefig"),
    *("add_stream", "add_stream_from_template"),
)
# Modules that say of what they write that no network drew it.
RECORDERS = {
    "app/edit_tabs.py": "the user's own portrait, to compare an edit with",
    "app/face_chooser.py": "the user's own portrait, with boxes around its faces",
    "media/webcam.py": "a camera's recording",
}


def encoders(tree: ast.AST) -> Iterator[str]:
    """Calls that encode pictures or videos: Pillow's save with a format, PyAV's writing, OpenCV's."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func).split(".")[0]
        formatted = len(node.args) > 1 or any(keyword.arg == "format" for keyword in node.keywords)
        if name == "save" and isinstance(node.func, ast.Attribute) and formatted:
            if owner not in ("torch", "dcp", "files"):
                yield ast.unparse(node.func)
        elif name in (
            "VideoWriter",
            "imwrite",
            "imencode",
            "imsave",
            "savefig",
            "add_stream",
        ) or name.startswith("add_stream_from"):
            yield name


def calls_itself_real(tree: ast.AST) -> bool:
    """Whether anything says that no network drew it: by NOT_SYNTHETIC, or by the argument `synthetic`."""
    for node in ast.walk(tree):
        if "NOT_SYNTHETIC" in (getattr(node, "id", ""), getattr(node, "attr", "")):
            return True
        if isinstance(node, ast.Call):
            named = any(keyword.arg == "synthetic" for keyword in node.keywords)
            if named or (ast.unparse(node.func).endswith("Provenance") and len(node.args) > 3):
                return True
    return False


def test_all_that_encodes_is_listed() -> None:
    found = {}
    for path in SOURCE.rglob("*.py"):
        if calls := list(encoders(ast.parse(path.read_text(encoding="utf-8")))):
            found[path.relative_to(SOURCE).as_posix()] = calls
    assert set(found) - set(WRITERS) == set(), "new writers: let them pass liax.marking.output.marked_file"
    assert set(WRITERS) - set(found) == set(), "these write nothing any more"


@pytest.mark.parametrize("name", [name for name, how in WRITERS.items() if how.startswith("marked")])
def test_what_is_marked_is_marked_in_its_file_and_in_its_pixels(name: str) -> None:
    calls = [node for node in ast.walk(ast.parse((SOURCE / name).read_text())) if isinstance(node, ast.Call)]
    called = {getattr(node.func, "id", "") for node in calls}
    assert {"marked_file", "picture_marker"} <= called


def test_only_recordings_call_themselves_so() -> None:
    named = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if "marking" not in path.parts and calls_itself_real(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert named == set(RECORDERS)


@pytest.mark.parametrize(
    ("source", "real"),
    [
        ("write(p, x, provenance=NOT_SYNTHETIC)", True),
        ("write(p, x, provenance=marking.NOT_SYNTHETIC)", True),
        ("Provenance(synthetic=False)", True),
        ("Provenance('edit', w, {}, False)", True),
        ("replace(provenance, synthetic=drawn)", True),
        ("Provenance('edit', w, {})", False),
        ("synthetic = provenance.synthetic", False),
    ],
)
def test_the_fence_sees_every_way_to_say_so(source: str, real: bool) -> None:
    assert calls_itself_real(ast.parse(source)) is real


PORTRAIT, CLIP, BATCH = "PORTRAIT", "CLIP", "BATCH"
# Command -> arguments without weights -> what each of its outputs says that it was made by.
OUTPUTS: dict[str, list[tuple[list[str], dict[str, str]]]] = {
    "animate": [
        ([PORTRAIT, CLIP, "-o", "a.mp4"], {"a.mp4": "animate"}),
        ([PORTRAIT, CLIP, "-o", "f_%d.png"], {f"f_{k}.png": "animate" for k in (1, 2, 3)}),
        ([CLIP, CLIP, "-o", "a.mov"], {"a.mov": "animate"}),
        ([PORTRAIT, PORTRAIT, "-o", "a.webp"], {"a.webp": "animate"}),
    ],
    "edit": [
        (
            [PORTRAIT, "-o", "a.jpg", "--set", "3=0.1", "--sheet", "b.png"],
            {"a.jpg": "edit", "b.png": "edit"},
        )
    ],
    "edit-video": [([CLIP, "-o", "a.webm", "--set", "3=0.1"], {"a.webm": "edit-video"})],
    "manipulate": [
        ([PORTRAIT, "-o", "a.gif", "--sweep", "#1"], {"a.gif": "manipulate"}),
        ([PORTRAIT, "-o", "a.png", "--sweep", "#1"], {"a.png": "manipulate"}),
    ],
    "controls": [(["-o", "a.webp"], {"a.webp": "controls"})],
    "batch": [([BATCH], {"a.mp4": "animate"})],
}
# Commands that are other tests' or write neither pictures nor videos of their own, with the reason.
OTHERS = {
    "demo": "is animate with fixed arguments, which the test below runs",
    "studio": "tests/app/test_marks.py asks its page",
    "live": "tests/app/test_live_socket.py asks its page",
    "web": "tests/web/test_page.py asks its page",
    "encode": "motion only",
    "verify": "only reads",
    "evaluate": "reports; contact sheets pass write_image",
    "interpret": "reports; strips of faces pass marked_file",
    "prepare": "cuts recordings",
    "train": "weights",
    "train interpolate": "weights",
    "convert": "weights",
    "export": "weights",
    "regions": "measures",
}

Command = Callable[..., tuple[int, str, str]]


def test_every_command_is_listed() -> None:
    assert sorted([*OUTPUTS, *OTHERS]) == sorted(COMMANDS)


@pytest.fixture
def given(tmp_path: Path, portrait_path: Path, portrait_HW3: NDArray[np.uint8]) -> dict[str, str]:
    face_clip = write_clip(tmp_path / "face.mp4", moving_face(portrait_HW3, 3), rate=12)
    jobs = f'[[job]]\nsource = "{portrait_path}"\ndriving = "{face_clip}"\noutput = "a.mp4"\n'
    (tmp_path / "jobs.toml").write_text(jobs)
    return {PORTRAIT: str(portrait_path), CLIP: str(face_clip), BATCH: str(tmp_path / "jobs.toml")}


@pytest.mark.usefixtures("read_here")
@pytest.mark.parametrize("name", OUTPUTS)
def test_every_command_marks_what_it_writes(
    command: Command,
    tiny_weights: Path,
    tmp_path: Path,
    given: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    # What these weights draw is too small for the mark in its pixels; that it was to be drawn is seen here.
    drawn: list[tuple[int, ...]] = []
    monkeypatch.setattr(
        "liax.marking.pixel_mark.PixelMarker.later",
        lambda _, picture_HWC: drawn.append(picture_HWC.shape) or (lambda: picture_HWC),
    )
    weights = [str(tiny_weights)] if name == "controls" else ["--weights", str(tiny_weights)]
    for arguments, made in OUTPUTS[name]:
        asked = [
            name,
            *(given.get(argument, argument) for argument in arguments),
            *weights,
            "--device",
            "cpu",
        ]
        for path in made:
            Path(path).unlink(missing_ok=True)
        Path("jobs.toml.done.json").unlink(missing_ok=True)
        drawn.clear()
        code, _, err = command(*asked)
        assert code == 0, err
        assert len(drawn) >= len(made)
        for path, operation in made.items():
            mark = read_mark(Path(path))
            assert mark.marked, path
            assert mark.facts["operation"] == operation
            assert len(mark.facts["weights"]) == 16
            assert mark.facts["ingredients"][0]["sha256"]
    if name in ("batch", "controls", "manipulate"):  # time, for a flag that they share with the others
        return
    for path in made:
        Path(path).unlink()
    drawn.clear()
    assert command(*asked, "--no-mark")[0] == 0
    assert drawn == []
    for path in made:
        assert read_mark(Path(path)).finding == "none"
        assert b"c2pa" not in Path(path).read_bytes()


def test_demo_is_animate_with_its_marking(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    asked: list[MarkOptions] = []
    monkeypatch.setattr("liax.cli.demo.animate", lambda *_, marking, **__: asked.append(marking))
    assert command("demo")[0] == 0
    assert command("demo", "--badge")[0] == 0
    assert asked == [MarkOptions(), MarkOptions(badge=True)]


def test_the_weights_are_those_of_motion_templates(tiny: LIAX, tmp_path: Path) -> None:
    """A mark names weights by the same fingerprint; what came from no file is no ingredient."""
    from liax.portrait.provenance import provenance_of
    from liax.weights.files import fingerprint

    save(tiny, tmp_path / "w.safetensors")
    made = provenance_of(Animator(tiny, "cpu"), "edit", source=np.zeros((4, 4, 3), np.uint8))
    assert (made.weights, dict(made.ingredients)) == (fingerprint(tiny), {})
