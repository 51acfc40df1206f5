"""What was set on the page, as a command line and as a Python program that do the same."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class Invocation:
    """A call of one of the library's functions, as the page makes it.

    Args:
        command: Of `liax` ("edit-video").
        inputs: Names of the files given, then `output` is written.
        settings: control's name -> amount.
        options: Keyword arguments that are not the default.
        weights: As for `--weights`.
    """

    command: str
    inputs: Sequence[str]
    output: str
    settings: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = "small"

    def command_line(self) -> str:
        """ "liax edit portrait.jpg -o edited.png --set yaw=10"."""
        words = ["liax", self.command, *self.inputs, "-o", self.output]
        if self.settings:
            words += ["--set", _listed(self.settings)]
        for name, value in self.options.items():
            words += _flag(name, value)
        if self.weights != "small":
            words += ["--weights", self.weights]
        return shlex.join(words)

    def python(self) -> str:
        """A program that can be run as it is."""
        opening = f"animator = liax.Animator(liax.load({_literal(self.weights)}))"
        files = [f"Path({_literal(name)})" for name in self.inputs]
        keywords = [f"{name}={_literal(value)}" for name, value in self.options.items()]
        settings = _literal(self.settings)
        output = f"Path({_literal(self.output)})"
        if self.command == "animate":
            keywords += [f"edit={settings}"] if self.settings else []
            imports = ["from liax.portrait import animate_file"]
            does = [_call("animate_file", ["animator", *files, output, *keywords])]
        elif self.command == "edit":
            imports = ["from liax.media.images import write_image", "from liax.portrait import edit_image"]
            does = [
                "edited = " + _call("edit_image", ["animator", *files, settings, *keywords]),
                f"write_image({output}, edited.picture_HW3)",
            ]
        elif self.command == "manipulate":
            imports, does = self._manipulates(files, output)
        else:
            imports = ["from liax.portrait import edit_video, write_clip"]
            does = [
                "clip = " + _call("edit_video", ["animator", *files, settings, *keywords]),
                f"write_clip(clip, {output})",
            ]
        return "\n".join(["from pathlib import Path", "", "import liax", *imports, "", opening, *does])

    def _manipulates(self, files: Sequence[str], output: str) -> tuple[list[str], list[str]]:
        """Imports and statements of a portrait that is swept or turned, as a clip or as a sheet."""
        options = {name: value for name, value in self.options.items() if name not in ("orbit", "sweep")}
        function, moves = "orbit", []
        if "sweep" in self.options:
            function, moves = "sweep", [_literal(self.options["sweep"].split(","))]
        keywords = [f"{name}={_literal(value)}" for name, value in options.items()]
        arguments = ["animator", *files, *moves, *keywords]
        if self.output.endswith(".png"):
            imports = [
                "from liax.media.images import write_image",
                f"from liax.portrait.manipulate import {function}_sheet",
            ]
            return imports, [
                f"sheet = {_call(f'{function}_sheet', arguments)}",
                f"write_image({output}, sheet)",
            ]
        made = [f"clip = {_call(function, arguments)}", f"write_clip(clip, {output})"]
        return [f"from liax.portrait import {function}, write_clip"], made


class CommandsView:
    """A folded part of a tab that shows a call as a command and as a program, each to be copied."""

    def __init__(self) -> None:
        with gr.Accordion("The same from the command line or Python", open=False):
            self.shell = gr.Code(language="shell", label="Command line", interactive=False, lines=1)
            self.program = gr.Code(language="python", label="Python", interactive=False, lines=1)
        self.outputs = [self.shell, self.program]

    def updates(self, call: Invocation) -> tuple[str, str]:
        """New values of `outputs`."""
        return call.command_line(), call.python()

    def show_for(self, make_invocation: Callable[..., Invocation], inputs: Sequence[Any]) -> None:
        """Show what `make_invocation(*values of inputs)` gives, from the start and whenever one of them
        changes.
        """
        gr.on(
            None,
            lambda *values: self.updates(make_invocation(*values)),
            inputs,
            self.outputs,
            trigger_mode="always_last",
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )


def _flag(name: str, value: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, Mapping):
        return [option, _listed(value)]
    if value is True:
        return [option]
    if value is False:
        return [{"relative": "--absolute"}.get(name, f"--no-{name.replace('_', '-')}")]
    return [option, str(value)]


def _listed(values: Mapping[str, float]) -> str:
    return ",".join(f"{name}={value:g}" for name, value in values.items())


def _literal(value: Any) -> str:
    """The value as one writes it in Python."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value)


def _call(function: str, arguments: Sequence[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= 88:
        return line
    return f"{function}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"
