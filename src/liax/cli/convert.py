"""`liax convert`: published checkpoints to weights files and back."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional


def convert(source: Positional[Path], out: Positional[Path]) -> None:
    """Convert a published checkpoint to a weights file for liax, or back.

    The file name suffixes say which: lia-x.pt OUT.safetensors, or IN.safetensors lia-x.pt. Every tensor keeps
    its bits, and no code that a checkpoint may contain is run. Converted weights keep their licence.

    Args:
        source: The file to read: a PyTorch state dict (.pt, .pth, .ckpt, .bin) or a .safetensors of liax.
        out: The file to write, of the other kind.
    """
    from liax.weights.checkpoint import convert_file

    config = convert_file(source, out)
    sizes = f"{config.size}² images, {config.vectors} motion vectors, latent size {config.latent}"
    print(f"{out}: {sizes}, {out.stat().st_size / 1e6:,.0f} MB")
