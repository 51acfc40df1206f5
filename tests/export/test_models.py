"""The graphs compute what the network does, and are as simple as they can be."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

onnx = pytest.importorskip("onnx", reason="the extra onnxruntime is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")

from liax.errors import LiaxError  # noqa: E402
from liax.export import graph as graph_module  # noqa: E402
from liax.export.graph import serialized  # noqa: E402
from liax.export.models import decoder_model, driver_model, encoder_model, feature_shapes  # noqa: E402
from liax.export.parity import parity  # noqa: E402
from liax.export.with_onnxruntime import open_session  # noqa: E402
from liax.model import LIAX, Encoded, ModelConfig  # noqa: E402

MODELS = {"encoder": encoder_model, "driver": driver_model, "decoder": decoder_model}
LEAST = {"float32": 105, "float16": 50}


@pytest.fixture(scope="module")
def seen(network: LIAX, image: torch.Tensor) -> Encoded:
    return network.encode(image)


def run(model: onnx.ModelProto, **inputs: object) -> dict[str, np.ndarray]:
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    results = open_session(model, 1).run(None, arrays)
    return {output.name: result for output, result in zip(model.graph.output, results, strict=True)}


@pytest.mark.parametrize("dtype", LEAST)
def test_encoder_and_driver(network: LIAX, image: torch.Tensor, seen: Encoded, dtype: str) -> None:
    found = run(encoder_model(network, dtype), image=image)
    wanted = {
        "code": seen.code_BD,
        "alpha": seen.alpha_BM,
        **dict(zip(feature_shapes(network), seen.features, strict=True)),
    }
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype == (dtype if name.startswith("feature") else "float32")
        assert parity(found[name], value.numpy()) > LEAST[dtype], name
    driven = run(driver_model(network, dtype), image=image)
    assert parity(driven["alpha"], network.read(image).numpy()) > LEAST[dtype]


@pytest.mark.parametrize("dtype", LEAST)
@pytest.mark.parametrize("frames", [1, 3])
def test_decoder_of_one_source(network: LIAX, seen: Encoded, dtype: str, frames: int) -> None:
    alpha_BM = seen.alpha_BM[:frames] + 0.5
    one = tuple(each[:1] for each in seen.features)
    state = network.render(network.reenact(seen.code_BD[:1], alpha_BM), one)[-1]
    arrays = (each.numpy().astype(dtype) for each in one)
    features = dict(zip(feature_shapes(network), arrays, strict=True))
    found = run(decoder_model(network, dtype), code=seen.code_BD[:1], alpha=alpha_BM, **features)
    assert found["image"].shape == (frames, 3, network.config.size, network.config.size)
    assert parity(found["image"], state.image.numpy()) > LEAST[dtype]
    assert parity(found["grid"], state.grid.numpy()) > LEAST[dtype]


def test_decoder_of_a_source_for_each_frame(network: LIAX, seen: Encoded) -> None:
    alpha_BM = seen.alpha_BM.flip(0)
    wanted = network.decode(network.reenact(seen.code_BD, alpha_BM), seen.features)
    features = dict(zip(feature_shapes(network), seen.features, strict=True))
    found = run(decoder_model(network), code=seen.code_BD, alpha=alpha_BM, **features)
    assert parity(found["image"], wanted.numpy()) > LEAST["float32"]


def test_models_draw_the_chosen_size() -> None:
    network = LIAX(ModelConfig(128, width=4, max_width=8, latent=16, vectors=4)).eval()
    network.draw_at(64)
    shapes = feature_shapes(network)
    assert list(shapes) == ["feature8", "feature16", "feature32", "feature64"]
    model = decoder_model(network)
    outputs = {each.name: each.type.tensor_type.shape.dim for each in model.graph.output}
    assert [size.dim_param or size.dim_value for size in outputs["image"]] == ["frames", 3, 64, 64]
    assert not any(node.name.startswith("decoder/128/") for node in model.graph.node)


@pytest.mark.parametrize("dtype", LEAST)
@pytest.mark.parametrize("role", MODELS)
def test_graphs_are_valid_and_clean(network: LIAX, role: str, dtype: str) -> None:
    model = MODELS[role](network, dtype)
    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
    kinds = Counter(node.op_type for node in model.graph.node)
    # Neither what scatters and loops, nor what computes constants.
    assert not kinds.keys() & {
        "ScatterND",
        "Slice",
        "Pad",
        "If",
        "Loop",
        "Constant",
        "Range",
        "Pow",
        "ReduceSum",
    }
    config = network.config
    levels = sum(config.predicts_flow(side) for side in config.sides)
    if role == "decoder":
        assert kinds["InstanceNormalization"] == levels * config.flow_blocks
        assert kinds["GridSample"] == len(config.sides)
    if dtype == "float32":
        assert "Cast" not in kinds
    values = {value for node in model.graph.node for value in node.input if value}
    given = {output for node in model.graph.node for output in node.output}
    named = {each.name for each in [*model.graph.initializer, *model.graph.input]}
    assert named <= values, "constants and inputs that nothing uses"
    assert values <= given | named


def test_float16_takes_half_the_space(network: LIAX) -> None:
    sizes = [sum(len(serialized(make(network, dtype))) for make in MODELS.values()) for dtype in LEAST]
    assert sizes[1] < 0.7 * sizes[0]  # besides weights, there are names


def test_models_beyond_the_formats_limit_are_refused(network: LIAX, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_LARGEST", 1000)
    with pytest.raises(LiaxError, match=r"The decoder has .* GB, and a file of ONNX holds 2 GB; use float16"):
        serialized(decoder_model(network))


def test_lists_of_sizes_are_short() -> None:
    """Shaders of WebGPU have 8 buffers; and no part is lost."""
    network = LIAX(
        ModelConfig(128, width=2, max_width=4, latent=8, vectors=4, flow_blocks=4, render_blocks=1)
    )
    model = decoder_model(network.eval())
    splits = [node for node in model.graph.node if node.op_type == "Split"]
    assert max(len(node.output) for node in splits) == 7
    code_BD, alpha_BM, features = network.encode(torch.zeros(1, 3, 128, 128))
    found = run(
        model,
        code=code_BD.detach(),
        alpha=alpha_BM.detach(),
        **{name: each.detach() for name, each in zip(feature_shapes(network), features, strict=True)},
    )
    with torch.no_grad():
        wanted = network.decode(network.reenact(code_BD, alpha_BM), features)
    assert parity(found["image"], wanted.numpy()) > LEAST["float32"]


def test_parity_is_psnr() -> None:
    wanted = np.linspace(-1, 1, 101)
    assert parity(wanted + 0.002, wanted) == pytest.approx(60)
    assert parity(wanted, wanted) == 200
    assert parity(wanted + np.nan, wanted) == -np.inf
