"""Results, records and statistics that are damaged: one sentence each, at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from liax.errors import LiaxError, WrongFileError
from liax.evaluation.clips import EvaluationClip, Trial
from liax.evaluation.frechet import FeatureStatistics
from liax.evaluation.options import EvaluateOptions
from liax.evaluation.run import _baseline
from liax.evaluation.trials import TrialFolder


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"means": 3, "following": {}}',
        '{"means": {"l1": {}}, "following": {}}',
    ],
)
def test_results_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(WrongFileError, match="is not the folder of a finished evaluation"):
        _baseline(tmp_path, EvaluateOptions(), [])


@pytest.mark.timeout(10)
def test_records_of_trials_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    clip = EvaluationClip("a", tmp_path / "a.mp4", "a")
    trial, folder = Trial("a", clip, clip), TrialFolder(tmp_path)
    for text in ("", "[]", "[" * 100_000, '{"measured": 3}'):
        (tmp_path / "clips" / "a.json").write_text(text)
        with pytest.raises(LiaxError, match="delete it to have it"):
            folder.record(trial)
    for raw in (b"", b"PK", b"no archive"):
        (tmp_path / "clips" / "a.npz").write_bytes(raw)
        with pytest.raises(LiaxError, match="is damaged"):
            folder.arrays(trial)


@pytest.mark.timeout(10)
def test_statistics_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(LiaxError, match="is damaged"):
        FeatureStatistics.load(path)
    np.savez(path, count=np.zeros(3), mean=np.zeros(2))
    with pytest.raises(LiaxError, match="is damaged"):
        FeatureStatistics.load(path)
