"""Pictures drawn at half the side that the network sees: how large they are, and that nothing shifts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from liax.face.crop import resize
from liax.media.video import Video
from liax.model import LIAX, ModelConfig
from liax.options import AnimateOptions, EditOptions, EditVideoOptions
from liax.portrait import Animator, animate, edit_image
from liax.portrait.edit_video import edit_video
from liax.weights import load, save

CONFIG = ModelConfig(128, width=4, max_width=16, latent=32, vectors=8, flow_blocks=1, render_blocks=1)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "two-sizes.safetensors"
    save(LIAX(CONFIG), path)
    return path


@pytest.fixture(scope="module")
def half(weights: Path) -> Animator:
    return Animator(load(weights, size=64), "cpu", torch.float32)


@torch.inference_mode()
def test_it_sees_as_much_and_draws_less(weights: Path, half: Animator, portrait_HW3: np.ndarray) -> None:
    """Coefficients are the full network's, and the picture is the one that its last level starts from."""
    full = Animator(load(weights), "cpu", torch.float32)
    assert (half.size, half.seen_size, full.size) == (64, 128, 128)
    square = resize(portrait_HW3, 128, 128)
    assert np.array_equal(half.coefficients([square]), full.coefficients([square]))
    seen = full.encode([square])
    code_1D = full.network.reenact(seen.code_BD, seen.alpha_BM)
    image_13RR = full.network.render(code_1D, seen.features)[-2].image
    (frame,) = half.animate(portrait_HW3, [portrait_HW3])
    wanted = ((image_13RR[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).numpy()
    assert frame.shape == (64, 64, 3)
    assert np.abs(frame - wanted).max() <= 1


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        (AnimateOptions(), (64, 64)),
        (AnimateOptions(compare=True), (64, 3 * 64)),
        (AnimateOptions(paste=True), (512, 512)),
    ],
    ids=["square", "compare", "paste"],
)
def test_animated(
    half: Animator, portrait_path: Path, face_clip: Path, options: AnimateOptions, shape: tuple[int, int]
) -> None:
    clip = animate(half, portrait_path, face_clip, options)
    assert (clip.height, clip.width) == shape
    assert {picture.shape for _, picture in clip.frames} == {(*shape, 3)}


def test_edited(half: Animator, portrait_path: Path, portrait_HW3: np.ndarray) -> None:
    edited = edit_image(half, portrait_path, {0: 1.0})
    assert edited.before_HW3.shape == edited.after_HW3.shape == (64, 64, 3)
    still = edit_image(half, portrait_path, {0: 0.0}, EditOptions(paste=True))
    assert np.array_equal(still.picture_HW3, portrait_HW3)


@pytest.mark.parametrize("from_first_frame", [False, True])
def test_edited_video(half: Animator, face_clip: Path, from_first_frame: bool) -> None:
    def frames(settings: dict[int, float], **options: bool) -> list[np.ndarray]:
        chosen = EditVideoOptions(from_first_frame=from_first_frame, **options)
        return [picture for _, picture in edit_video(half, face_clip, settings, chosen).frames]

    assert {frame.shape for frame in frames({0: 1.0}, paste=False)} == {(64, 64, 3)}
    first = next(iter(Video(face_clip))).rgb()
    assert np.array_equal(frames({0: 0.0})[0], first)
    assert np.abs(frames({0: 1.0})[0].astype(int) - first).max() > 5
