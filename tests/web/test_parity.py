"""The page draws what Python draws: bundled weights, in Chromium's WebAssembly."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from liax.marking.pixel_reading import read_pixels
from liax.model import LIAX
from liax.model.pixels import from_uint8, to_uint8
from liax.portrait import Animator, open_portrait
from liax.portrait.edit_vector import Edit

_OPEN = """async crop => {
  const bitmap = await createImageBitmap(await (await fetch("demo_portrait.jpg")).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const shown = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return (await liax.session.network.call("portrait", [shown, crop, [0, 0, 256, 256]])).alpha;
}"""
_PLAIN = """async alpha => {
  const {data, width, height} = await liax.session.network.call("plain", [alpha]);
  return {data: Array.from(data), width, height};
}"""


def _picture(found: dict[str, Any]) -> NDArray[np.uint8]:
    return np.array(found["data"], np.uint8).reshape(found["height"], found["width"], 4)[..., :3]


def _psnr(a_HW3: NDArray[np.uint8], b_HW3: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.mean((a_HW3.astype(float) - b_HW3) ** 2)))


def test_the_page_draws_what_python_draws(
    visit: Callable[..., Any], live_page: Path, live: LIAX, portrait_path: Path, tmp_path: Path
) -> None:
    page = visit(live_page)
    assert page.evaluate("liax.backend.provider") == "wasm"
    animator = Animator(live, "cpu")
    portrait = open_portrait(animator, portrait_path)

    # The same square but for half a pixel, as faces are looked for less thoroughly; the same pose.
    crop = portrait.framing.crop
    assert crop is not None
    found = page.evaluate("liax.session.portrait.crop")
    for name in ("left", "top", "side"):
        assert found[name] == pytest.approx(getattr(crop, name), abs=0.5)
    pose = page.evaluate("liax.session.transfer.pose")
    assert pose.keys() == portrait.pose.keys()
    for name, value in pose.items():
        assert value == pytest.approx(
            portrait.pose[name], abs=0.5 if name in ("yaw", "pitch", "roll") else 0.01
        )
    # The same coefficients of exactly the same square.
    source = page.evaluate(_OPEN, {"left": crop.left, "top": crop.top, "side": crop.side})
    square_RR3 = portrait.framing.to_square(portrait.picture_HW3, animator.seen_size)
    seen = live.encode(from_uint8(torch.tensor(square_RR3)).permute(2, 0, 1)[None])
    alpha_M = seen.alpha_BM[0].numpy()
    assert np.abs(np.array(source) - alpha_M).max() < 0.01

    # The same change of the coefficients for what sliders say, and the same picture.
    settings = {"yaw": 12.0, "jaw": 0.4, "blink": 0.3}
    edit_M = np.array(page.evaluate("settings => liax.session.transfer.edit(settings)", settings))
    wanted_M = Edit.of(settings, animator.controls).vector_for(alpha_M, portrait.pose)
    assert np.abs(edit_M - wanted_M).max() < 0.01
    moved_M = alpha_M + wanted_M
    drawn = live.decode(live.reenact(seen.code_BD, torch.from_numpy(moved_M)[None]), seen.features)
    wanted_RR3 = to_uint8(drawn)[0].permute(1, 2, 0).numpy()
    drawn_RR3 = _picture(page.evaluate(_PLAIN, moved_M.tolist()))
    assert _psnr(drawn_RR3, wanted_RR3) >= 45
    assert _psnr(_picture(page.evaluate(_PLAIN, alpha_M.tolist())), wanted_RR3) < 35

    # A saved picture carries the mark.
    with page.expect_download() as coming:
        page.locator("#save").click()
    saved = Image.open(io.BytesIO(Path(coming.value.path()).read_bytes())).convert("RGB")
    assert saved.size == (256, 256)
    assert read_pixels([np.asarray(saved)]).marked
