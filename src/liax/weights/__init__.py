"""Load, save and convert weights: liax's safetensors files, hub names and published checkpoints."""

from liax.weights.files import fingerprint, save
from liax.weights.loading import installed_names, load, set_controls

__all__ = ["fingerprint", "installed_names", "load", "save", "set_controls"]
