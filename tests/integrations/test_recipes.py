"""The Space, the containers' recipes and the notebook: started, linted, run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from liax.marking.verify import read_mark

ROOT = Path(__file__).parents[2]
SPACE, CONTAINER = ROOT / "integrations" / "space", ROOT / "integrations" / "container"
RECIPES = sorted(CONTAINER.glob("Dockerfile*"))


def extras() -> set[str]:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return set(told["project"]["optional-dependencies"])


def instructions(recipe: Path) -> list[tuple[str, str]]:
    """The recipe's instructions: ("RUN", "pip install …")."""
    text = re.sub(r"^#.*\n", "", recipe.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def test_the_space_is_described() -> None:
    told = ModelCard.load(SPACE / "README.md").data.to_dict()
    assert (told["sdk"], told["app_file"]) == ("gradio", "app.py")
    pinned = re.search(r"^gradio==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert told["sdk_version"] == pinned[1]
    wanted = (SPACE / "requirements.txt").read_text().strip()
    assert set(re.findall(r"[\w-]+", wanted.partition("[")[2])) <= extras()
    assert len((SPACE / "app.py").read_text().splitlines()) <= 11


def test_the_space_starts(tmp_path: Path, tiny_weights: Path) -> None:
    """As the hub starts it: the port is in the environment, and visitors come from outside."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    environment = os.environ | {"GRADIO_SERVER_PORT": port, "LIAX_WEIGHTS": str(tiny_weights)}
    process = subprocess.Popen(
        [sys.executable, str(SPACE / "app.py")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.match(r"liax studio is at http://(0\.0\.0\.0|localhost):" + port, line), line
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_recipes_are_sound(recipe: Path) -> None:
    if linter := shutil.which(
        "hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ):
        linted = subprocess.run([linter, str(recipe)], capture_output=True, text=True)
        assert linted.returncode == 0, linted.stdout
    steps = instructions(recipe)
    kinds = [kind for kind, _ in steps]
    (user,) = [value for kind, value in steps if kind == "USER"]
    assert user == "1000"
    assert kinds.index("USER") > max(i for i, kind in enumerate(kinds) if kind == "RUN")
    (start,) = [json.loads(value) for kind, value in steps if kind == "CMD"]
    assert start[:2] == ["liax", "studio"]
    for kind, value in steps:
        if kind == "COPY":
            assert all((ROOT / source).exists() for source in value.split()[:-1])
    (install,) = [value for kind, value in steps if kind == "RUN" and "[studio]" in value]
    assert f"--uid {user}" in install
    assert "studio" in extras()


def test_there_are_two_recipes() -> None:
    assert [recipe.name for recipe in RECIPES] == ["Dockerfile", "Dockerfile.cuda"]


def test_the_notebook_runs(tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    path = ROOT / "examples" / "portrait_to_sheet.ipynb"
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "results stay out of the repository"
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    last = notebook.cells[-1].outputs[0]["data"]["text/plain"]
    assert last == "('signed', 'manipulate', True)"
    mark = read_mark(tmp_path / "sheet.png")
    assert mark.facts["ingredients"][0]["role"] == "source"
