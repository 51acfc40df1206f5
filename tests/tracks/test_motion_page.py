"""docs/motion.md: its examples run, and its tables are those of the code and of the results."""

from __future__ import annotations

import json
import re
from pathlib import Path

from liax.options import to_text
from liax.tracks import read_track
from liax.tracks.presets import PRESETS, Expression

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "motion.md").read_text(encoding="utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def between(mark: str) -> str:
    return PAGE.split(f"<!-- {mark} -->\n")[1].split(f"<!-- /{mark} -->")[0]


def presets_table() -> str:
    lines = ["| preset | what it sets |", "|---|---|"]
    lines += [f"| `{name}` | {_listed(settings)} |" for name, settings in PRESETS.items()]
    return "\n".join(lines) + "\n"


def _listed(settings: Expression) -> str:
    return to_text(settings).replace(",", ", ") or "nothing"


def read_back_table() -> str:
    results = json.loads((ROOT / "benchmarks" / "results" / "live_link.json").read_text())
    names = ("yaw", "pitch", "roll", "jaw", "smile", "blink", "brow")
    means = [results["means"][name] for name in names]
    lines = (
        ("correlation", [f"{mean['correlation']:.2f}".lstrip("0") for mean in means]),
        ("gain", [f"{mean['gain']:.2f}".lstrip("0") for mean in means]),
        ("with coefficients read", [f"{mean['read']:.2f}".lstrip("0") for mean in means]),
        ("clips", [str(mean["clips"]) for mean in means]),
    )
    head = f"| | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}\n"
    return head + "".join(f"| {name} | {' | '.join(cells)} |\n" for name, cells in lines)


def test_examples_are_read(tmp_path: Path) -> None:
    for language in ("csv", "json", "toml"):
        (text,) = examples(language)
        path = tmp_path / f"example.{language}"
        path.write_text(text)
        assert len(read_track(path).timing) > 2


def test_tables() -> None:
    assert between("presets") == presets_table()
    assert between("read-back") == read_back_table()


def test_what_is_said_of_brows() -> None:
    results = json.loads((ROOT / "benchmarks" / "results" / "live_link.json").read_text())
    brows = sorted((clip["brow"]["correlation"], clip["brow"]["read"]) for clip in results["clips"].values())
    said = [results["means"]["brow"]["read"], *brows[0], brows[1][0], brows[-1][0]]
    least = PAGE[PAGE.index("Brows miss .9") :]
    text = " ".join(least[: least.index("(`python")].split())
    assert re.findall(r"\.\d\d", text) == [f"{value:.2f}".lstrip("0") for value in said]


def test_python_names_exist() -> None:
    (program,) = examples("python")
    imports = "\n".join(line for line in program.splitlines() if line.startswith(("from", "import")))
    exec(imports, {})
