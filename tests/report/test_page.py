"""Pages that need nothing else, and numbers as people read them."""

import base64
import io
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from jinja2 import TemplateNotFound, UndefinedError
from PIL import Image

import liax
from liax.errors import LiaxError
from liax.report import number, percent, picture_uri, render, signed, whole
from liax.report.charts import ACCENT, Chart

Page = Callable[..., str]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    """`page(content, **values)` renders a template of a package made up for the test."""
    folder = tmp_path / "made_up"
    (folder / "templates").mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.setattr(liax, "__path__", [*liax.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "liax.made_up", raising=False)

    def write(content: str, **values: object) -> str:
        head = '{% extends "report/base.html" %}{% import "report/parts.html" as parts %}'
        text = f"{head}{{% block content %}}{content}{{% endblock %}}"
        (folder / "templates" / "page.html").write_text(text)
        out = tmp_path / "page.html"
        render("made_up/page.html", out, **{"title": "T", "kicker": "K", "sections": [], **values})
        return out.read_text("utf-8")

    return write


class Tags(HTMLParser):
    """Raises when tags do not close in the order in which they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "img", "br", "input", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_the_page_stands_alone(page: Page) -> None:
    text = page("{{ name }}", name="<b>&", sections=[("a", "First")], subtitle="S", command="liax x")
    Tags(text)
    assert "&lt;b&gt;&amp;" in text
    assert '<a href="#a">First</a>' in text
    assert "liax x" in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "<script" not in text
    assert "http" not in text


def test_heat_map(page: Page) -> None:
    text = page(
        '{{ parts.heat_map("vector", ["#0", "#1"], ["yaw"], values, limit=2, after=after) }}',
        after=[("leaks", ["9 %", "x"])],
        values=[[1.5], [float("nan")]],
    )
    Tags(text)
    assert 'class="plus strong" style="--s:75%" title="#0 → yaw: +1.50">+1.50</td>' in text
    assert 'style="--s:0%" title="#1 → yaw: –">–</td>' in text
    assert '<td class="after">9 %</td>' in text


def test_other_parts(page: Page) -> None:
    text = page(
        '{{ parts.fact("0.5", "half", "note") }}{{ parts.bar("one", 1.7, "t") }}'
        '{{ parts.table(["a", "b"], rows) }}'
        '{{ parts.figure(svg, "below") }}{{ parts.picture("data:,", "seen") }}'
        '{% call parts.fold("How") %}<p>so</p>{% endcall %}',
        rows=[["x", 0.25]],
        svg=_chart(),
    )
    found = Tags(text).texts
    assert {"0.5", "half", "note", "below", "so", "x", "0.25"} <= set(found)
    assert "width:100.0%" in text  # a share is at most all


def _chart() -> str:
    chart = Chart("a title", 300, 200)
    chart.axes.plot([0, 1], [2, 3], color=ACCENT, label="line")
    chart.axes.set_xlabel("across")
    return chart.svg('up "and" <away>')


def test_charts_take_the_page_s_colours() -> None:
    text = _chart()
    root = ElementTree.fromstring(text)
    assert root.attrib["aria-label"] == 'up "and" <away>'
    assert "width" not in root.attrib
    assert "var(--accent)" in text
    assert "across" in text
    assert not re.search(r"#0[1-7]0[1-7]0[1-7]", text)
    assert _chart() == text  # the same chart twice is the same text


def test_pictures() -> None:
    image_HW3 = np.zeros((40, 80, 3), np.uint8)
    image_HW3[:, :40] = 255
    head, _, packed = picture_uri(image_HW3, width=40).partition(",")
    assert head == "data:image/webp;base64"
    back = Image.open(io.BytesIO(base64.b64decode(packed)))
    assert back.size == (40, 20)
    pixels_HW3 = np.asarray(back.convert("RGB"))
    assert pixels_HW3[10, 5].min() > 240
    assert pixels_HW3[10, 35].max() < 15


def test_what_is_missing_is_not_passed_over(page: Page, tmp_path: Path) -> None:
    with pytest.raises(UndefinedError, match="unheard"):
        page("{{ unheard }}")
    assert not (tmp_path / "page.html").exists()
    with pytest.raises(TemplateNotFound):
        render("nowhere/report.html", tmp_path / "x.html")
    with pytest.raises(LiaxError, match="no folder"):
        render("report/base.html", tmp_path / "none" / "x.html", title="", kicker="", sections=[])


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf")])
def test_the_unknown_is_a_dash(value: float | None) -> None:
    assert number(value) == signed(value) == percent(value) == whole(value) == "–"


def test_signs_and_thousands() -> None:
    assert number(-1.2) == "−1.20"
    assert number(12345.678, 1) == "12,345.7"
    assert whole(12345.4) == "12,345"
    assert signed(0.654) == "+0.65"
    assert signed(-0.654, 1) == "−0.7"


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert number(-0.001) == signed(0.001) == signed(-0.001) == "0.00"
    assert whole(-0.2) == "0"


def test_percent() -> None:
    assert percent(0.125, 1) == "12.5\N{NO-BREAK SPACE}%"
    assert percent(-0.5) == "−50\N{NO-BREAK SPACE}%"
