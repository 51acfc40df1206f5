"""A visitor's own expressions: what the sliders are set to, saved as a file, and such a file opened."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from liax.app.components import QUIET, ControlsPanel
from liax.app.messages import done_html, error_html
from liax.app.studio import Studio
from liax.app.uploads import EXPRESSION_SUFFIX
from liax.errors import LiaxError
from liax.options import Amount
from liax.options_file import read_tables
from liax.tracks.presets import Expression, expression_toml, read_expression
from liax.weights.controls import Controls

_MOST_LETTERS = 40


class OwnExpressions:
    """A folded part of a tab that saves its sliders as a file and sets them from one.

    Keyframes name such files as presets: preset = "grin.toml".

    Args:
        studio: Where files are kept.
        panel: The sliders.
    """

    def __init__(self, studio: Studio, panel: ControlsPanel) -> None:
        self._studio, self._panel = studio, panel
        with gr.Accordion("Your own expressions", open=False):
            name = gr.Textbox("grin", label="Name", info="of the file", max_lines=1, max_length=_MOST_LETTERS)
            with gr.Row():
                save = gr.Button("Save what is set", size="sm")
                give = gr.UploadButton("Open an expression", file_types=[EXPRESSION_SUFFIX], size="sm")
            saved = gr.DownloadButton("Download the expression", visible=False, size="sm")
            status = gr.HTML(elem_classes="liax-status")
        save.click(self._save, [name, *panel.sliders], [saved, status], queue=False, **QUIET)
        give.upload(self._open, [give, *panel.sliders], [*panel.sliders, status], queue=False, **QUIET)

    def _save(self, name: str, *values: float) -> tuple[object, str]:
        try:
            settings = self._panel.settings(values)
            if not settings:
                raise LiaxError("Nothing is set yet; move a slider first.")
            units = {control.name: control.unit for control in self._studio.controls}
            expression = {key: Amount(value, units.get(key, "")) for key, value in settings.items()}
            path = self._studio.new_result_path(f"{_plain(name)}{EXPRESSION_SUFFIX}")
            path.write_text(expression_toml(expression), "utf-8")
        except Exception as error:
            return gr.skip(), error_html(error, self._studio.folder)
        return gr.update(value=path, visible=True), ""

    def _open(self, given: str | None, *values: float) -> list[object]:
        if given is None:
            return [*values, ""]
        try:
            path = Path(given)
            expression = read_expression(read_tables(path), path.name)
            amounts, note = self._amounts(expression, path.name)
        except Exception as error:
            return [*values, error_html(error, self._studio.folder)]
        return [*amounts, done_html("", [note] if note else [], self._studio.folder)]

    def _amounts(self, expression: Expression, name: str) -> tuple[list[float], str]:
        """The sliders' values, as far as they go, and a sentence on what has no slider."""
        check_units(expression, self._studio.controls, name)
        known = {key: amount.value for key, amount in expression.items() if key in self._panel.names}
        if not known:
            raise LiaxError(f"{name} says nothing that these sliders can do.")
        left = [key for key in expression if key not in known]
        sliders = zip(self._panel.names, self._panel.sliders, strict=True)
        amounts = [min(max(known.get(key, 0.0), slider.minimum), slider.maximum) for key, slider in sliders]
        return amounts, f"{name} has {', '.join(left)}, for which there is no slider." if left else ""


def check_units(expression: Expression, controls: Controls, name: str) -> None:
    """Raise LiaxError if an amount is in a unit that is not its control's."""
    units = {control.name: control.unit for control in controls}
    for key, amount in expression.items():
        if key in units and amount.unit not in ("", units[key]):
            raise LiaxError(f"{name}: {key} is not in {amount.unit}; correct it there.")


def _plain(name: str) -> str:
    """A file's name of letters that every system takes."""
    kept = "".join(letter if letter.isalnum() or letter in "-_ " else "" for letter in name[:_MOST_LETTERS])
    return kept.strip() or "expression"
