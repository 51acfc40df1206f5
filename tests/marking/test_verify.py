"""What files say of themselves: also files of other tools, damaged and hostile ones."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, UnidentifiedImageError

from liax.bounded import parse_json
from liax.errors import LiaxError
from liax.marking import Provenance, manifest, reading, verify
from liax.marking.certificate import certificate
from liax.marking.verify import read_mark
from liax.media.images import write_image
from liax.options import MarkOptions

PIXELS = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    path = tmp_path / "marked.png"
    write_image(path, PIXELS, provenance=Provenance("edit", "0123456789abcdef"))
    return path


def by_another_tool(path: Path, action: dict[str, Any], ingredient: Path | None = None) -> Path:
    """A picture with another program's manifest; of `ingredient` opened and saved, if that is given."""
    c2pa = manifest.c2pa()
    assert c2pa is not None
    plain = io.BytesIO((ingredient or _plain(path)).read_bytes())
    signer = certificate()
    told = {
        "claim_generator_info": [{"name": "Camera", "version": "7"}],
        "format": "image/png",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    info = c2pa.C2paSignerInfo(signer.algorithm, signer.chain, signer.key, None)
    signed = io.BytesIO()
    builder = c2pa.Builder(told)
    if ingredient is not None:
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
    builder.sign(c2pa.Signer.from_info(info), "image/png", plain, signed)
    path.write_bytes(signed.getvalue())
    return path


def _plain(path: Path) -> Path:
    write_image(path, PIXELS, mark=MarkOptions(mark=False))
    return path


@pytest.mark.parametrize(
    ("kind", "finding"), [(CAPTURE, "not synthetic"), (MADE, "signed")], ids=["camera", "generator"]
)
def test_other_tools_manifests_are_read(tmp_path: Path, read_here: None, kind: str, finding: str) -> None:
    mark = read_mark(
        by_another_tool(tmp_path / "a.png", {"action": "c2pa.created", "digitalSourceType": kind})
    )
    assert (mark.finding, mark.tool, mark.facts) == (finding, "Camera 7", {})


def test_an_editor_that_keeps_the_history_keeps_the_mark(
    tmp_path: Path, read_here: None, marked: Path
) -> None:
    mark = read_mark(by_another_tool(tmp_path / "b.png", {"action": "c2pa.color_adjustments"}, marked))
    assert (mark.finding, mark.tool) == ("signed", "Camera 7")
    assert mark.facts["operation"] == "edit"


def test_a_process_of_its_own_reads_the_same(marked: Path) -> None:
    with marked.open("rb") as file:
        assert reading.read_manifests(marked, "image/png") == manifest.read(file, "image/png")
    assert read_mark(_plain(marked)).finding == "none"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while True: pass", "takes too long"),
        ("held = bytearray(3 << 30)", "cannot be read"),
        ("import os; os.abort()", "cannot be read"),
        ("open('left behind', 'w').write('x')", "cannot be read"),
        ("print('[' * 100_000)", "cannot be read"),
        ("print('x' * (20 << 20))", "cannot be read"),
        ("print('[]')", "cannot be read"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are this system's")
def test_what_a_hostile_file_does_stays_in_its_process(
    marked: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, said: str
) -> None:
    """Whatever the reader is made to do; a module in its place does it."""
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile" / "c2pa.py").write_text(
        "class C2paError(Exception):\n    ManifestNotFound = KeyError\n"
        "class Context:\n    @staticmethod\n    def from_dict(_):\n"
        f"        {body}\n        raise SystemExit\n"
    )
    monkeypatch.setattr(reading, "_SECONDS", 2)
    monkeypatch.syspath_prepend(str(tmp_path / "hostile"))
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    mark = read_mark(marked)
    assert mark.finding == "damaged"
    assert said in mark.problem
    assert time.monotonic() - began < 10
    assert not (tmp_path / "left behind").exists() or (tmp_path / "left behind").stat().st_size == 0


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_mark_holds_for_the_signed_picture_only(data: st.DataObject) -> None:
    """Bytes changed, cut and repeated: the mark holds if they are none of the picture's, and say nothing."""
    original = _marked_bytes()
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        match data.draw(st.sampled_from(["byte", "cut", "double", "zeros"])):
            case "byte":
                changed[at] ^= data.draw(st.integers(1, 255))
            case "cut":
                del changed[at : at + data.draw(st.integers(1, 400))]
            case "double":
                changed[at:at] = changed[at : at + 50]
            case "zeros":
                changed[at : at + 8] = bytes(len(changed[at : at + 8]))
        if not changed:
            return
    if bytes(changed) == original:
        return
    try:
        told = manifest.read(io.BytesIO(bytes(changed)), "image/png")
    except LiaxError:
        return
    if told is not None and (mark := verify._of_manifests(Path("a.png"), told)).marked:
        try:
            shown = np.asarray(Image.open(io.BytesIO(bytes(changed))))
        except UnidentifiedImageError:  # nothing shows another picture under this mark
            return
        assert np.array_equal(shown, PIXELS[:8, :8])
        assert mark.facts["operation"] == "edit"


@cache
def _marked_bytes() -> bytes:
    plain, signed = io.BytesIO(), io.BytesIO()
    Image.fromarray(PIXELS[:8, :8]).save(plain, "PNG")
    manifest.sign(plain, signed, "image/png", Provenance("edit").facts(), certificate())
    return signed.getvalue()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SLOTS = ("manifests", "active_manifest", "validation_state", "validation_results")


@settings(max_examples=50)
@given(
    replaced=st.dictionaries(st.sampled_from(SLOTS), JSON), inner=st.dictionaries(st.text(max_size=5), JSON)
)
def test_a_report_of_any_shape_is_taken(replaced: dict[str, Any], inner: dict[str, Any]) -> None:
    told = manifest.read(io.BytesIO(_marked_bytes()), "image/png")
    assert told is not None
    active = told["manifests"][told["active_manifest"]]
    active["assertions"] = [inner, {"label": "c2pa.actions", "data": inner}, {"label": "org.liax.provenance"}]
    verify._of_manifests(Path("a.png"), told | replaced)


def test_long_texts_are_cut(marked: Path, read_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told = verify.read_manifests(marked, "image/png")
    assert told is not None
    text = json.dumps(told).replace("0123456789abcdef", "x" * 100_000)
    monkeypatch.setattr(verify, "read_manifests", lambda *_: parse_json(text))
    assert len(read_mark(marked).facts["weights"]) == 200


Command = Callable[..., tuple[int, str, str]]


def test_the_command(command: Command, marked: Path, tmp_path: Path, read_here: None) -> None:
    code, out, err = command("verify", marked)
    assert (code, err) == (0, "")
    assert out.startswith(f"{marked}: synthetic, says liax ")
    assert "which proves nobody's name" in out
    assert "edit with the weights 0123456789abcdef" in out
    plain = _plain(tmp_path / "plain.png")
    code, out, _ = command("verify", marked, plain)
    assert code == 1
    assert f"\n{plain}: not marked\n  pixels: not read: " in out
    code, out, _ = command("verify", marked, plain, "--json")
    told = json.loads(out)
    assert (code, told["marked"], [one["marked"] for one in told["files"]]) == (1, False, [True, False])
    assert told["files"][0]["facts"]["operation"] == "edit"


def test_the_command_reads_pixels(
    command: Command, tmp_path: Path, portrait_HW3: np.ndarray, read_here: None
) -> None:
    """A picture that another program cropped and saved says nothing of itself; its pixels do."""
    face = Image.fromarray(portrait_HW3).resize((300, 300))
    write_image(tmp_path / "marked.png", np.asarray(face))
    other = tmp_path / "other.bmp"
    Image.open(tmp_path / "marked.png").crop((5, 10, 290, 285)).save(other)
    code, out, err = command("verify", other)
    assert (code, err) == (0, "")
    assert "pixels: synthetic, says liax's invisible mark (32 of 32 bits, of a larger picture)" in out
    face.save(tmp_path / "real.bmp")
    code, out, _ = command("verify", other, tmp_path / "real.bmp", "--json")
    told = json.loads(out)
    assert (code, told["marked"], [one["marked"] for one in told["files"]]) == (1, False, [True, False])
    assert told["files"][0]["pixels"]["marked"]
    assert told["files"][0]["finding"] == "none"
    assert 8 <= told["files"][1]["pixels"]["right"] <= 24


@pytest.mark.parametrize(("name", "said"), [("", "name at least one"), ("gone.png", "does not exist")])
def test_the_command_says_what_is_wrong(command: Command, tmp_path: Path, name: str, said: str) -> None:
    code, _, err = command("verify", *([tmp_path / name] if name else []))
    assert code == 1
    assert said in err


def test_a_file_of_another_kind_is_not_marked(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("This is a text that is no picture.")
    code, out, _ = command("verify", tmp_path / "a.txt")
    assert code == 1
    assert out.startswith(
        f"{tmp_path / 'a.txt'}: not marked: it is of no kind that liax marks\n  pixels: not read: "
    )
    (tmp_path / "a.webm").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(40))
    assert "cannot be opened" in command("verify", tmp_path / "a.webm")[1]
