"""README and the pages: commands that parse and run, code that runs, figures from the results files."""

from __future__ import annotations

import functools
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import liax
from clips import moving_face, write_clip
from liax.cli.main import COMMANDS, function_name, main
from liax.model import LIAX, PRESETS
from liax.weights import save
from liax.weights.loading import open_weights
from tools import facts

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")),
    ROOT / "packages" / "liax-weights-small" / "README.md",
    ROOT / "packages" / "liax-weights-live" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
# Commands whose inputs a test can make, and which then take seconds.
RUN = {"animate", "edit", "edit-video", "manipulate", "controls", "encode", "batch"}
FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}-{self.number}"


def blocks(language: str) -> list[Block]:
    return [
        Block(page, number, text)
        for page in PAGES
        for number, (kind, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
        if kind == language
    ]


def commands(block: Block) -> list[list[str]]:
    """The command lines of a shell block, without comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_there_are_commands_to_test() -> None:
    used = {words[1] for block in blocks("sh") for words in commands(block) if words[0].endswith("liax")}
    assert used >= {"animate", "edit", "studio", "prepare", "train", "evaluate", "interpret", "convert"}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands that were parsed, in place of being run."""
    names: list[str] = []

    def recorder(name: str, function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def record(*args: object, **options: object) -> None:
            names.append(name)

        return record

    for name in COMMANDS:
        module = import_module(f"liax.cli.{function_name(name)}")
        function = getattr(module, function_name(name))
        monkeypatch.setattr(module, function_name(name), recorder(name, function))
    return names


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_commands_of_pages_parse(
    block: Block, called: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every flag and every file that a page names exists; nothing is run."""
    monkeypatch.chdir(ROOT)  # configurations
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    expected = 0
    for words in commands(block):
        match [words[0].removeprefix(".venv/bin/"), *words[1:]]:
            case ["liax", *arguments]:
                expected += 1
                with pytest.raises(SystemExit) as stopped:
                    main(arguments)
                assert stopped.value.code == 0, f"{shlex.join(words)}: {capsys.readouterr().err}"
            case ["make", target, *_]:
                assert target in targets
            case ["pip", "install", *arguments]:
                for extra in re.findall(r"\[([\w,]+)\]", " ".join(arguments)):
                    assert set(extra.split(",")) <= set(extras)
            case ["python", "-m", name, *_] if name.startswith("tools"):
                assert (ROOT / name.replace(".", "/")).with_suffix(".py").exists() or (
                    ROOT / name.replace(".", "/") / "__main__.py"
                ).exists()
            case ["python", script, *_] if script != "-m":
                assert (ROOT / script).exists()
            case ["torchrun" | "srun", *arguments]:
                assert all((ROOT / word).exists() for word in arguments if word.endswith(".toml"))
            case ["export" | "cp" | "ray" | "#!/bin/bash", *_]:
                pass
            case other:
                pytest.fail(f"a kind of command that this test does not know: {other}")
    assert len(called) == expected


def test_a_flag_that_does_not_exist_is_noticed(called: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["animate", "a.png", "b.mp4", "-o", "c.mp4", "--no-such-flag"])
    assert stopped.value.code == 2
    assert called == []


@pytest.fixture(scope="module")
def material(
    portrait_path: Path, portrait_HW3: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the inputs that pages name, and a tiny network with the controls of `small`."""
    folder = tmp_path_factory.mktemp("pages")
    stored = open_weights("small")
    network = LIAX(replace(PRESETS["tiny"], latent=64, vectors=stored.config.vectors))
    save(network, folder / "named.safetensors", metadata=stored.metadata)
    for name in ("portrait.jpg", "smile.jpg", "portraits/ann.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(portrait_path.read_bytes())
    Image.fromarray(np.hstack([portrait_HW3, portrait_HW3])).save(folder / "group.jpg")
    for name in ("driving.mp4", "talk.mp4", "nod.mp4", "person.mp4"):
        write_clip(folder / name, moving_face(portrait_HW3, 5), rate=12)
    batch = next(block.text for block in blocks("toml") if "drivings" in block.text)
    (folder / "jobs.toml").write_text(batch.replace("nod.safetensors", "motion.safetensors"))
    keys = next(block.text for block in blocks("toml") if "[[key]]" in block.text)
    (folder / "keys.toml").write_text(keys)
    (folder / "out").mkdir()
    return folder


def test_cheap_commands_of_pages_run(
    material: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they stand, but for the weights and `--overwrite`."""
    monkeypatch.chdir(material)
    weights = ["--weights", "named.safetensors", "--device", "cpu"]
    wanted = {
        tuple(words[1:])
        for block in blocks("sh")
        for words in commands(block)
        if words[0].endswith("liax")
        and words[1] in RUN
        and not {"--weights", "--devices", "--address", "runs"} & set(words)
    }
    # What encodes a template comes before what uses it.
    for arguments in sorted(wanted, key=lambda words: (words[0] != "encode", words)):
        if any(word.startswith(("runs/", "docs/")) for word in arguments):
            continue
        if "openvino" in arguments and find_spec("openvino") is None:
            continue
        given = ["named.safetensors", *weights[2:]] if arguments[0] == "controls" else weights
        again = [] if arguments[0] == "batch" or "-o" not in arguments else ["--overwrite"]
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, *given, *again])
        assert stopped.value.code == 0, f"liax {shlex.join(arguments)}: {capsys.readouterr().err}"
    assert {"out.mp4", "edited.png", "orbit.mp4", "grid.png"} <= set(os.listdir(material))


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_of_pages(block: Block, material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it compiles; what needs only a portrait, a video and weights runs."""
    code = compile(block.text, str(block), "exec")
    if "liax.animate(" not in block.text and "animator.animate(" not in block.text:
        return
    monkeypatch.chdir(material)
    load = liax.load
    monkeypatch.setattr(liax, "load", lambda name: load("named.safetensors"), raising=False)
    Path("out.mp4").unlink(missing_ok=True)
    exec(code, {})


def test_python_of_pages_is_found() -> None:
    assert sum("liax.animate(" in block.text for block in blocks("python")) >= 2
    assert sys.version_info >= (3, 11)


def test_figures_are_those_of_the_results_files() -> None:
    known = facts.bundled()
    assert known.check_fingerprint() == ""
    assert [path.name for path in facts.stale(known)] == []
