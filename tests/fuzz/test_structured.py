"""Options, templates and configurations of any values: taken and usable, or refused in a sentence."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tyro
from formats import check_message, tiny_network
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mutations import NASTY, NASTY_TEXTS
from safetensors.numpy import save_file

from liax.cli.option_types import join_repeated, option_types
from liax.errors import LiaxError
from liax.evaluation.options import EvaluateOptions
from liax.interpretation.options import InterpretOptions
from liax.option_flags import to_arguments, to_flag
from liax.options import (
    AnimateOptions,
    EditOptions,
    EditVideoOptions,
    ManipulateOptions,
)
from liax.options_file import read_options
from liax.portrait.batch_config import _TYPES as BATCH_TYPES
from liax.portrait.motion import DrivingFrame
from liax.portrait.template import Template, load_template, save_template
from liax.preparation.config import CutOptions
from liax.training.config import TrainConfig, from_dict, load_config, to_dict

MANY = settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])

NUMBERS = st.integers() | st.floats() | st.integers(-2, 70) | st.floats(-1, 2)
PLAIN = st.none() | st.booleans() | NUMBERS | st.text(max_size=9) | st.sampled_from(NASTY)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
OPTIONS = (AnimateOptions, EditOptions, EditVideoOptions, ManipulateOptions)


def tables(cls: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Some of a dataclass's keys, with any values; its tables likewise."""
    known = {}
    for field in fields(cls):
        default = field.default_factory() if callable(field.default_factory) else field.default
        known[field.name] = VALUES | st.just(default)
        if is_dataclass(default):
            known[field.name] = tables(type(default))
    return st.fixed_dictionaries({}, optional=known)


@MANY
@given(st.data())
def test_tables_of_options(data: st.DataObject) -> None:
    cls = data.draw(st.sampled_from(OPTIONS))
    values = data.draw(tables(cls))
    try:
        options = read_options(cls, values, "jobs.toml", types=BATCH_TYPES)
    except LiaxError as error:
        check_message(error)
    else:
        to_arguments(options)


@MANY
@given(st.data())
def test_the_command_line(data: st.DataObject) -> None:
    cls = data.draw(st.sampled_from((*OPTIONS, EvaluateOptions, InterpretOptions, CutOptions)))
    names = [to_flag(field.name, True) for field in fields(cls)]
    texts = st.sampled_from(NASTY_TEXTS) | st.text(max_size=9) | NUMBERS.map(str)
    arguments = data.draw(st.lists(st.sampled_from(names) | texts, max_size=5))
    assume(not {"-h", "--help"} & set(arguments))
    told = io.StringIO()
    try:
        with redirect_stdout(told), redirect_stderr(told):
            read = tyro.conf.FlagCreatePairsOff[cls]
            tyro.cli(read, args=join_repeated(arguments), registry=option_types())
    except LiaxError as error:
        check_message(error)
    except SystemExit as ended:
        code = ended.code
        assert code == 2, told.getvalue()


@MANY
@given(tables(TrainConfig))
def test_configurations(values: dict[str, Any]) -> None:
    try:
        config = from_dict(values)
        config.check()
    except LiaxError as error:
        check_message(error)
    else:
        assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


@MANY
@given(st.builds(CutOptions, *(st.integers() | st.integers(0, 600) for _ in range(2)), *[st.floats()] * 3))
def test_how_clips_are_cut(cut: CutOptions) -> None:
    try:
        cut.check()
    except LiaxError as error:
        check_message(error)
    else:
        assert 32 <= cut.size <= 4096
        assert 1 <= cut.fps <= 1000
        assert 0 < cut.shortest < cut.longest <= 3600
        assert 0 < cut.enlarged < 100


ARRAYS = st.tuples(
    st.sampled_from(["float32", "float64", "int64", "bool", "uint8"]),
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from([0, 1, -1, 2**62, np.nan, np.inf]),
)
FACTS = st.sampled_from(("12", "1/12", "30000/1001", "0", "1e12", "1/0", "-1", "nan", "", "1" * 400))


@MANY
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("alpha", "ticks", "begins", "more"), ARRAYS)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("rate", "tick", "weights"), FACTS)),
)
def test_files_like_templates(tmp_path: Path, arrays: dict[str, Any], facts: dict[str, str]) -> None:
    path = tmp_path / "a.safetensors"
    with np.errstate(all="ignore"):
        tensors = {
            name: np.full(shape, value).astype(dtype) for name, (dtype, shape, value) in arrays.items()
        }
    save_file(tensors, path, metadata={"liax.template": "1"} | facts)
    try:
        template = load_template(path)
    except LiaxError as error:
        check_message(error)
    else:
        assert len(list(template.frames())) == template.total
        assert template.seconds > 0


RATES = st.fractions(Fraction(1, 10**4), 10**4) | st.sampled_from([Fraction(25), Fraction(30000, 1001)])


@MANY
@given(
    st.lists(st.fractions(0, 10**8, max_denominator=10**7) | st.fractions(0, 10), min_size=1, max_size=5),
    RATES,
)
def test_what_is_saved_can_be_read(tmp_path: Path, times: list[Fraction], rate: Fraction) -> None:
    path = tmp_path / "a.safetensors"
    path.unlink(missing_ok=True)
    network = tiny_network()
    alpha_M = np.zeros(network.config.vectors, np.float32)
    shown = [time - min(times) for time in sorted(set(times))]
    frames = [DrivingFrame(time, alpha_M, k == 0, None) for k, time in enumerate(shown)]
    try:
        save_template(Template.of(frames, rate, network), path)
    except LiaxError as error:
        check_message(error)
        assert not path.exists()
    else:
        assert [frame.time for frame in load_template(path).frames()] == shown


@pytest.mark.parametrize("text", ["seed = -1", "[data]\nworkers = -1", "steps = 1e3", "seed = 1e400"])
def test_numbers_of_a_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(LiaxError, match=r"(seed|workers|steps)"):
        load_config(tmp_path / "run.toml").check()
