"""How fast is the page of `liax web`, and how soon does it show its first picture?

    python benchmarks/web_page.py [--weights small --size 256] [--seconds 20]
    python benchmarks/web_page.py --preset live     # random weights, whose values do not change the speed
    python benchmarks/web_page.py --gpu             # by WebGPU
    python benchmarks/web_page.py --fill            # the results so far into docs/web.md, nothing else

Writes the page, serves it as `python -m http.server` does, and opens it in a real Chromium, without a GPU
unless --gpu is given, whose camera shows the demo's clip, 25 frames a second of 640x480. "First picture" is
from the start of the navigation to the portrait as the network draws it, once the browser has everything in
its cache. Every frame carries the time at which the browser got it from the camera; "behind you" is from
then to the first repaint after its picture is on the page. "As PyTorch" is the PSNR of the demo portrait as
the page draws it against PyTorch in float32, of the same square. Each page is measured with its service
worker, which lets WebAssembly use all cores, and without, on one. "Wanted cores beside" is how many
processes of others wanted a core just before: where it is not 0, only the processor time a picture, of all
the browser's processes, is the page's own. The goals on two cores are 3 s and 8 pictures a second. Run it
when nothing else uses the machine.

Results lie side by side in the file; docs/web.md shows them all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import psutil
import torch
import tyro
from backends import processor
from live_page import FLAGS, add_results, filled_between, rounded, write_camera
from playwright.sync_api import sync_playwright

from liax.export.folder import Precision
from liax.face.crop import Crop, crop_and_resize
from liax.media.images import read_image
from liax.model import LIAX, PRESETS
from liax.model.pixels import from_uint8, to_uint8
from liax.web.folder import write_page
from liax.weights import load

GOAL_FIRST_S, GOAL_RATE = 3, 8
PAGE = Path(__file__).parents[1] / "docs" / "web.md"
RESULTS = Path(__file__).parent / "results" / "web_page.json"
_BEGIN, _END = "<!-- web-page -->\n", "<!-- end -->"
_WARM_UP = 8  # pictures before it counts
_GPU_FLAGS = [
    *("--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-angle=vulkan"),
    *("--ignore-gpu-blocklist", "--disable-vulkan-surface"),
]
_ADAPTER = """async () => {
  const {vendor, architecture, device, description} = (await navigator.gpu.requestAdapter()).info;
  return description || [vendor, architecture, device].filter(Boolean).join(" ");
}"""


@dataclass(frozen=True)
class Settings:
    """Measure the page."""

    weights: str = "small"
    """Name or file of the weights."""
    preset: str | None = None
    """In place of weights, random ones of this preset."""
    size: int | None = None
    """Side of the pictures that are drawn; by default the network's largest."""
    seconds: float = 20.0
    """How long the camera runs."""
    gpu: bool = False
    """Compute on the GPU, through Vulkan, instead of in WebAssembly."""
    chromium: str | None = None
    """The browser's program; by default the one on the path, or CHROMIUM."""
    out: Path = RESULTS
    """The file to write; other results in it stay."""
    fill: bool = False
    """Only put what is in that file into docs/web.md."""


def main(settings: Settings) -> None:
    if not settings.fill:
        network = _network(settings)
        name = settings.preset or Path(settings.weights).stem
        with tempfile.TemporaryDirectory() as folder:
            precisions: list[Precision] = ["float32", "float16"] if settings.gpu else ["float32"]
            done = write_page(network, Path(folder) / "page", name, precisions=precisions)
            ways = {"GPU": True} if settings.gpu else {"threads": True, "one": False}
            measured = {}
            for way, isolated in ways.items():
                found = _measure(network, done.folder, settings, isolated=isolated)
                where = found["gpu"] or found["processor"]
                measured[f"{name}, {network.drawn_size}, {way}, {where}"] = {
                    "weights": name,
                    "random": settings.preset is not None,
                    "size": network.drawn_size,
                    "loaded_MB": rounded(megabytes_loaded(done.files, settings.gpu, found["dtype"])),
                    **found,
                }
        add_results(settings.out, measured)
        print(table(measured))
        print(f"The goals are {GOAL_FIRST_S} s and {GOAL_RATE} pictures a second.")
    if settings.out == RESULTS:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _network(settings: Settings) -> LIAX:
    if settings.preset is None:
        return load(settings.weights, size=settings.size)
    torch.manual_seed(0)
    network = LIAX(PRESETS[settings.preset]).eval().requires_grad_(False)
    if settings.size is not None:
        network.draw_at(settings.size)
    return network


def megabytes_loaded(files: dict[str, int], gpu: bool, dtype: str) -> float:
    """What a browser loads of the page's files, where the network computes in this dtype."""

    def is_loaded(file: str) -> bool:
        if file.endswith(".onnx") and file != "mark.onnx":
            return ("float16" in file) == (dtype == "float16")
        of_gpu, of_wasm = "asyncify" in file or "webgpu" in file, file.startswith("ort")
        return gpu if of_gpu else not (gpu and of_wasm)

    return sum(size for file, size in files.items() if is_loaded(file)) / 1e6


def _measure(network: LIAX, folder: Path, settings: Settings, *, isolated: bool) -> dict[str, Any]:
    load_before = os.getloadavg()[0]
    program = settings.chromium or os.environ.get("CHROMIUM") or shutil.which("chromium")
    with _served(folder) as address, tempfile.TemporaryDirectory() as scratch, sync_playwright() as started:
        camera = write_camera(Path(scratch) / "camera.mjpeg")
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
        if settings.gpu:
            flags = [*(flag for flag in flags if flag != "--disable-gpu"), *_GPU_FLAGS]
        context = started.chromium.launch_persistent_context(
            f"{scratch}/profile",
            executable_path=program,
            args=flags,
        )
        if not isolated:  # as if that had been tried
            context.add_init_script("sessionStorage.setItem('liax-isolated', 'yes')")
        page = context.new_page()
        page.set_default_timeout(180_000)
        firsts = []
        for _ in range(3):
            page.goto(address)
            page.locator("html[data-state=ready]").wait_for(state="attached")
            (mark,) = page.evaluate(
                "performance.getEntriesByName('liax-first-picture').map(m => m.startTime)"
            )
            firsts.append(mark / 1000)
        parity_db = _parity(page, network)
        page.locator("#start").click()
        while page.evaluate("liax.times.length") < _WARM_UP:
            page.wait_for_timeout(100)
        first, worked = page.evaluate("liax.times.length"), _processor_seconds()
        page.wait_for_timeout(1000 * settings.seconds)
        times, worked = page.evaluate("n => liax.times.slice(n)", first), _processor_seconds() - worked
        backend = page.evaluate("liax.backend")
        gpu = page.evaluate(_ADAPTER) if settings.gpu else None
        version = context.browser.version if context.browser else page.evaluate("navigator.userAgent")
        context.close()
    behind_T = np.array([each["shown"] - each["captured"] for each in times])
    return {
        "processor": processor(),
        "gpu": gpu,
        "load_before": rounded(load_before),  # processes that wanted a core, over a minute
        "browser": version,
        "runs_on": backend["provider"],
        "dtype": "float16" if backend["half"] else "float32",
        "threads": backend["threads"],
        "psnr_with_pytorch_db": parity_db,
        "first_picture_s": rounded(min(firsts[1:])),
        "pictures": len(times),
        "pictures_a_second": rounded(1000 * (len(times) - 1) / (times[-1]["shown"] - times[0]["shown"])),
        "processor_ms_a_picture": rounded(1000 * worked / len(times)),
        "behind_median_ms": rounded(np.median(behind_T)),
        "behind_p95_ms": rounded(np.quantile(behind_T, 0.95)),
    }


def _processor_seconds() -> float:
    """How long all processes of the browser have computed."""
    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "chrom" in process.name():
                times = process.cpu_times()
                seconds += times.user + times.system
    return seconds


@torch.no_grad()
def _parity(page: Any, network: LIAX) -> float:
    """The PSNR of what the page draws of its portrait, as that is, against PyTorch, in dB."""
    drawn = page.evaluate(
        """async () => {
          const {data} = await liax.session.network.call("plain", [liax.session.transfer.source]);
          return Array.from(data);
        }"""
    )
    side = network.drawn_size
    drawn_RR3 = np.array(drawn, np.uint8).reshape(side, side, 4)[..., :3]
    crop = Crop(**page.evaluate("liax.session.portrait.crop"))
    picture_HW3 = read_image(Path(str(files("liax.assets") / "demo_portrait.jpg")), "portrait")
    square_RR3 = crop_and_resize(picture_HW3, crop, network.config.size)
    seen = network.encode(from_uint8(torch.tensor(square_RR3)).permute(2, 0, 1)[None])
    wanted = network.decode(network.reenact(seen.code_BD, seen.alpha_BM), seen.features)
    error_RR3 = drawn_RR3 - to_uint8(wanted)[0].permute(1, 2, 0).numpy().astype(np.float64)
    return rounded(10 * np.log10(255**2 / np.mean(error_RR3**2)))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as Markdown."""
    lines = [
        "| weights | on | wanted cores beside | loaded | first picture, from cache | pictures a second "
        "| behind you, median | processor time a picture | as PyTorch |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for found in results.values():
        name = f"`{found['weights']}`{' (random weights)' if found['random'] else ''}, {found['size']}²"
        threads = "one thread" if found["threads"] == 1 else f"{found['threads']} threads"
        where = [found["processor"], threads]
        if found["gpu"] is not None:
            where = [found["gpu"], "WebGPU", found["dtype"]]
        lines.append(
            f"| {name} | {', '.join(where)} | {found['load_before']:.0f} | "
            f"{found['loaded_MB']:.0f} MB | "
            f"{found['first_picture_s']:.1f} s | {found['pictures_a_second']:.1f} | "
            f"{found['behind_median_ms']:.0f} ms | {found['processor_ms_a_picture']:.0f} ms | "
            f"{found['psnr_with_pytorch_db']:.0f} dB |"
        )
    return "\n".join(lines)


def filled(text: str, results: Path = RESULTS) -> str:
    """The page with the results in its table; without results it stays as it is."""
    return filled_between(_BEGIN, _END, text, results, table)


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
