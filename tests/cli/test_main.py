import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from liax.cli import main as main_module
from liax.cli.main import COMMANDS, _take_flags, main
from liax.errors import LiaxError


def ended(args: list[str]) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(args)
    return int(stopped.value.code or 0)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module that stands for liax.cli.animate."""
    module = types.ModuleType("liax.cli.animate")
    monkeypatch.setitem(sys.modules, "liax.cli.animate", module)
    monkeypatch.setattr(main_module.signal, "signal", lambda *_: None)
    return module


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    for args in (["--help"], ["-h"]):
        assert ended(args) == 0
        out = capsys.readouterr().out
        assert all(name in out and what in out for name, what in COMMANDS.items())
    assert ended([]) == 2
    assert "usage: liax" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["--version"]) == 0
    name, number = capsys.readouterr().out.split()
    assert name == "liax"
    assert number[0].isdigit()


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["dance"]) == 2
    assert capsys.readouterr().err == "liax: there is no command 'dance'; liax --help lists them.\n"
    assert ended(["anmate", "a.png"]) == 2
    assert "no command 'anmate'; did you mean animate? liax --help" in capsys.readouterr().err


def test_arguments_reach_the_command(command: types.ModuleType) -> None:
    seen = []

    def animate(path: str, count: int = 1) -> None:
        """Anything."""
        seen.append((path, count))

    command.animate = animate  # type: ignore[attr-defined]
    assert ended(["animate", "--path", "a b", "--count", "3"]) == 0
    assert seen == [("a b", 3)]


def test_errors_are_one_sentence(command: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    def animate() -> None:
        raise LiaxError("x.png does not exist; check its name.")

    command.animate = animate  # type: ignore[attr-defined]
    assert ended(["animate"]) == 1
    assert capsys.readouterr().err == "liax: x.png does not exist; check its name.\n"

    def animate() -> None:
        raise KeyboardInterrupt

    command.animate = animate  # type: ignore[attr-defined]
    assert ended(["animate"]) == 130
    assert capsys.readouterr().err == "liax: stopped.\n"


def test_missing_package(command: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    def animate() -> None:
        import no_such_package.part  # noqa: F401

    command.animate = animate  # type: ignore[attr-defined]
    assert ended(["animate"]) == 1
    assert capsys.readouterr().err == "liax: animate needs the package no_such_package; install liax again.\n"


def test_missing_extra(
    command: types.ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def studio() -> None:
        import no_such_package  # noqa: F401

    command.studio = studio  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "liax.cli.studio", command)
    assert ended(["studio"]) == 1
    told = capsys.readouterr().err
    assert told == "liax: studio needs the package no_such_package; install liax with the extra studio.\n"


def test_json_is_one_object_on_standard_output(
    tmp_path: Path, tiny_weights: Path, portrait_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    edit = ["edit", portrait_path, "--set", "0=1", "-o", out, "--weights", tiny_weights, "--device", "cpu"]
    assert ended(["--json", *map(str, edit)]) == 0
    assert json.loads(capsys.readouterr().out) == {"paths": [str(out)], "width": 64, "height": 64}
    assert ended(["controls", str(tiny_weights), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"weights": str(tiny_weights), "vectors": 8, "controls": [], "path": None}
    assert ended(["controls", str(tiny_weights)]) == 0
    assert "names no controls" in capsys.readouterr().out


def test_verbose_tells_timings_and_where_an_error_arose(
    command: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def animate(path: str) -> None:
        if path == "bad":
            raise LiaxError("x.png is broken", "get another one")

    command.animate = animate  # type: ignore[attr-defined]
    assert ended(["animate", "-v", "--path", "good"]) == 0
    assert re.search(r"^liax: animate: done in \d+\.\d s$", capsys.readouterr().err, re.MULTILINE)
    assert ended(["animate", "--path", "bad", "--verbose"]) == 1
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert told.endswith("liax: x.png is broken; get another one.\n")
    assert ended(["animate", "--path", "bad"]) == 1
    assert capsys.readouterr().err == "liax: x.png is broken; get another one.\n"


def test_flags_after_two_dashes_are_arguments() -> None:
    assert _take_flags(["edit", "-v", "--", "--json"]) == (["edit", "--", "--json"], {"verbose"})


def test_environment_gives_weights_and_device(tiny_weights: Path) -> None:
    def listed(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "liax", *args]
        return subprocess.run(
            command,
            env=os.environ | {"COLUMNS": "200"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert f"{tiny_weights} names no controls" in listed("controls", LIAX_WEIGHTS=str(tiny_weights)).stdout
    shown = listed("edit", "--help", LIAX_WEIGHTS="mine.safetensors", LIAX_DEVICE="cuda:3").stdout
    assert "(default: mine.safetensors)" in shown
    assert "(default: cuda:3)" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended([*name.split(), "--help"]) == 0
    told = capsys.readouterr().out
    assert f"usage: liax {name}" in told
    assert unexplained(told) == []


def unexplained(told: str) -> list[str]:
    """Options whose help is no sentence before "(default: …)" or "(required)"."""
    plain = " ".join(line.strip("│╭╮╰╯─ ") for line in told.splitlines())
    options = re.split(r" (?=--[a-z])", plain)
    return [text for text in options if re.search(r"(?<!\.) \((default|required)", text)]


def test_help_without_a_sentence_is_noticed() -> None:
    assert unexplained("│ --size INT   Side in pixels. (default: 256) │\n│ --seed INT (default: 0) │") == [
        "--seed INT (default: 0)"
    ]


def test_help_imports_nothing_heavy() -> None:
    """Neither the list of commands nor a command's own help waits for PyTorch."""
    script = (
        "import sys\nfrom liax.cli.main import main\n"
        "try:\n    main({args})\nexcept SystemExit:\n    pass\n"
        "assert not {{'torch', 'mediapipe', 'av'}} & set(sys.modules)"
    )
    for args in (["--help"], ["animate", "--help"], ["demo", "--help"], ["train", "interpolate", "--help"]):
        subprocess.run(
            [sys.executable, "-c", script.format(args=args)], check=True, stdout=subprocess.DEVNULL
        )


@pytest.mark.parametrize("args", [["--version"], ["evaluate", "--help"]])
def test_nobody_reads_what_it_prints(args: list[str]) -> None:
    """As after `| head`: no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as out:
        run = subprocess.run(
            [sys.executable, "-m", "liax", *args], stdout=out, stderr=subprocess.PIPE, check=False
        )
    assert run.returncode == 141
    assert run.stderr == b""


def test_runs_as_a_module() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "liax", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("liax ")


@pytest.mark.parametrize(("encoding", "name"), [("cp1252", "笑.png"), ("utf-8", "\udcff.png")])
def test_names_that_the_terminal_cannot_print(
    tmp_path: Path, tiny_weights: Path, portrait_path: Path, name: str, encoding: str
) -> None:
    """The picture is written and told, with what cannot be printed in escapes; errors likewise."""
    environment = os.environ | {"PYTHONIOENCODING": encoding}

    def edit(image: Path) -> subprocess.CompletedProcess[bytes]:
        arguments = ("edit", image, "--set", "0=1", "-o", name, "--weights", tiny_weights, "--device", "cpu")
        command = [sys.executable, "-m", "liax", *map(os.fsencode, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)

    done = edit(portrait_path)
    told = name.encode(encoding, "backslashreplace").decode(encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding) == f"{told}: 64x64\n"
    assert os.listdir(tmp_path) == [name]
    refused = edit(Path(f"no{name}"))
    assert refused.returncode == 1
    assert refused.stderr.decode(encoding).startswith(f"liax: no{told} does not exist; ")
