"""The wheels of liax and of its weights: what they hold, and how they stay apart."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WEIGHTS = ("small", "live")
PACKAGES = {"liax": ROOT} | {name: ROOT / "packages" / f"liax-weights-{name}" for name in WEIGHTS}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All wheels, built from the tree without a registry."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, source in PACKAGES.items():
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / name)]
        subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    return {name: next((folder / name).glob("*.whl")) for name in PACKAGES}


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def text(wheel: Path, ending: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(ending))
        return archive.read(name).decode()


def test_the_code_is_small_and_has_no_weights(wheels: dict[str, Path]) -> None:
    held = names(wheels["liax"])
    assert wheels["liax"].stat().st_size <= 10_000_000
    assert not [name for name in held if name.endswith(".safetensors") and "liax-" in name]
    assert {
        "liax/py.typed",
        "liax/assets/face_landmarker.task",
        "liax/report/templates/base.html",
        "liax/web/page/index.html",
    } <= held


def test_the_code_has_its_licence_and_a_summary(wheels: dict[str, Path]) -> None:
    metadata = text(wheels["liax"], "METADATA")
    for line in ("License-Expression: Apache-2.0", "License-File: LICENSE", "License-File: THIRD_PARTY.md"):
        assert f"\n{line}\n" in metadata
    assert "\nAuthor: " in metadata
    assert "\nClassifier: Typing :: Typed\n" in metadata
    assert "Apache License" in text(wheels["liax"], "licenses/LICENSE")


@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_weights_bring_their_licence_their_card_and_no_code(
    wheels: dict[str, Path], weights: str
) -> None:
    wheel = wheels[weights]
    assert {name for name in names(wheel) if ".dist-info/" not in name} == {
        f"liax_weights_{weights}/__init__.py",
        f"liax_weights_{weights}/liax-{weights}.safetensors",
    }
    assert "for research only" in text(wheel, "licenses/LICENSE")
    assert "# Model card" in text(wheel, "METADATA")
    assert text(wheel, "entry_points.txt").split() == [
        "[liax.weights]", weights, "=", f"liax_weights_{weights}:WEIGHTS",
    ]  # fmt: skip
