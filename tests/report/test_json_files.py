import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from liax.errors import LiaxError
from liax.report.json_files import json_ready, load_or_make, lock_settings, read_json, write_json


@dataclass(frozen=True)
class Pair:
    first: object
    second: object


def test_everything_becomes_json() -> None:
    value = Pair({1: np.array([1.5, np.nan])}, (np.int64(3), Path("a"), None, True, float("inf")))
    assert json_ready(value) == {"first": {"1": [1.5, None]}, "second": [3, "a", None, True, None]}
    json.dumps(json_ready(value), allow_nan=False)


def test_records_come_back(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", Pair("ä", [1]))
    assert read_json(tmp_path / "x.json") == {"first": "ä", "second": [1]}
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(LiaxError, match="delete it to have it made anew"):
        read_json(tmp_path / "x.json")


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["", "[" * 100_000, "9" * 5000, "{" * 9, "\x1b[2J"])
def test_damaged_files_are_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(LiaxError, match="cannot be read") as caught:
        read_json(tmp_path / "settings.json")
    assert str(caught.value).isprintable()
    with pytest.raises(LiaxError, match="cannot be read"):
        lock_settings(tmp_path, {})


@pytest.mark.parametrize("text", ["[]", "5", "null"])
def test_settings_that_are_no_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(LiaxError, match="is damaged; name another folder"):
        lock_settings(tmp_path, {})


def test_what_is_kept_is_made_once(tmp_path: Path) -> None:
    made = []

    def make() -> tuple[int, ...]:
        made.append(1)
        return (1, 2)

    path = tmp_path / "new" / "kept.json"
    assert load_or_make(path, make) == load_or_make(path, make) == [1, 2]
    assert len(made) == 1


def test_a_folder_is_for_one_set_of_settings(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    lock_settings(folder, {"frames": 60, "data": Path("x")})
    lock_settings(folder, {"frames": 60, "data": Path("x")})
    with pytest.raises(LiaxError, match=r"holds results made with other frames; name another folder"):
        lock_settings(folder, {"frames": 61, "data": Path("x")})
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").touch()
    with pytest.raises(LiaxError, match="has something else in it"):
        lock_settings(tmp_path / "photos", {})
    assert not (tmp_path / "photos" / "settings.json").exists()
    with pytest.raises(LiaxError, match="cannot be made"):
        lock_settings(tmp_path / "photos" / "me.jpg" / "out", {})
    lock_settings(tmp_path / "none" / "out", {})
    assert (tmp_path / "none" / "out" / "settings.json").exists()
