import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liax.cli.main import main
from liax.preparation import prepare as prepare_module
from liax.preparation.config import CutOptions, QualityLimits, Selection
from liax.preparation.dataset import Layout
from liax.preparation.prepare import PreparationSummary

MADE = PreparationSummary(
    kept=3,
    minutes={"train": 0.25, "val": 0.1},
    people={"train": 2, "val": 1},
    refused={"not sharp": 4, "too short": 1},
    unfinished=0,
    seconds=120.0,
    wall=50.0,
    core_seconds=60.0,
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What preparing was asked for; nothing is prepared."""
    seen: list[tuple] = []

    def run(paths, folder, **options) -> PreparationSummary:
        seen.append((paths, folder, options))
        return MADE

    monkeypatch.setattr(prepare_module, "prepare", run)
    return seen


def ended(*args: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", *args])
    return int(stopped.value.code or 0)


def test_what_was_made_is_told(asked: list[tuple], capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("a", "b.mp4", "-o", "set") == 0
    ((paths, folder, options),) = asked
    assert (paths, folder) == ((Path("a"), Path("b.mp4")), Path("set"))
    assert (options["cut"], options["limits"], options["count"]) == (CutOptions(), QualityLimits(), None)
    assert capsys.readouterr().out.splitlines() == [
        "set: 3 clips",
        "  train: 0.2 min, 2 people",
        "  val: 0.1 min, 1 person",
        "refused:",
        "     4  not sharp",
        "     1  too short",
        "120 seconds of video in 50 s, 2.0 in each second of a core",
        "liax train --data.manifest set --data.regions set/regions.npz",
    ]


def test_options(asked: list[tuple]) -> None:
    assert (
        ended(
            *("a", "-o", "set", "--size", "512", "--identities", "--limits.text", "9", "--val", "0.1"),
            *("--workers", "3", "--address", "auto", "--shard-megabytes", "2", "--plain", "--inside"),
            *("--large", "1024", "--minutes", "2", "--known", "old", "--apart", "b", "c"),
        )
        == 0
    )
    ((_, _, options),) = asked
    assert options["cut"] == CutOptions(size=512, identities=True, large=1024, inside=True)
    assert options["limits"] == QualityLimits(text=9)
    others = (Path("b"), Path("c"))
    assert options["selection"] == Selection(val=0.1, minutes=2, known=(Path("old"),), apart=others)
    assert (options["count"], options["address"]) == (3, "auto")
    assert options["layout"] == Layout(2 << 20, plain=True)


def test_nothing_kept_and_minutes_lost_are_errors(
    asked: list[tuple], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    monkeypatch.setattr(
        prepare_module, "prepare", lambda *a, **k: replace(MADE, kept=0, people={}, minutes={})
    )
    assert ended("a", "-o", "set") == 1
    out, err = capsys.readouterr()
    assert "refused:" in out
    assert err == "liax: set has no clip in it; its manifest.parquet says why each was refused.\n"
    monkeypatch.setattr(prepare_module, "prepare", lambda *a, **k: replace(MADE, unfinished=2))
    assert ended("a", "-o", "set") == 1
    assert "2 minutes of video were not finished" in capsys.readouterr().err


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(str(tmp_path / "gone"), "-o", str(tmp_path / "set")) == 1
    assert capsys.readouterr().err.endswith("gone does not exist; give videos, or folders of videos.\n")
    assert not (tmp_path / "set").exists()
    assert ended("-o", str(tmp_path / "set")) == 1
    assert capsys.readouterr().err.startswith("liax: There is nothing to prepare; give videos")
    assert ended(str(tmp_path), "-o", str(tmp_path / "set"), "--size", "63") == 1
    assert "size must be even" in capsys.readouterr().err
    assert ended(str(tmp_path), "-o", str(tmp_path / "set"), "--val", "2") == 1
    assert "val must be a share from 0 to 1, not 2" in capsys.readouterr().err
    assert ended(str(tmp_path), "-o", str(tmp_path / "set"), "--apart", "other") == 1
    assert capsys.readouterr().err == (
        "liax: people of other data sets can only be told by their faces; recognize people (--identities).\n"
    )


def test_ctrl_c_leaves_what_is_finished(tmp_path: Path) -> None:
    """The real command, interrupted as soon as the first minute of video is there."""
    demo = Path(main.__code__.co_filename).parents[1] / "assets" / "demo_driving.mp4"
    videos = tmp_path / "videos"
    videos.mkdir()
    for k in range(3):
        (videos / f"{k}.mp4").write_bytes(demo.read_bytes() + bytes(k))
    command = [sys.executable, "-c", "from liax.cli.main import main; main()", "prepare", str(videos)]
    run = subprocess.Popen(
        [*command, "-o", str(tmp_path / "set"), "--workers", "1", "--size", "64"],
        stderr=subprocess.PIPE,
        text=True,
    )
    finished = tmp_path / "set" / "units"
    until = time.monotonic() + 300
    while not list(finished.rglob("*.tar")) and time.monotonic() < until and run.poll() is None:
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 130
    assert err.splitlines()[-1] == "liax: stopped."
    assert 1 <= len(list(finished.rglob("*.tar"))) < 3
    assert list(finished.rglob("*.part")) == []
    assert not (tmp_path / "set" / "manifest.parquet").exists()
