"""benchmarks/web_page.py: its table, and that docs/web.md has its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from scripts import BENCHMARKS, load_script

pytest.importorskip("onnx", reason="the extra onnxruntime is not installed")
pytest.importorskip("playwright", reason="needs Playwright")


@pytest.fixture(scope="module")
def web_page(request: pytest.FixtureRequest) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)  # it shares functions with other scripts
        return load_script("web_page")


FOUND = {
    "weights": "live",
    "random": True,
    "size": 256,
    "loaded_MB": 62.44,
    "processor": "a processor",
    "gpu": None,
    "threads": 2,
    "psnr_with_pytorch_db": 80.9,
    "first_picture_s": 2.345,
    "pictures_a_second": 5.678,
    "behind_median_ms": 198.4,
    "load_before": 0.4,
    "processor_ms_a_picture": 300.2,
}


def test_the_page_has_the_numbers(web_page: ModuleType) -> None:
    page = web_page.PAGE.read_text(encoding="utf-8")
    assert web_page.filled(page) == page


def test_what_a_browser_loads(web_page: ModuleType) -> None:
    files = {
        "page.js": 1,
        "ort.webgpu.min.mjs": 2,
        "ort-wasm-simd-threaded.asyncify.wasm": 4,
        "ort-wasm-simd-threaded.wasm": 8,
        "decoder.onnx": 16,
        "decoder-float16.onnx": 32,
        "mark.onnx": 64,
    }
    sizes = {name: size * 10**6 for name, size in files.items()}
    loaded = web_page.megabytes_loaded
    assert loaded(sizes, gpu=False, dtype="float32") == 1 + 8 + 16 + 64
    assert loaded(sizes, gpu=True, dtype="float32") == 1 + 2 + 4 + 16 + 64
    assert loaded(sizes, gpu=True, dtype="float16") == 1 + 2 + 4 + 32 + 64


def test_results_are_put_into_their_place(web_page: ModuleType, tmp_path: Path) -> None:
    results = {"live": FOUND, "small": FOUND | {"weights": "small", "random": False, "threads": 1}}
    (tmp_path / "web.json").write_text(json.dumps(results))
    text = web_page.filled("a\n<!-- web-page -->\nold\n<!-- end -->\nb\n", tmp_path / "web.json")
    assert text.startswith("a\n<!-- web-page -->\n\n| weights |")
    assert text.endswith("\n\n<!-- end -->\nb\n")
    where = "| `live` (random weights), 256² | a processor, 2 threads | 0 |"
    assert f"{where} 62 MB | 2.3 s | 5.7 | 198 ms | 300 ms | 81 dB |" in text.splitlines()
    assert "| `small`, 256² | a processor, one thread | 0 | 62 MB |" in text
    assert "| a card, WebGPU, float16 | 0 |" in web_page.table(
        {"live": FOUND | {"gpu": "a card", "dtype": "float16"}}
    )
    with pytest.raises(ValueError, match="no place"):
        web_page.filled("nothing")
