"""What the first motion vectors do to a portrait: python examples/draw_vectors.py portrait.png vectors.png

A row a vector, most used first; columns are equation (11) with that one coefficient moved by -0.8 … 0.8.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import liax
from liax.face.crop import crop_around, cut
from liax.face.find import find_faces
from liax.face.landmarks import FaceLandmarker
from liax.media.images import read_image

AMOUNTS = (-0.8, -0.4, 0.0, 0.4, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("portrait", type=Path, help="a picture with a face")
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--weights", default="small")
    parser.add_argument("--vectors", type=int, default=8)
    options = parser.parse_args()
    network = liax.load(options.weights)
    animator = liax.Animator(network)
    picture_HW3 = read_image(options.portrait)
    with FaceLandmarker() as landmarker:
        faces = find_faces(landmarker, picture_HW3)
    if not faces:
        raise SystemExit(f"{options.portrait} shows no face; take another picture.")
    source = animator.encode([cut(picture_HW3, crop_around(faces[0].box), animator.size)])
    rows = []
    for vector in range(options.vectors):
        edits_NM = torch.zeros(len(AMOUNTS), network.config.vectors, device=animator.device)
        edits_NM[:, vector] = torch.tensor(AMOUNTS)
        code_ND = network.edit(source.code_BD, source.alpha_BM, edits_NM)
        row = Image.fromarray(np.concatenate(list(animator.decode(code_ND, source.features)), 1))
        ImageDraw.Draw(row).text((6, 4), f"vector {vector}", fill="black", font_size=18)
        rows.append(np.asarray(row))
    half = len(rows) // 2
    columns = [np.concatenate(part, 0) for part in (rows[:half], rows[half : 2 * half])]
    sheet = Image.fromarray(np.concatenate(columns, 1))
    sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS).save(options.sheet)


if __name__ == "__main__":
    main()
