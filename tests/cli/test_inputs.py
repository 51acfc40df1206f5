"""Every file that a command reads is safe from what it writes, also when it may overwrite."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from clips import flat_frames, write_clip
from liax.errors import LiaxError
from liax.evaluation import run as evaluation
from liax.evaluation.options import EvaluateOptions
from liax.evaluation.reenactors import CopySource
from liax.media.footage import files_of
from liax.portrait.batch_config import read_batch
from liax.portrait.clip import RenderedClip
from liax.portrait.clip import write_clip as write_result
from liax.training.config import TrainConfig
from liax.weights.checkpoint import convert_file

Command = Callable[..., tuple[int, str, str]]

# What is typed, with each output by the name of an input. Links stand for inputs whose endings no output of
# that command has.
CASES = [
    "animate face.png drive.mp4 -o drive.mp4",
    "animate face.png drive.mp4 -o link-face.mp4",
    "animate face.png frames -o frames/0.png",
    "animate face.png frames -o link-frame.mp4",
    "animate face.png drive.safetensors -o link-template.mp4",
    "animate face.png drive.mp4 -o link-weights.mp4",
    "edit face.png --set 0=1 -o face.png",
    "edit face.png --set 0=1 -o out.png --sheet face.png",
    "edit face.png --set 0=1 -o link-weights.png",
    "edit-video drive.mp4 --set 0=1 -o drive.mp4",
    "edit-video drive.mp4 --set 0=1 -o link-weights.mp4",
    "manipulate face.png --sweep #0 -o face.png",
    "manipulate face.png --sweep #0 -o link-weights.mp4",
    "encode drive.mp4 -o weights.safetensors",
    "encode drive.safetensors -o drive.safetensors",
    "encode frames -o link-frame.safetensors",
]


@pytest.fixture
def folder(tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny_weights, "weights.safetensors")
    shutil.copy(tiny_weights, "drive.safetensors")
    Image.fromarray(flat_frames(1)[0]).save("face.png")
    Path("frames").mkdir()
    Image.fromarray(flat_frames(1)[0]).save("frames/0.png")
    write_clip(Path("drive.mp4"), flat_frames(3))
    for link, to in {
        "link-face.mp4": "face.png",
        "link-frame.mp4": "frames/0.png",
        "link-frame.safetensors": "frames/0.png",
        "link-template.mp4": "drive.safetensors",
        "link-weights.mp4": "weights.safetensors",
        "link-weights.png": "weights.safetensors",
    }.items():
        Path(link).symlink_to(to)
    return tmp_path


@pytest.mark.parametrize("typed", CASES)
def test_no_command_replaces_what_it_reads(command: Command, folder: Path, typed: str) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, out, err = command(*typed.split(), "--weights", "weights.safetensors", "--overwrite")
    assert (code, out) == (1, "")
    assert err.endswith("is also an input; name another output.\n")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "typed",
    [
        "controls weights.safetensors -o link-weights.png",
        "controls weights.safetensors --portrait face.png -o face.png",
        "interpret weights.safetensors --data drive.mp4 -o out --write weights.safetensors",
    ],
)
def test_nor_do_those_that_take_weights_by_place(command: Command, folder: Path, typed: str) -> None:
    code, _, err = command(*typed.split(), "--overwrite")
    assert code == 1
    assert err.endswith("is also an input; name another output.\n")


def test_regions_of_a_manifest(command: Command, folder: Path) -> None:
    Path("manifest.csv").write_text("file,type,split,identity,frames\ndrive.mp4,clip,train,a,3\n")
    Path("a.npz").symlink_to("manifest.csv")
    Path("b.npz").symlink_to("drive.mp4")
    for manifest in ("manifest.csv", "."):
        for output in ("a.npz", "b.npz"):
            code, _, err = command("regions", manifest, "-o", output, "--overwrite")
            assert code == 1
            assert err == f"liax: {output} is also an input; name another output.\n"


def test_conversion(folder: Path) -> None:
    Path("weights.pt").symlink_to("weights.safetensors")
    with pytest.raises(LiaxError, match="also an input"):
        convert_file("weights.safetensors", "weights.pt", overwrite=True)


def test_a_batch(folder: Path) -> None:
    defaults = "[defaults]\noverwrite = true\n"
    job = '[[job]]\nsource = "{}"\ndriving = "{}"\noutput = "{}"\n'
    path = Path("jobs.toml")
    Path("link-jobs.mp4").symlink_to(path)
    Path("link-record.mp4").symlink_to("jobs.toml.done.json")
    Path("jobs.toml.done.json").write_text("{}")
    write_clip(Path("new.mp4"), flat_frames(3))
    first = job.format("face.png", "drive.mp4", "new.mp4")
    for output in ("drive.mp4", "link-face.mp4", "link-jobs.mp4", "link-record.mp4", "link-weights.mp4"):
        path.write_text(defaults + first + job.format("face.png", "drive.mp4", output))
        with pytest.raises(LiaxError, match=rf"the output {output} of job 2 is also an input"):
            read_batch(path, (Path("weights.safetensors"),))
    path.write_text(defaults + first + job.format("face.png", "frames", "link-frame.mp4"))
    with pytest.raises(LiaxError, match=r"link-frame\.mp4 of job 2 is also an input"):
        read_batch(path)
    # What an earlier job makes, a later one may read.
    path.write_text(defaults + first + job.format("face.png", "new.mp4", "newer.mp4"))
    assert len(read_batch(path).jobs) == 2


def test_the_sound_of_a_clip(folder: Path) -> None:
    clip = RenderedClip(iter(()), 25, 64, 48, sound=Path("drive.mp4"))  # type: ignore[arg-type]
    with pytest.raises(LiaxError, match="also an input"):
        write_result(clip, Path("drive.mp4"), overwrite=True)


def test_a_baseline(folder: Path) -> None:
    write_clip(Path("a.mp4"), flat_frames(3))
    options = EvaluateOptions(baseline=(Path("results"),))
    with pytest.raises(LiaxError, match="results is also a baseline"):
        evaluation.evaluate(CopySource(), folder, Path("results"), options)


def test_a_run_starts_from_other_weights_than_its_own(folder: Path) -> None:
    with pytest.raises(LiaxError, match="what the run would start from"):
        TrainConfig(out=folder, init=str(folder / "weights.safetensors")).check()


@pytest.mark.parametrize("place", ["source", "driving", "output"])
@pytest.mark.parametrize("name", ["a\\u0000b.mp4", "x" * 300 + ".mp4"])
def test_impossible_names_in_a_batch(command: Command, folder: Path, place: str, name: str) -> None:
    values = {"source": "face.png", "driving": "drive.mp4", "output": "out.mp4", place: name}
    text = "[[job]]\ncrop = false\n" + "".join(f'{key} = "{value}"\n' for key, value in values.items())
    Path("jobs.toml").write_text(text)
    code, _, err = command("batch", "jobs.toml", "--weights", "weights.safetensors")
    assert code == 1
    assert "Traceback" not in err
    assert ("too long" if "u0000" not in name else f"{place} must be a path") in err


@pytest.mark.parametrize(
    "typed",
    [
        "animate {} drive.mp4 -o a.mp4",
        "animate face.png {} -o a.mp4",
        "animate face.png drive.mp4 -o {}.mp4",
        "edit {} --set 0=1 -o a.png",
        "edit face.png --set 0=1 -o {}.png",
        "edit face.png --set 0=1 -o a.png --sheet {}.png",
        "edit-video {} --set 0=1 -o a.mp4",
        "edit-video drive.mp4 --set 0=1 -o {}.mp4",
        "manipulate {} --sweep #0 -o a.mp4",
        "manipulate face.png --sweep #0 -o {}.mp4",
        "encode {} -o a.safetensors",
        "encode drive.mp4 -o {}.safetensors",
        "controls {}",
        "controls small -o {}.png",
        "batch {}",
        "convert {}.pt -o a.safetensors",
        "convert weights.safetensors -o {}.pt",
        "regions {}",
        "regions . -o {}.npz",
        "prepare {} -o out",
        "prepare drive.mp4 -o {}",
        "evaluate {} -o out --copy",
        "evaluate . -o {} --copy",
        "interpret weights.safetensors --data {} -o out",
        "interpret weights.safetensors --data . -o out --write {}.safetensors",
    ],
)
def test_names_that_are_too_long_are_one_sentence(command: Command, folder: Path, typed: str) -> None:
    Path("manifest.csv").write_text("file,type,split,identity,frames\ndrive.mp4,clip,val,a,3\n")
    code, out, err = command(*typed.format("x" * 300).split())
    assert (code, out) == (1, "")
    assert err.startswith("liax: ")
    assert "x" * 30 in err
    assert "too long" in err or "does not exist" in err or "There is no file" in err
    assert err.count("\n") == 1


def test_files_of_an_impossible_name() -> None:
    assert files_of(Path("x" * 5000)) == (Path("x" * 5000),)
