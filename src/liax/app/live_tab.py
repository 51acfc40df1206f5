"""Tab "Live": a face before the visitor's camera moves the portrait.

live.js has the camera, sends its frames and shows the pictures that come; live_socket.py answers.
"""

from __future__ import annotations

import gradio as gr
from gradio.components import Component

from liax.app.components import QUIET, Tab, cropped_input, portrait_input
from liax.app.face_chooser import FaceChooser
from liax.app.studio import Studio
from liax.live.session import SMOOTHINGS, STRENGTHS

# What live.js fills with life, and finds by the names in `data-live`.
_STAGE = """
<div id="liax-camera" data-state="off">
  <div class="liax-stage">
    <canvas width="512" height="512" role="img" aria-label="The portrait as you move it"></canvas>
    <video muted playsinline aria-label="Your camera"></video>
  </div>
  <p class="liax-figures" data-live="figures"></p>
  <div class="liax-keys">
    <button type="button" data-live="start" class="liax-primary">Start the camera</button>
    <button type="button" data-live="neutral" title="This pose of yours is the portrait's own (key N)"
      disabled>Neutral pose <kbd>N</kbd></button>
    <button type="button" data-live="freeze" title="Hold the picture (key F)" aria-pressed="false"
      disabled>Freeze <kbd>F</kbd></button>
    <button type="button" data-live="record" title="Record an MP4 (key R)" aria-pressed="false"
      disabled>Record <kbd>R</kbd></button>
  </div>
  <div data-live="status" role="status"></div>
  <div class="liax-sources">
    <label>Camera <select data-live="camera"><option value="">The usual one</option></select></label>
    <label class="liax-clip">Use a clip in its place
      <input type="file" accept="video/*" data-live="clip"></label>
    <label><input type="checkbox" data-live="sound" checked> Record the microphone, too</label>
  </div>
  <div data-live="recorded"></div>
</div>
"""
_HINT = (
    "Your camera's pictures go to the program that serves this page and are kept nowhere. Look straight "
    "ahead with a calm face, then press **Neutral pose**: from there, your movement is the portrait's."
)


def build(studio: Studio) -> Tab:
    """Make the tab."""
    defaults = studio.live
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320, elem_classes="liax-sticky"):
            gr.HTML(_STAGE)
        with gr.Column(min_width=320):
            portrait = portrait_input(studio.first_portrait, 280)
            strength = gr.Slider(
                *STRENGTHS, defaults.strength, step=0.05, label="Strength", info="1 is as filmed"
            )
            smoothing = gr.Slider(
                *SMOOTHINGS,
                defaults.smoothing,
                step=0.05,
                label="Smoothing",
                info="takes out jitter, but follows later",
            )
            mirror = gr.Checkbox(defaults.mirror, label="Mirror", info="turns left when you turn left")
            with gr.Accordion("More options", open=False):
                face, cropped = FaceChooser(studio, portrait).face, cropped_input()
            gr.Markdown(_HINT)
    opened: list[Component] = [portrait, face, cropped]
    settings: list[Component] = [strength, smoothing, mirror]
    gr.on(None, None, opened, js="(...values) => { liax.live.open(...values); }", **QUIET)
    gr.on(None, None, settings, js="(...values) => { liax.live.set(...values); }", **QUIET)
    return Tab([*opened, *settings], portrait)
