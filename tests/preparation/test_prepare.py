import os
import shutil
import signal
from pathlib import Path

import pytest
from lightning.fabric import Fabric
from pyarrow import parquet

from clips import flat_frames, write_clip
from liax.data.config import DataConfig
from liax.errors import LiaxError
from liax.preparation import prepare as prepare_module
from liax.preparation.config import CutOptions, QualityLimits, Selection
from liax.preparation.prepare import prepare
from liax.preparation.workers import parallel_map
from liax.ray_session import ray_session
from liax.training.config import LossConfig, TrainConfig
from liax.training.trainer import Trainer
from scenes import FAST, Scene

CUT = CutOptions(size=64)


@pytest.fixture(scope="module")
def ray():
    """Two workers, started once."""
    with ray_session(2, None):
        yield


@pytest.fixture(scope="module")
def raw(two_shots: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good video, one that is cut off, an empty file, one without a face, and a copy of the first."""
    folder = tmp_path_factory.mktemp("videos")
    shutil.copy(two_shots, folder / "good.mp4")
    shutil.copy(two_shots, folder / "twin.mp4")
    (folder / "cut off.mp4").write_bytes(two_shots.read_bytes()[:20_000])
    (folder / "empty.mp4").touch()
    write_clip(folder / "grey.webm", flat_frames(30), codec="libvpx", rate=15)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_from_videos_to_a_data_set_by_any_number_of_workers(ray: None, raw: Path, tmp_path: Path) -> None:
    stages: dict[str, tuple[int, int | None]] = {}
    one = prepare(
        [raw], tmp_path / "one", cut=CUT, count=1, progress=lambda s, n, of: stages.update({s: (n, of)})
    )
    assert one.kept == 2
    assert one.refused == {
        "no face found": 1,
        "is empty (0 bytes)": 1,
        "is not a video that can be decoded, or it is cut off": 1,
        f"the same as {raw / 'good.mp4'}": 1,
    }
    assert one.seconds == pytest.approx(3.4 + 2, abs=0.1)
    assert one.core_seconds > 0
    assert stages == {"reading files": (5, 5), "cutting clips": (5, 5), "writing clips": (2, 2)}
    prepare([raw], tmp_path / "two", cut=CUT, count=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_rerun_does_what_is_missing(ray: None, raw: Path, two_shots: Path, tmp_path: Path) -> None:
    prepare([raw / "good.mp4"], tmp_path / "set", cut=CUT)
    (segment,) = (tmp_path / "set" / "units").rglob("*.tar")
    finished = segment.stat().st_mtime_ns
    moved = tmp_path / "another name.mp4"  # known by its content
    shutil.copy(two_shots, moved)
    more = prepare([moved, raw / "grey.webm"], tmp_path / "set", cut=CUT)
    assert more.seconds == pytest.approx(2, abs=0.1)
    assert segment.stat().st_mtime_ns == finished
    rows = parquet.read_table(tmp_path / "set" / "manifest.parquet").to_pylist()
    assert sorted({row["input"] for row in rows}) == sorted(map(str, (moved, raw / "grey.webm")))
    strict = prepare([moved, raw / "grey.webm"], tmp_path / "set", cut=CUT, limits=QualityLimits(sharpness=9))
    assert (strict.seconds, strict.kept, strict.refused["not sharp"]) == (0, 0, 2)


def test_workers_that_die_cost_what_they_were_doing(ray: None, tmp_path: Path) -> None:
    """One item ends its process the first time only, one every time."""
    once = str(tmp_path / "once")

    def work(item: dict) -> dict:
        first = item["k"] == 1 and not os.path.exists(once)
        if first:
            open(once, "w").close()
        if first or item["k"] == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert sorted(row["k"] for row in parallel_map(work, [{"k": k} for k in range(5)])) == [0, 1, 3, 4]
    assert list(parallel_map(work, [])) == []


def test_interrupted(ray: None, raw: Path, two_shots: Path, tmp_path: Path) -> None:
    """What is finished stays; the next run ends where an undisturbed one does."""
    arguments = ([raw / "good.mp4", raw / "grey.webm"], tmp_path / "set")

    def stop(stage: str, done: int, total: int | None) -> None:
        if stage == "cutting clips":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(*arguments, cut=CUT, count=1, progress=stop)
    assert not (tmp_path / "set" / "manifest.parquet").exists()
    assert len(list((tmp_path / "set" / "units").rglob("*.tar"))) >= 1
    again = prepare(*arguments, cut=CUT)
    assert again.seconds < 5.3
    undisturbed = tmp_path / "undisturbed"
    prepare(arguments[0], undisturbed, cut=CUT)
    assert contents(tmp_path / "set") == contents(undisturbed)


def test_another_setting_and_other_folders_are_refused(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare_module, "ray_session", lambda *a: pytest.fail("started"))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "prepare.json").write_text('{"size": 256}')
    with pytest.raises(LiaxError, match=r"set was prepared with size 256, not 64; name another folder"):
        prepare([raw], tmp_path / "set", cut=CUT)
    (tmp_path / "set" / "prepare.json").write_text("{")
    with pytest.raises(LiaxError, match=r"prepare.json is damaged"):
        prepare([raw], tmp_path / "set", cut=CUT)
    with pytest.raises(LiaxError, match=r"holds something else; name a new folder"):
        prepare([raw], raw, cut=CUT)


def test_the_trainer_trains_on_it(ray: None, scene: Scene, tmp_path: Path) -> None:
    for k in range(2):
        write_clip(tmp_path / f"{k}.mp4", scene(30, left=160 + k), options=FAST)
    prepare(
        [tmp_path / f"{k}.mp4" for k in range(2)], tmp_path / "set", cut=CUT, selection=Selection(val=0.5)
    )
    data = DataConfig(tmp_path / "set", regions=tmp_path / "set" / "regions.npz", frames="stream", workers=1)
    config = TrainConfig(
        out=tmp_path / "run",
        preset="tiny",
        steps=2,
        batch=2,
        accelerator="cpu",
        canonicalize_frames=0,
        data=data,
        loss=LossConfig(factor_supervision=0.0),
    )
    Trainer(config, Fabric(accelerator="cpu", devices=1)).run()
    assert (tmp_path / "run" / "weights.safetensors").exists()


def test_no_cluster(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # what is set below is undone
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", refuse)
    for address in ("auto", "127.0.0.1:1", "ray://127.0.0.1:1", "here:no"):
        with pytest.raises(
            LiaxError, match=f"No Ray cluster answers at {address}; start one with `ray start`"
        ):
            prepare([raw], tmp_path / "set", cut=CUT, address=address)
