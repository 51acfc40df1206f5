"""Load, save and convert weights: liax's safetensors files, hub names and published checkpoints."""

from liax.weights.files import fingerprint, save
from liax.weights.loading import BUNDLED, load, set_controls

__all__ = ["BUNDLED", "fingerprint", "load", "save", "set_controls"]
