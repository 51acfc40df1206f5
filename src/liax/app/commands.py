"""What was set on the page, as a command line and as a Python program that do the same."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Generic, TypeVar

import gradio as gr
from gradio.components import Component

from liax.option_flags import changed_options, to_arguments
from liax.options import (
    AnimateOptions,
    EditOptions,
    EditSettings,
    EditVideoOptions,
    ManipulateOptions,
    Names,
    to_text,
)

AnyOptions = AnimateOptions | EditOptions | EditVideoOptions | ManipulateOptions
Options = TypeVar("Options", bound=AnyOptions, covariant=True)

_COMMANDS: dict[type, str] = {
    AnimateOptions: "animate",
    EditOptions: "edit",
    EditVideoOptions: "edit-video",
    ManipulateOptions: "manipulate",
}
_LINE_LENGTH = 88
# In names of results: how many letters of a file's name, and how many changes.
_NAME_LENGTH, _NAMED_SETTINGS = 60, 3


@dataclass(frozen=True)
class Invocation(Generic[Options]):
    """A command of `liax` with its inputs and options; the type of the options says which command.

    Attributes:
        inputs: Names of the files given: a portrait and what drives it, or a portrait or video.
        output: Name of the file that is written.
        options: Whatever else was chosen.
        settings: What an edit changes; an animation has this among its options.
        sweep: Controls that are swept; None means an orbit.
        weights: Name of the weights.
        faces: Where several faces of a portrait move: number of each -> name of what moves it.
    """

    inputs: Sequence[str]
    output: str
    options: Options
    settings: EditSettings = field(default_factory=dict)
    sweep: Names | None = None
    weights: str = "small"
    faces: Mapping[int, str] = field(default_factory=dict)

    def command_line(self) -> str:
        """The shell command, such as "liax edit portrait.jpg -o edited.png --set yaw=10"."""
        words = ["liax", _COMMANDS[type(self.options)], *self.inputs, "-o", self.output]
        for number, driving in self.faces.items():
            words += ["--faces", f"{number}={driving}"]
        if self.settings:
            words += ["--set", to_text(self.settings)]
        if isinstance(self.options, ManipulateOptions):
            words += ["--orbit"] if self.sweep is None else ["--sweep", to_text(self.sweep)]
        words += to_arguments(self.options)
        if self.weights != "small":
            words += ["--weights", self.weights]
        return shlex.join(words)

    def python(self) -> str:
        """A complete Python program."""
        changed = [f"{name}={_literal(value)}" for name, value in changed_options(self.options).items()]
        options = [_call(type(self.options).__name__, changed)] if changed else []
        imports, statements = self._python_call(options)
        if options:
            imports = [*imports, f"from liax.options import {type(self.options).__name__}"]
        animator = f"animator = liax.Animator(liax.load({_literal(self.weights)}))"
        lines = ["from pathlib import Path", "", "import liax", *sorted(imports), "", animator, *statements]
        return "\n".join(lines)

    def _python_call(self, options: Sequence[str]) -> tuple[list[str], list[str]]:
        """Imports, and the statements that use the animator.

        Args:
            options: The options as an argument; none if nothing is changed.
        """
        inputs, output, settings = map(_path, self.inputs), _path(self.output), _literal(self.settings)
        write_image = "from liax.media.images import write_image"
        match self.options:
            case AnimateOptions() if self.faces:
                imports = ["from liax.portrait.reenact_video import reenact_file"]
                faces = ", ".join(f"{number}: {_path(name)}" for number, name in self.faces.items())
                return imports, [
                    _call("reenact_file", ["animator", *inputs, f"{{{faces}}}", output, *options])
                ]
            case AnimateOptions():
                imports = ["from liax.portrait import animate_file"]
                return imports, [_call("animate_file", ["animator", *inputs, output, *options])]
            case EditOptions():
                imports = [write_image, "from liax.portrait import edit_image"]
                edited = _call("edit_image", ["animator", *inputs, settings, *options])
                return imports, [f"edited = {edited}", f"write_image({output}, edited.picture_HW3)"]
            case EditVideoOptions():
                imports = ["from liax.portrait import edit_video, write_clip"]
                clip = _call("edit_video", ["animator", *inputs, settings, *options])
                return imports, [f"clip = {clip}", f"write_clip(clip, {output})"]
            case _:
                name = "orbit" if self.sweep is None else "sweep"
                sweep = [] if self.sweep is None else [_literal(self.sweep)]
                arguments = ["animator", *inputs, *sweep, *options]
                if self.output.endswith(".png"):
                    imports = [write_image, f"from liax.portrait.manipulate import {name}_sheet"]
                    sheet = _call(f"{name}_sheet", arguments)
                    return imports, [f"sheet = {sheet}", f"write_image({output}, sheet)"]
                imports = [f"from liax.portrait import {name}, write_clip"]
                return imports, [f"clip = {_call(name, arguments)}", f"write_clip(clip, {output})"]


def result_name(given: Sequence[str | Path | None], settings: EditSettings, otherwise: str) -> str:
    """What a result is called, without an ending: after the files given and what was changed.

    Args:
        given: The portrait or video, and what drives it.
        settings: What an edit changes; the first few are named.
        otherwise: What was done, if nothing of that says it.

    Returns:
        Such as "astronaut_yaw10" or "astronaut_talk".
    """
    names = [Path(path).stem[:_NAME_LENGTH] for path in given if path]
    changed = [f"{str(name).replace('#', 'no')}{value:g}" for name, value in settings.items()]
    parts = [*names, *changed[:_NAMED_SETTINGS]]
    return "_".join(parts if len(parts) > 1 else [*parts, otherwise])


class CommandsView:
    """A folded part of a tab that shows what is set there as a command and as a program, to be copied."""

    def __init__(self) -> None:
        with gr.Accordion("The same from the command line or Python", open=False):
            self.shell = gr.Code(language="shell", label="Command line", interactive=False, lines=1)
            self.program = gr.Code(language="python", label="Python", interactive=False, lines=1)

    def show_for(
        self,
        make_invocation: Callable[..., Invocation[AnyOptions]],
        inputs: Sequence[Component],
    ) -> None:
        """Show what `make_invocation(*values of inputs)` gives, from the start and after every change."""

        def show(*values: object) -> tuple[str, str]:
            invocation = make_invocation(*values)
            return invocation.command_line(), invocation.python()

        gr.on(
            None,
            show,
            inputs,
            [self.shell, self.program],
            trigger_mode="always_last",
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )


def _literal(value: object) -> str:
    """The value as one writes it in Python."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_literal, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


def _path(name: str) -> str:
    return f"Path({_literal(name)})"


def _call(function: str, arguments: Sequence[str]) -> str:
    """The call in one line if it fits, or with one argument a line."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _LINE_LENGTH and "\n" not in line:
        return line
    return f"{function}(\n" + "".join(indent(f"{argument},\n", "    ") for argument in arguments) + ")"
