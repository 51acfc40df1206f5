"""Every option that is a dataclass's field says what it does."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from liax.cli.main import COMMANDS, function_name, main


def command(name: str) -> Callable[..., None]:
    function = function_name(name)
    return getattr(import_module(f"liax.cli.{function}"), function)  # type: ignore[no-any-return]


def options_classes(hints: dict[str, Any]) -> Iterator[type]:
    """The dataclasses among types, and those among their fields'."""
    for hint in hints.values():
        for kind in (hint, *get_args(hint)):
            if isinstance(kind, type) and is_dataclass(kind):
                yield kind
                yield from options_classes(get_type_hints(kind))


CLASSES = [
    (name, kind)
    for name in COMMANDS
    for kind in dict.fromkeys(options_classes(get_type_hints(command(name))))
]


def field_docstrings(kind: type) -> dict[str, str]:
    """Field's name -> the string under it in the source, also of base classes."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__[:-1]):
        (definition,) = ast.parse(inspect.cleandoc(inspect.getsource(one))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in pairwise(definition.body):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                found[ast.unparse(field.target)] = ast.literal_eval(text.value)
    return found


def letters(text: str) -> str:
    """Without what differs between a docstring and its lines in a box."""
    return "".join(character for character in text if character.isalnum())


@pytest.mark.parametrize(("name", "kind"), CLASSES, ids=lambda value: getattr(value, "__name__", value))
def test_help_shows_every_fields_docstring(name: str, kind: type, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*name.split(), "--help"])
    shown = letters(capsys.readouterr().out)
    told = field_docstrings(kind)
    for field in fields(kind):
        if not is_dataclass(get_type_hints(kind)[field.name]):
            assert field.name in told
            assert letters(told[field.name]) in shown, field.name


def test_there_are_such_options() -> None:
    assert {"train", "prepare"} <= {name for name, _ in CLASSES}


CONFIG = Path(__file__).parents[2] / "configs" / "small.toml"


@pytest.mark.parametrize(
    "args",
    [["train"], ["train", "--config", str(CONFIG)], ["train", "interpolate"], ["prepare"], ["regions"]],
)
def test_help_does_not_wait_for_pytorch(args: list[str]) -> None:
    code = (
        "import sys\n"
        "from liax.cli.main import main\n"
        f"try: main({[*args, '--help']})\n"
        "finally: assert not {'torch', 'mediapipe', 'av', 'ray'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, stdout=subprocess.DEVNULL)
