import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.errors import LiaxError
from liax.training.config import DataConfig, LossConfig, TrainConfig, from_dict, load_config, to_dict

numbers = st.floats(allow_nan=False, allow_infinity=False)
paths = st.builds(Path, st.text("abc/._-é ", min_size=1))
configs = st.builds(
    TrainConfig,
    out=paths,
    steps=st.integers(),
    precision=st.sampled_from(["float32", "bfloat16"]),
    compile=st.booleans(),
    max_minutes=st.none() | numbers,
    data=st.builds(
        DataConfig,
        manifest=paths,
        validation=st.none() | st.text(),
        regions=st.none() | paths,
        frames=st.sampled_from(["auto", "device", "memory", "stream"]),
        still_share=numbers,
    ),
    loss=st.builds(LossConfig, l1=numbers, warp=st.tuples(numbers, numbers)),
)


@given(configs)
def test_round_trip(config: TrainConfig) -> None:
    plain = to_dict(config)
    assert from_dict(plain) == config
    assert from_dict(json.loads(json.dumps(plain))) == config


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml, plain = tmp_path / "run.toml", tmp_path / "run.json"
    toml.write_text(
        'preset = "tiny"\nmax_minutes = 2\n[data]\nregions = "r.npz"\nstill_share = 0\n'
        "[loss]\nwarp = [1, 0.5]\n"
    )
    values = {
        "preset": "tiny",
        "max_minutes": 2,
        "data": {"regions": "r.npz", "still_share": 0},
        "loss": {"warp": [1, 0.5]},
    }
    plain.write_text(json.dumps(values))
    config = load_config(toml)
    assert config == load_config(plain)
    assert config == replace(
        TrainConfig(),
        preset="tiny",
        max_minutes=2.0,
        data=DataConfig(regions=Path("r.npz"), still_share=0.0),
        loss=LossConfig(warp=(1.0, 0.5)),
    )
    assert isinstance(config.data.still_share, float)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"stepz": 3}, "unknown configuration key stepz; known: out, preset, init, steps"),
        ({"loss": {"l3": 3}}, "unknown configuration key loss.l3; known: l1, l2, perceptual"),
        ({"steps": "many"}, "configuration key steps must be a whole number, not 'many'"),
        ({"steps": 1.5}, "configuration key steps must be a whole number, not 1.5"),
        ({"steps": True}, "configuration key steps must be a whole number, not True"),
        ({"compile": 1}, "configuration key compile must be true or false, not 1"),
        ({"loss": {"l1": None}}, "configuration key loss.l1 must be a number, not None"),
        ({"loss": {"l1": "1"}}, "configuration key loss.l1 must be a number, not '1'"),
        ({"loss": {"warp": [1]}}, r"loss.warp must be a list of 2 numbers, not \[1\]"),
        ({"loss": {"warp": [1, "a"]}}, "loss.warp must be a number, not 'a'"),
        ({"loss": {"backbone": "vgg"}}, "loss.backbone must be 'squeezenet' or 'vgg19', not 'vgg'"),
        ({"precision": "fp16"}, "precision must be 'float32' or 'bfloat16', not 'fp16'"),
        ({"max_minutes": "long"}, "max_minutes must be a number, not 'long'"),
        ({"data": {"manifest": 3}}, "data.manifest must be a text, not 3"),
        ({"data": 3}, "data must be a table of keys, not 3"),
        ([1], r"the configuration must be a table of keys, not \[1\]"),
    ],
)
def test_wrong_values_are_named(values: dict[str, object], what: str) -> None:
    with pytest.raises(LiaxError, match=what):
        from_dict(values)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("run.toml", "steps = \n", "is not valid: Invalid value"),
        ("run.json", "{", "is not valid: Expecting property name"),
        ("run.toml", None, "cannot read the configuration .*: No such file or directory; check the path"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, text: str | None, what: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(LiaxError, match=what):
        load_config(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"preset": "huge"}, "there is no preset 'huge'; choose one of large, "),
        (
            {"batch": 6, "devices": 2, "accumulate": 2},
            "batch 6 does not divide by devices × nodes × accumulate = 4",
        ),
        ({"batch": 0}, "batch 0 does not divide"),
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"accumulate": 0}, "accumulate must be at least 1, not 0"),
        ({"log_every": 0}, "log_every must be at least 1, not 0"),
        (
            {"data": DataConfig(near_pose_share=0.7, far_pose_share=0.4)},
            "data.near_pose_share and data.far_pose_share are shares of the same pairs",
        ),
    ],
)
def test_values_that_cannot_train(changes: dict[str, object], what: str) -> None:
    TrainConfig().check()
    with pytest.raises(LiaxError, match=what):
        replace(TrainConfig(), **changes).check()
