import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from liax.data.regions import Regions
from liax.face.factors import FACTORS
from liax.preparation.quality import movement, occlusion, shake, sharpness, skin_colours, skin_share

BOX = (60.0, 40.0, 200.0, 220.0)


def points(seed: int = 0, frames: int = 30) -> NDArray[np.float32]:
    """468 landmarks in the box, the same in each frame."""
    rng = np.random.default_rng(seed)
    face_P2 = rng.uniform((60, 40), (200, 220), (468, 2))
    return np.repeat(face_P2[None], frames, 0).astype(np.float32)


def test_sharpness_falls_with_blur_and_not_with_light(portrait_HW3: NDArray[np.uint8]) -> None:
    image = Image.fromarray(portrait_HW3).resize((256, 256))
    seen = [
        sharpness(np.asarray(image.filter(ImageFilter.GaussianBlur(radius))), BOX) for radius in (0, 1, 2, 4)
    ]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > 3 * seen[2]
    dim = (np.asarray(image) * 0.5 + 20).astype(np.uint8)
    assert sharpness(dim, BOX) == pytest.approx(seen[0], rel=0.1)


def test_a_flat_or_tiny_face_is_not_sharp() -> None:
    flat = np.full((64, 64, 3), 90, np.uint8)
    assert sharpness(flat, (10, 10, 50, 50)) == 0
    assert sharpness(flat, (60, 60, 64, 64)) == 0


@settings(max_examples=30)
@given(st.floats(-0.05, 0.05), st.floats(0.99, 1.01), st.floats(-2, 2), st.floats(-2, 2))
def test_a_shifted_turned_and_zoomed_picture_does_not_move(
    turn: float, zoom: float, dx: float, dy: float
) -> None:
    z_TP = points()[..., 0] + 1j * points()[..., 1]
    k_T = np.arange(len(z_TP))[:, None]
    z_TP = z_TP * (zoom**k_T) * np.exp(1j * turn * k_T) + k_T * (dx + 1j * dy)
    moved_TP2 = np.stack([z_TP.real, z_TP.imag], -1).astype(np.float32)
    assert movement(moved_TP2) < 1e-4


def test_movement_is_the_deviation_from_the_mean_shape() -> None:
    """Every point swings by a hundredth of the face's size, in directions that no similarity explains."""
    landmarks_TP2 = points(frames=100)
    size = np.sqrt(((landmarks_TP2[0] - landmarks_TP2[0].mean(0)) ** 2).sum(1).mean())
    swing_P2 = np.random.default_rng(1).choice([-1.0, 1.0], (468, 2)) / np.sqrt(2)
    landmarks_TP2 += 0.01 * size * swing_P2 * np.sin(np.arange(100) / 3)[:, None, None]
    assert movement(landmarks_TP2) == pytest.approx(0.01 / np.sqrt(2), rel=0.05)


def test_shake_is_of_trembling_and_not_of_travel() -> None:
    still = points()
    travel = still + np.arange(len(still))[:, None, None] * np.float32(3)
    assert shake(still) == 0
    assert shake(travel) < 1e-5
    tremble = still + (np.arange(len(still)) % 2)[:, None, None] * np.float32([4, 0])
    size = np.sqrt(((still[0] - still[0].mean(0)) ** 2).sum(1).mean())
    assert shake(tremble) == pytest.approx(8 / size, rel=0.01)  # to and fro: twice the step
    assert shake(still[:2]) == 0


def regions(frames: int) -> Regions:
    """Eyes in the upper half of the face, and a mouth."""
    boxes_P4 = np.array([(0.5, 0.3, 0.7, 0.45), (0.3, 0.3, 0.5, 0.45), (0.4, 0.65, 0.6, 0.8)], np.float32)
    return Regions(
        np.repeat(boxes_P4[None], frames, 0),
        np.zeros((frames, 3), np.float32),
        np.zeros((frames, len(FACTORS)), np.float32),
    )


def colours(landmarks_TP2: NDArray[np.float32], covered: slice, share: float) -> NDArray[np.float32]:
    """Skin that changes a little all the time, and in the covered frames is dark from the bottom up."""
    rng = np.random.default_rng(0)
    skin_TP3 = 1 + 0.03 * rng.standard_normal((*landmarks_TP2.shape[:2], 3)).astype(np.float32)
    lower_P = landmarks_TP2[0, :, 1] > np.quantile(landmarks_TP2[0, :, 1], 1 - share)
    skin_TP3[covered, lower_P] = 0.3
    return skin_TP3


def test_occlusion_is_the_share_that_is_covered_for_a_while() -> None:
    landmarks_TP2 = points(frames=60)
    free = occlusion(colours(landmarks_TP2, slice(0, 0), 0.5), landmarks_TP2, regions(60), 256)
    passing = occlusion(colours(landmarks_TP2, slice(20, 35), 0.5), landmarks_TP2, regions(60), 256)
    less = occlusion(colours(landmarks_TP2, slice(20, 35), 0.3), landmarks_TP2, regions(60), 256)
    one_frame = occlusion(colours(landmarks_TP2, slice(20, 21), 0.5), landmarks_TP2, regions(60), 256)
    assert free < 0.01
    assert one_frame < 0.01
    assert 0.35 < passing < 0.75
    assert 0 < less < passing


def test_blinks_do_not_cover() -> None:
    landmarks_TP2 = points(frames=60)
    skin_TP3 = colours(landmarks_TP2, slice(0, 0), 0.5)
    x_P, y_P = landmarks_TP2[0].T / 256
    for left, top, right, bottom in regions(1).boxes_TP4[0, :2]:
        skin_TP3[20:40, (left < x_P) & (x_P < right) & (top < y_P) & (y_P < bottom)] = 0.2
    assert occlusion(skin_TP3, landmarks_TP2, regions(60), 256) < 0.01


def test_skin_colours_are_relative_to_the_face(portrait_HW3: NDArray[np.uint8]) -> None:
    image = np.asarray(Image.fromarray(portrait_HW3).resize((256, 256)))
    face_P2 = points()[0]
    usual = skin_colours(image, face_P2)
    assert usual.shape == (468, 3)
    assert np.median(usual) == pytest.approx(1)
    assert np.abs(skin_colours(image // 2, face_P2) - usual).mean() < 0.02


def test_heads_that_turn_far_are_not_covered() -> None:
    landmarks_TP2 = points(frames=60)
    skin_TP3 = colours(landmarks_TP2, slice(20, 35), 0.5)
    turned = regions(60)
    turned.factors_TK[20:35, list(FACTORS).index("yaw")] = 40
    assert occlusion(skin_TP3, landmarks_TP2, turned, 256) < 0.01
    unseen = regions(60)  # frames without a face have no colours
    unseen.factors_TK[50:] = np.nan
    assert occlusion(skin_TP3[:50], landmarks_TP2[:50], unseen, 256) > 0.35


def test_skin_and_what_is_rendered(portrait_HW3: NDArray[np.uint8]) -> None:
    image = Image.fromarray(portrait_HW3).resize((256, 256))
    landmarks_P2 = points()[0] * 0.3 + 90  # the middle of the face

    def share(picture: Image.Image) -> float:
        return skin_share(skin_colours(np.asarray(picture), landmarks_P2)[None])

    assert share(image) > 0.7
    assert share(image.point(lambda level: level // 4)) > 0.7  # in the dark
    assert share(image.convert("L").convert("RGB")) == 0
    normals = np.zeros((256, 256, 3), np.uint8)
    rows, columns = np.mgrid[-1:1:256j, -1:1:256j]
    normals[..., 0], normals[..., 1] = 127 + 90 * columns, 127 - 90 * rows
    normals[..., 2] = 127 + 127 * np.sqrt(np.clip(1 - (rows**2 + columns**2) / 2, 0, 1))
    assert share(Image.fromarray(normals)) < 0.2
