"""The encoder, the driver and the dictionary as operations of a graph."""

from __future__ import annotations

from typing import cast

from liax.export import layers
from liax.export.graph import Graph
from liax.model import LIAX
from liax.model.encoder import DownBlock, Encoder


def encoder_maps(graph: Graph, encoder: Encoder, image_B3RR: str, name: str = "encoder") -> list[str]:
    """The maps of images, 4×4 first: the code is made of that one, and the decoder warps the others."""
    graph.enter(f"{name}/from_rgb")
    maps = [layers.conv_layer(graph, graph.to_maps(image_B3RR), encoder.from_rgb)]
    for number, module in enumerate(encoder.blocks):
        graph.enter(f"{name}/block{number}")
        block = cast(DownBlock, module)
        down = layers.conv_layer_down(graph, layers.conv_layer(graph, maps[-1], block.conv), block.down)
        skip = layers.conv_layer_down(graph, maps[-1], block.skip)
        maps.append(graph.add("Add", down, skip))
    return maps[::-1]


def driver_map(graph: Graph, network: LIAX, image_B3RR: str) -> str:
    """The map of 4×4 that coefficients are read from: the driver's where there is one, else the encoder's."""
    if network.driver is None:
        return encoder_maps(graph, network.encoder, image_B3RR)[0]
    graph.enter("driver/reduce")
    stride = network.config.size // network.config.driver_size
    small = graph.add("AveragePool", image_B3RR, kernel_shape=[stride] * 2, strides=[stride] * 2)
    return encoder_maps(graph, network.driver, small, "driver")[0]


def code(graph: Graph, encoder: Encoder, map_BC44: str) -> str:
    """Codes (B, D) in float32, of an encoder's maps of 4×4."""
    graph.enter("to_code")
    weight = (encoder.to_code.weight * encoder.to_code.scale).flatten(1)
    flat = graph.add("Flatten", graph.to_float(map_BC44))
    return graph.add("Gemm", flat, graph.float_weight(weight), transB=1)


def coefficients(graph: Graph, network: LIAX, code_BD: str) -> str:
    """Coefficients (B, M) in float32, of codes."""
    graph.enter("to_alpha")
    layer = network.to_alpha
    weight, bias = (graph.constant(values, "float32") for values in (layer.weight * layer.scale, layer.bias))
    return graph.add("Gemm", code_BD, weight, bias, transB=1)


def reader(network: LIAX) -> Encoder:
    """The encoder whose code gives the coefficients."""
    return network.encoder if network.driver is None else network.driver


def reenact(graph: Graph, network: LIAX, code_BD: str, alpha_BM: str) -> str:
    """z_sr + Q a of equations (1) and (2), in float32: (B, D)."""
    graph.enter("dictionary")
    vectors_MD = graph.constant(network.dictionary.vectors_DM().T, "float32")
    return graph.add("Add", code_BD, graph.add("MatMul", alpha_BM, vectors_MD))
