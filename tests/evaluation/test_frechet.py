"""Batches add up, distances are those of hand-computed Gaussians, and the backbone knows what it sees."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.image import fid

from liax.errors import LiaxError, MissingPackageError
from liax.evaluation import frechet
from liax.evaluation.frechet import (
    EfficientNetLite0,
    FeatureExtractor,
    FeatureStatistics,
    frechet_distance,
    open_features,
)


def statistics(values_ND: np.ndarray) -> FeatureStatistics:
    made = FeatureStatistics()
    made.update(torch.from_numpy(np.asarray(values_ND)))
    return made


def gaussian(mean_D: list[float], covariance_DD: np.ndarray) -> FeatureStatistics:
    """Moments of 2 D points that have exactly this mean and covariance."""
    root = np.linalg.cholesky(covariance_DD)
    axes = np.concatenate([root.T, -root.T]) * np.sqrt((2 * len(root) - 1) / 2)
    return statistics(axes + np.asarray(mean_D))


def test_moments_of_batches_are_those_of_the_whole(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(
        1e4, 1, (50, 6)
    )  # far from zero, where sums of squares would fail
    streamed, rest = FeatureStatistics(), FeatureStatistics()
    for batch in np.split(values[:30], [1, 3, 20]):
        streamed.update(torch.from_numpy(batch))
    rest.update(torch.from_numpy(values[30:]))
    streamed.merge(rest)
    streamed.merge(FeatureStatistics())
    streamed.save(tmp_path / "m.npz")
    for found in (streamed, FeatureStatistics.load(tmp_path / "m.npz")):
        assert found.count == 50
        assert found.mean_D == pytest.approx(values.mean(0), rel=1e-12)
        assert found.covariance_DD == pytest.approx(np.cov(values.T), rel=1e-9, abs=1e-9)


def test_an_empty_set_takes_over_what_it_merges() -> None:
    other, empty = statistics(np.eye(3)), FeatureStatistics()
    empty.merge(other)
    empty.update(torch.ones(1, 3))
    assert (empty.count, other.count) == (4, 3)
    assert other.mean_D == pytest.approx(1 / 3)


def test_the_distance_of_gaussians_by_hand() -> None:
    """Commuting covariances: |Δμ|² + Σ (√λa - √λb)²."""
    a = gaussian([0, 0], np.diag([1.0, 4.0]))
    b = gaussian([3, 4], np.diag([9.0, 1.0]))
    assert frechet_distance(a, b) == pytest.approx(25 + (1 - 3) ** 2 + (2 - 1) ** 2)
    # Turned together by 30 degrees, nothing changes.
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turn = np.array([[c, -s], [s, c]])
    turned = gaussian([0, 0], turn @ np.diag([1.0, 4.0]) @ turn.T)
    other = gaussian((turn @ [3, 4]).tolist(), turn @ np.diag([9.0, 1.0]) @ turn.T)
    assert frechet_distance(turned, other) == pytest.approx(30)


def test_covariances_that_do_not_commute() -> None:
    """In two dimensions tr √M = √(tr M + 2 √det M), for M = Σa Σb."""
    a, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.8], [-0.8, 3.0]])
    product = a @ b
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    wanted = np.trace(a) + np.trace(b) - 2 * root
    assert frechet_distance(gaussian([0, 0], a), gaussian([0, 0], b)) == pytest.approx(wanted)


def test_fewer_pictures_than_features_stay_finite_and_symmetric() -> None:
    rng = np.random.default_rng(0)
    a, b = statistics(rng.normal(0, 1, (5, 40))), statistics(rng.normal(0, 1, (7, 40)))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
    assert frechet_distance(a, b) > 1


def test_what_has_no_distance_is_refused() -> None:
    for a, b in ((np.eye(3), np.eye(3)[:1]), (np.eye(3), np.eye(4))):
        with pytest.raises(ValueError, match="two pictures or more"):
            frechet_distance(statistics(a), statistics(b))


@pytest.fixture(scope="module")
def features() -> FeatureExtractor:
    return open_features()


def photo(name: str) -> Tensor:
    image_HW3 = getattr(skimage.data, name)()
    return torch.from_numpy(image_HW3.copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("chelsea", (281, 282, 285)),
        ("coffee", (504, 967, 968)),
    ],  # kinds of cat; mug, espresso and cup
)
def test_it_recognises_photographs(name: str, classes: tuple[int, ...], features: FeatureExtractor) -> None:
    assert features.name == "EfficientNet-Lite0"
    network = EfficientNetLite0()
    found_D = features(photo(name))[0]
    assert found_D.shape == (1280,)
    logits = network.get_buffer("_fc_weight") @ found_D + network.get_buffer("_fc_bias")
    assert logits.softmax(0)[list(classes)].sum() > 0.9


def test_pictures_are_normalised_as_in_training(
    portrait_HW3: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reaches the first normalisation varies as it did then; with ImageNet's mean and σ not so."""
    given: list[tuple[Tensor, Tensor]] = []
    batch_norm = F.batch_norm

    def spy(x: Tensor, mean: Tensor, variance: Tensor, *rest: Tensor, eps: float) -> Tensor:
        given.append((x.var((0, 2, 3)), variance))
        return batch_norm(x, mean, variance, *rest, eps=eps)

    monkeypatch.setattr(F, "batch_norm", spy)
    pictures = [
        torch.from_numpy(portrait_HW3.copy()).permute(2, 0, 1)[None] / 255,
        photo("coffee"),
        photo("chelsea"),
    ]
    EfficientNetLite0()(torch.cat([F.interpolate(p, (224, 224), mode="area") for p in pictures]))
    seen_C, trained_C = given[0]
    assert 0.6 < (seen_C / trained_C).median() < 1.6


def test_odd_padding_goes_right_and_below() -> None:
    """Three taps at every second of five columns and of four rows."""
    padded = frechet._pad(torch.ones(1, 1, 4, 5), kernel=3, stride=2)
    assert padded.tolist() == [[[[0, 1, 1, 1, 1, 1, 0]] * 4 + [[0] * 7]]]


def test_distance_of_real_frames_grows_with_blur_noise_and_warp(
    features: FeatureExtractor, shared: Path
) -> None:
    from liax.data.frames import decode_with_opencv

    clips = sorted((shared / "data" / "clips").glob("*.mp4"))[::40][:8]
    frames = [frame for clip in clips for frame, _ in zip(decode_with_opencv(clip), range(2), strict=False)]
    real = torch.stack([torch.from_numpy(f).permute(2, 0, 1) for f in frames]) / 255

    def seen(images: Tensor) -> FeatureStatistics:
        return statistics(features(images)[:, ::4].numpy())  # a quarter of the features, which is faster

    def distance(images: Tensor) -> float:
        return frechet_distance(reference, seen(images))

    def warp(amount: float) -> Tensor:
        side = torch.linspace(-1, 1, real.shape[-1])
        y, x = torch.meshgrid(side, side, indexing="ij")
        grid = torch.stack([x + amount * torch.sin(9 * y), y + amount * torch.sin(9 * x)], -1)
        return F.grid_sample(
            real, grid.expand(len(real), -1, -1, -1), align_corners=True, padding_mode="border"
        )

    def blur(width: int) -> Tensor:
        return F.avg_pool2d(real, width, 1, width // 2, count_include_pad=False)

    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    reference = seen(real)
    for weak, strong in (
        (blur(3), blur(9)),
        ((real + 0.03 * noise).clamp(0, 1), (real + 0.1 * noise).clamp(0, 1)),
        (warp(0.02), warp(0.06)),
    ):
        assert 0 < distance(weak) < distance(strong)


def test_names_missing_packages_and_weights_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LiaxError, match="choose one of auto, efficientnet-lite0, inception"):
        open_features("resnet")

    def offline(*arguments: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(fid, "NoTrainInceptionV3", offline)
    with pytest.raises(LiaxError, match=r"Inception-v3.*no route to host.*choose efficientnet-lite0"):
        open_features("inception")
    monkeypatch.setattr(frechet, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"install liax with the extra evaluate"):
        open_features()
