"""How well the invisible mark survives: real pictures and clips, real encoders.

    python benchmarks/pixel_mark.py --data FOLDER   # measure, and write the figures into docs/marking.md
    python benchmarks/pixel_mark.py                 # only write the figures

Every picture is marked as `liax` marks it, harmed, and read as `liax verify` reads it: the reader is not told
what happened. Clips are read frame by frame, and all of a clip's frames together.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from liax.marking.carriers import BITS
from liax.marking.pixel_mark import HOLD, PixelMarker
from liax.marking.pixel_reading import FALSE_ALARMS, LOOKS, MOST_WRONG, PixelMark, read_pixels
from liax.media.footage import open_footage

RESULTS = Path(__file__).parent / "results" / "pixel_mark.json"
PAGE = Path(__file__).parents[1] / "docs" / "marking.md"
# The people by whom the strength was chosen, and those by whom nothing was.
TUNED, NEW = ("val", "val512"), ("val2",)
STRENGTHS = (45.6, 47.0, 48.5, 50.0)  # dB that are asked for; the first is the weakest of training
FRAMES = 12  # of each clip
H264, TOGETHER = "H.264 at crf 23, each frame", f"H.264 at crf 23, {FRAMES} frames together"
Pictures = list[NDArray[np.uint8]]


def jpeg(picture_HW3: NDArray[np.uint8], quality: int = 50) -> NDArray[np.uint8]:
    encoded = io.BytesIO()
    Image.fromarray(picture_HW3).save(encoded, "JPEG", quality=quality)
    return np.asarray(Image.open(encoded))


def scaled(picture_HW3: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    height, width = (round(factor * side) for side in picture_HW3.shape[:2])
    return np.asarray(Image.fromarray(picture_HW3).resize((width, height), Image.Resampling.BICUBIC))


def cropped(picture_HW3: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """A tenth of the width and of the height is gone, anyhow divided between both sides."""
    height, width = (round(0.9 * side) for side in picture_HW3.shape[:2])
    most = (picture_HW3.shape[0] - height + 1, picture_HW3.shape[1] - width + 1)
    top, left = random.integers(0, most)
    return picture_HW3[top : top + height, left : left + width]


def h264(frames: Pictures, crf: int = 23) -> Pictures:
    """Encoded by x264 at its usual preset and decoded."""
    encoded = io.BytesIO()
    with av.open(encoded, "w", format="mp4") as output:
        stream: Any = output.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "medium"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for frame_HW3 in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HW3, format="rgb24")))
        output.mux(stream.encode(None))
    encoded.seek(0)
    with av.open(encoded) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def files(data: Path, kind: str, split: str) -> list[Path]:
    with (data / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [
            data / row["file"] for row in csv.DictReader(file) if (row["type"], row["split"]) == (kind, split)
        ]


def pictures_of(path: Path, most: int) -> Pictures:
    return [frame.rgb() for frame in islice(iter(open_footage(path, "picture")), most)]


def psnr_of(marked_HW3: NDArray[np.uint8], picture_HW3: NDArray[np.uint8]) -> float:
    error = np.square(marked_HW3.astype(np.float32) - picture_HW3).mean()
    return float(10 * np.log10(255**2 / error))


class Tally:
    """Counts what was read after each kind of harm, by side of the pictures."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, float]] = {}

    def add(self, harm: str, side: int, found: PixelMark) -> None:
        row = self.rows.setdefault(f"{harm} | {side}", Counter(pictures=0, right=0, found=0))
        row["pictures"] += 1
        row["right"] += found.right / BITS
        row["found"] += found.marked

    def shares(self) -> dict[str, dict[str, float]]:
        """Means instead of sums."""
        return {
            name: {
                "pictures": row["pictures"],
                "bits": round(row["right"] / row["pictures"], 5),
                "found": round(row["found"] / row["pictures"], 5),
            }
            for name, row in sorted(self.rows.items())
        }


def measure(data: Path, splits: Sequence[str], psnr: float | None) -> dict[str, Any]:
    """What is read after each kind of harm, and by side the PSNR of what is marked: mean and lowest.

    Args:
        psnr: How weak the mark is, in dB; None is as liax chooses it.
    """
    random, tally = np.random.default_rng(0), Tally()
    psnrs: defaultdict[int, list[float]] = defaultdict(list)
    harms: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
        "nothing": lambda picture: picture,
        "JPEG, quality 50": jpeg,
        "a tenth of width and height cropped": lambda picture: cropped(picture, random),
        "scaled to 50 %": lambda picture: scaled(picture, 0.5),
        "scaled to 200 %": lambda picture: scaled(picture, 2),
    }
    for split in splits:
        for path in files(data, "portrait", split):
            (picture,) = pictures_of(path, 1)
            marked = PixelMarker(psnr=psnr).mark(picture)
            psnrs[picture.shape[0]].append(psnr_of(marked, picture))
            for name, harm in harms.items():
                tally.add(name, picture.shape[0], read_pixels([harm(marked)]))
        for path in files(data, "clip", split):
            frames, marker = pictures_of(path, FRAMES), PixelMarker(psnr=psnr)
            marked_frames = [marker.mark(frame) for frame in frames]
            psnrs[frames[0].shape[0]] += map(psnr_of, marked_frames, frames)
            decoded = h264(marked_frames)
            for frame in decoded:
                tally.add(H264, frame.shape[0], read_pixels([frame]))
            tally.add(TOGETHER, frames[0].shape[0], read_pixels(decoded))
    return {
        "asked_psnr": psnr,
        "psnr": {
            str(side): [round(float(value), 2) for value in (np.mean(some), np.min(some))]
            for side, some in sorted(psnrs.items())
        },
        "harms": tally.shares(),
    }


def unmarked(data: Path) -> dict[str, Any]:
    """What is read where nothing was drawn: how many pictures have how many right bits."""
    right: Counter[int] = Counter()
    found = 0
    for split in (*TUNED, *NEW):
        for path in (*files(data, "portrait", split), *files(data, "clip", split)):
            for picture in pictures_of(path, FRAMES):
                mark = read_pixels([picture])
                right[mark.right] += 1
                found += mark.marked
    return {
        "pictures": sum(right.values()),
        "found": found,
        "right": {str(bits): count for bits, count in sorted(right.items())},
    }


def speed(data: Path) -> dict[str, Any]:
    """Milliseconds that marking costs a frame of 512 x 512 in a video, and that reading costs."""
    (frame,) = pictures_of(files(data, "clip", "val512")[0], 1)
    marker = PixelMarker()
    marks = sorted(_seconds(lambda: [marker.mark(frame) for _ in range(HOLD)]) / HOLD for _ in range(100))
    marked = marker.mark(frame)
    reads = sorted(_seconds(lambda: read_pixels([marked])) for _ in range(30))
    searches = sorted(_seconds(lambda: read_pixels([frame])) for _ in range(10))
    names = ("mark", "read", "read_with_search")
    return {
        f"{name}_ms": round(1e3 * some[len(some) // 2], 1)
        for name, some in zip(names, (marks, reads, searches), strict=True)
    }


def _seconds(work: Callable[[], object]) -> float:
    """Of the processor: what else runs on the machine does not count."""
    began = time.process_time()
    work()
    return time.process_time() - began


def harms_table(found: dict[str, Any]) -> str:
    """Share of right bits, and of pictures or videos in which the mark is found, by side."""
    lines = ["| what happened | side | tried | bits right | found |", "|---|---|---|---|---|"]
    for name, row in found["new people"]["harms"].items():
        harm, side = name.rsplit(" | ", 1)
        cells = f"{row['pictures']:.0f} | {100 * row['bits']:.2f} % | {100 * row['found']:.1f} %"
        lines.append(f"| {harm} | {side} | {cells} |")
    return "\n".join(lines)


def strengths_table(found: dict[str, Any]) -> str:
    """The worst of all kinds of harm, for each side and strength."""
    columns = ("side", "PSNR, mean", "lowest", "right bits after the worst harm", "which")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for side in found["strengths"][0]["psnr"]:
        for one in found["strengths"]:
            harms = {name: row["bits"] for name, row in one["harms"].items() if name.endswith(f" | {side}")}
            worst = min(harms, key=lambda name: harms[name])
            mean, lowest = one["psnr"][side]
            share, harm = 100 * harms[worst], worst.removesuffix(f" | {side}")
            lines.append(f"| {side} | {mean:.1f} dB | {lowest:.1f} dB | {share:.2f} % | {harm} |")
    return "\n".join(lines)


def costs(found: dict[str, Any]) -> str:
    """PSNR, false alarms and time in sentences."""
    plain, spent = found["unmarked"], found["speed"]
    most = max(map(int, plain["right"]))
    psnrs = ", ".join(
        f"{mean:.1f} dB at {side}² (at least {lowest:.1f} dB)"
        for side, (mean, lowest) in found["new people"]["psnr"].items()
    )
    return "\n".join(
        [
            f"- Mean PSNR of marked pictures of new people: {psnrs}.",
            f"- False alarms: {found['false_alarms']:.1e} by chance ({LOOKS} looks, at most {MOST_WRONG} of "
            f"{BITS} bits wrong); {plain['found']} of {plain['pictures']:,} real pictures and frames. The "
            f"likest of them has {most} bits right.",
            f"- Time: {spent['mark_ms']:.1f} ms of one core to mark a frame of 512² in a video, "
            f"{spent['read_ms']:.0f} ms to read one, {spent['read_with_search_ms']:.0f} ms with crops.",
        ]
    )


BLOCKS = {"harms": harms_table, "strengths": strengths_table, "costs": costs}
_BLOCK = re.compile(r"(<!-- pixel mark: (\w+) -->\n).*?(<!-- /pixel mark -->)", re.DOTALL)


def page(text: str) -> str:
    """The document with the figures of the results."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    return _BLOCK.sub(lambda place: f"{place[1]}\n{BLOCKS[place[2]](found)}\n\n{place[3]}", text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with manifest.csv and the files that it lists")
    data = parser.parse_args().data
    if data is not None:
        torch.set_num_threads(1)
        found = {
            "strengths": [measure(data, TUNED, psnr) for psnr in STRENGTHS],
            "new people": measure(data, NEW, None),
            "unmarked": unmarked(data),
            "false_alarms": FALSE_ALARMS,
            "speed": speed(data),
        }
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
