"""Which network is this? A short hash that tells one set of weights from another."""

from __future__ import annotations

import hashlib
import json

from liax.model import LIAX

_SAMPLES = 4096


def fingerprint(network: LIAX) -> str:
    """16 hexadecimal digits that depend on the configuration and on values of every parameter.

    Up to some 8,000 evenly spaced values of each parameter count, read as float32, so that it takes
    milliseconds at any size; device, mode and frozen motion vectors do not count. Coefficients mean the same
    to two networks only if their fingerprints agree.
    """
    digest = hashlib.sha256(json.dumps(network.config.to_dict(), sort_keys=True).encode())
    for name, parameter in sorted(network.named_parameters()):
        values = parameter.detach().flatten()
        sample = values[:: max(1, values.numel() // _SAMPLES)]
        digest.update(name.encode())
        digest.update(sample.float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
