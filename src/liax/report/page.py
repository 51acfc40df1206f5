"""A template becomes one HTML file that needs nothing else: no links, no scripts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from liax.files import replacing
from liax.report.numbers import number, percent, signed, whole

_Source = tuple[str, str, Callable[[], bool]]


def render(template: str, out: Path, **values: Any) -> None:
    """Write the template as `out`, whole or not at all.

    template: "evaluation/report.html" is report.html in the folder `templates` of liax.evaluation.
    values: what the template names, each needed; text is escaped, `markupsafe.Markup` is not. Of the base
        template: title, kicker (what kind of report, a word or two), sections [(id, name)] for the table of
        contents; optional subtitle, and command, by which the report was made.
    Raises LiaxError when it cannot be written.
    """
    environment = Environment(
        loader=FunctionLoader(_load),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "signed": signed, "whole": whole}
    page = environment.get_template(template).render(
        {"version": version("liax"), "date": f"{datetime.now():%-d %B %Y}", **values}
    )
    with replacing(out) as file:
        file.write(page.encode())


def _load(name: str) -> _Source | None:
    package, _, file = name.partition("/")
    try:
        path = files(f"liax.{package}") / "templates" / file
        return path.read_text("utf-8"), name, lambda: True
    except (ModuleNotFoundError, FileNotFoundError):
        return None
