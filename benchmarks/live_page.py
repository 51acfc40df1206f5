"""How far behind a camera is the portrait of `liax live`, and how many pictures a second does it show?

    python benchmarks/live_page.py [--weights live.safetensors --name live] [--seconds 20]
    python benchmarks/live_page.py --fill    # the results so far into docs/live.md, and nothing else

Serves the page and opens it in a real Chromium whose camera shows the demo's clip, 25 frames a second of
640x480. Every frame carries the time at which the browser got it from the camera, which comes back with the
picture that is made of it. "Shown" is the start of the first repaint after the picture is on the page. So
encoding in the browser, the way to the server and back, tracking, network, mark and drawing are all within.
The goal on two CPU cores is a 95th percentile of 150 ms. Run it when nothing else uses the machine: browser
and server share its cores.

Results of several weights lie side by side in the file; docs/live.md shows them all.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import tyro
from backends import processor
from camera import HEIGHT, RATE, WIDTH, camera_frames
from playwright.sync_api import sync_playwright

from liax.app.server import ServedPage
from liax.app.studio import Studio
from liax.portrait import Animator
from liax.portrait.device import keep_freed_memory
from liax.weights import load

GOAL_MS = 150
PAGE = Path(__file__).parents[1] / "docs" / "live.md"
RESULTS = Path(__file__).parent / "results" / "live_page.json"
_BEGIN, _END = "<!-- live-page -->\n", "<!-- end -->"
_WARM_UP = 20  # pictures before it counts
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
]


@dataclass(frozen=True)
class Settings:
    """Measure the page."""

    weights: str = "live"
    """Name or file of the weights."""
    name: str | None = None
    """What the weights are called in the table; by default as above."""
    backend: str | None = None
    """torch, onnxruntime or openvino; by default as `liax live` chooses."""
    device: str | None = None
    """cpu, cuda, cuda:N or mps; by default the fastest there is."""
    threads: int = 2
    """How many cores PyTorch may use."""
    seconds: float = 20.0
    """How long it is measured."""
    chromium: str | None = None
    """The browser's program; by default the one on the path, or CHROMIUM."""
    out: Path = RESULTS
    """The file to write; results of other weights in it stay."""
    fill: bool = False
    """Only put what is in that file into docs/live.md."""


def main(settings: Settings) -> None:
    if not settings.fill:
        measured = measure(settings)
        words = (settings.name or Path(settings.weights).stem, measured["device"], measured["backend"])
        name = ", ".join([*words, measured["processor"]])
        add_results(settings.out, {name: measured})
        print(table({name: measured}))
        print(f"{measured['behind_p95_ms'] / GOAL_MS:.0%} of the goal of {GOAL_MS} ms")
    if settings.out == RESULTS:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def measure(settings: Settings) -> dict[str, Any]:
    """What a visitor's page sees of these weights."""
    torch.set_num_threads(settings.threads)
    keep_freed_memory()
    animator = Animator(load(settings.weights), settings.device, backend=settings.backend)  # type: ignore[arg-type]
    with Studio(animator) as studio, tempfile.TemporaryDirectory() as folder:
        camera = write_camera(Path(folder) / "camera.mjpeg")
        served = ServedPage(studio)
        times = _watch(served.address, camera, settings)
        served.close()
    behind_T = np.array([each["shown"] - each["captured"] for each in times])
    seconds = (times[-1]["shown"] - times[0]["shown"]) / 1000
    return {
        "processor": processor(),
        "device": animator.device.type,
        "threads": settings.threads,
        "backend": animator.backend,
        "size": animator.size,
        "pictures": len(times),
        "pictures_a_second": rounded((len(times) - 1) / seconds),
        "behind_median_ms": rounded(np.median(behind_T)),
        "behind_p95_ms": rounded(np.quantile(behind_T, 0.95)),
        "server_median_ms": rounded(np.median([each["server"] for each in times])),
    }


def _watch(address: str, camera: Path, settings: Settings) -> list[dict[str, float]]:
    """The times of all pictures that the page shows."""
    program = settings.chromium or os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as started:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
        browser = started.chromium.launch(executable_path=program, args=flags)
        page = browser.new_page()
        page.goto(f"{address}#live")
        page.locator("[data-live=start]").click()
        page.wait_for_function("n => liax.live.times.length >= n", arg=_WARM_UP, timeout=120_000)
        first: int = page.evaluate("liax.live.times.length")
        page.wait_for_timeout(1000 * settings.seconds)
        times: list[dict[str, float]] = page.evaluate("n => liax.live.times.slice(n)", first)
        browser.close()
    return times


def write_camera(path: Path) -> Path:
    """A file that Chromium takes for a camera."""
    with av.open(path, "w", format="mjpeg") as output:
        stream: Any = output.add_stream("mjpeg", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for number, frame_HW3 in enumerate(camera_frames()):
            frame = av.VideoFrame.from_ndarray(frame_HW3, format="rgb24")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def rounded(value: float | np.floating) -> float:
    return float(f"{value:.4g}")


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as Markdown."""
    lines = [
        "| weights | on | pictures a second | behind you, median | behind you, 95 % | of that, the server |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        where = found["processor"] if found["device"] == "cpu" else found["device"]
        lines.append(
            f"| `{name.partition(',')[0]}`, {found['size']}² | {where}, {found['threads']} threads, "
            f"{found['backend']} | {found['pictures_a_second']:.1f} | {found['behind_median_ms']:.0f} ms | "
            f"{found['behind_p95_ms']:.0f} ms | {found['server_median_ms']:.0f} ms |"
        )
    return "\n".join(lines)


def filled(text: str, results: Path = RESULTS) -> str:
    """The page with the results in its table; without results it stays as it is."""
    return filled_between(_BEGIN, _END, text, results, table)


def add_results(file: Path, measured: dict[str, dict[str, Any]]) -> None:
    """Write results, by name, into a file where others stay."""
    earlier = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**earlier, **measured}, indent=1) + "\n")


def filled_between(
    begin: str, end: str, text: str, results: Path, table: Callable[[dict[str, dict[str, Any]]], str]
) -> str:
    """A page with the table of the results between two marks; without results it stays as it is."""
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError("the page has no place for the table")
    if not results.exists():
        return text
    return f"{before}{begin}\n{table(json.loads(results.read_text(encoding='utf-8')))}\n\n{end}{after}"


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
