import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.data.config import AugmentConfig, DataConfig
from liax.errors import LiaxError
from liax.options_file import has_key
from liax.training.config import (
    RENAMED,
    AdversarialConfig,
    LossConfig,
    OptimConfig,
    TrainConfig,
    from_dict,
    load_config,
    to_dict,
    with_present_names,
)
from liax.training.ranges import RANGES, numbers_in

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
        ({"stepz": 3}, "the configuration has the unknown key 'stepz'; did you mean steps"),
        (
            {"loss": {"l3": 3}},
            "configuration has the unknown key 'loss.l3'; known are l1, l2, perceptual",
        ),
        ({"steps": "many"}, "the configuration: steps must be a whole number, not 'many'"),
        ({"steps": 1.5}, "the configuration: steps must be a whole number, not 1.5"),
        ({"steps": True}, "the configuration: steps must be a whole number, not True"),
        ({"compile": 1}, "the configuration: compile must be true or false, not 1"),
        ({"loss": {"l1": None}}, "the configuration: loss.l1 must be a number, not None"),
        ({"loss": {"l1": "1"}}, "the configuration: loss.l1 must be a number, not '1'"),
        ({"loss": {"warp": [1]}}, r"loss.warp must be a list of 2 numbers, not \[1\]"),
        ({"loss": {"warp": [1, "a"]}}, r"loss.warp must be a list of 2 numbers, not \[1, 'a'\]"),
        ({"loss": {"backbone": "vgg"}}, "loss.backbone must be 'squeezenet' or 'vgg19', not 'vgg'"),
        ({"precision": "fp16"}, "precision must be 'float32' or 'bfloat16', not 'fp16'"),
        ({"max_minutes": "long"}, "max_minutes must be a number, not 'long'"),
        ({"data": {"manifest": 3}}, "data.manifest must be a path, not 3"),
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
        ("run.toml", "steps = \n", "is no TOML .Invalid value"),
        ("run.json", "{", "is no JSON .Expecting property name"),
        ("run.toml", None, "cannot read .*: No such file or directory; check the path"),
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
        ({"max_minutes": 0.0}, "max_minutes must be at least 0.001, not 0"),
        ({"max_minutes": -1.0}, "max_minutes must be at least 0.001, not -1"),
        ({"max_minutes": math.inf}, "max_minutes must be at most"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"seed": 2**64}, "seed must be at most"),
        ({"steps": 10**400}, "steps must be at most"),
        ({"batch": -4}, "batch -4 does not divide"),
        ({"data": DataConfig(workers=-1)}, "data.workers must be at least 1, not -1"),
        ({"data": DataConfig(workers=0)}, "data.workers must be at least 1, not 0"),
        ({"data": DataConfig(still_share=5.0)}, "data.still_share must be at most 1, not 5"),
        ({"optim": OptimConfig(lr=math.nan)}, "optim.lr must be a number, not nan"),
        ({"loss": LossConfig(l1=math.inf)}, r"loss.l1 must be at most 1000000, not inf"),
        ({"loss": LossConfig(warp=(1.0, math.nan))}, "loss.warp must be a number, not nan"),
        ({"augment": AugmentConfig(flip=-0.1)}, "augment.flip must be at least 0, not -0.1"),
        ({"init": "small", "grow": "small"}, "a run starts from one of init, grow and narrow"),
        ({"loss": LossConfig(landmark_flow=1.0)}, "loss.landmark_flow needs data.landmarks"),
        (
            {"adversarial": AdversarialConfig(0.1, view="both"), "data": DataConfig(regions=Path("r.npz"))},
            "a discriminator from pixels sees pictures of one side",
        ),
        ({"optim": OptimConfig(outer_steps=10)}, "optim.outer_steps are for the levels that grow adds"),
        (
            {"data": DataConfig(near_pose_share=0.7, far_pose_share=0.4)},
            "data.near_pose_share, far_pose_share, neighbour_share and mouth_share are shares of the same",
        ),
        (
            {"data": DataConfig(near_pose_share=0.0, neighbour_share=0.7, mouth_share=0.4)},
            "shares of the same",
        ),
    ],
)
def test_values_that_cannot_train(changes: dict[str, object], what: str) -> None:
    TrainConfig().check()
    with pytest.raises(LiaxError, match=what):
        replace(TrainConfig(), **changes).check()


def test_every_number_has_a_range_and_no_other() -> None:
    config = replace(TrainConfig(), max_minutes=1.0)
    assert {name for name, _ in numbers_in(config)} == RANGES.keys()
    assert all(low < high for low, high in RANGES.values())


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, -1e308, -1])
def test_no_number_may_be_absurd(name: str, value: float) -> None:
    table, _, key = name.rpartition(".")
    config = TrainConfig()
    part = getattr(config, table) if table else config
    part = replace(part, **{key: (0.0, value) if name == "loss.warp" else value})
    config = replace(config, **{table: part}) if table else part
    with pytest.raises(LiaxError, match=rf"^{name} .*{'' if name == 'batch' else 'must be'}"):
        config.check()


@pytest.mark.parametrize("old", RENAMED)
def test_former_keys_are_refused_by_their_present_name(old: str, tmp_path: Path) -> None:
    table, _, key = old.rpartition(".")
    values = {table: {key: 1}} if table else {key: 1}
    with pytest.raises(LiaxError, match=rf"the configuration: {old} is called {RENAMED[old]} now; rename it"):
        from_dict(values)
    path = tmp_path / "run.toml"
    path.write_text((f"[{table}]\n" if table else "") + f"{key} = 1\n")
    with pytest.raises(LiaxError, match=rf"run\.toml: {old} is called {RENAMED[old]} now; rename it"):
        load_config(path)


def test_present_keys_are_known_and_none_is_a_former_one() -> None:
    present = to_dict(TrainConfig())
    for old, new in RENAMED.items():
        assert has_key(present, new)
        assert not has_key(present, old)
        assert old.rpartition(".")[0] == new.rpartition(".")[0]


def test_what_a_run_recorded_gets_present_names() -> None:
    config = replace(TrainConfig(), canonicalize_frames=7, data=DataConfig(far_pose_share=0.25))
    recorded = to_dict(config)
    for old, new in RENAMED.items():
        table = recorded[old.partition(".")[0]] if "." in old else recorded
        table[old.rpartition(".")[2]] = table.pop(new.rpartition(".")[2])
    before = json.dumps(recorded)
    assert from_dict(with_present_names(recorded)) == config
    assert json.dumps(recorded) == before
    assert with_present_names(to_dict(config)) == to_dict(config)


CONFIGS = sorted((Path(__file__).parents[2] / "configs").rglob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_of_the_repository_is_valid(path: Path) -> None:
    load_config(path).check()


def test_there_are_configurations() -> None:
    assert len(CONFIGS) > 10
