import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sample_results import control, results, scores

from liax.interpretation import report
from liax.interpretation.report import write_report
from liax.interpretation.result_text import (
    amount_text,
    controls_table,
    entangled,
    factors_without_control,
    headline_numbers,
    join_words,
    leaks,
    range_text,
    scores_table,
    summary_sentences,
    vectors_table,
)


class Page(HTMLParser):
    """A page's texts, headings and section ids; raises when tags do not close in their order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[str] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "section" and values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "a":
            self.links.append(str(values["href"]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


@pytest.fixture
def strip(tmp_path: Path) -> Path:
    path = tmp_path / "yaw.webp"
    Image.fromarray(np.full((20, 50, 3), 128, np.uint8)).save(path)
    return path


def test_the_page_has_everything(tmp_path: Path, strip: Path) -> None:
    write_report(results(), {"yaw": strip}, tmp_path)
    page = Page(tmp_path / "report.html")
    assert page.ids == [link.removeprefix("#") for link in page.links]
    assert page.ids == [
        "summary",
        "controls",
        "calibration",
        "effects",
        "entangled",
        "scores",
        "sparsity",
        "identity",
        "sums",
        "path",
        "method",
    ]
    assert "What you can steer" in page.headings
    for words in (
        "made-up",
        "−20° to 20° · verified to ±4° in −15° to 15° · leaks 25 %",
        "Nothing was measured here",
        "Drawn on cpu (threads: 2) in bfloat16, without coefficient limits, rounded to 8 bits.",
        "1 pairs is 12 %",
    ):
        assert words.replace(" %", "\N{NO-BREAK SPACE}%") in page.text
    html = (tmp_path / "report.html").read_text()
    assert html.count("data:image/webp;base64,") == 1
    assert html.count("<svg") == 4  # asked and got, scores, vectors used, the course
    assert not re.search(r"<(script|link)|https?://", html)


def test_what_was_not_measured_has_no_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "find_spec", lambda name: None)  # no matplotlib
    bare = results(controls=[], disentanglement=[], path_length=None, left_out=[], sums=[])
    write_report(bare, {}, tmp_path)
    page = Page(tmp_path / "report.html")
    assert page.ids == ["summary", "effects", "entangled", "sparsity", "method"]
    assert "<svg" not in (tmp_path / "report.html").read_text()
    assert "Left out" not in page.text


def test_markdown(tmp_path: Path, strip: Path) -> None:
    write_report(results(), {"yaw": strip}, tmp_path)
    text = (tmp_path / "results.md").read_text()
    assert text.startswith("# What made-up has learned\n")
    assert "| #0 | yaw | +2.00 | +1.00 | 0.90 |" in text
    assert "| Disentanglement (DCI) | 0.80 | 0.30 | 0.05 |" in text
    assert "Perceptual path length 12.3 (10.0 to 15.0), straightness 0.80" in text
    assert "- jaw: neither read (R² 0.08 on unseen people) nor drawn." in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_summary_is_made_from_the_numbers() -> None:
    made = results()
    first, clean, angles, missing = summary_sentences(made)
    assert first == (
        "Of 4 motion vectors, 2 are at work in a typical frame. 1 control could be named and calibrated: yaw."
    )
    assert clean.startswith("Yaw keeps to what the name says")
    assert angles == "On people who took no part in calibration, yaw=15deg gives 14.0° ± 1.0°."
    assert missing == "No vector, alone or with others, reliably moves jaw and gaze-x."
    narrow = control() | {"promise": {"low": -15.0, "high": 8.0, "tolerance": 4.0, "share": 0.9}}
    assert (
        "yaw=-15deg gives" in summary_sentences(results(controls=[narrow]))[2]
    )  # 15 is more than is promised
    free = control() | {"promise": None}
    assert "yaw=15deg gives" in summary_sentences(results(controls=[free]))[2]
    nothing = summary_sentences(results(controls=[]))
    assert nothing[0].endswith("No controls could be named and calibrated.")
    assert [value for value, _, _ in headline_numbers(made)] == ["1.5", "1", "0.80", "25\N{NO-BREAK SPACE}%"]


def test_what_is_not_disentangled_is_told() -> None:
    impure = control(leakage=0.6, moved={"yaw": 1.0, "jaw": -1.2, "gaze-x": 0.3})
    told = entangled(results(controls=[impure]))
    told = [sentence.replace("\N{NO-BREAK SPACE}", "") for sentence in told]
    assert told[0] == "yaw: 60% of what it moves is something else, mostly jaw (48%) and gaze-x (12%)."
    assert told[-1] == "gaze-x: no control."
    read = scores()
    read["own"]["informativeness_F"] = [0.9, 0.5]
    assert "jaw: read but not drawn" in entangled(results(disentanglement=[read]))[0]
    assert (
        factors_without_control(results(controls=[control(name) for name in ("yaw", "jaw", "gaze-x")])) == []
    )


def test_tables() -> None:
    made = results()
    cells = [cell.replace("\N{NO-BREAK SPACE}", "") for cell in controls_table(made).rows[0]]
    assert cells[:5] == ["yaw", "−20° to 20°", "±4° in −15° to 15°", "90%", "1.2°"]
    assert cells[5:] == ["#0", "94%", "80%", "25%", "jaw 22%, gaze-x 2%", "0.30"]
    free = control(gain=None, within=None, error=None) | {"promise": None}
    assert controls_table(results(controls=[free])).rows[0][2:7] == ["–", "–", "–", "#0", "–"]
    assert [row[0] for row in vectors_table(made, "An instrument").rows] == ["#0", "#1"]  # others are silent
    assert scores_table(made["disentanglement"][0]).rows[0][1:] == ["0.80", "0.30", "0.05"]
    (first, share), _ = leaks(made, made["controls"][0])
    assert (first, round(share, 3)) == ("jaw", 0.225)
    assert range_text({"unit": "", "low": -1.5, "high": 0.25}) == "−1.5 to 0.25"
    assert amount_text(None, control()) == "–"


def test_listed() -> None:
    assert [join_words(words) for words in ([], ["a"], ["a", "b"], "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
