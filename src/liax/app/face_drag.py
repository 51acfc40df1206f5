"""A result whose face can be dragged in the browser: drag.js draws the handles, and asks for drafts."""

from __future__ import annotations

import json

import gradio as gr
from gradio.components import Component

from liax.app.components import QUIET, ControlsPanel
from liax.app.face_handles import drag_hint
from liax.weights.controls import Controls


class FaceDrag:
    """A sentence that says what can be dragged, and the events between sliders and handles.

    Make it beneath the result, whose column is `liax-live`.

    Args:
        controls: What can be moved.
    """

    def __init__(self, controls: Controls) -> None:
        hint = drag_hint(controls)
        gr.HTML(f'<p class="liax-muted">{hint}</p>', visible=bool(hint))
        # drag.js presses it when the hand lets go.
        self._apply = gr.Button("Apply what was dragged", elem_id="liax-apply-drag", visible="hidden")

    def connect(
        self,
        panel: ControlsPanel,
        portrait: gr.Image,
        face: gr.Dropdown,
        cropped: gr.Checkbox,
        paste: gr.Checkbox,
    ) -> None:
        """Let the handles follow these components, and the panel's sliders follow the handles."""
        inputs: list[Component] = [portrait, face, cropped, paste, *panel.sliders]
        sliders = json.dumps(dict(zip(panel.names, panel.slider_ids, strict=True)))
        told = f"(...values) => liax.face({sliders}, ...values)"
        gr.on(None, None, inputs, js=told, **QUIET)
        dragged = "(...values) => liax.dragged(values)"
        self._apply.click(None, panel.sliders, panel.sliders, js=dragged, **QUIET)
