"""The network: tensors in, tensors out. It imports nothing of the application."""

from liax.model.config import PRESETS, ModelConfig
from liax.model.network import LIAX, Encoded

__all__ = ["LIAX", "PRESETS", "Encoded", "ModelConfig"]
