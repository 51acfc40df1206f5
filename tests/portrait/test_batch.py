"""Batches: what a TOML file may say, and which jobs are done, skipped, done anew or told as failed."""

import json
import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clips import flat_frames, write_clip
from liax.errors import LiaxError
from liax.media.video import Video
from liax.model import LIAX, PRESETS
from liax.options import Amount, AnimateOptions
from liax.portrait import batch as module
from liax.portrait.animator import Animator
from liax.portrait.batch import run_batch
from liax.portrait.batch_config import read_batch


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Two portraits and two clips beside a TOML file of this text."""
    (tmp_path / "faces").mkdir()
    for name, level in (("a", 80), ("b", 160)):
        Image.fromarray(np.full((64, 64, 3), level, np.uint8)).save(tmp_path / "faces" / f"{name}.png")
    for name, count in (("x", 3), ("y", 5)):
        write_clip(tmp_path / f"{name}.mp4", flat_frames(count))

    def written(text: str) -> Path:
        path = tmp_path / "jobs.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


JOB = '[[job]]\nsource = "faces/a.png"\ndriving = "x.mp4"\noutput = "a.mp4"\ncrop = false\n'
MATRIX = """
sources = ["faces/*.png"]
drivings = ["x.mp4", "y.mp4"]
output = "out/{source}_{driving}.mp4"
[defaults]
crop = false
"""


def statuses(animator: Animator, path: Path) -> list[str]:
    return [outcome.status for outcome in run_batch(animator, read_batch(path))]


def test_jobs_are_read_with_defaults_and_paths_relative_to_the_file(write: Callable[[str], Path]) -> None:
    text = JOB + 'strength = {mouth = 2, all = 1.5}\nset = {"#1" = 0.5, yaw = "15deg"}\nrate = 29.97\n'
    path = write('[defaults]\nonly = ["mouth", "eyes"]\ncrop = true\nalign = "pose"\nface = 2\n' + text)
    (job,) = read_batch(path).jobs
    assert (job.source, job.output) == (path.parent / "faces/a.png", path.parent / "a.mp4")
    assert job.options == AnimateOptions(
        only=("mouth", "eyes"),
        crop=False,
        align="pose",
        face=2,
        strength={"mouth": 2, "all": 1.5},
        set={"#1": 0.5, "yaw": Amount(15, "deg")},
        rate=Fraction(2997, 100),
    )
    assert not job.overwrite


@pytest.mark.parametrize(("old", "new"), [("edit = {yaw = 1}", "set"), ("relative = false", "absolute")])
def test_keys_of_older_files_are_refused_with_the_present_ones(
    write: Callable[[str], Path], old: str, new: str
) -> None:
    for text in (JOB + old, f"[defaults]\n{old}\n{JOB}"):
        with pytest.raises(LiaxError, match=f"{old.split()[0]} is called {new}.* now; rename it"):
            read_batch(write(text))


def test_a_matrix_is_every_pair_in_order(write: Callable[[str], Path]) -> None:
    path = write(MATRIX + JOB)
    batch = read_batch(path)
    names = ["out/a_x.mp4", "out/a_y.mp4", "out/b_x.mp4", "out/b_y.mp4", "a.mp4"]
    assert [batch.name(job.output) for job in batch.jobs] == names
    assert all(job.options == AnimateOptions(crop=False) for job in batch.jobs)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("key", ["source", "driving", "output"])
def test_names_that_no_file_can_have(write: Callable[[str], Path], key: str) -> None:
    old = {"source": "faces/a.png", "driving": "x.mp4", "output": "a.mp4"}[key]
    for name in ("é" * 150 + ".mp4", "a" * 300 + ".mp4"):
        with pytest.raises(LiaxError, match="has a name that is too long; name another file"):
            read_batch(write(JOB.replace(old, name)))


@pytest.mark.timeout(10)
def test_a_matrix_of_too_many_jobs_is_not_made(write: Callable[[str], Path]) -> None:
    many = json.dumps([f"{k}.png" for k in range(400)])
    path = write(f'sources = {many}\ndrivings = {many}\noutput = "{{source}}_{{driving}}.mp4"')
    with pytest.raises(LiaxError, match="400 sources with 400 drivings are more than 100000 jobs"):
        read_batch(path)


def test_a_relative_path_of_the_file_is_taken_once(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(MATRIX + JOB)
    monkeypatch.chdir(path.parent.parent)
    folder = Path(path.parent.name)
    jobs = read_batch(folder / path.name).jobs
    assert (jobs[0].source, jobs[0].driving) == (folder / "faces/a.png", folder / "x.mp4")
    assert jobs[0].output == folder / "out/a_x.mp4"
    assert (jobs[-1].source, jobs[-1].output) == (folder / "faces/a.png", folder / "a.mp4")


def test_several_faces_each_with_its_own_driving(
    animator: Animator, write: Callable[[str], Path], portrait_path: Path, face_clip: Path
) -> None:
    job = '[[job]]\nsource = "two.jpg"\nfaces = {{ {faces} }}\noutput = "two.mp4"\nquality = 100\n'
    path = write(job.format(faces='1 = "face.mp4", 2 = "still.jpg"'))
    portrait = Image.open(portrait_path).convert("RGB")
    both = Image.new("RGB", (900, 420), (128, 128, 128))
    both.paste(portrait.resize((360, 360)), (30, 30))
    both.paste(portrait.resize((280, 280)), (560, 60))
    both.save(path.parent / "two.jpg", quality=95)
    portrait.save(path.parent / "still.jpg")
    shutil.copy(face_clip, path.parent / "face.mp4")
    assert statuses(animator, path) == ["done"]
    frames = [frame.rgb().astype(int) for frame in Video(path.parent / "two.mp4")]
    assert len(frames) == 12
    changed = np.abs(frames[11] - frames[0]).max(2)
    assert changed[:, :450].mean() > 10 * changed[:, 500:].mean()
    assert statuses(animator, path) == ["skipped"]
    path.write_text(job.format(faces='2 = "face.mp4", 1 = "still.jpg"'))
    assert statuses(animator, path) == ["done"]
    frames = [frame.rgb().astype(int) for frame in Video(path.parent / "two.mp4")]
    changed = np.abs(frames[11] - frames[0]).max(2)
    assert changed[:, 500:].mean() > 10 * changed[:, :450].mean()


def test_drivings_of_faces_are_no_outputs(write: Callable[[str], Path]) -> None:
    path = write('[[job]]\nsource = "faces/a.png"\nfaces = { 2 = "y.mp4" }\noutput = "y.mp4"\n')
    with pytest.raises(LiaxError, match=r"the output y\.mp4 of job 1 is also an input"):
        read_batch(path)


def test_patterns_name_each_file_once_and_plain_names_may_have_brackets(write: Callable[[str], Path]) -> None:
    path = write(
        'sources = ["a[1].png", "faces/b*", "faces/?.png"]\ndrivings=["x.mp4"]\noutput="{source}.gif"'
    )
    shutil.copy(path.parent / "faces" / "a.png", path.parent / "a[1].png")
    assert [job.source.name for job in read_batch(path).jobs] == ["a[1].png", "b.png", "a.png"]


WRONG = {
    JOB + "smoth = true": "[[job]] 1 has the unknown key 'smoth'; did you mean smooth?",
    JOB + "progress = true": "[[job]] 1 has the unknown key 'progress'; known are since, ",
    "[defaults]\nfaces = 1\n" + JOB: "[defaults] has the unknown key 'faces'; did you mean face?",
    "weights = 'x'\n" + JOB: " has the unknown key 'weights'; known are sources, drivings, output,",
    JOB + "smooth = 1": "[[job]] 1: smooth must be true or false, not 1.",
    JOB + "face = 1.5": "[[job]] 1: face must be a whole number, not 1.5.",
    JOB + "face = true": "[[job]] 1: face must be a whole number, not True.",
    JOB + "align = 'poses'": "[[job]] 1: align must be 'pose' or 'expression' or 'all', not 'poses'.",
    JOB + "only = 'mouth'": "[[job]] 1: only must be a list of texts, not 'mouth'.",
    JOB + "strength = 'x'": "[[job]] 1: strength must be a number or a table of numbers, not 'x'.",
    JOB + "strength = {mouth = true}": "[[job]] 1: strength must be",
    JOB + "set = {yaw = 'far'}": '[[job]] 1: set must be a table of numbers or texts such as "15deg"',
    JOB + "rate = inf": "[[job]] 1: rate must be a number, not inf.",
    JOB + "[[job]]\nsource = 'a'\ndriving = 'b'": "[[job]] 2 lacks output; add it.",
    JOB.replace('driving = "x.mp4"\n', ""): "[[job]] 1 needs a driving, or faces such as { 1 =",
    JOB + "faces = {1 = 'x.mp4'}": "[[job]] 1 needs a driving, or faces such as { 1 =",
    JOB.replace('driving = "x.mp4"', "faces = {}"): "[[job]] 1 needs a driving, or faces such as { 1 =",
    JOB.replace('driving = "x.mp4"', "faces = {0 = 'x.mp4'}"): "[[job]] 1: faces: '0' is no number",
    JOB.replace('driving = "x.mp4"', "faces = {left = 'x.mp4'}"): "[[job]] 1: faces: 'left' is no number",
    JOB.replace('driving = "x.mp4"', "faces = {1 = 'x.mp4', 01 = 'y.mp4'}"): "[[job]] 1: face 1 is given two",
    JOB.replace('driving = "x.mp4"', "faces = ['x.mp4']"): "[[job]] 1: faces must be a table of paths, not",
    JOB.replace('"x.mp4"', "7"): "[[job]] 1: driving must be a path, not 7.",
    "job = 3": "job must be a list of a table of values",
    "defaults = 3\n" + JOB: "defaults must be a table of values, not 3.",
    "# nothing": "there is no job in it; add [[job]] tables, or sources, drivings and output.",
    MATRIX.replace("*.png", "*.jpg"): "sources: nothing matches 'faces/*.jpg'; correct the pattern.",
    MATRIX.replace('["faces/*.png"]', "[]"): "sources is empty; name at least one file.",
    MATRIX.replace("drivings", "driving"): " has the unknown key 'driving'; did you mean drivings?",
    MATRIX.replace("{source}_{driving}", "{name}"): "output 'out/{name}.mp4' may name {source} and {driving}",
    MATRIX.replace("{source}_", "{source"): "output 'out/{source{driving}.mp4' ",
    MATRIX.replace("{source}_", ""): "jobs 1 and 3 have the same output out/x.mp4; name them apart",
    MATRIX.replace(
        "{source}_", "{source!r:>99999999}_"
    ): "output 'out/{source!r:>99999999}_{driving}.mp4' may",
    MATRIX.replace("{source}_", "{source:>99999999}_"): "output 'out/{source:>99999999}_{driving}.mp4' may",
    MATRIX.replace("{source}_", "{source!r}_"): "output 'out/{source!r}_{driving}.mp4' may name {source}",
    MATRIX.replace("{source}_", "{source.parent}_"): "output 'out/{source.parent}_{driving}.mp4' may name",
    MATRIX.replace("{source}_", "{source:{driving}}_"): "output 'out/{source:{driving}}_{driving}.mp4' may",
    MATRIX.replace("{source}_", "{}_"): "output 'out/{}_{driving}.mp4' may name {source} and {driving}",
    JOB + "rate = nan": "[[job]] 1: rate must be a number, not nan.",
    JOB + "strength = inf": "[[job]] 1: strength must be a number or a table of numbers, not inf.",
    JOB + "set = {yaw = nan}": "[[job]] 1: set must be a table of numbers or texts",
    JOB + f"set = {{yaw = '{'1' * 5000}'}}": "[[job]] 1: set must be a table of numbers or texts",
    JOB + "face = 0x" + "f" * 5000: " is no TOML (it has a whole number of more than 64 bits)",
    JOB + "only = " + "[" * 5000: " is no TOML (it is nested deeper than 32 levels)",
    JOB + "x" * 5000 + " = 1": "[[job]] 1 has the unknown key 'xxxx",
    JOB.replace("a.mp4", "a\\u0000.mp4"): "[[job]] 1: output must be a path, not 'a\\x00.mp4'.",
    JOB + JOB.replace("a.mp4", "./faces/../a.mp4"): "jobs 1 and 2 have the same output a.mp4",
    JOB.replace("a.mp4", "a.txt"): "output a.txt has no ending that can be written; name it one of .mp4",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_refused_by_file_and_key(write: Callable[[str], Path], text: str) -> None:
    path = write(text)
    with pytest.raises(LiaxError) as told:
        read_batch(path)
    separator = "" if WRONG[text].startswith(" ") else ": "
    assert str(told.value).startswith(f"{path}{separator}{WRONG[text]}")
    assert "\n" not in str(told.value)


def test_files_that_are_no_toml(write: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match=r"jobs\.toml is no TOML \(.*at end of document"):
        read_batch(write("[defaults]\nx ="))
    path = tmp_path / "jobs.toml"
    path.write_bytes(b"x = '\xff'")
    with pytest.raises(LiaxError, match="is no TOML"):
        read_batch(path)
    with pytest.raises(LiaxError, match="does not exist"):
        read_batch(tmp_path / "no.toml")


def test_outputs_are_those_of_animate_and_done_jobs_are_skipped(
    animator: Animator, write: Callable[[str], Path]
) -> None:
    path, told = write(MATRIX), []
    outcomes = list(run_batch(animator, read_batch(path), progress=lambda *now: told.append(now)))
    assert [(o.status, o.frames) for o in outcomes] == [("done", 3), ("done", 5), ("done", 3), ("done", 5)]
    assert ("4 of 4: animating", 5, 5) in told
    out = path.parent / "out"
    assert sorted(os.listdir(out)) == ["a_x.mp4", "a_y.mp4", "b_x.mp4", "b_y.mp4"]
    alone = path.parent / "alone.mp4"
    module.animate_file(
        animator, path.parent / "faces/b.png", path.parent / "y.mp4", alone, AnimateOptions(crop=False)
    )
    for one, other in zip(Video(alone), Video(out / "b_y.mp4"), strict=True):
        assert np.array_equal(one.rgb(), other.rgb())
    before = {name: (out / name).stat().st_mtime_ns for name in os.listdir(out)}
    again = list(run_batch(animator, read_batch(path)))
    assert [(o.status, o.frames) for o in again] == [("skipped", o.frames) for o in outcomes]
    assert {name: (out / name).stat().st_mtime_ns for name in os.listdir(out)} == before


def test_what_changed_is_done_anew(animator: Animator, write: Callable[[str], Path]) -> None:
    path = write(MATRIX)
    assert statuses(animator, path) == ["done"] * 4
    write(MATRIX + "absolute = true\n")
    assert statuses(animator, path) == ["done"] * 4
    write(MATRIX + "absolute = true\noverwrite = true\n")
    assert statuses(animator, path) == ["skipped"] * 4
    write_clip(path.parent / "y.mp4", flat_frames(2))
    assert statuses(animator, path) == ["skipped", "done", "skipped", "done"]
    (path.parent / "out" / "b_x.mp4").unlink()
    assert statuses(animator, path) == ["skipped", "skipped", "done", "skipped"]
    torch.manual_seed(1)
    assert statuses(Animator(LIAX(PRESETS["tiny"]), "cpu"), path) == ["done"] * 4


def test_a_moved_folder_stays_done(animator: Animator, write: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    assert statuses(animator, write(JOB)) == ["done"]
    folder.mkdir()
    for name in ("faces", "x.mp4", "a.mp4", "jobs.toml", "jobs.toml.done.json"):
        os.rename(tmp_path / name, folder / name)
    os.utime(folder / "a.mp4", (1, 1))
    assert statuses(animator, folder / "jobs.toml") == ["skipped"]


def test_files_that_the_batch_has_not_made_stay(animator: Animator, write: Callable[[str], Path]) -> None:
    path = write(JOB)
    output = path.parent / "a.mp4"
    output.write_bytes(b"precious")
    (outcome,) = run_batch(animator, read_batch(path))
    assert outcome.status == "failed"
    assert str(outcome.error).startswith(f"{output} exists already and is not this batch's work")
    assert output.read_bytes() == b"precious"
    write(JOB + "overwrite = true")
    assert statuses(animator, path) == ["done"]
    output.write_bytes(b"replaced by hand")
    write(JOB)
    assert statuses(animator, path) == ["failed"]
    assert output.read_bytes() == b"replaced by hand"


def test_failing_jobs_are_told_and_the_others_go_on(
    animator: Animator, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = JOB.replace("x.mp4", "no.mp4").replace('"a.mp4"', '"b/b.mp4"')
    unnamed = JOB.replace('"a.mp4"', '"c.mp4"') + 'only = ["mouth"]\n'
    path = write(bad + unnamed + JOB)
    one, two, three = run_batch(animator, read_batch(path))
    assert [one.status, two.status, three.status] == ["failed", "failed", "done"]
    assert str(one.error).startswith(f"{path.parent / 'no.mp4'} does not exist")
    assert "mouth" in str(two.error)
    assert os.listdir(path.parent / "b") == []
    write_clip(path.parent / "no.mp4", flat_frames(1))
    assert statuses(animator, path) == ["done", "failed", "skipped"]

    def explode(*args: object, **options: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(module, "animate_file", explode)
    write(bad + JOB.replace("crop = false", ""))
    outcomes = list(run_batch(animator, read_batch(path)))
    assert [outcome.status for outcome in outcomes] == ["skipped", "failed"]
    assert str(outcomes[1].error) == f"{path.parent / 'a.mp4'} cannot be made (RuntimeError: out of memory)."


def test_a_stop_keeps_what_is_done(
    animator: Animator, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(MATRIX)

    def stop(stage: str, done: int, total: int | None) -> None:
        if stage == "3 of 4: animating":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_batch(animator, read_batch(path), progress=stop))
    assert sorted(os.listdir(path.parent / "out")) == ["a_x.mp4", "a_y.mp4"]
    assert statuses(animator, path) == ["skipped", "skipped", "done", "done"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"a.mp4": 3}',
        '{"a.mp4": {}}',
        "\udcff",
        "[" * 100_000,
        "null",
        "5",
        "",
        '{"a.mp4": {"frames": "3", "seconds": 1}}',
        '{"a.mp4": {"frames": 3, "seconds": "1"}}',
        '{"a.mp4": {"frames": 3, "seconds": NaN}}',
        '{"a.mp4": {"frames": 3.5, "seconds": 1}}',
        '{"a.mp4": {"frames": null, "seconds": 1}}',
        f'{{"a.mp4": {{"frames": {"9" * 400}, "seconds": 1}}}}',
    ],
    ids=lambda text: ascii(text[:40]),
)
def test_a_damaged_record_is_one_sentence(
    animator: Animator, write: Callable[[str], Path], text: str
) -> None:
    batch = read_batch(write(JOB))
    batch.record.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(LiaxError, match=r"jobs\.toml\.done\.json is no record of a batch; delete it"):
        list(run_batch(animator, batch))
    assert not (batch.path.parent / "a.mp4").exists()


def test_the_record_names_outputs_and_holds_no_paths(
    animator: Animator, write: Callable[[str], Path]
) -> None:
    path = write(MATRIX)
    statuses(animator, path)
    text = read_batch(path).record.read_text()
    assert list(json.loads(text)) == ["out/a_x.mp4", "out/a_y.mp4", "out/b_x.mp4", "out/b_y.mp4"]
    assert str(path.parent) not in text


def test_a_kill_between_an_output_and_its_record_costs_nothing(
    animator: Animator, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The output has its name already when the process ends: the next run makes it again, and so the one
    after a change of the job."""
    path = write(JOB)
    output = path.parent / "a.mp4"

    class Killed(BaseException):
        """Nothing that is written after the output got its name."""

    noted = module._note

    def note(record: Path, name: str, entry: dict[str, object]) -> None:
        if not entry.get("begun"):
            raise Killed
        noted(record, name, entry)

    for text in (JOB, JOB + "strength = {all = 0.5}\n"):
        path.write_text(text, encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(module, "_note", note)
            with pytest.raises(Killed):
                list(run_batch(animator, read_batch(path)))
        assert output.is_file()
        assert statuses(animator, path) == ["done"]
        assert statuses(animator, path) == ["skipped"]


@pytest.mark.parametrize("error", [LiaxError("no"), KeyboardInterrupt()])
def test_a_job_that_made_nothing_lays_no_claim_to_its_output(
    animator: Animator, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A file that somebody puts there later stays."""
    path = write(JOB)

    def raises(*arguments: object, **options: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module, "animate_file", raises)
        if isinstance(error, LiaxError):
            assert statuses(animator, path) == ["failed"]
        else:
            with pytest.raises(KeyboardInterrupt):
                statuses(animator, path)
    (path.parent / "a.mp4").write_bytes(b"theirs")
    assert statuses(animator, path) == ["failed"]
    assert (path.parent / "a.mp4").read_bytes() == b"theirs"
