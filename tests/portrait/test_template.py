import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch

from liax.errors import LiaxError
from liax.model import LIAX, PRESETS
from liax.options import DrivingOptions
from liax.portrait import Animator
from liax.portrait.driving import encode_motion, open_driving
from liax.portrait.motion import DrivingFrame
from liax.portrait.template import Template, load_template, save_template
from liax.weights import load, save
from liax.weights.files import fingerprint


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


@pytest.fixture(scope="module")
def template(animator: Animator, face_clip: Path) -> Template:
    return encode_motion(animator, face_clip)


@pytest.fixture
def path(template: Template, tmp_path: Path) -> Path:
    save_template(template, tmp_path / "motion.safetensors")
    return tmp_path / "motion.safetensors"


def parts(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with safe_open(path, framework="np") as file:
        return load_file(path), file.metadata()


def test_drives_like_its_video(animator: Animator, face_clip: Path, path: Path) -> None:
    video, template = open_driving(animator, face_clip), open_driving(animator, path)
    assert (template.rate, template.total, template.sound, template.sound_start) == (12, 12, None, 0)
    for a, b in zip(video.frames(), template.frames(), strict=True):
        assert (a.time, a.starts_shot) == (b.time, b.starts_shot)
        assert np.array_equal(a.alpha_M, b.alpha_M)
        assert b.square_RR3 is None


def test_animates_to_the_same_frames(
    animator: Animator, face_clip: Path, path: Path, portrait_HW3: np.ndarray
) -> None:
    source = animator.encode([portrait_HW3])
    one, other = (
        list(animator.render(source, [m.alpha_M for m in open_driving(animator, p).frames()]))
        for p in (face_clip, path)
    )
    assert np.array_equal(one, other)
    assert np.abs(one[0].astype(int) - one[-1]).mean() > 0.5


def test_it_tells_nothing_but_the_motion(path: Path, animator: Animator) -> None:
    tensors, facts = parts(path)
    assert {name: (t.shape, str(t.dtype)) for name, t in tensors.items()} == {
        "alpha": ((12, animator.network.config.vectors), "float32"),
        "ticks": ((12,), "int64"),
        "begins": ((12,), "bool"),
    }
    assert facts == {
        "liax.template": "1",
        "rate": "12",
        "tick": "1/12",
        "weights": fingerprint(animator.network),
    }
    assert b"face" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@settings(max_examples=50)
@given(
    st.lists(st.fractions(Fraction(1, 1000), 3, max_denominator=1001), max_size=8),
    st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(119, 7)]),
)
def test_times_come_back_exactly(
    animator: Animator, tmp_path_factory: pytest.TempPathFactory, steps: list[Fraction], rate: Fraction
) -> None:
    times = [Fraction(0)]
    for step in steps:
        times.append(times[-1] + round(step * 90_000) * Fraction(1, 90_000))
    count = animator.network.config.vectors
    alphas = np.random.default_rng(0).normal(size=(len(times), count)).astype(np.float32)
    moments = [
        DrivingFrame(t, a, k % 3 == 0, None) for k, (t, a) in enumerate(zip(times, alphas, strict=True))
    ]
    made = Template.of(moments, rate, animator.network)
    path = tmp_path_factory.mktemp("t") / "t.safetensors"
    save_template(made, path)
    read = load_template(path)
    assert read.rate == rate
    assert read.seconds == pytest.approx(float(times[-1] + 1 / rate))
    for given_, back in zip(moments, read.frames(), strict=True):
        assert (given_.time, given_.starts_shot) == (back.time, back.starts_shot)
        assert np.array_equal(given_.alpha_M, back.alpha_M)


def test_ten_minutes_are_small(animator: Animator, tmp_path: Path) -> None:
    still = np.zeros(40, np.float32)
    moments = (DrivingFrame(Fraction(k, 25), still, k == 0, None) for k in range(15_000))
    save_template(Template.of(moments, Fraction(25), animator.network), tmp_path / "t.safetensors")
    assert (tmp_path / "t.safetensors").stat().st_size == pytest.approx(2.54e6, rel=0.01)


def test_other_weights_are_refused_with_both_fingerprints(path: Path, animator: Animator) -> None:
    torch.manual_seed(1)
    other = LIAX(PRESETS["tiny"]).eval()
    with pytest.raises(LiaxError) as caught:
        open_driving(Animator(other, "cpu"), path)
    assert str(caught.value) == (
        f"{path} is the motion of other weights ({fingerprint(animator.network)}) than these "
        f"({fingerprint(other)}), to which its coefficients mean nothing; give the weights that it was made "
        "with, or encode it anew."
    )


def test_saved_weights_keep_their_templates(animator: Animator, face_clip: Path, tmp_path: Path) -> None:
    """Weights in half precision are other weights than in float32, but the same each time they are read."""
    save(animator.network, tmp_path / "w.safetensors")
    read = Animator(load(tmp_path / "w.safetensors"), "cpu")
    save_template(encode_motion(read, face_clip, DrivingOptions(crop=False)), tmp_path / "t.safetensors")
    assert open_driving(Animator(load(tmp_path / "w.safetensors"), "cpu"), tmp_path / "t.safetensors").total


def test_weights_and_templates_are_told_apart(animator: Animator, path: Path, tiny_weights: Path) -> None:
    with pytest.raises(LiaxError, match=r"tiny\.safetensors is not a motion template but a file of weights"):
        open_driving(animator, tiny_weights)
    with pytest.raises(
        LiaxError, match=r"motion\.safetensors is not a file of weights but a motion template"
    ):
        load(path)


def _changed(name: str, value: Any) -> Any:
    def change(tensors: dict[str, np.ndarray], facts: dict[str, str]) -> None:
        if isinstance(value, str):
            facts[name] = value
        else:
            tensors[name] = value(tensors[name])

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_changed("alpha", lambda a: a.astype(np.float16)), "wrong kinds of numbers"),
        (_changed("alpha", lambda a: a[:5]), "wrong numbers of frames"),
        (_changed("begins", lambda b: b[:5]), "wrong numbers of frames"),
        (_changed("ticks", lambda t: t[:, None]), "wrong numbers of frames"),
        (_changed("alpha", lambda a: a * np.float32(np.inf)), "coefficients that are no numbers"),
        (_changed("ticks", lambda t: t[::-1].copy()), "impossible times"),
        (_changed("ticks", lambda t: t * 0), "impossible times"),
        (_changed("ticks", lambda t: t * 2**58), "impossible times"),
        (_changed("ticks", lambda t: np.where(t > 5, -t, t) * 2**59), "impossible times"),
        (_changed("ticks", lambda t: t.astype(np.uint64)), "wrong kinds of numbers"),
        (_changed("begins", lambda b: b & False), "no beginning"),
        (_changed("tick", "1e99999999"), "is not a fraction"),
        (_changed("tick", "1" * 5000), "is not a fraction"),
        (_changed("tick", "-1/12"), "is not a fraction"),
        (_changed("tick", "999999999999"), "impossible times"),
        (_changed("rate", "1e12"), "is not a fraction"),
        (_changed("rate", "1000000000000"), "impossible times"),
        (_changed("rate", "1/1000000000000"), "impossible times"),
        (_changed("rate", "0"), "impossible times"),
        (_changed("rate", "nan"), "is not a fraction"),
        (_changed("rate", "\x1b[2J"), r"'\\x1b\[2J' is not a fraction"),
        (_changed("liax.template", "\x1b[2J" * 999), r"of format \\x1b\[2J"),
        (_changed("tick", "0"), "impossible times"),
        (_changed("tick", "1/0"), "is damaged"),
        (_changed("rate", "fast"), "is damaged"),
        (lambda tensors, facts: tensors.pop("ticks"), "is damaged"),
        (lambda tensors, facts: facts.pop("weights"), "is damaged"),
        (
            lambda tensors, facts: facts.pop("liax.template"),
            "is not a motion template; give a motion template",
        ),
        (_changed("liax.template", "2"), "of format 2, and this liax reads 1"),
    ],
)
def test_damaged_content(path: Path, change: Any, reason: str) -> None:
    tensors, facts = parts(path)
    change(tensors, facts)
    save_file(tensors, path, metadata=facts)
    with pytest.raises(LiaxError, match=reason) as caught:
        load_template(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("columns", [0, 1, 9, 5000])
def test_other_numbers_of_coefficients(path: Path, animator: Animator, columns: int) -> None:
    tensors, facts = parts(path)
    tensors["alpha"] = np.zeros((12, columns), np.float32)
    save_file(tensors, path, metadata=facts)
    with pytest.raises(LiaxError, match="is damaged"):
        open_driving(animator, path)


def test_number_formats_without_a_numpy_type(path: Path) -> None:
    tensors, facts = parts(path)
    alpha = torch.from_numpy(tensors["alpha"]).to(torch.bfloat16)
    save_torch({"alpha": alpha, "ticks": torch.arange(12), "begins": torch.ones(12, dtype=bool)}, path, facts)
    with pytest.raises(LiaxError, match=r"is damaged|or damaged"):
        load_template(path)


def test_files_that_are_none(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    for name, content in (("cut", whole[:-9]), ("text", b"no template" * 9), ("bare", whole[:5])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LiaxError, match="is no motion template, or damaged"):
            load_template(tmp_path / name)
    (tmp_path / "empty").touch()
    with pytest.raises(LiaxError, match="is empty"):
        load_template(tmp_path / "empty")
    with pytest.raises(LiaxError, match="is a folder"):
        load_template(tmp_path)


def test_an_interrupted_save_leaves_what_was_there(path: Path, template: Template, full_disk: Any) -> None:
    before = path.read_bytes()
    with full_disk(100), pytest.raises(LiaxError, match="free some space"):
        save_template(replace(template, rate=Fraction(9)), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_progress(animator: Animator, face_clip: Path) -> None:
    told: dict[str, tuple[int, int | None]] = {}
    encode_motion(
        animator, face_clip, progress=lambda stage, done, total: told.update({stage: (done, total)})
    )
    assert told == {"finding the face": (12, 12), "encoding": (12, 12)}
