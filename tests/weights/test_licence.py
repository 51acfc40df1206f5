"""Whose licence weights are under."""

from __future__ import annotations

import pytest

from liax.weights.licence import Licence, licence_of
from liax.weights.loading import installed_names


def test_metadata_come_first() -> None:
    assert licence_of("small", {"license": "CC-BY-4.0"}) == Licence("CC-BY-4.0", None)


def test_installed_weights_have_their_packages() -> None:
    if "small" not in installed_names():
        pytest.skip("the weights small are not installed")
    licence = licence_of("small", {})
    assert licence.name == "LicenseRef-liax-weights-research-only"
    assert licence.text is not None
    assert "research only" in licence.text


def test_other_weights_do_not_say() -> None:
    assert licence_of("/a/file.safetensors", {}) == Licence(None, None)
