"""A stand-in for the part of `comfy_api` 0.0.2 that the nodes use, written from its published signatures.

The application itself is in no package registry. This is like its version 0.3.64, but for a video's window,
which later versions have. What is not here raises, as does an unknown argument, so that a node cannot use
what the pinned version may not have. `run` treats a node as the application does: it
checks the values against the schema before, and the outputs after.
"""

from __future__ import annotations

import io as bytes_io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


class InterruptProcessingException(Exception):  # noqa: N818 - its name there
    """As `comfy.model_management` raises it."""


class NumberDisplay(str, Enum):  # noqa: UP042 - as it is there
    number = "number"
    slider = "slider"


@dataclass
class _Input:
    id: str
    display_name: str | None = None
    optional: bool = False
    tooltip: str | None = None
    lazy: bool | None = None


@dataclass
class _Widget(_Input):
    default: Any = None
    socketless: bool | None = None
    force_input: bool | None = None


@dataclass
class _Number(_Widget):
    min: float | None = None
    max: float | None = None
    step: float | None = None
    round: float | None = None
    display_mode: NumberDisplay | None = None


@dataclass
class _Text(_Widget):
    multiline: bool = False
    placeholder: str | None = None


@dataclass
class _Choice(_Widget):
    options: list[str] = field(default_factory=list)


@dataclass
class _Output:
    id: str | None = None
    display_name: str | None = None
    tooltip: str | None = None
    is_output_list: bool = False


def _kind(io_type: str, base: type[_Input] = _Input) -> type:
    """A type of sockets; its inputs and outputs know it."""
    own = {"io_type": io_type}
    return type(
        io_type, (), {**own, "Input": type("Input", (base,), own), "Output": type("Output", (_Output,), own)}
    )


@dataclass
class Schema:
    node_id: str
    display_name: str | None = None
    category: str = "sd"
    inputs: list[_Input] = field(default_factory=list)
    outputs: list[_Output] = field(default_factory=list)
    description: str = ""
    is_output_node: bool = False

    def __post_init__(self) -> None:
        names = [one.id for one in self.inputs]
        assert len(set(names)) == len(names), f"{self.node_id} has two inputs of one name"
        assert all(isinstance(one, _Input) for one in self.inputs)
        assert all(isinstance(one, _Output) for one in self.outputs)


class ComfyNode:
    @classmethod
    def define_schema(cls) -> Schema:
        raise NotImplementedError

    @classmethod
    def execute(cls, **values: Any) -> NodeOutput:
        raise NotImplementedError


class NodeOutput:
    def __init__(self, *args: Any, ui: Any = None) -> None:
        self.args = args


class VideoFromFile:
    """A VIDEO that is a file, or bytes of one, or a part of either."""

    def __init__(self, file: str | bytes_io.BytesIO, *, start_time: float = 0, duration: float = 0) -> None:
        assert isinstance(file, str | bytes_io.BytesIO)
        self._file, self._window = file, (float(start_time), float(duration))
        self.saved = 0

    def get_stream_source(self) -> str | bytes_io.BytesIO:
        return self._file

    def get_active_trim_window(self) -> tuple[float, float]:
        return self._window

    def save_to(self, path: str) -> None:
        self.saved += 1
        data = Path(self._file).read_bytes() if isinstance(self._file, str) else self._file.getvalue()
        Path(path).write_bytes(data)


_CHECKS = {
    "FLOAT": lambda one, value: isinstance(value, float | int) and one.min <= value <= one.max,
    "BOOLEAN": lambda one, value: isinstance(value, bool),
    "STRING": lambda one, value: isinstance(value, str),
    "COMBO": lambda one, value: value in one.options,
    "IMAGE": lambda one, value: value.ndim == 4 and value.shape[-1] in (3, 4) and value.is_floating_point(),
    "MASK": lambda one, value: value.ndim == 3,
    "VIDEO": lambda one, value: isinstance(value, VideoFromFile),
    "AUDIO": lambda one, value: set(value) == {"waveform", "sample_rate"} and value["waveform"].ndim == 3,
}


class ProgressBar:
    """Of `comfy.utils`.

    Args:
        told: What it tells, it appends here.
    """

    def __init__(self, told: list[tuple[float, float]], total: float) -> None:
        self._told, self.total = told, total

    def update_absolute(self, value: float, total: float | None = None) -> None:
        self.total = self.total if total is None else total
        assert 0 <= value <= self.total
        self._told.append((value, self.total))


class Application:
    """What a node sees of the application.

    Attributes:
        progress: What nodes have told: (value, of how much).
        interrupt_after: How many looks at the user's wish it takes until the user has had enough.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress: list[tuple[float, float]] = []
        self.interrupt_after: int | None = None

    def run(self, node: type[ComfyNode], **values: Any) -> Any:
        """A node's only output, for these values and its widgets' defaults."""
        schema = node.define_schema()
        known = {one.id: one for one in schema.inputs}
        assert set(values) <= set(known), f"no such inputs: {set(values) - set(known)}"
        for name, one in known.items():
            if name not in values and isinstance(one, _Widget) and one.default is not None:
                values[name] = one.default
            assert name in values or one.optional, f"{name} is required"
            if name in values and (check := _CHECKS.get(one.io_type)):
                assert check(one, values[name]), f"{name} is no {one.io_type}"
        output = node.execute(**values)
        assert isinstance(output, NodeOutput)
        assert len(output.args) == len(schema.outputs) == 1
        if check := _CHECKS.get(schema.outputs[0].io_type):
            assert check(schema.outputs[0], output.args[0])
        return output.args[0]

    def _throw_if_interrupted(self) -> None:
        if self.interrupt_after is not None:
            self.interrupt_after -= 1
            if self.interrupt_after < 0:
                raise InterruptProcessingException

    def modules(self) -> dict[str, ModuleType]:
        def module(name: str, **values: Any) -> ModuleType:
            made = ModuleType(name)
            vars(made).update(values)
            return made

        io = module(
            "comfy_api.latest._io",
            ComfyNode=ComfyNode,
            NodeOutput=NodeOutput,
            Schema=Schema,
            NumberDisplay=NumberDisplay,
            Custom=_kind,
            Boolean=_kind("BOOLEAN", _Widget),
            Float=_kind("FLOAT", _Number),
            String=_kind("STRING", _Text),
            Combo=_kind("COMBO", _Choice),
            Image=_kind("IMAGE"),
            Mask=_kind("MASK"),
            Video=_kind("VIDEO"),
            Audio=_kind("AUDIO"),
        )
        api = module(
            "comfy_api.v0_0_2",
            io=io,
            ComfyExtension=type("ComfyExtension", (), {}),
            InputImpl=SimpleNamespace(VideoFromFile=VideoFromFile),
        )
        management = module(
            "comfy.model_management", throw_exception_if_processing_interrupted=self._throw_if_interrupted
        )
        utils = module("comfy.utils", ProgressBar=partial(ProgressBar, self.progress))
        paths = module(
            "folder_paths",
            get_temp_directory=lambda: str(self.folder / "temp"),
            get_input_directory=lambda: str(self.folder / "input"),
            get_output_directory=lambda: str(self.folder / "output"),
        )
        return {
            "comfy_api": module("comfy_api", v0_0_2=api),
            "comfy_api.v0_0_2": api,
            "comfy": module("comfy", model_management=management, utils=utils),
            "comfy.utils": utils,
            "comfy.model_management": management,
            "folder_paths": paths,
        }


@contextmanager
def application(folder: Path) -> Iterator[Application]:
    """The application's modules, as if it ran from `folder`; they are gone after the block."""
    made = Application(folder)
    for name in ("input", "output"):
        (folder / name).mkdir()
    before = {name: sys.modules.get(name) for name in made.modules()}
    sys.modules.update(made.modules())
    try:
        yield made
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
