"""The self-reenactment benchmark's pure functions; the script is imported by its path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from PIL import Image

from liax.errors import LiaxError

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "reenactment.py"


def _load(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{script.stem}", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


reenactment = _load(SCRIPT)
draw = _load(SCRIPT.with_name("draw.py"))

# Importable since the script has put its folder on the path.
from selfreenactment import clips, fidelity, following, sheets, sparsity  # noqa: E402


@pytest.mark.parametrize(("count", "most"), [(248, 60), (81, 60), (61, 60), (250, 2)])
def test_selected_frames_are_evenly_spaced_from_the_first_to_the_last(count: int, most: int) -> None:
    chosen = clips.select_frames(count, most)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, count - 1, most)
    steps = np.diff(chosen)
    assert steps.min() >= 1
    assert np.ptp(steps) <= 1


@pytest.mark.parametrize(
    ("count", "most", "length"), [(5, None, 5), (5, 60, 5), (60, 60, 60), (1, 60, 1), (9, 1, 1)]
)
def test_short_clips_are_compared_whole(count: int, most: int | None, length: int) -> None:
    assert clips.select_frames(count, most).tolist() == list(range(length))


def test_hoyer_is_one_for_a_single_coefficient_and_zero_for_equal_ones() -> None:
    alpha = np.array([[0, -3, 0, 0], [2, -2, 2, -2], [0, 0, 0, 0], [3, 4, 0, 0]], float)
    assert_allclose(sparsity.hoyer(alpha), [1, 0, np.nan, 2 - 7 / 5], atol=1e-12)


def test_a_constant_coefficient_does_not_pass_as_sparsity() -> None:
    moving = np.random.default_rng(0).normal(size=(200, 8))
    found = sparsity.sparsity([moving + 100 * np.eye(8)[0]])
    assert found["plain"]["hoyer"] > 0.9
    assert found["plain"]["used_at_all"] == 1
    assert found["centred"]["hoyer"] < 0.5
    assert found["change"]["hoyer"] < 0.5
    assert found["change"]["used_at_all"] == found["varying"] == 8


def test_a_network_that_never_moves_has_no_change_to_describe() -> None:
    found = sparsity.sparsity([np.ones((5, 4))])
    assert found["change"]["used_at_all"] == 0
    assert np.isnan(found["change"]["hoyer"])


def test_pearson_agrees_with_numpy_and_skips_frames_without_a_face() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 40))
    expected = np.corrcoef(x[5:], y[5:])[0, 1]
    y[:5] = np.nan
    assert following.pearson(x, y) == pytest.approx(expected)
    assert following.gain(x, 0.3 * x + 2) == pytest.approx(0.3)


def test_an_output_that_stands_still_or_has_no_face_follows_nothing() -> None:
    x = np.arange(40.0)
    assert following.pearson(x, np.full(40, 0.1)) == 0
    assert following.pearson(x, np.where(x < following.FEWEST_FRAMES - 1, x, np.nan)) == 0


def test_only_factors_that_move_are_followed() -> None:
    names = list(following.FACTORS)
    driving = np.zeros((40, len(names)))
    driving[:, names.index("yaw")] = np.linspace(-10, 10, 40)
    driving[:, names.index("pitch")] = np.linspace(-1, 1, 40)
    driving[20, names.index("blink")] = 0.6
    found = following.follow(driving, driving)
    assert set(found) == {"yaw", "blink"}
    assert found["yaw"]["correlation"] == pytest.approx(1)
    assert found["blink"]["beyond_pose"] == pytest.approx(1)


def test_eyes_that_only_seem_to_move_with_the_head_do_not_count_beyond_the_pose() -> None:
    random = np.random.default_rng(2)
    names = list(following.FACTORS)
    driving, output = np.zeros((2, 200, len(names)))
    yaw = driving[:, names.index("yaw")] = random.normal(0, 10, 200)
    driving[:, names.index("gaze")] = 0.02 * yaw + random.normal(0, 0.1, 200)
    output[:, names.index("gaze")] = 0.02 * yaw + random.normal(0, 0.1, 200)
    gaze = following.follow(driving, output)["gaze"]
    assert gaze["correlation"] > 0.5
    assert abs(gaze["beyond_pose"]) < 0.2


def test_ssim_is_torchmetrics_without_the_mirrored_border() -> None:
    metrics = pytest.importorskip("torchmetrics.functional.image")
    torch.manual_seed(0)
    x = torch.rand(2, 3, 40, 48)
    y = (x + 0.1 * torch.randn_like(x)).clamp(0, 1)
    _, full = metrics.structural_similarity_index_measure(
        x, y, data_range=1.0, sigma=1.5, return_full_image=True, reduction="none"
    )
    expected = full[..., 5:-5, 5:-5].mean((1, 2, 3))
    assert_allclose(fidelity.ssim(x, y), expected, rtol=1e-4)


def test_fidelity_of_known_differences() -> None:
    target = torch.full((2, 3, 16, 16), 0.5)
    output = torch.stack([target[0], target[0] + 0.1])
    scores = fidelity.fidelity(output, target)
    assert_allclose(scores[:, 0], [0, 0.1], atol=1e-6)
    assert_allclose(scores[:, 1], [60, 20], atol=1e-4)
    assert scores[0, 2] == pytest.approx(1, abs=1e-4)


def test_the_liveliest_moments_keep_apart() -> None:
    frames = np.zeros((40, 2, 2, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(40)
    assert sheets.liveliest(frames, np.arange(40), moments=3) == [31, 35, 39]


def test_two_subjects_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match="exactly one"):
        reenactment.run(reenactment.Settings(out=tmp_path / "out", copy=True, random="tiny"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A manifest with one clip whose colour changes."""
    av = pytest.importorskip("av")
    (tmp_path / "clips").mkdir()
    with av.open(tmp_path / "clips" / "a.mp4", "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for i in range(12):
            picture = Image.new("RGB", (64, 64), (20 * i, 90, 60))
            output.mux(stream.encode(av.VideoFrame.from_image(picture)))
        output.mux(stream.encode(None))
    (tmp_path / "manifest.csv").write_text("file,type,split,identity\nclips/a.mp4,clip,val,p1\n")
    return tmp_path


def test_a_run_writes_its_tables_and_refuses_other_settings(data: Path, tmp_path: Path) -> None:
    settings = reenactment.Settings(
        out=tmp_path / "out", random="tiny", data=data, frames=4, follow_frames=0, sheet=True
    )
    results = reenactment.run(settings)
    assert results["summary"]["frames"] == 4
    assert results["sparsity"]["vectors"] == 8
    assert "| a | 4 |" in (tmp_path / "out" / "results.md").read_text()
    assert (tmp_path / "out" / "worst_and_best.png").exists()
    with pytest.raises(LiaxError, match="other settings"):
        reenactment.run(reenactment.Settings(out=tmp_path / "out", copy=True, data=data))


def test_outputs_drawn_elsewhere_score_the_same(data: Path, tmp_path: Path) -> None:
    drawn, common = tmp_path / "drawn", {"data": data, "frames": 4, "follow_frames": 0}
    options = ["--random", "tiny", "--device", "cpu", "--frames", "4", "--follow-frames", "0"]
    assert draw.main([*options, "--data", str(data), "--out", str(drawn)]) == 0
    there = reenactment.run(reenactment.Settings(out=tmp_path / "there", drawn=drawn, **common))
    here = reenactment.run(reenactment.Settings(out=tmp_path / "here", random="tiny", **common))
    assert there["summary"] == here["summary"]
    assert there["sparsity"] == here["sparsity"]
    assert there["subject"] == here["subject"]
    with pytest.raises(LiaxError, match="was drawn with"):
        reenactment.run(reenactment.Settings(out=tmp_path / "x", drawn=drawn, data=data, frames=5))
