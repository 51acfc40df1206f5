from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.model import LIAX
from liax.model.network import Encoded
from liax.training.factor_supervision import FACTOR_COUNT, factor_scale
from liax.training.validation import Validation

CPU = torch.device("cpu")


class Rigged:
    """A "network" whose coefficients are the image: returns the driving frame, brighter by `fault`."""

    def __init__(self, fault: float) -> None:
        self.fault = fault

    def encode(self, image: torch.Tensor) -> Encoded:
        return Encoded(image.flatten(1), image.flatten(1), (image,))

    def reenact(self, code: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
        return alpha

    def decode(self, code: torch.Tensor, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return code.view(-1, *features[0].shape[1:]) + self.fault


def grey_clips() -> Validation:
    """Three clips of six driving frames: sources of level 51, driving frames of level 102."""
    return Validation(
        torch.full((3, 3, 32, 32), 51, dtype=torch.uint8),
        torch.full((3, 6, 3, 32, 32), 102, dtype=torch.uint8),
        np.full((18, len(FACTORS)), np.nan, np.float32),
    )


def test_scores_known_values() -> None:
    scores, picture = grey_clips().score(Rigged(0.2), torch.float32)  # type: ignore[arg-type]
    assert scores["l1"] == pytest.approx(0.1, rel=1e-4)  # on [0, 1]
    assert scores["psnr"] == pytest.approx(20.0, rel=1e-4)
    assert scores["psnr first"] == pytest.approx(20.0, rel=1e-4)
    assert 0.9 < scores["ssim"] < 1
    assert "psnr 256" not in scores
    assert "psnr alone" not in scores  # which coefficients mean something is unknown
    assert picture.shape == (3, 3 * 32, 3 * 32)
    columns = [float(picture[:, :, k * 32 : (k + 1) * 32].mean()) for k in range(3)]
    assert columns == pytest.approx([0.2, 0.4, 0.5], abs=1e-4)  # source, driving, output


def test_what_the_named_coefficients_draw_alone() -> None:
    """Of 768 values as many as have names are the driving frame's, and the others stay, 0.2 too dark."""
    small = Validation(
        torch.full((3, 3, 16, 16), 51, dtype=torch.uint8),
        torch.full((3, 6, 3, 16, 16), 102, dtype=torch.uint8),
        np.zeros((18, FACTOR_COUNT), np.float32),
    )
    scores, _ = small.score(Rigged(0.1), torch.float32)  # type: ignore[arg-type]
    wanted = -10 * np.log10((FACTOR_COUNT * 0.05**2 + (768 - FACTOR_COUNT) * 0.15**2) / 768)
    assert scores["psnr alone"] == pytest.approx(wanted, abs=1e-3)
    assert scores["psnr"] == pytest.approx(-20 * np.log10(0.05), abs=1e-3)


def test_larger_pictures_are_compared_at_256_too() -> None:
    """Stripes a pixel wide are gone there, and with them the error."""
    driving = torch.full((1, 6, 3, 512, 512), 102, dtype=torch.uint8)
    driving[..., ::2] += 20
    driving[..., 1::2] -= 20
    compared = torch.full((1, 6, 3, 256, 256), 102, dtype=torch.uint8)
    unknown = np.full((6, FACTOR_COUNT), np.nan, np.float32)
    flat = Validation(torch.full((1, 3, 512, 512), 102, dtype=torch.uint8), driving, unknown, compared)

    class Flat(Rigged):
        def reenact(self, code: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
            return code[:1].expand_as(alpha)

    scores, _ = flat.score(Flat(0.2), torch.float32)  # type: ignore[arg-type]
    assert scores["psnr 256"] == pytest.approx(20, abs=0.01)
    assert scores["l1 256"] == pytest.approx(0.1, abs=1e-3)
    assert scores["psnr"] == pytest.approx(-10 * np.log10(0.1**2 + (20 / 255) ** 2), abs=0.01)
    assert scores["energy"] == pytest.approx(0, abs=1e-6)


def test_sharpness_is_what_neighbouring_pixels_differ() -> None:
    frames = torch.randint(0, 128, (1, 6, 3, 32, 32), dtype=torch.uint8)
    unknown = np.full((6, FACTOR_COUNT), np.nan, np.float32)

    class Twice(Rigged):
        """Twice the contrast, which is four times the energy."""

        def decode(self, code: torch.Tensor, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
            return super().decode(code, features) * 2 + 1

    scores, _ = Validation(frames[:, 0], frames, unknown).score(Twice(0.0), torch.float32)  # type: ignore[arg-type]
    assert scores["energy"] == pytest.approx(4, abs=0.05)


def test_sparsity_is_of_what_varies() -> None:
    """One large coefficient that never changes, beside others that all do, is none."""
    frames = torch.full((3, 6, 3, 16, 16), 128, dtype=torch.uint8)
    frames[:, ::2] += 4
    frames[..., 0, 0, 0] = 255
    unknown = np.full((18, FACTOR_COUNT), np.nan, np.float32)
    scores, _ = Validation(frames[:, 0], frames, unknown).score(Rigged(0.0), torch.float32)  # type: ignore[arg-type]
    assert scores["hoyer"] < 0.1


def test_how_changes_within_a_clip_are_read() -> None:
    """A fifth of yaw's change arrives, whatever offset each clip has; pitch is read the wrong way round."""
    times_F, offsets_C = np.arange(6.0), np.array([0.0, 40.0, -70.0])
    factors_CFK = np.zeros((3, 6, FACTOR_COUNT), np.float32)
    factors_CFK[..., 0] = times_F + offsets_C[:, None]
    factors_CFK[..., 1] = times_F**2
    read_CFM = np.random.default_rng(0).normal(size=(3, 6, FACTOR_COUNT + 3)).astype(np.float32)
    read_CFM[..., :2] = factors_CFK[..., :2] * factor_scale()[:2].numpy() * [0.2, -1]
    read_CFM[..., 0] += np.array([5.0, 1.0, 2.0])[:, None]
    factors_CFK[1, 3] = np.nan  # of this clip nothing counts
    read_CFM[1, :3] = 3.0
    factors_CFK[2, 3, 1] = np.nan  # and of this one all but pitch
    read_CFM[2, :, 1] = 5.0
    scores = replace(grey_clips(), factors_NK=factors_CFK.reshape(18, -1))._reading(read_CFM.reshape(18, -1))
    assert scores["reads yaw"] == pytest.approx(1, abs=1e-4)
    assert scores["gain yaw"] == pytest.approx(0.2, abs=1e-4)
    assert scores["reads pitch"] == pytest.approx(-1, abs=1e-4)
    assert scores["gain pitch"] == pytest.approx(-1, abs=1e-4)
    assert scores["gain jaw"] == 0  # it did not change
    assert grey_clips()._reading(read_CFM.reshape(18, -1)) == {}


def test_reads_the_source_and_later_frames(manifest: Path) -> None:
    validation = Validation.read(manifest, "val", 64, CPU)
    assert validation.sources_u8.shape == (1, 3, 64, 64)
    assert validation.driving_u8.shape == (1, 6, 3, 64, 64)
    frames = [validation.sources_u8[0], *validation.driving_u8[0]]
    assert all(not torch.equal(a, b) for a, b in pairwise(frames))


def test_scores_a_network(manifest: Path, tiny: LIAX) -> None:
    scores, picture = Validation.read(manifest, "train", 64, CPU).score(tiny, torch.float32)
    assert 0 < scores["l1"] < 1
    assert 0 < scores["psnr"] < 20
    assert 0 < scores["hoyer"] < 1
    assert picture.shape == (3, 2 * 64, 3 * 64)
    assert float(picture.min()) >= 0
    assert float(picture.max()) <= 1


def test_nothing_long_enough(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text("file,type,split,identity,frames\na.mp4,clip,val,a,6\nb.png,portrait,val,b,1\n")
    with pytest.raises(LiaxError, match=r"split 'val' of .* has no clip of more than 6 frames"):
        Validation.read(path, "val", 64, CPU)
