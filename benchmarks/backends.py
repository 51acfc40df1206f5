"""What other runtimes than PyTorch buy on a CPU, and how near their pictures are.

    python benchmarks/backends.py [--weights small] [--threads 1 2] [--rounds 10] [-o OUT.json]
    python benchmarks/backends.py --table benchmarks/results/backends.json

For each number of threads and each backend and precision that this processor has: milliseconds to read a
driving frame, and to draw one; seconds from the opened weights to the first picture; dB by which pictures of
the demo, cut out as `liax animate` cuts them out, agree with PyTorch's in float32. The backends take turns,
and the best round counts, because whatever else runs on the machine only makes a round slower.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.metadata import version
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import liax
from liax.export.parity import parity
from liax.export.runtime_choice import missing_packages, open_runtime
from liax.model import LIAX, Encoded
from liax.portrait.animator import Animator
from liax.portrait.device import keep_freed_memory
from liax.portrait.driving import DrivingFootage, open_driving
from liax.portrait.engine import EagerEngine, Engine
from liax.portrait.runtime_engine import RuntimeEngine
from liax.portrait.source import open_portrait

CPU = torch.device("cpu")
_RATE = 25  # of the demo's clip
_COMPARED = 4  # frames whose pictures are compared, one of each second
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", default="small")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--table", type=Path, help="print the table of earlier results, and do nothing else")
    options = parser.parse_args()
    if options.table is not None:
        print(table(json.loads(options.table.read_text())))
        return
    keep_freed_memory()
    results = measure(options.weights, options.threads, options.rounds)
    print(table(results))
    if options.output is not None:
        options.output.write_text(json.dumps(results, indent=1) + "\n")


@torch.inference_mode()
def measure(weights: str, threads: Sequence[int], rounds: int) -> dict[str, Any]:
    """Everything about these weights, as it is written to the results file."""
    network = liax.load(weights).to(memory_format=torch.channels_last)
    network.draw_at(network.config.size)
    levels = _pictures(network)
    ways = _ways()
    results: dict[str, Any] = {
        "weights": network.metadata.get("name", weights),
        "size": network.config.size,
        "processor": processor(),
        "versions": {
            name: version(name) for name in ("torch", "onnxruntime", "openvino") if name in str(ways)
        },
        "rounds": rounds,
        "threads": {},
    }
    before = torch.get_num_threads()
    try:
        for count in threads:
            torch.set_num_threads(count)
            results["threads"][str(count)] = _beside_each_other(network, levels, ways, rounds)
    finally:
        torch.set_num_threads(before)
    return results


def _ways() -> list[tuple[str, str]]:
    """Backends and precisions that this machine has."""
    able = torch.cpu.get_capabilities()
    precisions = ["float32", *(["bfloat16"] if able.get("avx512_bf16") or able.get("amx_bf16") else [])]
    ways = [("torch", precision) for precision in precisions]
    if not missing_packages("onnxruntime"):
        ways.append(("onnxruntime", "float32"))
    if not missing_packages("openvino"):
        ways += [("openvino", precision) for precision in precisions]
    return ways


def _beside_each_other(
    network: LIAX, levels: Tensor, ways: Sequence[tuple[str, str]], rounds: int
) -> dict[str, dict[str, float]]:
    """Backend and precision -> what is measured of it, with the present number of threads."""
    engines: dict[str, Engine] = {}
    found: dict[str, dict[str, float]] = {}
    sources: dict[str, Encoded] = {}
    for backend, precision in ways:
        name = f"{backend} {precision}"
        gc.collect()
        begun = time.perf_counter()
        engines[name] = _engine(network, backend, precision)
        sources[name] = engines[name].encode(levels[:1])
        _draw(network, engines[name], sources[name], levels[1:2])
        found[name] = {"start_s": round(time.perf_counter() - begun, 2)}
    exact: Tensor | None = None
    for name, engine in engines.items():
        drawn = _draw(network, engine, sources[name], levels[1 : 1 + _COMPARED])
        exact = drawn if exact is None else exact
        found[name]["picture_db"] = round(parity(drawn.float().numpy(), exact.float().numpy()), 1)
    for _ in range(rounds):
        for name, engine in engines.items():
            code_BD, features = sources[name].code_BD, sources[name].features
            _keep_best(found[name], "read_ms", lambda engine=engine: engine.coefficients(levels[1:2]))
            _keep_best(
                found[name],
                "draw_ms",
                lambda engine=engine, code_BD=code_BD, features=features: engine.draw_levels(
                    code_BD, features
                ),
            )
    return found


def _engine(network: LIAX, backend: str, precision: str) -> Engine:
    if backend == "torch":
        return EagerEngine(network, DTYPES[precision])
    return RuntimeEngine(open_runtime(backend, network, DTYPES[precision]))  # type: ignore[arg-type]


def _draw(network: LIAX, engine: Engine, source: Encoded, levels: Tensor) -> Tensor:
    """Images of the source with the motion of pictures, float32 and not rounded."""
    code_BD = network.reenact(source.code_BD, engine.coefficients(levels))
    return engine.draw(code_BD, source.features).image


def _keep_best(found: dict[str, float], name: str, work: Callable[[], Any]) -> None:
    begun = time.perf_counter()
    work()
    taken = round(1000 * (time.perf_counter() - begun), 1)
    found[name] = min(taken, found.get(name, taken))


def _pictures(network: LIAX) -> Tensor:
    """The squares of the demo's portrait, and then of frames of its clip, uint8."""
    assets = Path(str(files("liax.assets")))
    animator = Animator(network, CPU, torch.float32, backend="torch")
    portrait = open_portrait(animator, assets / "demo_portrait.jpg")
    driving = open_driving(animator, assets / "demo_driving.mp4")
    assert isinstance(driving, DrivingFootage)
    with closing(driving.views()) as views:
        squares = [view.square_RR3 for view in islice(views, 0, _COMPARED * _RATE, _RATE)]
    return torch.from_numpy(np.stack([portrait.square_RR3, *squares]))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    able = torch.cpu.get_capabilities()
    units = [unit for unit in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16") if able.get(unit)]
    return f"{name} ({', '.join(units)})"


def table(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "| threads | | read a frame | draw a frame | both, beside torch | picture | start |",
        "|---|---|---|---|---|---|---|",
    ]
    for threads, ways in results["threads"].items():
        for name, found in ways.items():
            plain = ways[f"torch {name.split()[1]}"]
            ratio = _both(plain) / _both(found)
            picture = "–" if name == "torch float32" else f"{found['picture_db']:.1f} dB"
            lines.append(
                f"| {threads} | {name} | {found['read_ms']:.0f} ms | {found['draw_ms']:.0f} ms | "
                f"{ratio:.2f} × | {picture} | {found['start_s']:.1f} s |"
            )
    return "\n".join(lines)


def _both(found: dict[str, float]) -> float:
    return found["read_ms"] + found["draw_ms"]


if __name__ == "__main__":
    main()
