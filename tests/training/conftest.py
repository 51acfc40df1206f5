"""Two clips to train on; one thread, because tiny maps gain nothing from more and results stay the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from runs import write_data


@pytest.fixture(scope="session")
def manifest(portrait_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), portrait_path)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
