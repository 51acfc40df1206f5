from pathlib import Path

import pytest
import torch

from liax.training.config import TrainConfig
from liax.training.log import RunLog


def logged(out: Path, begin: int, steps: list[int], value: float) -> None:
    log = RunLog(TrainConfig(out=out, steps=10), quiet=False)
    log.begin(begin)
    for step in steps:
        log.scalars(step, {"l1": value + step}, 0.0)
    log.close()


def rows(out: Path) -> list[str]:
    return [line for line in (out / "log.csv").read_text().splitlines() if "speed" not in line]


def test_steps_that_are_repeated_appear_once(tmp_path: Path) -> None:
    """A run killed at step 5, resumed from step 3; also in TensorBoard's own file."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logged(tmp_path, 0, [1, 2, 3, 4, 5], 10)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("6,train/l")  # half a line
    logged(tmp_path, 3, [4, 5, 6], 20)
    expected = [(1, 11), (2, 12), (3, 13), (4, 24), (5, 25), (6, 26)]
    assert rows(tmp_path) == [f"{step},train/l1,{value}" for step, value in expected]
    events = EventAccumulator(str(tmp_path)).Reload().Scalars("train/l1")
    assert [(event.step, event.value) for event in events] == expected


def test_a_run_without_a_checkpoint_starts_its_log_afresh(tmp_path: Path) -> None:
    logged(tmp_path, 0, [1, 2], 10)
    logged(tmp_path, 0, [1], 20)
    assert rows(tmp_path) == ["1,train/l1,21"]


def test_lines_tell_speed_and_time_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logged(tmp_path, 0, [5], 0.5)
    line = capsys.readouterr().err.strip()
    assert line.startswith("step 5/10 ")
    assert "it/s 0:00:00 left l1 5.5000" in line


def test_memory_of_a_gpu_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 3 * 2**29)
    logged(tmp_path, 0, [5], 0.5)
    assert "it/s 1.5 GiB 0:00:00 left" in capsys.readouterr().err
    assert "5,memory,1.5" in rows(tmp_path)


def test_other_processes_are_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = RunLog(TrainConfig(out=tmp_path), quiet=True)
    log.begin(0)
    log.scalars(1, {"l1": 1.0}, 0.0)
    log.validation(1, {"l1": 1.0}, torch.zeros(3, 4, 4))
    log.close()
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_validation_leaves_a_picture(tmp_path: Path) -> None:
    from PIL import Image

    log = RunLog(TrainConfig(out=tmp_path), quiet=False)
    log.begin(0)
    log.validation(4, {"psnr": 20.0}, torch.full((3, 8, 24), 0.5))
    log.close()
    assert rows(tmp_path) == ["4,val/psnr,20"]
    with Image.open(tmp_path / "validation.png") as picture:
        assert picture.size == (24, 8)
        assert picture.getpixel((3, 3)) == (128, 128, 128)
