"""How fast pictures are drawn, and what whole commands spend their time on.

    python benchmarks/throughput.py network [--presets small large] [--compile MODE …] [--json OUT]
    python benchmarks/throughput.py command DRIVING [--source PORTRAIT] [--only animate …] [--json OUT]

`network`: ms a frame for one driving frame encoded and one frame drawn, 1 and 8 at a time, without files:
as `Animator` runs the network on this device (on a GPU, prepared, in CUDA graphs), as it is written, and with
--compile also that by `torch.compile` in each of the modes, all in one run. A mode's search for kernels is
given up after --limit seconds. On GPUs also the peak of memory. The weights are random: speed does not depend
on them.

`command`: what `liax animate`, `liax edit-video` and `liax edit` do, from opened weights to a written file.
For each stage the seconds in which it works, as a share of the whole, and how much of its threads' time it is
idle, because it waits for other stages. Stages run side by side, so that shares add up to more than 1. Of a
picture's edit, the median of several. With --without-network the network repeats its first answers, and what
is left is all that a faster one would wait for. --add adds a row for each video to a file of results.

The file of results is written anew after each of them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from liax.media.video import Video
from liax.model import LIAX, PRESETS, Encoded
from liax.portrait.device import choose_device, keep_freed_memory
from liax.portrait.engine import Drawing, EagerEngine, Engine
from liax.portrait.engine_choice import choose_engine
from liax.portrait.precision import choose_precision
from liax.portrait.switching_engine import WORTHWHILE, SwitchingEngine

BATCHES = (1, 8)
COMMANDS = ("animate", "edit-video", "edit")
_DTYPES = ("float32", "bfloat16", "float16")
_NOTHING = "nothing"  # runs the network that repeats itself
_EDITS = 12  # of one picture, of which the first two are not counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    network = commands.add_parser("network")
    network.add_argument("--presets", nargs="+", default=["small", "small-512", "base", "middle", "large"])
    network.add_argument("--compile", nargs="*", default=None, metavar="MODE", help="of torch.compile")
    network.add_argument("--limit", type=float, default=600.0, help="seconds for each mode")
    network.add_argument("--ways", nargs="+", help="only these")
    network.add_argument("--batches", nargs="+", type=int, default=BATCHES, help="frames at a time")
    command = commands.add_parser("command")
    command.add_argument("driving", type=Path)
    command.add_argument("--source", type=Path, default=Path(str(files("liax.assets") / "demo_portrait.jpg")))
    command.add_argument("--weights", default="small")
    command.add_argument("--preset", choices=sorted(PRESETS), help="random weights of that size instead")
    command.add_argument("--only", nargs="+", choices=COMMANDS, default=COMMANDS)
    command.add_argument("--without-network", action="store_true", help="its first answers, again and again")
    command.add_argument("--add", type=Path, help="file of results that gets a row for each video")
    command.add_argument("--until", type=float, help="seconds of the driving that are used")
    for each in (network, command):
        each.add_argument("--json", type=Path)
        each.add_argument("--device")
        each.add_argument("--dtype", choices=_DTYPES, help="by default as `Animator` chooses")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what it started, too
    device = choose_device(options.device)
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or platform.machine()
    )
    about = {"device": name, "torch": torch.__version__, "cores": torch.get_num_threads()}
    keep_freed_memory()
    for results in (_network if options.command == "network" else _commands)(options, device):
        if options.json is not None:
            options.json.write_text(json.dumps(about | results, indent=1) + "\n")


def _network(options: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    """The results so far, after each way of each preset."""
    dtype = getattr(torch, options.dtype) if options.dtype else choose_precision(device)
    results: dict[str, Any] = {"dtype": str(dtype).removeprefix("torch."), "ms": {}, "peak_GiB": {}}
    modes = ["max-autotune"] if options.compile == [] else options.compile or []
    ways = options.ways or ["shipped", "eager", *(f"compiled {mode}" for mode in modes)]
    print(f"{'':12s}{'ms a frame':36s}" + "".join(f"{f'×{count}':>10s}" for count in options.batches))
    for way in ways:
        for preset in options.presets:
            measured = results["ms"].setdefault(preset, {}).setdefault(way, {})
            if way.startswith("compiled") and options.ways is None:
                found = _in_time(options, preset, way)
                measured |= found["ms"].get(preset, {}).get(way, {})
                if preset in found["peak_GiB"]:
                    results["peak_GiB"].setdefault(preset, {})[way] = found["peak_GiB"][preset][way]
                results.setdefault("seconds", {}).setdefault(preset, {})[way] = found["seconds"]
                yield results
            else:
                for count, ms, peak in _measure(preset, way, options.batches, device, dtype):
                    measured[str(count)] = ms
                    if peak is not None:
                        results["peak_GiB"].setdefault(preset, {})[way] = peak
                    yield results
            numbers = (
                f"{measured[str(n)]:10.3f}" if str(n) in measured else " " * 10 for n in options.batches
            )
            peak = results["peak_GiB"].get(preset, {}).get(way, "")
            print(f"{preset:12s}{way:36s}{''.join(numbers)}  {peak}", flush=True)


def _in_time(options: argparse.Namespace, preset: str, way: str) -> dict[str, Any]:
    """What a process of its own measures within --limit, and how many seconds it took."""
    batches = [str(count) for count in options.batches]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        what = ["--presets", preset, "--ways", way, "--batches", *batches, "--json", str(out)]
        for name in ("device", "dtype"):
            given = getattr(options, name)
            what += [] if given is None else [f"--{name}", given]
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, __file__, "network", *what], start_new_session=True, stdout=subprocess.DEVNULL
        )
        try:
            process.wait(options.limit)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        found: dict[str, Any] = {"ms": {}, "peak_GiB": {}}
        with suppress(FileNotFoundError, ValueError):  # not written, or not to its end
            found = json.loads(out.read_text())
        return found | {"seconds": round(time.perf_counter() - begun, 1)}


@torch.inference_mode()
def _measure(
    preset: str, way: str, batches: Sequence[int], device: torch.device, dtype: torch.dtype
) -> Iterator[tuple[int, float, float | None]]:
    """For each batch size ms a frame and, on GPUs, the peak of memory so far in GiB."""
    network = _random(preset, device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    engine = _engine(way, network, device, dtype)
    for count in batches:
        ms = _ms_a_frame(engine, network, count)
        cuda = device.type == "cuda"
        yield count, ms, round(torch.cuda.max_memory_allocated() / 2**30, 2) if cuda else None


def _random(preset: str, device: torch.device) -> LIAX:
    torch.manual_seed(0)
    with device:
        network = LIAX(PRESETS[preset]).eval()
    network.dictionary.freeze()
    return network


def _engine(way: str, network: LIAX, device: torch.device, dtype: torch.dtype) -> Engine:
    if way == "shipped":
        return choose_engine(network, device, dtype)
    engine = EagerEngine(network, dtype)
    if way.startswith("compiled"):
        torch.compiler.reset()
        compiled = torch.compile(mode=way.removeprefix("compiled "), dynamic=False)
        engine.coefficients = compiled(engine.coefficients)  # type: ignore[method-assign]
        engine.draw_levels = compiled(engine.draw_levels)  # type: ignore[method-assign]
    return engine


def _ms_a_frame(engine: Engine, network: LIAX, batch: int) -> float:
    size, device = network.config.size, next(network.parameters()).device
    levels = torch.randint(0, 256, (batch, size, size, 3), dtype=torch.uint8, device=device)
    source = engine.encode(levels[:1])

    def frames() -> Tensor:
        alpha_BM = engine.coefficients(levels)
        return engine.draw_levels(network.reenact(source.code_BD, alpha_BM.clone()), source.features)

    for _ in range(max(3, WORTHWHILE // batch + 1)):  # on a CPU, another runtime may take over
        frames()
    times: list[float] = []
    while len(times) < 5 or (sum(times) < 2 and len(times) < 100):
        _wait(device)
        begun = time.perf_counter()
        frames()
        _wait(device)
        times.append(time.perf_counter() - begun)
    return round(1000 * statistics.median(times) / batch, 3)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


# Stage -> what is counted for it: a class or module, and the name of a function in it.
STAGES: dict[str, list[tuple[str, str]]] = {
    "decoding": [("liax.media.video", "_decode")],
    "converting to RGB": [("liax.media.video", "to_rgb")],
    "finding the face": [("liax.face.landmarks.FaceLandmarker", "detect")],
    "cropping": [("liax.portrait.framing.Framing", "to_square")],
    "the network": [
        ("liax.portrait.animator.Animator", "coefficients"),
        ("liax.portrait.animator.Animator", "encode"),
        ("liax.portrait.animator.Animator", "draw"),
        ("liax.portrait.animator.Animator", "_drawn"),
    ],
    "pasting": [
        ("liax.portrait.retouch.Retouch", "__call__"),
        ("liax.portrait.device_retouch.DeviceRetouch", "__call__"),
    ],
    "marking": [("liax.media.writer.VideoWriter", "_marked")],
    "writing": [("liax.media.writer.VideoWriter", "encode"), ("liax.media.writer.VideoWriter", "finish")],
}


def _commands(options: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    """The results so far, after each command."""
    from liax import load
    from liax.media.images import write_image
    from liax.options import AnimateOptions, EditOptions, EditSettings, EditVideoOptions
    from liax.portrait.animate import animate_file
    from liax.portrait.animator import Animator
    from liax.portrait.clip import write_clip
    from liax.portrait.edit import edit_image
    from liax.portrait.edit_video import edit_video

    network = load(options.weights) if options.preset is None else _random(options.preset, device)
    animator = Animator(network, options.device, options.dtype and getattr(torch, options.dtype))
    runtime = "OpenVINO" if isinstance(animator._engine, SwitchingEngine) else "PyTorch"
    if options.without_network:
        runtime, animator._engine = _NOTHING, RepeatingEngine(animator._engine)
    settings: EditSettings = {"yaw": 5.0} if options.preset is None else {0: 0.5}
    results: dict[str, Any] = {"dtype": str(animator.dtype).removeprefix("torch.")}

    def animate(out: Path) -> int:
        what = AnimateOptions(until=options.until)
        return animate_file(animator, options.source, options.driving, out, what, overwrite=True).frames

    def change_video(out: Path) -> int:
        clip = edit_video(animator, options.driving, settings, EditVideoOptions(until=options.until))
        return write_clip(clip, out, overwrite=True).frames

    def change_picture(out: Path) -> dict[str, float]:
        times: dict[str, list[float]] = {"whole picture": [], "square": []}
        for _ in range(_EDITS):
            for name, each in times.items():
                begun = time.perf_counter()
                edited = edit_image(
                    animator, options.source, settings, EditOptions(paste=name == "whole picture")
                )
                each.append(time.perf_counter() - begun)
                write_image(out, edited.picture_HW3, provenance=edited.provenance, overwrite=True)
        return {name: round(1000 * statistics.median(each[2:]), 1) for name, each in times.items()}

    for name in options.only:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        with tempfile.TemporaryDirectory() as folder:
            if name == "edit":
                results[name] = {"ms": change_picture(Path(folder) / "out.png")}
            else:
                command = animate if name == "animate" else change_video
                out = Path(folder) / "out.mp4"
                results[name] = _measured(lambda command=command, out=out: command(out))  # type: ignore[misc]
        if device.type == "cuda":
            results[name]["peak_GiB"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
        print(f"{name}: " + json.dumps(results[name], indent=1), flush=True)
        if options.add is not None and name != "edit":
            row = {"weights": options.preset or options.weights, "size": animator.size, "runtime": runtime}
            row |= {"dtype": results["dtype"], "driving": _described(options.driving)}
            _add_row(options.add, name, row, results[name])
        yield results


def _described(driving: Path) -> str:
    video = Video(driving)
    return f"{driving.stem}, {video.width}x{video.height}"


def _add_row(file: Path, command: str, row: dict[str, Any], measured: dict[str, Any]) -> None:
    """Write what a command did into a file of results, in place of an earlier measurement of the same."""
    results = json.loads(file.read_text())
    rows = [each for each in results.get(command, []) if row.items() - each.items()]
    row |= {key: measured[key] for key in ("frames", "frames_a_second")}
    row["processor_ms_a_frame"] = round(1000 * measured["processors_used"] / measured["frames_a_second"], 1)
    row["network_share"] = measured["stages"].get("the network", {}).get("share", 0.0)
    results[command] = [*rows, row]
    file.write_text(json.dumps(results, indent=1) + "\n")


class RepeatingEngine:
    """An engine that computes each thing once, and then repeats it.

    What is drawn without a change, with the first code, and what with any other, are two things.

    Args:
        engine: Computes.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._code: Tensor | None = None
        self._encoded: Encoded | None = None
        self._drawn: dict[tuple[str, bool], tuple[Tensor, ...]] = {}

    def encode(self, levels_BRR3: Tensor) -> Encoded:
        if self._encoded is None:
            self._encoded = self._engine.encode(levels_BRR3[:1])
        code, alpha, features = self._encoded
        repeated = _repeated((code, alpha, *features), len(levels_BRR3))
        return Encoded(repeated[0], repeated[1], repeated[2:])

    def coefficients(self, levels_BRR3: Tensor) -> Tensor:
        return self.encode(levels_BRR3).alpha_BM

    def draw(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Drawing:
        return Drawing(*self._once("draw", code_BD, features))

    def draw_levels(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        return self._once("draw_levels", code_BD, features)[0]

    def _once(self, how: str, code_BD: Tensor, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if self._code is None:
            self._code = code_BD[:1]
        key = how, torch.equal(code_BD[:1], self._code)
        if key not in self._drawn:
            drawn = getattr(self._engine, how)(code_BD[:1], tuple(each[:1] for each in features))
            self._drawn[key] = (drawn,) if isinstance(drawn, Tensor) else tuple(drawn)
        return _repeated(self._drawn[key], len(code_BD))


def _repeated(firsts: tuple[Tensor, ...], count: int) -> tuple[Tensor, ...]:
    return tuple(first.expand(count, *first.shape[1:]) for first in firsts)


def _measured(command: Callable[[], int]) -> dict[str, Any]:
    """Frames a second, and each stage's seconds as a share of the whole and of its threads' time."""
    with _stopwatch() as (busy, first):
        begun, used, system = time.perf_counter(), time.process_time(), os.times().system
        frames = command()
        seconds, used = time.perf_counter() - begun, time.process_time() - used
        system = os.times().system - system
    stages = {}
    for stage, by_thread in busy.items():
        share = sum(by_thread.values()) / seconds
        idle = 1 - share / len(by_thread)
        stages[stage] = {"share": round(share, 3), "threads": len(by_thread), "idle": round(idle, 3)}
    return {
        "frames": frames,
        "frames_a_second": round(frames / seconds, 2),
        "seconds_before_the_first_frame": round(first.get("writing", begun) - begun, 2),
        "processors_used": round(used / seconds, 2),
        "of_it_in_the_kernel": round(system / used, 2),
        "stages": stages,
    }


@contextmanager
def _stopwatch() -> Iterator[tuple[dict[str, dict[str, float]], dict[str, float]]]:
    """Counts the seconds in each stage's functions, thread by thread, and says when each stage first began.

    Inner calls count for the outer one.
    """
    busy: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    first: dict[str, float] = {}
    inside = threading.local()

    def add(stage: str, begun: float) -> None:
        first.setdefault(stage, begun)
        busy[stage][threading.current_thread().name] += time.perf_counter() - begun

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            if getattr(inside, "stage", None) is not None:
                return function(*args, **kwargs)
            inside.stage, begun = stage, time.perf_counter()
            try:
                result = function(*args, **kwargs)
            finally:
                inside.stage = None
                add(stage, begun)
            return stepwise(stage, result) if stage == "decoding" else result

        return run

    def stepwise(stage: str, frames: Iterator[Any]) -> Iterator[Any]:
        while True:
            begun = time.perf_counter()
            try:
                frame = next(frames)
            except StopIteration:
                return
            finally:
                add(stage, begun)
            yield frame

    with ExitStack() as patches:
        for stage, functions in STAGES.items():
            for place, name in functions:
                owner = _named(place)
                patches.enter_context(patch.object(owner, name, timed(stage, getattr(owner, name))))
        yield busy, first


def _named(place: str) -> Any:
    """A module, or a class in one."""
    module, _, last = place.rpartition(".")
    owner = __import__(place if last.islower() else module, fromlist=["_"])
    return owner if last.islower() else getattr(owner, last)


def presets_table(results: dict[str, Any]) -> str:
    """The results of `network` as Markdown."""
    lines = [
        "| | 1 at a time | 8 at a time | as it is written: 1 | 8 | peak of memory |",
        "|---|---|---|---|---|---|",
    ]
    for preset, ways in results["ms"].items():
        cells = [f"{ways[way][count]:.3g} ms" for way in ("shipped", "eager") for count in ("1", "8")]
        peak = f"{results['peak_GiB'][preset]['shipped']:.1f} GiB"
        lines.append(f"| `{preset}` | {' | '.join([*cells, peak])} |")
    return "\n".join(lines)


def compile_table(results: dict[str, Any]) -> str:
    """The results of `network --presets PRESET --compile` as Markdown."""
    lines = ["| | 1 at a time | 8 at a time | until ready |", "|---|---|---|---|"]
    names = {"shipped": "what `Animator` runs", "eager": "as it is written"}
    ((preset, ways),) = results["ms"].items()
    for way, ms in ways.items():
        name = names.get(way) or f"`torch.compile`, {way.removeprefix('compiled ')}"
        seconds = results["seconds"][preset].get(way)
        times = [f"{ms[count]:.3g} ms" for count in ("1", "8")] if ms else ["–", "–"]
        ready = "" if seconds is None else f"{seconds:.0f} s" if ms else f"not after {seconds:.0f} s"
        lines.append(f"| {' | '.join([name, *times, ready])} |")
    return "\n".join(lines)


def commands_table(results: dict[str, Any]) -> str:
    """The results of `command` as Markdown: the busiest stages of each."""
    lines = ["| | frames a second | busiest stages, of the whole time |", "|---|---|---|"]
    for name in ("animate", "edit-video"):
        found = results[name]
        busiest = sorted(found["stages"].items(), key=lambda item: -item[1]["share"])[:3]
        stages = ", ".join(f"{stage} {each['share']:.2f}" for stage, each in busiest)
        lines.append(f"| `{name}` | {found['frames_a_second']:.1f} | {stages} |")
    return "\n".join(lines)


def processors_table(rows: Sequence[dict[str, Any]]) -> str:
    """What `animate` does on one processor as Markdown: of each kind of weights, number and runtime."""
    lines = ["| | run by | frames | frames a second | the network's share |", "|---|---|---|---|---|"]
    for row in rows:
        if row["runtime"] != _NOTHING:
            network = f"`{row['weights']}`, {row['size']}² | {row['runtime']}, {row['dtype']}"
            speed = f"{row['frames_a_second']:.1f} | {row['network_share']:.0%}"
            lines.append(f"| {network} | {row['frames']} | {speed} |")
    return "\n".join(lines)


def rest_table(results: dict[str, Any]) -> str:
    """What commands do on one processor while the network repeats its first answers, as Markdown."""
    lines = ["| | driving, or edited | frames a second | processor time a frame |", "|---|---|---|---|"]
    for command in ("animate", "edit-video"):
        for row in results[command]:
            if row["runtime"] == _NOTHING:
                lines.append(
                    f"| `{command}` | {row['driving']} | {row['frames_a_second']:.1f} | "
                    f"{row['processor_ms_a_frame']:.0f} ms |"
                )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
