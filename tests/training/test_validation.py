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
    assert "psnr alone" not in scores  # which coefficients mean something is unknown
    assert picture.shape == (3, 3 * 32, 3 * 32)
    columns = [float(picture[:, :, k * 32 : (k + 1) * 32].mean()) for k in range(3)]
    assert columns == pytest.approx([0.2, 0.4, 0.5], abs=1e-4)  # source, driving, output


def test_what_the_named_coefficients_draw_alone() -> None:
    """Of 27 pixels 13 are taken from the driving frame and 14 stay, 0.2 too dark."""
    small = Validation(
        torch.full((3, 3, 3, 3), 51, dtype=torch.uint8),
        torch.full((3, 6, 3, 3, 3), 102, dtype=torch.uint8),
        np.zeros((18, FACTOR_COUNT), np.float32),
    )
    scores, _ = small.score(Rigged(0.1), torch.float32)  # type: ignore[arg-type]
    wanted = -10 * np.log10((13 * 0.05**2 + 14 * 0.15**2) / 27)
    assert scores["psnr alone"] == pytest.approx(wanted, abs=1e-3)
    assert scores["psnr"] == pytest.approx(-20 * np.log10(0.05), abs=1e-3)


def test_sparsity_is_of_what_varies() -> None:
    """One large coefficient that never changes, beside others that all do, is none."""
    frames = torch.full((3, 6, 3, 3, 3), 128, dtype=torch.uint8)
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
    factors_CFK[1, 3, 7] = np.nan  # of this clip nothing counts
    read_CFM[1] = 3.0
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
