"""The network and only the network: torch in, torch out."""

from liax.model.config import PRESETS, ModelConfig
from liax.model.network import LIAX, Encoded

__all__ = ["LIAX", "PRESETS", "Encoded", "ModelConfig"]
