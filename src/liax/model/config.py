"""The network's sizes, and presets of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class ModelConfig:
    """The sizes that determine the shapes of all the network's tensors.

    Args:
        size: Side R of the square images, a power of two from 64 up.
        width: Channels at full resolution; each halving of the side doubles them, up to `max_width`.
        max_width: Largest number of channels.
        latent: Dimension D of the code.
        vectors: Number M of motion vectors in the dictionary.
        flow_blocks, render_blocks: Residual blocks per level of the flow generator and of the renderer.
        flow_size: Largest side at which flow and mask are predicted; larger levels enlarge those of the level
            below. 0 predicts them at all levels.
        driver_size: Side of the reduced pictures from which a network of its own, the driver, reads the
            coefficients. 0 reads them in the encoder's code.
    """

    size: int = 512
    width: int = 128
    max_width: int = 1024
    latent: int = 1024
    vectors: int = 40
    flow_blocks: int = 4
    render_blocks: int = 4
    flow_size: int = 0
    driver_size: int = 0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if type(value) is not int:
                raise ValueError(f"{name} must be a whole number, not {value!r:.40}")
            if value > _MOST[name]:
                raise ValueError(f"{name} must be at most {_MOST[name]}, not {value:.3g}")
        if self.size < 64 or self.size & (self.size - 1):
            raise ValueError(f"size must be a power of two from 64 up, not {self.size}")
        if not 0 < self.vectors <= self.latent:
            raise ValueError(f"vectors must lie in 1…latent ({self.latent}), not {self.vectors}")
        if min(self.width, self.max_width, self.flow_blocks, self.render_blocks) < 1:
            raise ValueError("width, max_width, flow_blocks and render_blocks must be at least 1")
        for name, side in (("flow_size", self.flow_size), ("driver_size", self.driver_size)):
            if side and side not in self.sides:
                raise ValueError(f"{name} must be 0 or one of {self.sides}, not {side}")
        if 0 < self.driver_size < 64:
            raise ValueError(f"driver_size must be 0 or at least 64, not {self.driver_size}")

    def channels(self, side: int) -> int:
        """Channels of maps of side × side, in the encoder and in the decoder."""
        return min(self.max_width, self.width * self.size // side)

    @property
    def driver(self) -> ModelConfig | None:
        """The sizes of the driver's encoder, whose maps are as wide as this network's; None without one."""
        if not self.driver_size:
            return None
        return replace(self, size=self.driver_size, flow_size=0, driver_size=0)

    def predicts_flow(self, side: int) -> bool:
        """Whether the decoder's level of this side predicts flow and mask, instead of enlarging them."""
        return not self.flow_size or side <= self.flow_size

    @property
    def sides(self) -> list[int]:
        """Sides of the decoder's levels, and of the features that are warped there: 8, 16, …, R."""
        return [2**k for k in range(3, self.size.bit_length())]

    def to_dict(self) -> dict[str, int]:
        """Field name -> value, as weights files store it; `flow_size` and `driver_size` only where not 0."""
        return {name: value for name, value in asdict(self).items() if value or name not in _LATER}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """The inverse of `to_dict`.

        Raises:
            TypeError: If a key is unknown, or `values` is no dictionary.
            ValueError: If a size is impossible.
        """
        return cls(**values)


# Fields that weights files of before do not have, and whose 0 changes nothing.
_LATER = ("flow_size", "driver_size")
# Far beyond any network that can be trained; within these, a network is described in a moment.
_MOST = {
    "size": 4096,
    "width": 4096,
    "max_width": 16384,
    "latent": 16384,
    "vectors": 4096,
    "flow_blocks": 64,
    "render_blocks": 64,
    "flow_size": 4096,
    "driver_size": 4096,
}

# `large` is the published network (s = 2); `published-1` is the same at s = 1.
# The paper has models of 0.3 B and 0.05 B parameters, but not their layouts. `middle` and `base` have these
# sizes: `middle` is s = 1 with 5 flow and 6 renderer blocks per level; `base` has half its `max_width` and 3
# of each. `small-512` has at every side the channels of `small`, and one level more: it can be grown from its
# weights. `live` draws a driven frame with a fifth of the operations of `small`.
PRESETS: dict[str, ModelConfig] = {
    "large": ModelConfig(512, width=128, max_width=1024, latent=1024),
    "published-1": ModelConfig(512, width=64, max_width=512, latent=512),
    "middle": ModelConfig(512, width=64, max_width=512, latent=512, flow_blocks=5, render_blocks=6),
    "base": ModelConfig(256, width=64, max_width=256, latent=512, flow_blocks=3, render_blocks=3),
    "small": ModelConfig(256, width=32, max_width=256, latent=512, flow_blocks=1, render_blocks=1),
    "small-512": ModelConfig(512, width=16, max_width=256, latent=512, flow_blocks=1, render_blocks=1),
    "live": ModelConfig(
        256,
        width=16,
        max_width=128,
        latent=128,
        flow_blocks=1,
        render_blocks=1,
        flow_size=64,
        driver_size=128,
    ),
    "tiny": ModelConfig(64, width=8, max_width=32, latent=32, vectors=8, flow_blocks=1, render_blocks=1),
}
