"""Our own files: what is written is what is read, and every fault gets one sentence."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from liax.errors import LiaxError, WrongFileError
from liax.model import LIAX, PRESETS
from liax.weights import fingerprint, load, save


@pytest.fixture
def network() -> LIAX:
    torch.manual_seed(7)
    return LIAX(PRESETS["tiny"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.safetensors"


def header(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata()


def rewritten(path: Path, tensors: dict[str, torch.Tensor] | None = None, **changes: str | None) -> Path:
    """The file with other tensors or metadata; a change to None leaves that key out."""
    metadata = header(path) | {key.replace("_", "."): value for key, value in changes.items()}
    kept = {key: value for key, value in metadata.items() if value is not None}
    save_file(load_file(path) if tensors is None else tensors, path, metadata=kept)
    return path


def test_float32_keeps_every_bit(network: LIAX, path: Path) -> None:
    save(network, path, dtype=torch.float32)
    loaded = load(path)
    assert loaded.config == network.config
    ours = {n: v for n, v in network.state_dict().items() if n != "dictionary.weight"}
    theirs = loaded.state_dict()
    assert ours.keys() == theirs.keys() - {"dictionary.weight", "dictionary.frozen_DM"}
    for name, value in ours.items():
        assert torch.equal(theirs[name], value), name


def test_half_rounds_weights_but_not_vectors(network: LIAX, path: Path) -> None:
    network.dictionary.freeze()
    save(network, path)
    loaded = load(path).state_dict()
    assert torch.equal(loaded["dictionary.frozen_DM"], network.dictionary.vectors_DM())
    for name, value in network.state_dict().items():
        if name.startswith("dictionary"):
            continue
        assert torch.equal(loaded[name], value.half().float()), name
        # Half keeps 11 bits, and steps of 2⁻²⁴ near zero (the flow blocks' gains start at 1e-5).
        torch.testing.assert_close(loaded[name], value, rtol=2**-11, atol=2**-25)
    assert path.stat().st_size < 2.2 * sum(p.numel() for p in network.parameters())


def test_vectors_of_an_unfrozen_network(network: LIAX, path: Path) -> None:
    """Q is stored in float32 as accurate as float32 is, with the signs that the network itself uses."""
    save(network, path)
    stored = load_file(path)["dictionary.frozen_DM"]
    assert stored.dtype == torch.float32
    assert "dictionary.weight" not in load_file(path)
    torch.testing.assert_close(stored, network.dictionary.vectors_DM().detach(), rtol=0, atol=1e-6)
    gram = stored.double().T @ stored.double()
    torch.testing.assert_close(gram, torch.eye(8, dtype=torch.float64), rtol=0, atol=2e-7)


def test_loaded_network_is_ready_for_inference(network: LIAX, path: Path) -> None:
    save(network, path, metadata={"name": "Tiny", "steps": "12"})
    loaded = load(path)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert loaded.metadata == {"name": "Tiny", "steps": "12"}
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    network.requires_grad_(False).eval()
    full, half = network(image, image)[0][-1].image, loaded(image, image)[0][-1].image
    assert 0 < (half - full).norm() < 0.02 * full.norm()


def test_training_can_go_on(network: LIAX, path: Path) -> None:
    """Without its frozen vectors, a loaded network's own QR gives them again."""
    save(network, path, dtype=torch.float32)
    loaded = load(path)
    frozen = loaded.dictionary.vectors_DM()
    recomputed = torch.linalg.qr(loaded.dictionary.weight + 1e-8)[0]
    torch.testing.assert_close(recomputed, frozen, rtol=0, atol=1e-6)


def test_saving_again_changes_nothing(network: LIAX, path: Path) -> None:
    save(network, path, metadata={"name": "Tiny"})
    first, facts = load_file(path), header(path)
    again = path.with_name("again.safetensors")
    loaded = load(path)
    save(loaded, again, metadata=loaded.metadata)
    assert header(again) == facts
    second = load_file(again)
    assert second.keys() == first.keys()
    assert all(
        second[name].dtype == value.dtype and torch.equal(second[name], value)
        for name, value in first.items()
    )


def test_loading_copies(network: LIAX, path: Path) -> None:
    """A network does not change when its file does."""
    save(network, path, dtype=torch.float32)
    loaded = load(path)
    before = loaded.encoder.from_rgb.weight.clone()
    with path.open("r+b") as file:
        file.seek(-200_000, 2)
        file.write(b"\0" * 200_000)
    assert torch.equal(loaded.encoder.from_rgb.weight, before)
    assert all(p.any() for n, p in loaded.named_parameters() if n.endswith("weight"))


def test_metadata_is_text(network: LIAX, path: Path) -> None:
    save(network, path, metadata={"name": "Ünïcode", "controls": json.dumps({"yaw": [0, 1]})})
    stored = header(path)
    assert stored["liax.format"] == "1"
    assert json.loads(stored["liax.config"]) == network.config.to_dict()
    assert stored["name"] == "Ünïcode"


def fails(path: Path, words: str, kind: type[LiaxError] = LiaxError) -> Any:
    """The error that loading `path` raises, after checking its message."""
    with pytest.raises(kind, match=words) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "liax convert" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("content", [b"", b"hello", b"<html>not the file that you wanted</html>"])
def test_not_safetensors(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    fails(path, "is not a file of weights", WrongFileError)


@pytest.mark.parametrize("keep", [100, 5_000, -1])
def test_cut_short(network: LIAX, path: Path, keep: int) -> None:
    save(network, path)
    path.write_bytes(path.read_bytes()[:keep])
    fails(path, "damaged or cut short")


def test_published_checkpoint(tmp_path: Path) -> None:
    torch.save({"dec.direction.weight": torch.ones(2, 2)}, tmp_path / "lia-x.pt")
    found = fails(tmp_path / "lia-x.pt", "but a PyTorch checkpoint", WrongFileError)
    assert (found.found, found.wanted) == ("checkpoint", "weights")


def test_foreign_safetensors(path: Path) -> None:
    save_file({"w": torch.ones(2)}, path)
    fails(path, "a safetensors file that liax did not write", WrongFileError)


def test_motion_template(network: LIAX, path: Path) -> None:
    save(network, path)
    found = fails(rewritten(path, liax_template="1"), "but a motion template", WrongFileError)
    assert (found.found, found.wanted) == ("motion template", "weights")


def test_another_format(network: LIAX, path: Path) -> None:
    save(network, path)
    fails(rewritten(path, liax_format="2"), "has format 2, and this liax reads 1")


@pytest.mark.parametrize("config", [None, "{", "[1]", '{"size": 500}', '{"depth": 3}', '{"size": "big"}'])
def test_unusable_config(network: LIAX, path: Path, config: str | None) -> None:
    save(network, path)
    fails(rewritten(path, liax_config=config), "describes no usable network")


def test_wrong_tensors(network: LIAX, path: Path) -> None:
    save(network, path)
    tensors = load_file(path)
    for i in range(4):
        del tensors[f"decoder.levels.{i}.rgb_bias"]
    tensors["to_alpha.bias"] = torch.ones(9)
    tensors["extra"] = torch.ones(1)
    words = (
        r"4 missing tensors \(decoder\.levels\.0\.rgb_bias, decoder\.levels\.1\.rgb_bias, "
        r"decoder\.levels\.2\.rgb_bias and 1 more\); 1 unexpected tensors \(extra\); "
        r"1 wrong shapes \(to_alpha\.bias is 9, not 8\)"
    )
    fails(rewritten(path, tensors), words)


def test_vectors_are_required(network: LIAX, path: Path) -> None:
    save(network, path)
    tensors = load_file(path)
    del tensors["dictionary.frozen_DM"]
    fails(rewritten(path, tensors), r"missing tensors \(dictionary\.frozen_DM\)")


@pytest.mark.parametrize(("value", "dtype"), [(1e6, torch.float16), (float("nan"), torch.float32)])
def test_weights_that_do_not_fit_are_not_written(
    network: LIAX, path: Path, value: float, dtype: torch.dtype
) -> None:
    save(network, path)
    before = path.read_bytes()
    with torch.no_grad():
        network.to_alpha.bias[0] = value
    with pytest.raises(LiaxError, match=r"to_alpha\.bias has values that are not finite"):
        save(network, path, dtype=dtype)
    assert path.read_bytes() == before


def test_failed_writing_leaves_the_old_file(
    network: LIAX, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(network, path)
    before = path.read_bytes()

    def half_written(tensors: object, part: Path, metadata: object) -> None:
        Path(part).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("liax.weights.files.save_file", half_written)
    with pytest.raises(LiaxError, match="disk is full"):
        save(network, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_new_files_have_the_usual_permissions(network: LIAX, path: Path) -> None:
    save(network, path)
    usual = path.with_name("usual")
    usual.touch()
    assert path.stat().st_mode == usual.stat().st_mode


def test_no_folder_to_write_to(network: LIAX, tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match="no folder"):
        save(network, tmp_path / "absent" / "net.safetensors")


def random_network(seed: int = 0, **changes: int) -> LIAX:
    torch.manual_seed(seed)
    return LIAX(replace(PRESETS["tiny"], **changes))


def test_form_and_stability() -> None:
    first = fingerprint(random_network())
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert fingerprint(random_network()) == first


def test_survives_file_mode_and_freezing(tmp_path: Path) -> None:
    save(random_network(), tmp_path / "net.safetensors")
    loaded = load(tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    assert fingerprint(loaded) == fingerprint(again.train().requires_grad_(True))
    unfrozen = random_network()
    before = fingerprint(unfrozen)
    unfrozen.dictionary.freeze()
    assert fingerprint(unfrozen) == before


def test_tells_weights_and_configurations_apart() -> None:
    base = random_network()
    prints = {fingerprint(base), fingerprint(random_network(1)), fingerprint(random_network(vectors=7))}
    assert len(prints) == 3
    for parameter in (base.to_alpha.bias, base.dictionary.weight, base.decoder.levels[0].flow_head.bias):
        with torch.no_grad():
            parameter.flatten()[0] += 1e-3
        prints.add(fingerprint(base))
    assert len(prints) == 6


def test_layout_in_memory_does_not_count() -> None:
    """Nor do device placement's usual companions: channels last, copies."""
    base = random_network()
    before = fingerprint(base)
    assert fingerprint(base.to(memory_format=torch.channels_last)) == before
