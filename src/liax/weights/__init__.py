"""Weights in and out: liax's safetensors files, hub names, and the adapter for published checkpoints."""

from liax.weights.controls import set_controls
from liax.weights.files import fingerprint, save
from liax.weights.loading import BUNDLED, load

__all__ = ["BUNDLED", "fingerprint", "load", "save", "set_controls"]
