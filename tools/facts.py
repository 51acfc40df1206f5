"""Every figure about the bundled weights that a document shows, written from the results files.

    python -m tools.facts                   # write the figures into README.md, the model card and docs/*.md
    python -m tools.facts --check           # say which documents differ from the results, and fail
    python -m tools.facts --evaluate results/small --val2 results/small-val2 --interpret interpretation/small

The last takes over the results.json of finished `liax evaluate` and `liax interpret` runs, and then writes. A
document marks the places: a line `<!-- facts: NAME -->`, the text that this script writes, and a line
`<!-- /facts -->`. NAME is a key of `BLOCKS`. CONTRIBUTING.md has the whole procedure for new weights.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from liax.evaluation.summary import EvaluationResults
from liax.evaluation.tables import describe_evaluation, following_lines, means_lines
from liax.interpretation import result_text
from liax.report import number, percent, whole
from liax.report.json_files import read_json, write_json
from liax.training.history import Entry, read_history
from liax.weights import fingerprint
from liax.weights.files import StoredWeights, build, read

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "packages" / "liax-weights-small"
RESULTS = PACKAGE / "results"
WEIGHTS = PACKAGE / "src" / "liax_weights_small" / "liax-small.safetensors"
LIVE_PACKAGE = ROOT / "packages" / "liax-weights-live"
DOCUMENTS = (
    ROOT / "README.md",
    PACKAGE / "README.md",
    LIVE_PACKAGE / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
)

_SHOWN = ("l1", "psnr", "ssim", "akd_px")
_FACTORS = ("yaw", "pitch", "roll", "jaw", "smile", "blink", "brow", "gaze-x", "gaze-y")
# What an interpretation's results.json has and no document shows.
_LEFT_OUT = ("course", "used_K")


@dataclass(frozen=True)
class Facts:
    """The results files, read once.

    Args:
        folder: evaluate.json, evaluate-val2.json, copy.json, interpret.json, scores.json and earlier.json;
            of `live`, evaluate.json, validation.json and controls.json.
        weights: The weights that they are of.
        live: The same of the weights `live`.
        name: What the weights are called.
    """

    folder: Path
    weights: Path
    live: Facts | None = None
    name: str = "small"

    @cached_property
    def evaluation(self) -> EvaluationResults:
        return EvaluationResults.from_json(read_json(self.folder / "evaluate.json"))

    @cached_property
    def val2(self) -> EvaluationResults:
        """On the people on whom nothing was chosen."""
        return EvaluationResults.from_json(read_json(self.folder / "evaluate-val2.json"))

    @cached_property
    def more_scores(self) -> dict[str, Any]:
        """Settings and disentanglement of a `liax interpret` run that looked at more frames."""
        found: dict[str, Any] = read_json(self.folder / "scores.json")
        return found

    @cached_property
    def copy(self) -> list[EvaluationResults]:
        """Of copying the source; empty if that was not measured with these versions."""
        path = self.folder / "copy.json"
        return [EvaluationResults.from_json(read_json(path))] if path.exists() else []

    @cached_property
    def interpretation(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.folder / "interpret.json")
        return found

    @cached_property
    def earlier(self) -> list[dict[str, Any]]:
        """Earlier weights, oldest first: `name`, `means` and `following` (factor -> correlation and gain)."""
        found: list[dict[str, Any]] = read_json(self.folder / "earlier.json")
        return found

    @cached_property
    def stored(self) -> StoredWeights:
        return read(self.weights)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(build(self.stored, "cpu"))

    def row(self, name: str) -> dict[str, Any]:
        """These weights as an entry of `earlier`."""
        return {
            "name": name,
            "means": {key: self.evaluation.means[key].mean for key in _SHOWN if key in self.evaluation.means},
            "following": {
                factor: [row["correlation"].mean, row["gain"].mean]
                for factor, row in self.evaluation.following.items()
                if "correlation" in row
            },
        }

    def check_fingerprint(self) -> str:
        """What is wrong if the results are of other weights; "" if nothing is."""
        of = {
            "evaluate.json": str(self.evaluation.settings["animator"]),
            "evaluate-val2.json": str(self.val2.settings["animator"]),
            "interpret.json": str(self.interpretation["fingerprint"]),
            "scores.json": str(self.more_scores["settings"]["weights"]),
        }
        if wrong := _of_others(of, self.fingerprint):
            return wrong
        assert self.live is not None
        of_live = {
            "evaluate.json": str(self.live.evaluation.settings["animator"]),
            "validation.json": str(read_json(self.live.folder / "validation.json")["fingerprint"]),
        }
        return _of_others(of_live, self.live.fingerprint, "live")


def _of_others(of: dict[str, str], wanted: str, called: str | None = None) -> str:
    """Which results files, name to the fingerprint in it, are of other weights than those wanted."""
    others = [name for name, fingerprint in of.items() if wanted not in fingerprint]
    return f"{', '.join(others)}: not of the weights {called or wanted}" if others else ""


def bundled() -> Facts:
    """Those of the bundled weights."""
    file = LIVE_PACKAGE / "src" / "liax_weights_live" / "liax-live.safetensors"
    return Facts(RESULTS, WEIGHTS, Facts(LIVE_PACKAGE / "results", file, name="live"))


def table(head: list[str], rows: list[list[str]]) -> str:
    return result_text.Table(head, rows).markdown().rstrip()


def weights_facts(facts: Facts) -> str:
    """What the file is."""
    config, tensors = facts.stored.config, facts.stored.tensors
    parameters = sum(tensor.numel() for tensor in tensors.values()) / 1e6
    size = facts.weights.stat().st_size / 1e6
    row = [f"`{facts.name}`", f"{config.size}²", f"{parameters:.1f} M", str(config.vectors), f"{size:.0f} MB"]
    rows = [[*row, f"`{facts.fingerprint}`"]]
    return table(["weights", "picture", "parameters", "motion vectors", "file", "fingerprint"], rows)


def fidelity(facts: Facts) -> str:
    """Copying, earlier weights and these, by the metrics that most papers give."""
    listed = [(row["name"], row["means"]) for row in facts.earlier]
    for copied in facts.copy:
        listed.insert(0, ("copy the source", {key: copied.means[key].mean for key in _SHOWN}))
    listed.append(("**these weights**", facts.row("")["means"]))
    rows = [
        [name, *(number(means.get(key), digits) for key, digits in zip(_SHOWN, (4, 2, 3, 1), strict=True))]
        for name, means in listed
    ]
    return table(["", "L1 ↓", "PSNR ↑", "SSIM ↑", "landmarks, pixels ↓"], rows)


def metrics(facts: Facts) -> str:
    """Every metric that was measured."""
    return _means([*facts.copy, facts.evaluation])


def _means(all_of: Sequence[EvaluationResults]) -> str:
    """Without how long frames took, which depends on the machine."""
    return "\n".join(
        line
        for line in means_lines(all_of)
        if "not measured" not in line and not line.startswith("| time per frame")
    )


def val2(facts: Facts) -> str:
    """Every metric and following on the split val2."""
    parts = [describe_evaluation(facts.val2), _means([facts.val2]), "\n".join(following_lines([facts.val2]))]
    return "\n\n".join(parts)


def clips(facts: Facts) -> str:
    """Every clip: fidelity, and following where the clip moves."""
    factors = [factor for factor, row in facts.evaluation.following.items() if row]
    rows = []
    for clip in facts.evaluation.clips:
        numbers = clip["numbers"]
        fidelity = [number(numbers.get(key), digits) for key, digits in (("l1", 4), ("psnr", 2), ("ssim", 3))]
        reached = [number(numbers.get(f"{factor} correlation")) for factor in factors]
        rows.append([clip["clip"], *fidelity, *reached])
    return table(["clip", "L1", "PSNR", "SSIM", *factors], rows)


def following(facts: Facts) -> str:
    """Earlier weights and these: correlation, and in brackets the gain."""
    rows = [
        [row["name"], *(_pair(row["following"].get(factor)) for factor in _FACTORS)]
        for row in (*facts.earlier, facts.row("**these weights**"))
        if row["following"]
    ]
    return table(["", *_FACTORS], rows)


def following_summary(facts: Facts) -> str:
    """These weights alone, a row for each number."""
    found = facts.row("")["following"]
    rows = [
        [name, *(number(found[factor][place]) if factor in found else "–" for factor in _FACTORS)]
        for place, name in enumerate(("correlation", "gain"))
    ]
    return table(["", *_FACTORS], rows)


def _pair(values: list[float] | None) -> str:
    return "" if values is None else f"{number(values[0])} ({number(values[1])})"


def verified(facts: Facts) -> str:
    """The controls that have a verified range, as a list."""
    found = facts.interpretation
    lines = []
    for control in found["controls"]:
        if text := result_text.verified_range_text(control):
            share = percent(result_text.first_verification(found, control)["within"])
            lines.append(f"- `{control['name']}`: {text}, met in {share} of the tries")
    return "\n".join(lines)


def vectors(facts: Facts) -> str:
    """What each vector does, by each instrument."""
    found = facts.interpretation
    tables = {name: _markdown(result_text.vectors_table(found, name)) for name in found["effects"]}
    return "\n\n".join(f"By {name}:\n\n{text}" for name, text in tables.items())


def controls_reached(facts: Facts) -> str:
    """What arrives at both ends of each control, by the first instrument."""
    found = facts.interpretation
    rows = []
    for control in found["controls"]:
        measured = result_text.first_verification(found, control)
        for place in (0, -1):
            asked, mean, deviation = (measured[key][place] for key in ("asked", "mean_A", "deviation_A"))
            rows.append(_reached_row(control, asked, mean, deviation))
    return table(_REACHED_HEAD, rows)


_REACHED_HEAD = ["control", "asked for", "got, mean ± sd of people"]


def _reached_row(control: dict[str, Any], asked: float, mean: float, deviation: float) -> list[str]:
    got = f"{result_text.amount_text(mean, control)} ± {result_text.amount_text(deviation, control)}"
    return [control["name"], result_text.amount_text(asked, control, 3), got]


def scores(found: dict[str, Any]) -> str:
    """Disentanglement against each instrument's measures."""
    return "\n\n".join(
        f"{group['title']}:\n\n{_markdown(result_text.scores_table(group))}"
        for group in found["disentanglement"]
    )


def entangled(facts: Facts) -> str:
    return "\n".join(f"- {sentence}" for sentence in result_text.entangled(facts.interpretation))


def sums_and_paths(facts: Facts) -> str:
    """Additivity of edits, and smoothness."""
    found, lines = facts.interpretation, []
    missed = [pair["miss"] for pair in found["sums"] if pair["miss"] is not None]
    if missed:
        lines.append(
            "- Two controls at once miss the sum of their single effects by "
            f"{percent(median(missed))} (median of {len(missed)} pairs)."
        )
    if (path := found["path_length"]) is not None:
        ends = ", ".join(number(path[f"length_{end}"], 1) for end in ("low", "high"))
        lines.append(
            f"- Perceptual path length ({path['distance']}): {number(path['length'], 1)} [{ends}]; "
            f"straightness {number(path['straightness'])}."
        )
    return "\n".join(lines)


def sparsity(facts: Facts) -> str:
    return _markdown(result_text.sparsity_table(facts.interpretation))


def live_validation(facts: Facts) -> str:
    """What the validation of training said of `live` at its end."""
    assert facts.live is not None
    scores = read_json(facts.live.folder / "validation.json")["scores"]
    found = [number(scores[key], digits) for key, digits in (("l1", 4), ("psnr", 2), ("ssim", 3))]
    read = [number(scores[f"reads {factor}"]) for factor in _FACTORS]
    return table(["L1 ↓", "PSNR ↑", "SSIM ↑", *(f"reads {factor}" for factor in _FACTORS)], [[*found, *read]])


def live_evaluation(facts: Facts) -> str:
    """Both weights by the whole evaluation, on the same clips."""
    assert facts.live is not None
    both = [facts.evaluation, facts.live.evaluation]
    return "\n\n".join([describe_evaluation(both[1]), _means(both), "\n".join(following_lines(both))])


def live_controls(facts: Facts) -> str:
    """What the head's controls do on `live`, from benchmarks/taught_controls.py."""
    assert facts.live is not None
    found: dict[str, Any] = read_json(facts.live.folder / "controls.json")
    controls = {control["name"]: control for control in facts.interpretation["controls"]}
    rows = [
        _reached_row(controls[row["control"]], row["asked"], row["mean"], row["deviation"])
        for row in found["rows"]
    ]
    return table(_REACHED_HEAD, rows)


def of_live(block: Callable[[Facts], str]) -> Callable[[Facts], str]:
    """The same block of the weights `live`."""

    def text(facts: Facts) -> str:
        assert facts.live is not None
        return block(facts.live)

    return text


def training(facts: Facts) -> str:
    """The runs that the file lists, oldest first; what is older than that record is told by hand below it."""
    history = read_history(facts.stored.metadata)
    if not history:
        return "This file is older than the record that weights keep of their training."
    rows = [_run(entry) for entry in history]
    head = ["run", "steps", "batch", "minutes", "devices", "clips", "stills", "people", "commit"]
    total = sum(entry.get("minutes", 0) for entry in history)
    return f"{table(head, rows)}\n\nTogether {number(total, 0)} minutes."


def _run(entry: Entry) -> list[str]:
    if "interpolated" in entry:
        what = "the driver " if entry.get("driver_only") else ""
        return [f"{what}{percent(entry['interpolated'])} of the way to the last", *[""] * 8]
    cards = f"{entry['devices']} × {entry['accelerator']}"
    counts = [whole(entry.get(key)) for key in ("clips", "stills", "people")]
    steps, batch, minutes = whole(entry["steps"]), whole(entry["batch"]), number(entry["minutes"], 1)
    return [entry["preset"], steps, batch, minutes, cards, *counts, (entry.get("git_commit") or "")[:7]]


def _markdown(found: result_text.Table) -> str:
    return found.markdown().rstrip()


BLOCKS: dict[str, Callable[[Facts], str]] = {
    "weights": weights_facts,
    "evaluation": lambda facts: describe_evaluation(facts.evaluation),
    "fidelity": fidelity,
    "following": following,
    "following-summary": following_summary,
    "metrics": metrics,
    "following-all": lambda facts: "\n".join(following_lines([facts.evaluation])),
    "val2": val2,
    "clips": clips,
    "summary": lambda facts: " ".join(result_text.summary_sentences(facts.interpretation)),
    "verified": verified,
    "controls": lambda facts: _markdown(result_text.controls_table(facts.interpretation)),
    "controls-reached": controls_reached,
    "entangled": entangled,
    "vectors": vectors,
    "scores": lambda facts: scores(facts.interpretation),
    "more-scores": lambda facts: scores(facts.more_scores),
    "sparsity": sparsity,
    "sums": sums_and_paths,
    "training": training,
    "live-weights": of_live(weights_facts),
    "live-validation": live_validation,
    "live-evaluation": live_evaluation,
    "live-controls": live_controls,
    "live-training": of_live(training),
}

_BLOCK = re.compile(r"(<!-- facts: ([\w-]+) -->\n).*?(<!-- /facts -->)", re.DOTALL)


def filled(text: str, facts: Facts) -> str:
    """A document with the text of every block written anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]](facts)}\n\n{found[3]}", text)


def stale(facts: Facts) -> list[Path]:
    """The documents whose figures are not those of the results files."""
    texts = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
    return [path for path, text in texts.items() if filled(text, facts) != text]


def rounded(value: Any) -> Any:
    """JSON with six significant digits of every number: the repository keeps these files."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def take_over(
    facts: Facts,
    evaluate: Path | None = None,
    on_val2: Path | None = None,
    copied: Path | None = None,
    interpret: Path | None = None,
) -> None:
    """Copy finished results into the folder of results files, without the paths of the machine."""
    named: dict[str, Any] = {"animator": facts.name}
    for name, source, changes in (
        ("evaluate", evaluate, named),
        ("evaluate-val2", on_val2, named),
        ("copy", copied, {}),
        ("interpret", interpret, {"name": facts.name}),
    ):
        if source is not None:
            found = read_json(source / "results.json") | changes | {"command": None}
            kept = {key: value for key, value in found.items() if key not in _LEFT_OUT}
            write_json(facts.folder / f"{name}.json", rounded(kept))


def take_over_scores(facts: Facts, interpretation: Path) -> None:
    """Copy what a `liax interpret` run has scored, finished or not."""
    groups = [read_json(path) for path in (interpretation / "scores").glob("*.json")]
    groups.sort(key=lambda group: len(group["own"]["factors"]), reverse=True)
    settings = read_json(interpretation / "settings.json")
    write_json(facts.folder / "scores.json", rounded({"settings": settings, "disentanglement": groups}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a document differs")
    parser.add_argument("--evaluate", type=Path, help="folder of a finished liax evaluate --weights small")
    parser.add_argument("--val2", type=Path, help="folder of the same with --split val2")
    parser.add_argument("--live", type=Path, help="folder of a finished liax evaluate --weights live")
    parser.add_argument("--copy", type=Path, help="folder of a finished liax evaluate --copy")
    parser.add_argument("--interpret", type=Path, help="folder of a finished liax interpret small")
    parser.add_argument("--scores", type=Path, help="folder of a liax interpret that looks at more frames")
    parser.add_argument(
        "--earlier", metavar="NAME", help="first keep the present results as a row called NAME"
    )
    options = parser.parse_args()
    facts = bundled()
    if options.earlier:
        write_json(RESULTS / "earlier.json", [*facts.earlier, facts.row(options.earlier)])
    take_over(facts, options.evaluate, options.val2, options.copy, options.interpret)
    if options.scores is not None:
        take_over_scores(facts, options.scores)
    if options.live is not None:
        assert facts.live is not None
        take_over(facts.live, options.live)
    facts = bundled()  # what was read before is out of date
    if wrong := facts.check_fingerprint():
        sys.exit(wrong)
    for path in stale(facts):
        print(path.relative_to(ROOT))
        if options.check:
            continue
        path.write_text(filled(path.read_text(encoding="utf-8"), facts), encoding="utf-8")
    if options.check and stale(facts):
        sys.exit("These documents differ from the results files; python -m tools.facts writes them anew.")


if __name__ == "__main__":
    main()
