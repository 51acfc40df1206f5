"""Whole evaluations of small clips: numbers, files, resumption, other results."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from liax.data.fidelity import fidelity
from liax.errors import LiaxError, MissingPackageError, WrongFileError
from liax.evaluation import registry
from liax.evaluation.clips import EvaluationClip, Trial, cross_trials, list_clips, read_frames, self_trials
from liax.evaluation.options import EvaluateOptions
from liax.evaluation.reenactors import CopySource, VideoReenactor, open_untrained, unit_pictures
from liax.evaluation.run import evaluate, evaluate_trials

OPTIONS = EvaluateOptions(frames=4, first=0)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the networks that measure; some tests put them back."""

    def unreachable(*_: object) -> None:
        raise MissingPackageError("Its backbone", ("backbone",), "evaluate")

    monkeypatch.setattr(registry, "open_features", unreachable)
    monkeypatch.setattr(registry, "open_perceptual", unreachable)


def test_a_copy_scores_what_its_frames_say(coloured: Path, tmp_path: Path) -> None:
    results = evaluate_trials(
        CopySource(), self_trials(list_clips(coloured, "val")), tmp_path / "out", OPTIONS
    )
    expected = []
    for name, chosen in (("a", [0, 3, 7, 11]), ("b", [0, 2, 4, 6])):
        frames = np.stack(list(read_frames(coloured / f"{name}.mp4")))
        source = unit_pictures(frames[:1]).expand(4, -1, -1, -1)
        expected.append(fidelity(source, unit_pictures(frames[chosen])).double().numpy())
    for i, key in enumerate(("l1", "psnr", "ssim")):
        assert results.means[key].mean == pytest.approx(np.mean([s[:, i].mean() for s in expected]))
        later = np.mean([s[1:, i].mean() for s in expected])
        assert results.means[f"{key}_later"].mean == pytest.approx(later)
    assert results.means["l1"].low < results.means["l1"].mean < results.means["l1"].high
    assert "milliseconds" not in results.means


def test_what_is_missing_is_named_and_measured_later(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trials, out = self_trials(list_clips(coloured, "val")), tmp_path / "out"
    evaluate_trials(CopySource(), trials, out, OPTIONS)
    assert "The perceptual distance is not measured: Its backbone needs the package backbone;" in caplog.text
    assert "| not measured |" in (out / "results.md").read_text()
    before = {path.name: path.stat().st_mtime_ns for path in (out / "clips").glob("*.json")}
    evaluate_trials(CopySource(), trials, out, OPTIONS)
    assert before == {path.name: path.stat().st_mtime_ns for path in (out / "clips").glob("*.json")}

    class Mean:
        name = "mean level"
        __call__ = staticmethod(lambda images: images.mean((2, 3)))

    monkeypatch.setattr(registry, "open_features", lambda *_: Mean())
    results = evaluate_trials(CopySource(), trials, out, OPTIONS)
    assert results.backbones["distribution"] == "mean level"
    assert results.means["frechet"].mean > 0.01
    assert results.means["l1"].mean > 0  # kept from before
    assert "mean level" in (out / "results.md").read_text()


def test_the_files_say_the_same(coloured: Path, tmp_path: Path) -> None:
    trials = self_trials(list_clips(coloured, "val"))
    copy = evaluate_trials(CopySource(), trials, tmp_path / "copy", OPTIONS)
    out = tmp_path / "tiny"
    results = evaluate_trials(
        open_untrained("tiny", CPU),
        trials,
        out,
        replace(OPTIONS, baseline=(tmp_path / "copy",)),
        command="liax evaluate …",
    )
    with (out / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == ["a", "b"]
    assert np.mean([float(row["l1"]) for row in rows]) == pytest.approx(results.means["l1"].mean, rel=1e-4)
    table = (out / "results.md").read_text()
    page = (out / "report.html").read_text()
    for each in (copy, results):
        text = f"{each.means['l1'].mean:.4f} [{each.means['l1'].low:.4f}, {each.means['l1'].high:.4f}]"
        assert text in table
        assert text in page
    assert page.count("data:image/webp") == 2  # worst and best
    assert results.means["milliseconds"].mean > 0
    loaded = json.loads((out / "results.json").read_text())
    assert loaded["means"]["l1"]["mean"] == results.means["l1"].mean
    assert loaded["clips"][0]["resolution"] == [64, 64]
    assert loaded["settings"].keys() == {"protocol", "frames", "first", "size", "crop", "animator", "data"}
    assert loaded["drawing"].keys() == {"device", "precision", "limits"}
    told = f"in {loaded['drawing']['precision']}, without coefficient limits, rounded to 8 bits"
    assert told in table
    assert told in page
    assert loaded["sparsity"]["frames"] == 8
    assert f"| a | {results.sparsity['plain']['hoyer']:.3f} |" in table


def test_an_interrupted_run_goes_on(coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials, whole = self_trials(list_clips(coloured, "val")), tmp_path / "whole"
    expected = evaluate_trials(open_untrained("tiny", CPU), trials, whole, OPTIONS)
    told: list[tuple[str, int, int | None]] = []

    def stop(stage: str, done: int, total: int | None) -> None:
        told.append((stage, done, total))
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_trials(
            open_untrained("tiny", CPU), trials, tmp_path / "out", replace(OPTIONS, batch=2), progress=stop
        )
    assert [(done, total) for _, done, total in told] == [(2, 8), (4, 8), (6, 8)]
    assert [path.name for path in (tmp_path / "out" / "clips").glob("*.json")] == ["a.json"]
    told.clear()
    again = evaluate_trials(
        open_untrained("tiny", CPU),
        trials,
        tmp_path / "out",
        OPTIONS,
        progress=lambda *told_now: told.append(told_now),
    )
    assert [(done, total) for _, done, total in told] == [(4, 4)]
    assert again.means["l1"].mean == pytest.approx(expected.means["l1"].mean, rel=1e-5)


def test_results_of_other_settings_do_not_mix(coloured: Path, tmp_path: Path) -> None:
    trials = self_trials(list_clips(coloured, "val"))
    evaluate_trials(CopySource(), trials, tmp_path / "out", OPTIONS)
    with pytest.raises(LiaxError, match="made with other animator"):
        evaluate_trials(open_untrained("tiny", CPU), trials, tmp_path / "out", OPTIONS)
    with pytest.raises(LiaxError, match="other clips or options"):
        evaluate_trials(
            CopySource(), trials[:1], tmp_path / "new", replace(OPTIONS, baseline=(tmp_path / "out",))
        )
    with pytest.raises(WrongFileError, match="finished evaluation"):
        evaluate_trials(CopySource(), trials, tmp_path / "new", replace(OPTIONS, baseline=(tmp_path,)))
    with pytest.raises(LiaxError, match="something else in it"):
        evaluate_trials(CopySource(), trials, coloured, OPTIONS)


def test_outputs_that_were_kept_are_measured_in_place_of_drawing(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials, out = self_trials(list_clips(coloured, "val")), tmp_path / "out"
    evaluate_trials(CopySource(), trials, out, replace(OPTIONS, keep_frames=True))
    assert sorted(p.name for p in (out / "frames" / "a").iterdir()) == [
        f"{n:06d}.webp" for n in (0, 3, 7, 11)
    ]

    class Mean:
        name = "mean level"
        __call__ = staticmethod(lambda images: images.mean((2, 3)))

    def fail(*_: object) -> None:
        raise AssertionError("drawn anew")

    monkeypatch.setattr(registry, "open_features", lambda *_: Mean())
    monkeypatch.setattr(CopySource, "prepare", fail)
    assert evaluate_trials(CopySource(), trials, out, OPTIONS).means["frechet"].mean > 0.01


def test_a_tool_that_returns_the_clips_is_perfect(coloured: Path, tmp_path: Path) -> None:
    results = evaluate_trials(
        VideoReenactor(coloured), self_trials(list_clips(coloured, "val")), tmp_path / "out", OPTIONS
    )
    assert results.animator == "data"
    assert (results.means["l1"].mean, results.means["psnr"].mean) == pytest.approx((0, 60))


def test_a_data_set_is_evaluated_as_the_options_say(coloured: Path, tmp_path: Path) -> None:
    options = EvaluateOptions(frames="all", first=0, limit=1)
    results = evaluate(CopySource(), coloured, tmp_path / "out", options)
    assert [clip["clip"] for clip in results.clips] == ["a"]
    assert results.settings["data"] == "data (val)"
    assert results.settings["frames"] is None
    assert results.drawing is None


def test_cross_reenactment_has_no_paired_metric(coloured: Path, tmp_path: Path) -> None:
    trials = cross_trials(list_clips(coloured, "val"), [], sources=1, seed=0)
    options = EvaluateOptions(protocol="cross", frames=4, first=3)
    results = evaluate_trials(open_untrained("tiny", CPU), trials, tmp_path / "out", options)
    assert [clip["clip"] for clip in results.clips] == ["b__a", "a__b"]
    assert "warping" in results.means
    assert not {"l1", "akd", "t_lpips", "reference_warping"} & results.means.keys()
    assert "L1" not in (tmp_path / "out" / "results.md").read_text()


def test_copying_the_source_on_the_validation_clips_scores_as_published(shared: Path, tmp_path: Path) -> None:
    """One of the clips whose means docs/evaluation.md gives, as the protocol's first program scored it."""
    trials = self_trials(list_clips(shared / "data", "val", limit=4))[3:]
    results = evaluate_trials(CopySource(), trials, tmp_path / "out", EvaluateOptions(first=0))
    assert trials[0].name == "p088_learning2listen_48fc4d67"
    found = [results.means[key].mean for key in ("l1", "psnr", "ssim")]
    assert found == pytest.approx([0.0736897, 17.6723696, 0.6334772], rel=1e-5)


def test_intervals_of_pairs_are_by_driving_clip(coloured: Path, tmp_path: Path) -> None:
    """Two pairs of each clip, by a copy alike: as uncertain as two clips, not as four."""
    clips = list_clips(coloured, "val")
    one = EvaluationClip("c", clips[0].path, "p3")
    options = EvaluateOptions(protocol="cross", frames=4, first=3)
    trials = [Trial(f"{s.name}__{d.name}", s, d) for d in clips for s in (one, replace(one, name="d"))]
    paired = evaluate_trials(open_untrained("tiny", CPU), trials, tmp_path / "four", options)
    single = evaluate_trials(open_untrained("tiny", CPU), trials[::2], tmp_path / "two", options)
    assert paired.means["warping"].clips == 4
    assert paired.means["warping"].low == pytest.approx(single.means["warping"].low)
    assert paired.means["warping"].low < paired.means["warping"].high
