"""Expressions as files of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.options import Amount
from liax.options_file import read_tables
from liax.tracks.presets import PRESETS, expression_toml, find_preset, read_expression

_names = st.sampled_from(["yaw", "smile", "gaze-x", "#12"])
_numbers = st.floats(-100, 100).map(lambda value: round(value, 4))
_amounts = st.builds(Amount, _numbers, st.sampled_from(["", "deg"]), st.none())


@given(st.dictionaries(_names, _amounts))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, expression: dict[str, Amount]
) -> None:
    path = tmp_path_factory.getbasetemp() / "own.toml"
    path.write_text(expression_toml(expression), "utf-8")
    assert read_expression(read_tables(path), "own.toml") == expression


def test_keyframes_find_a_written_expression(tmp_path: Path) -> None:
    (tmp_path / "grin.toml").write_text(expression_toml(PRESETS["laugh"]), "utf-8")
    assert find_preset("grin.toml", {}, tmp_path, "key 1") == PRESETS["laugh"]
