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
    "media/writer.py": "marked: create_video passes marked_file",
    "media/images.py": "marked: write_image passes marked_file",
    "media/sound.py": "adds sound to what media/writer.py writes",
    "interpretation/figures.py": "marked: strips of faces pass marked_file",
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
RECORDERS = {"media/webcam.py": "a camera's recording"}


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


def test_all_that_encodes_is_listed() -> None:
    found = {}
    for path in SOURCE.rglob("*.py"):
        if calls := list(encoders(ast.parse(path.read_text(encoding="utf-8")))):
            found[path.relative_to(SOURCE).as_posix()] = calls
    assert set(found) - set(WRITERS) == set(), "new writers: let them pass liax.marking.output.marked_file"
    assert set(WRITERS) - set(found) == set(), "these write nothing any more"


def test_only_recordings_call_themselves_so() -> None:
    named = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if "NOT_SYNTHETIC" in path.read_text(encoding="utf-8") and "marking" not in path.parts
    }
    assert named == set(RECORDERS)


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
    "encode": "motion only",
    "verify": "only reads",
    "evaluate": "reports; contact sheets pass write_image",
    "interpret": "reports; strips of faces pass marked_file",
    "prepare": "cuts recordings",
    "train": "weights",
    "train interpolate": "weights",
    "convert": "weights",
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
        code, _, err = command(*asked)
        assert code == 0, err
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
    assert command(*asked, "--no-mark")[0] == 0
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
