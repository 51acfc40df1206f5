"""The fingerprint tells networks apart and does not change with how one is held."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import torch

from liax.model import LIAX, PRESETS
from liax.weights import fingerprint, load, save


def network(seed: int = 0, **changes: int) -> LIAX:
    torch.manual_seed(seed)
    return LIAX(replace(PRESETS["tiny"], **changes))


def test_form_and_stability() -> None:
    first = fingerprint(network())
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert fingerprint(network()) == first


def test_survives_file_mode_and_freezing(tmp_path: Path) -> None:
    save(network(), tmp_path / "net.safetensors")
    loaded = load(tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    assert fingerprint(loaded) == fingerprint(again.train().requires_grad_(True))
    unfrozen = network()
    before = fingerprint(unfrozen)
    unfrozen.dictionary.freeze()
    assert fingerprint(unfrozen) == before


def test_tells_weights_and_configurations_apart() -> None:
    base = network()
    prints = {fingerprint(base), fingerprint(network(1)), fingerprint(network(vectors=7))}
    assert len(prints) == 3
    for parameter in (base.to_alpha.bias, base.dictionary.weight, base.decoder.levels[0].flow_head.bias):
        with torch.no_grad():
            parameter.flatten()[0] += 1e-3
        prints.add(fingerprint(base))
    assert len(prints) == 6


def test_layout_in_memory_does_not_count() -> None:
    """Nor do device placement's usual companions: channels last, copies."""
    base = network()
    before = fingerprint(base)
    assert fingerprint(base.to(memory_format=torch.channels_last)) == before
