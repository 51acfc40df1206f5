"""The network's parts as ONNX models: those that are written, and those that other runtimes run in liax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liax.export.decoder_graph import DecoderGraph
from liax.export.encoder_graph import code, coefficients, driver_map, encoder_maps, reader, reenact
from liax.export.graph import Graph
from liax.export.style_graph import StyledConvs, Styles, add_styles
from liax.model import LIAX

if TYPE_CHECKING:
    import onnx

# The free sizes of inputs and outputs.
FRAMES, SOURCES = "frames", "sources"


def feature_shapes(network: LIAX) -> dict[str, tuple[int, int, int]]:
    """Names of the features -> channels, side, side; 8×8 first, up to the side that is drawn."""
    config = network.config
    sides = [side for side in config.sides if side <= network.drawn_size]
    return {f"feature{side}": (config.channels(side), side, side) for side in sides}


def encoder_model(network: LIAX, dtype: str = "float32") -> onnx.ModelProto:
    """`LIAX.encode`: image (frames, 3, R, R) in [-1, 1] -> code, alpha and features."""
    graph = Graph("encoder", dtype)
    image = _image(graph, network)
    last, *features = encoder_maps(graph, network.encoder, image)
    code_BD = code(graph, network.encoder, last)
    own_BD = code_BD
    if network.driver is not None:
        own_BD = code(graph, network.driver, driver_map(graph, network, image))
    graph.output(code_BD, "code", (FRAMES, network.config.latent))
    graph.output(coefficients(graph, network, own_BD), "alpha", (FRAMES, network.config.vectors))
    _give_features(graph, network, features)
    return graph.model()


def driver_model(network: LIAX, dtype: str = "float32") -> onnx.ModelProto:
    """`LIAX.read`: image (frames, 3, R, R) in [-1, 1] -> alpha (frames, M)."""
    graph = Graph("driver", dtype)
    code_BD = code(graph, reader(network), driver_map(graph, network, _image(graph, network)))
    graph.output(coefficients(graph, network, code_BD), "alpha", (FRAMES, network.config.vectors))
    return graph.model()


def decoder_model(network: LIAX, dtype: str = "float32") -> onnx.ModelProto:
    """`LIAX.reenact` and `LIAX.decode`: code, alpha and features -> image and grid.

    The code and the features are those of one source, or of as many as there are frames.
    """
    graph = Graph("decoder", dtype)
    code_BD = graph.input("code", (SOURCES, network.config.latent))
    alpha_BM = graph.input("alpha", (FRAMES, network.config.vectors))
    features = _take_features(graph, network)
    styles = add_styles(graph, StyledConvs.of(network), reenact(graph, network, code_BD, alpha_BM))
    picture = DecoderGraph(graph, network, styles).draw(features)
    side = network.drawn_size
    graph.output(picture.image, "image", (FRAMES, 3, side, side))
    graph.output(picture.grids[-1], "grid", (FRAMES, side, side, 2))
    return graph.model()


def map_model(network: LIAX, *, features: bool) -> onnx.ModelProto:
    """The encoder without its code: image -> last (frames, C, 4, 4), of which that is made.

    Args:
        network: The network.
        features: Give out the features as well. Without them, it is the driver's map of which coefficients
            are made, where the network has a driver.
    """
    graph = Graph("maps")
    image = _image(graph, network)
    last, *maps = (
        encoder_maps(graph, network.encoder, image) if features else [driver_map(graph, network, image)]
    )
    channels = (
        network.encoder.to_code.weight.shape[1] if features else reader(network).to_code.weight.shape[1]
    )
    graph.output(last, "last", (FRAMES, channels, 4, 4))
    _give_features(graph, network, maps)
    return graph.model()


def style_model(network: LIAX) -> onnx.ModelProto:
    """The styles of codes: code -> modulations and demodulations, which `picture_model` takes."""
    graph, convs = Graph("styles"), StyledConvs.of(network)
    styles = add_styles(graph, convs, graph.input("code", (FRAMES, network.config.latent)))
    for value, name, width in zip(styles, Styles._fields, convs.widths, strict=True):
        graph.output(value, name, (FRAMES, width))
    return graph.model()


def picture_model(network: LIAX) -> onnx.ModelProto:
    """The rest of the decoder: styles and features -> image and every level's grid.

    Where OpenVINO computes in bfloat16, it leaves what leads to outputs in float32, up to a convolution. So
    giving out the grids keeps the flow exact.
    """
    graph, widths = Graph("picture"), StyledConvs.of(network).widths
    names = zip(Styles._fields, widths, strict=True)
    styles = Styles(*(graph.input(name, (FRAMES, width)) for name, width in names))
    picture = DecoderGraph(graph, network, styles).draw(_take_features(graph, network))
    side = network.drawn_size
    graph.output(picture.image, "image", (FRAMES, 3, side, side))
    for grid, (_, side, _) in zip(picture.grids, feature_shapes(network).values(), strict=True):
        graph.output(grid, f"grid{side}", (FRAMES, side, side, 2))
    return graph.model()


def _image(graph: Graph, network: LIAX) -> str:
    return graph.input("image", (FRAMES, 3, network.config.size, network.config.size))


def _take_features(graph: Graph, network: LIAX) -> list[str]:
    shapes = feature_shapes(network)
    return [graph.input(name, (SOURCES, *shape), graph.dtype) for name, shape in shapes.items()]


def _give_features(graph: Graph, network: LIAX, features: list[str]) -> None:
    for value, (name, shape) in zip(features, feature_shapes(network).items(), strict=False):
        graph.output(value, name, (FRAMES, *shape), graph.dtype)
