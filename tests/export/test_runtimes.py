"""Other runtimes give what PyTorch gives."""

from __future__ import annotations

import pytest
import torch

from liax.errors import MissingPackageError
from liax.export import runtime_choice
from liax.export.runtime_choice import missing_packages, open_runtime
from liax.model import LIAX


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def name(request: pytest.FixtureRequest) -> str:
    if missing := missing_packages(request.param):
        pytest.skip(f"{' and '.join(missing)} not installed (extra {request.param})")
    return str(request.param)


def test_runtimes_compute_what_the_network_does(name: str, network: LIAX, image: torch.Tensor) -> None:
    pytest.importorskip("onnx")
    from liax.export.parity import parity

    runtime = open_runtime(name, network)  # type: ignore[arg-type]
    seen = network.encode(image)
    code_BD, alpha_BM, features = runtime.encode(image.numpy())
    for found, wanted in zip((code_BD, alpha_BM, *features), (*seen[:2], *seen.features), strict=True):
        assert parity(found, wanted.numpy()) > 105
    assert parity(runtime.read(image.numpy()), seen.alpha_BM.numpy()) > 105
    for sources in (1, 3):
        own = tuple(each[:sources] for each in seen.features)
        state = network.render(seen.code_BD, own)[-1]
        drawn, grid = runtime.draw(seen.code_BD.numpy(), [each.numpy() for each in own])
        assert parity(drawn, state.image.numpy()) > 105
        assert parity(grid, state.grid.numpy()) > 105


def test_with_a_driver_openvino_encodes_in_float32(network: LIAX, image: torch.Tensor) -> None:
    able = torch.cpu.get_capabilities()
    if not (able.get("avx512_bf16") or able.get("amx_bf16")):
        pytest.skip("this processor has no bfloat16")
    pytest.importorskip("onnx")
    pytest.importorskip("openvino")
    from liax.export.parity import parity

    features = open_runtime("openvino", network, torch.bfloat16).encode(image.numpy())[2]
    least = min(map(parity, features, (each.numpy() for each in network.encode(image).features)))
    assert (least > 105) == (network.driver is not None)


def test_a_missing_package_is_named(tiny: LIAX, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_choice, "find_spec", lambda name: None if name == "openvino" else object())
    with pytest.raises(
        MissingPackageError,
        match=r"The backend openvino needs the package openvino; install liax with the extra openvino\.",
    ):
        open_runtime("openvino", tiny)
