"""Load, save and convert weights: liax's safetensors files, hub names and published checkpoints."""

from liax.weights.files import fingerprint, save
from liax.weights.loading import installed_names, load, set_controls
from liax.weights.pretrained import PretrainedLIAX

__all__ = ["PretrainedLIAX", "fingerprint", "installed_names", "load", "save", "set_controls"]
