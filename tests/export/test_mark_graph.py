"""The exported network of the mark draws what PyTorch's does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("onnx", reason="the extra onnxruntime is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")

from liax.export.graph import serialized  # noqa: E402
from liax.export.mark_graph import mark_model  # noqa: E402
from liax.export.parity import parity  # noqa: E402
from liax.marking.pixel_mark import WORD_K, mark_networks, rms_of, seen_luma  # noqa: E402


@torch.no_grad()
def test_it_draws_the_mark(portrait_HW3: NDArray[np.uint8]) -> None:
    networks = mark_networks()
    session = onnxruntime.InferenceSession(serialized(mark_model(networks)))
    for picture_HW3, psnr in ((portrait_HW3, 48.5), (portrait_HW3[100:300, 60:200], 40.0)):
        luma, rms = seen_luma(Image.fromarray(picture_HW3)), rms_of(psnr)
        (found,) = session.run(None, {"luma": luma.numpy(), "rms": np.full((1, 1, 1, 1), rms, np.float32)})
        wanted = networks.embedder(luma, torch.tensor(WORD_K)[None], rms)
        assert parity(found, wanted.numpy()) > 100
