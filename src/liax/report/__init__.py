"""The common look of HTML reports: one offline file with words, tables, heat maps, charts and pictures.

A report is a Jinja template that extends `report/base.html` and takes its parts from `report/parts.html`:

    {% extends "report/base.html" %}
    {% import "report/parts.html" as parts %}
    {% block content %}
    <section id="scores"><h2>Scores</h2> … {{ 0.25 | percent }} … </section>
    {% endblock %}

    render("evaluation/report.html", out, title=…, kicker=…, sections=[("scores", "Scores")])
"""

from liax.report.page import file_uri, number, percent, picture_uri, render, signed, whole

__all__ = ["file_uri", "number", "percent", "picture_uri", "render", "signed", "whole"]
