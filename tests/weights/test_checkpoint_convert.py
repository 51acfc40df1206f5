"""Published checkpoints to our files and back without losing a bit; refusals that name the fault."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX, PRESETS
from liax.weights import load, save
from liax.weights.checkpoint import convert_file, read_state

State = dict[str, Tensor]


def identical(a: State, b: State) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert value.dtype == b[name].dtype, name
        assert torch.equal(value, b[name]), name


def saved(folder: Path, content: object, name: str = "lia-x.pt") -> Path:
    path = folder / name
    torch.save(content, path)
    return path


def there_and_back(folder: Path, source: Path) -> State:
    convert_file(source, folder / "ours.safetensors")
    convert_file(folder / "ours.safetensors", folder / "back.pt")
    return torch.load(folder / "back.pt", weights_only=True)


NESTS = {
    "plain": lambda s: s,
    "module": lambda s: {f"module.{n}": t for n, t in s.items()},
    "gen": lambda s: {"gen": s, "step": 3},
    "state_dict": lambda s: {"state_dict": s, "epoch": 1, "optimizer": {"lr": 0.1}},
    "g_ema before gen": lambda s: {"gen": {n: t + 1 for n, t in s.items()}, "g_ema": s},
    "gen, module": lambda s: {"gen": {f"module.{n}": t for n, t in s.items()}, "dis": {"w": torch.ones(1)}},
    "prefix gen": lambda s: {"state_dict": {f"gen.{n}": t for n, t in s.items()} | {"dis.w": torch.ones(1)}},
    "some other key": lambda s: {"weights": s},
}


@pytest.mark.parametrize("nest", NESTS)
def test_bit_exact_both_ways(tmp_path: Path, published_state: State, nest: str) -> None:
    source = saved(tmp_path, NESTS[nest](published_state))
    identical(there_and_back(tmp_path, source), published_state)


def test_bits_of_any_kind(tmp_path: Path, published_state: State) -> None:
    """Values that arithmetic would change: negative zero, subnormal and huge numbers; other dtypes."""
    published_state["dec.conv1.activate.bias"][:4] = torch.tensor([-0.0, 1e-42, 3e38, -3e38])
    published_state["dec.conv7_1.activate.bias"] = published_state["dec.conv7_1.activate.bias"].half()
    back = there_and_back(tmp_path, saved(tmp_path, published_state))
    identical(back, published_state)
    assert back["dec.conv1.activate.bias"][0].signbit()


def test_filters_are_made_anew(tmp_path: Path, published_state: State) -> None:
    bare = {n: t for n, t in published_state.items() if not n.endswith(".kernel")}
    assert len(published_state) - len(bare) == 41
    identical(there_and_back(tmp_path, saved(tmp_path, bare)), published_state)


def test_old_file_format(tmp_path: Path, published_state: State) -> None:
    source = tmp_path / "old.pth"
    torch.save(published_state, source, _use_new_zipfile_serialization=False)
    identical(there_and_back(tmp_path, source), published_state)


def test_converted_file_is_the_same_network(tmp_path: Path, published_state: State, shrunken: LIAX) -> None:
    source = saved(tmp_path, published_state)
    assert convert_file(source, tmp_path / "ours.safetensors") == shrunken.config
    network = load(tmp_path / "ours.safetensors")
    assert network.metadata == {"liax.origin": "published", "source": "lia-x.pt"}
    for name, value in shrunken.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    torch.testing.assert_close(
        network.dictionary.vectors_DM(), shrunken.dictionary.vectors_DM(), rtol=0, atol=1e-6
    )


def test_file_written_by_save_goes_to_published_names(
    tmp_path: Path, published_state: State, shrunken: LIAX
) -> None:
    """It has no W: Q takes its place, of which Q is the QR."""
    save(shrunken, tmp_path / "own.safetensors", dtype=torch.float32)
    convert_file(tmp_path / "own.safetensors", tmp_path / "back.pt")
    back = torch.load(tmp_path / "back.pt", weights_only=True)
    q_DM = back.pop("dec.direction.weight")
    torch.testing.assert_close(torch.linalg.qr(q_DM + 1e-8)[0], q_DM, rtol=0, atol=1e-6)
    torch.testing.assert_close(q_DM, shrunken.dictionary.vectors_DM(), rtol=0, atol=1e-6)
    del published_state["dec.direction.weight"]
    identical(back, published_state)


def refused(source: Path, words: str) -> None:
    """Conversion fails in one sentence that names the file, and leaves nothing behind."""
    before = sorted(source.parent.iterdir())
    with pytest.raises(LiaxError, match=words) as caught:
        convert_file(source, source.parent / "out.safetensors")
    assert source.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(source.parent.iterdir()) == before


def test_missing_unexpected_and_misshapen(tmp_path: Path, published_state: State) -> None:
    del published_state["dec.conv3_1.conv.weight"]
    for i in range(5):
        published_state[f"dec.extra{i}"] = torch.ones(1)
    published_state["enc.enc_r2t.0.bias"] = torch.ones(7)
    words = (
        r"1 missing tensors \(dec\.conv3_1\.conv\.weight\); "
        r"5 unexpected tensors \(dec\.extra0, dec\.extra1, dec\.extra2 and 2 more\); "
        r"1 wrong shapes \(enc\.enc_r2t\.0\.bias is 7, not 5\)"
    )
    refused(saved(tmp_path, published_state), words)


@pytest.mark.parametrize("anchor", ["dec.direction.weight", "dec.input.input", "enc.enc_2r.block1.0.weight"])
def test_missing_tensor_that_tells_the_sizes(tmp_path: Path, published_state: State, anchor: str) -> None:
    del published_state[anchor]
    refused(saved(tmp_path, published_state), f"lacks {re.escape(anchor)}")


def test_another_filter(tmp_path: Path, published_state: State) -> None:
    published_state["dec.rgb3.up.kernel"] /= 4
    refused(saved(tmp_path, published_state), r"another filter \(dec\.rgb3\.up\.kernel\)")


def test_something_else_altogether(tmp_path: Path) -> None:
    refused(saved(tmp_path, {"layer.weight": torch.ones(2)}), "holds no LIA-X network")
    refused(saved(tmp_path, [1, 2, 3]), "holds no LIA-X network")


def test_damaged(tmp_path: Path, published_state: State) -> None:
    whole = saved(tmp_path, published_state).read_bytes()
    for name, content in (("cut.pt", whole[:-1000]), ("text.pt", b"<html>404</html>"), ("empty.pt", b"")):
        (tmp_path / name).write_bytes(content)
    refused(tmp_path / "cut.pt", "cut short")
    refused(tmp_path / "text.pt", "no checkpoint")
    refused(tmp_path / "empty.pt", "not a readable")
    refused(tmp_path / "absent.pt", "There is no file")


class Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("kind", ["zip", "old", "pickle"])
def test_code_in_a_pickle_never_runs(tmp_path: Path, published_state: State, kind: str) -> None:
    trap = tmp_path / "code-was-run"
    content = {"gen": published_state, "extra": Malicious(trap)}
    source = tmp_path / "evil.pt"
    if kind == "pickle":
        source.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, source, _use_new_zipfile_serialization=kind == "zip")
    refused(source, "would run code")
    assert not trap.exists()


def test_direction_by_suffix(tmp_path: Path, published_state: State) -> None:
    source = saved(tmp_path, published_state)
    for out in ("other.pt", "other", "other.onnx"):
        with pytest.raises(LiaxError, match="Cannot tell"):
            convert_file(source, tmp_path / out)


def test_only_512_has_published_names(tmp_path: Path) -> None:
    save(LIAX(PRESETS["tiny"]), tmp_path / "tiny.safetensors")
    with pytest.raises(LiaxError, match=r"64² images.*512² only"):
        convert_file(tmp_path / "tiny.safetensors", tmp_path / "tiny.pt")
    assert not (tmp_path / "tiny.pt").exists()


def test_no_folder(tmp_path: Path, published_state: State) -> None:
    with pytest.raises(LiaxError, match="is not a folder; create it"):
        convert_file(saved(tmp_path, published_state), tmp_path / "absent" / "out.safetensors")


def test_reading_maps_rather_than_copies(tmp_path: Path, published_state: State) -> None:
    """Each tensor has a storage of its own size in the file, so that writing back holds no second copy."""
    convert_file(saved(tmp_path, published_state), tmp_path / "ours.safetensors")
    with safe_open(tmp_path / "ours.safetensors", "pt") as file:
        assert "dictionary.weight" in file.keys()  # noqa: SIM118
    state = read_state(tmp_path / "lia-x.pt")
    for value in state.values():
        assert value.untyped_storage().nbytes() == value.numel() * value.element_size()
