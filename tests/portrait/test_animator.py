import copy
import warnings

import numpy as np
import pytest
import torch

from liax.errors import LiaxError, SlowerPath
from liax.model import LIAX
from liax.model.pixels import from_uint8
from liax.portrait import animator as animator_module
from liax.portrait import device as device_module
from liax.portrait.animator import Animator
from liax.portrait.device import choose_device
from liax.portrait.engine import EagerEngine, smooth_noise
from liax.portrait.precision import choose_precision, fits_float16, largest_value


@pytest.fixture
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu", torch.float32)


def pictures(count: int, seed: int = 0, side: int = 64) -> list[np.ndarray]:
    """Smooth random colours."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (count, 8, 8, 3), np.uint8)
    return list(coarse.repeat(side // 8, 1).repeat(side // 8, 2))


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1


def shown(image_13RR: torch.Tensor) -> np.ndarray:
    levels = ((image_13RR.clamp(-1, 1) + 1) / 2 * 255).round().to(torch.uint8)
    return levels[0].permute(1, 2, 0).numpy()


def close(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one.astype(int) - other).max() <= 1)


@torch.inference_mode()
def test_relative_is_equation_8(animator: Animator, tiny: LIAX) -> None:
    source, driving = pictures(1)[0], pictures(3, seed=1)
    s, codes = tiny.encode(tensor(source)), [tiny.encode(tensor(d)).alpha_BM for d in driving]
    frames = list(animator.animate(source, driving))
    assert len(frames) == 3
    for frame, alpha_1M in zip(frames, codes, strict=True):
        displacement = tiny.dictionary.displacement(s.alpha_BM + alpha_1M - codes[0])
        assert frame.shape == (64, 64, 3)
        assert frame.dtype == np.uint8
        assert close(frame, shown(tiny.decode(s.code_BD + displacement, s.features)))
    assert not close(frames[0], frames[1])


@torch.inference_mode()
def test_absolute_is_equation_1(animator: Animator, tiny: LIAX) -> None:
    source, driving = pictures(1)[0], pictures(3, seed=1)
    s = tiny.encode(tensor(source))
    for frame, image in zip(animator.animate(source, driving, absolute=True), driving, strict=True):
        code = tiny.reenact(s.code_BD, tiny.encode(tensor(image)).alpha_BM)
        assert close(frame, shown(tiny.decode(code, s.features)))


@torch.inference_mode()
@pytest.mark.parametrize("relative", [True, False])
def test_edit_is_equation_10(animator: Animator, tiny: LIAX, relative: bool) -> None:
    source, driving = pictures(1)[0], pictures(2, seed=1)
    s, first, second = (tiny.encode(tensor(i)) for i in (source, *driving))
    v = torch.zeros(1, tiny.config.vectors)
    v[0, 3], v[0, 5] = 1.5, -0.5
    alpha = s.alpha_BM + second.alpha_BM - first.alpha_BM if relative else second.alpha_BM
    expected = shown(tiny.decode(tiny.reenact(s.code_BD, alpha + v), s.features))
    plain = list(animator.animate(source, driving, absolute=not relative))[1]
    edited = list(animator.animate(source, driving, absolute=not relative, edit={3: 1.5, 5: -0.5}))[1]
    assert close(edited, expected)
    assert not close(edited, plain)


def test_batches_change_nothing_and_stream(animator: Animator) -> None:
    source, driving = pictures(1)[0], pictures(7, seed=1)
    single = list(animator.animate(source, driving, batch_size=1))
    taken = 0

    def counting() -> object:
        nonlocal taken
        for image in driving:
            taken += 1
            yield image

    stream = animator.animate(source, counting(), batch_size=3)
    assert taken == 0
    first = next(stream)
    assert taken == 3
    rest = list(stream)
    assert len(rest) == 6
    assert all(close(a, b) for a, b in zip(single, [first, *rest], strict=True))


def test_other_sizes_are_squashed(animator: Animator) -> None:
    source, driving = pictures(1)[0], pictures(2, seed=1)
    large = [image.repeat(2, 0).repeat(3, 1) for image in driving]
    usual = list(animator.animate(source, driving))
    for one, other in zip(usual, animator.animate(source, large), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 6


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_bfloat16_is_nearly_the_same(tiny: LIAX, device: str) -> None:
    """On CPUs without bfloat16 of their own PyTorch emulates it."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    source, driving = pictures(1)[0], pictures(4, seed=1)
    exact = list(Animator(tiny, "cpu", torch.float32).animate(source, driving))
    animator = Animator(tiny, device, torch.bfloat16)
    assert animator.encode([source]).features[0].dtype == torch.bfloat16
    half = list(animator.animate(source, driving))
    difference = np.abs(np.stack(exact).astype(int) - np.stack(half))
    assert 0 < difference.mean() < 4
    tiny.cpu()


def test_no_driving_frames(animator: Animator) -> None:
    assert list(animator.animate(pictures(1)[0], [])) == []


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({8: 0.1}, "no motion vector 8; these weights have #0 to #7"),
        ({-1: 0.1}, "no motion vector -1"),
        ({2: 2.5}, "#2=2.5 is out of its range -2 to 2"),
        ({2: float("nan")}, "is no amount"),
        ({2: float("inf")}, "is no amount"),
    ],
)
def test_bad_edits(animator: Animator, edit: dict[int, float], reason: str) -> None:
    with pytest.raises(LiaxError, match=reason):
        animator.animate(pictures(1)[0], [], edit=edit)


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device().type == "cpu"
    for name, reason in {
        "cuda": "no NVIDIA GPU",
        "cuda:3": "no NVIDIA GPU",
        "mps": "no Apple GPU",
        "toaster": "not a device",
        "meta": "not a device that liax runs on",
    }.items():
        with pytest.raises(LiaxError, match=reason):
            choose_device(name)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device().type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device().type == "cuda"
    assert choose_device("cuda:1").index == 1
    with pytest.raises(LiaxError, match=r"sees 2 GPU"):
        choose_device("cuda:2")


def test_a_driver_that_is_too_old(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The CPU takes over, and tells so once, in our words; a GPU that is asked for is refused."""

    def is_available() -> bool:
        found = "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040)."
        warnings.warn(f"{found} Please update your GPU driver.", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    device_module._tell_of_old_driver.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [choose_device().type for _ in range(2)] == ["cpu", "cpu"]
        with pytest.raises(
            LiaxError, match=r"driver is too old for this PyTorch; update the driver, or use cpu"
        ):
            choose_device("cuda")
    device_module._tell_of_old_driver.cache_clear()
    (record,) = caplog.records
    assert str(record.msg) == (
        "The NVIDIA driver is too old for this PyTorch, so the processor computes in place of the GPU; "
        "going on all the same, more slowly."
    )


def test_other_warnings_of_a_gpu_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(warnings.warn("odd", stacklevel=1)))
    with pytest.warns(UserWarning, match="odd"):
        choose_device()


@pytest.mark.parametrize(
    ("capability", "bfloat16", "too_large", "dtype"),
    [
        ((7, 0), False, False, torch.float16),
        ((9, 0), True, False, torch.float16),
        ((9, 0), True, True, torch.bfloat16),
        ((7, 5), False, True, torch.float32),
        ((6, 1), False, False, torch.float32),
    ],
)
def test_precision_on_a_gpu(
    tiny: LIAX,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capability: tuple[int, int],
    bfloat16: bool,
    too_large: bool,
    dtype: torch.dtype,
) -> None:
    """Half precision that the card multiplies and the network fits. Of float32, users are told."""
    monkeypatch.setattr(animator_module, "choose_device", lambda *_: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bfloat16)
    monkeypatch.setattr(
        animator_module, "choose_engine", lambda network, _, dtype, __: EagerEngine(network, dtype)
    )
    monkeypatch.setattr(type(tiny), "to", lambda network, *_, **__: network)
    network = copy.deepcopy(tiny)
    if too_large:
        enlarge_maps(network, 1e4)
    assert Animator(network).dtype == dtype
    said = [str(record.msg) for record in caplog.records if isinstance(record.msg, SlowerPath)]
    assert len(said) == (dtype == torch.float32)
    assert all("does not multiply half precision, and float32 takes its place" in each for each in said)
    assert Animator(network, dtype=torch.float32).dtype == torch.float32  # asked for, and not told
    assert len(caplog.records) == len(said)


def test_precision_is_what_the_processor_is_fastest_in(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for able, dtype in (
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "AMD EPYC"}, torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}, torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "Intel Xeon"}, torch.float32),
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able, raising=False)
        assert choose_precision(cpu) == dtype
    assert choose_precision(torch.device("mps")) == torch.float32
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older versions
    assert choose_precision(cpu) == torch.float32
    assert choose_precision(cpu, "onnxruntime") == torch.float32


def enlarge_maps(network: LIAX, times: float) -> None:
    """Make the encoder's first map larger."""
    with torch.no_grad():
        network.encoder.from_rgb.weight.mul_(times)


def test_maps_that_float16_does_not_hold(tiny: LIAX) -> None:
    image_13RR = from_uint8(smooth_noise(tiny.config.size).permute(0, 3, 1, 2))
    first = float(tiny.encoder.from_rgb(image_13RR).detach().abs().max())
    assert 0.99 * first <= largest_value(tiny) < 1000
    assert fits_float16(tiny)
    for times in (1e3, 1e6, float("nan")):  # less than 64 times, more and much more than it holds
        network = copy.deepcopy(tiny)
        enlarge_maps(network, times)
        assert not fits_float16(network)
