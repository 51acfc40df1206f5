"""Documents take their figures from results files, and differ as soon as these do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sample_results import results as interpretation

from liax.evaluation.summary import EvaluationResults, MeanWithInterval
from liax.face.factors import FACTORS
from liax.report.json_files import write_json
from liax.training.history import write_history
from liax.weights import fingerprint, load, save
from tools import facts as module
from tools.facts import BLOCKS, Facts, filled, rounded, take_over, take_over_scores

RUN = {"preset": "small", "steps": 6640, "batch": 128, "minutes": 8.1, "devices": 4, "accelerator": "H100"}


def evaluation(reenactor: str, psnr: float) -> EvaluationResults:
    means = {"l1": 0.0472, "psnr": psnr, "ssim": 0.765, "akd_px": 1.64}
    clip = {"clip": "a", "driving": "p1", "resolution": [256, 256], "compared_at": 256, "frames": 60}
    return EvaluationResults(
        animator=reenactor,
        protocol="self",
        settings={"frames": 60, "first": 150, "crop": False, "data": "val", "animator": reenactor},
        command=None,
        backbones={"fidelity": "", "faces": "MediaPipe"},
        means={key: MeanWithInterval(mean, mean - 0.01, mean + 0.01, 22) for key, mean in means.items()},
        following={
            "yaw": {
                "correlation": MeanWithInterval(0.987, 0.9, 1, 18),
                "gain": MeanWithInterval(0.961, 0.9, 1, 18),
            }
        },
        sparsity=None,
        clips=[{**clip, "numbers": {"l1": 0.0472, "psnr": psnr}}],
    )


@pytest.fixture
def facts(tmp_path: Path, tiny_weights: Path) -> Facts:
    weights, folder = tmp_path / "weights.safetensors", tmp_path / "results"
    network = load(tiny_weights)
    save(network, weights, metadata=write_history([RUN, {"interpolated": 0.75}]))
    folder.mkdir()
    name = f"weights {fingerprint(network)}"
    write_json(folder / "evaluate.json", evaluation(name, 22.81).to_json())
    write_json(folder / "evaluate-val2.json", evaluation(name, 23.5).to_json())
    write_json(folder / "copy.json", evaluation("copy", 17.94).to_json())
    write_json(folder / "interpret.json", interpretation() | {"fingerprint": fingerprint(network)})
    more = {"weights": fingerprint(network), "frames": 30}
    groups = interpretation()["disentanglement"]
    write_json(folder / "scores.json", {"settings": more, "disentanglement": groups})
    before: dict[str, Any] = {
        "name": "the first run's",
        "means": {"psnr": 21.11},
        "following": {"yaw": [0.88, 0.6]},
    }
    write_json(folder / "earlier.json", [before])
    live = tmp_path / "live"
    live.mkdir()
    scores = {"l1": 0.05458, "psnr": 21.29, "ssim": 0.722} | {f"reads {factor}": 0.9 for factor in FACTORS}
    write_json(live / "evaluate.json", evaluation(name, 21.4).to_json())
    write_json(live / "validation.json", {"fingerprint": fingerprint(network), "scores": scores})
    row = {"control": "yaw", "asked": 15.0, "mean": 15.12, "deviation": 2.0, "people": 30}
    write_json(live / "controls.json", {"weights": "live", "split": "val2", "rows": [row]})
    return Facts(folder, weights, Facts(live, weights, name="live"))


def test_tables_have_the_numbers_of_the_results(facts: Facts) -> None:
    rows = BLOCKS["fidelity"](facts).splitlines()
    assert rows[2] == "| copy the source | 0.0472 | 17.94 | 0.765 | 1.6 |"
    assert rows[3] == "| the first run's | – | 21.11 | – | – |"
    assert rows[4] == "| **these weights** | 0.0472 | 22.81 | 0.765 | 1.6 |"
    assert BLOCKS["following"](facts).splitlines()[-1].startswith("| **these weights** | 0.99 (0.96) |")
    assert BLOCKS["following-summary"](facts).splitlines()[2].startswith("| correlation | 0.99 | – |")
    assert (
        BLOCKS["verified"](facts) == "- `yaw`: ±4° in −15° to 15°, met in 90\N{NO-BREAK SPACE}% of the tries"
    )
    assert "| `small` | 64² | " in BLOCKS["weights"](facts)
    assert "| `live` | 64² | " in BLOCKS["live-weights"](facts)
    assert "| yaw | 15° | 15° ± 2° |" in BLOCKS["live-controls"](facts)
    both = BLOCKS["live-evaluation"](facts)
    psnr = next(line for line in both.splitlines() if line.startswith("| PSNR"))
    assert "22.8" in psnr
    assert "21.4" in psnr
    assert BLOCKS["live-validation"](facts).splitlines()[2].startswith("| 0.0546 | 21.29 | 0.722 | 0.90 |")
    training = BLOCKS["training"](facts)
    assert "| small | 6,640 | 128 | 8.1 | 4 × H100 |" in training
    assert "| 75\N{NO-BREAK SPACE}% of the way to the last |" in training


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_can_be_written(facts: Facts, name: str) -> None:
    text = BLOCKS[name](facts)
    assert text.strip() or name == "entangled"  # nothing is, in this sample
    assert "None" not in text
    assert "nan" not in text


def test_scores_of_more_frames(facts: Facts, tmp_path: Path) -> None:
    """Taken over from a run that has measured them, those of the instrument that measures most first."""
    (tmp_path / "run" / "scores").mkdir(parents=True)
    (group,) = interpretation()["disentanglement"]
    few = {**group, "title": "By few", "own": {**group["own"], "factors": ["yaw"]}}
    for name, scored in (("1", few), ("2", group)):
        write_json(tmp_path / "run" / "scores" / f"{name}.json", scored)
    write_json(tmp_path / "run" / "settings.json", facts.more_scores["settings"])
    take_over_scores(facts, tmp_path / "run")
    later = Facts(facts.folder, facts.weights)
    titles = [each["title"] for each in later.more_scores["disentanglement"]]
    assert titles == [group["title"], "By few"]
    assert BLOCKS["more-scores"](later).startswith(f"{group['title']}:")


def test_a_document_differs_once_the_results_do(
    facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n\n<!-- facts: fidelity -->\n<!-- /facts -->\n\nAfter 22.81.\n")
    monkeypatch.setattr(module, "DOCUMENTS", (page,))
    assert module.stale(facts) == [page]
    page.write_text(filled(page.read_text(), facts))
    assert module.stale(facts) == []
    assert page.read_text().startswith("Before.\n\n<!-- facts: fidelity -->\n\n|  | L1")
    assert page.read_text().endswith("|\n\n<!-- /facts -->\n\nAfter 22.81.\n")

    finished = tmp_path / "new"
    finished.mkdir()
    write_json(finished / "results.json", evaluation("weights of others", 23.5).to_json())
    take_over(facts, evaluate=finished)
    later = Facts(facts.folder, facts.weights)
    assert module.stale(later) == [page]
    assert "| **these weights** | 0.0472 | 23.50 |" in filled(page.read_text(), later)
    assert rounded({"a": [0.123456789, 22, None]}) == {"a": [0.123457, 22, None]}
    assert "evaluate.json: not of the weights" in later.check_fingerprint()
    assert facts.check_fingerprint() == ""
