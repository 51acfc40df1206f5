"""Self-reenactment: the first frame of each clip is the source, all others drive it; decodes z_sr + Q a_d.

    python benchmarks/reenactment.py --copy --out results/copy
    python benchmarks/reenactment.py --weights my.safetensors --out results/my --baseline results/copy

benchmarks/README.md tells the protocol.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

sys.path.insert(0, str(Path(__file__).resolve().parent))

from selfreenactment.clips import Clip, list_clips, read_clip
from selfreenactment.drawing import Protocol, draw, load_drawn
from selfreenactment.evaluate import evaluate, read_coefficients, read_records, settle
from selfreenactment.report import markdown, summarise
from selfreenactment.sheets import worst_and_best
from selfreenactment.sparsity import sparsity
from selfreenactment.subjects import Copy, Subject, open_network

from liax.errors import LiaxError
from liax.face.landmarks import FaceLandmarker
from liax.portrait.device import keep_freed_memory


@dataclass(frozen=True)
class Settings:
    """Measure self-reenactment of a network, or of copying the source."""

    out: Path
    """Folder of the results; an interrupted run continues there."""
    weights: str | None = None
    """Weights file or hub name."""
    random: str | None = None
    """In place of weights: an untrained network of this preset, for trying the benchmark."""
    copy: bool = False
    """In place of weights: copy the source."""
    drawn: Path | None = None
    """In place of weights: outputs that draw.py wrote, on a machine with a GPU."""
    data: Path = Path("../shared/data")
    """Folder with manifest.csv and the clips it lists."""
    split: str = "val"
    """Which clips of the manifest."""
    limit: int | None = None
    """Only so many clips, from the manifest's beginning."""
    frames: int | Literal["all"] = 60
    """Most frames compared per clip, evenly spaced from the first to the last."""
    follow_frames: int = 150
    """First frames of each clip whose faces are measured; 0 leaves following (and MediaPipe) out."""
    cache: Path | None = None
    """Folder that keeps the driving faces' measures between runs."""
    baseline: Path | None = None
    """Results folder of another run to show beside this one."""
    sheet: bool = False
    """Merge the contact sheets of the worst four and the best four clips into worst_and_best.png."""
    device: str = "cpu"
    """Where the network runs."""
    batch: int = 8
    """Frames drawn at a time."""


def run(settings: Settings) -> dict[str, Any]:
    """Evaluate what is still missing, then write results.json and results.md; returns the former."""
    if (
        sum((*(s is not None for s in (settings.weights, settings.random, settings.drawn)), settings.copy))
        != 1
    ):
        raise LiaxError("Give exactly one of --weights, --random, --drawn and --copy.")
    most = None if settings.frames == "all" else settings.frames
    if (most is not None and most < 1) or settings.batch < 1 or settings.follow_frames < 0:
        raise LiaxError("--frames and --batch must be at least 1, --follow-frames at least 0.")
    if settings.limit is not None and settings.limit < 1:
        raise LiaxError("--limit must be at least 1.")
    baseline = _baseline(settings.baseline)
    clips = list_clips(settings.data, settings.split, settings.limit)
    protocol = Protocol(most, settings.follow_frames)
    kept = {"split": settings.split, "frames": protocol.frames, "follow": protocol.follow}
    subject = _subject(settings, kept)
    kept["subject"] = subject.key
    settle(settings.out, kept)
    _evaluate_missing(clips, subject, protocol, settings)

    folder = settings.out / "clips"
    records, coefficients = read_records(clips, folder), read_coefficients(clips, folder)
    results = {
        "subject": subject.name,
        "settings": kept,
        "summary": summarise(records),
        "sparsity": sparsity(coefficients) if coefficients else None,
        "clips": records,
    }
    (settings.out / "results.json").write_text(json.dumps(results, indent=1))
    (settings.out / "results.md").write_text(markdown(results, baseline), encoding="utf-8")
    if settings.sheet:
        _merge_sheets(records, settings.out)
    return results


def _evaluate_missing(clips: list[Clip], subject: Subject, protocol: Protocol, settings: Settings) -> None:
    folder = settings.out / "clips"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        landmarker = stack.enter_context(FaceLandmarker(max_faces=1)) if protocol.follow else None
        progress = stack.enter_context(Progress(*columns, console=Console(stderr=True)))
        task = progress.add_task("", total=len(clips))
        for clip in clips:
            progress.update(task, description=clip.name)
            if not (folder / f"{clip.name}.json").exists():
                frames_THW3 = read_clip(clip)
                if settings.drawn:
                    drawn = load_drawn(settings.drawn / f"{clip.name}.npz")
                else:
                    drawn = draw(frames_THW3, subject, protocol)
                evaluate(clip, drawn, frames_THW3, protocol, landmarker, settings.cache, folder)
            progress.advance(task)


def _subject(settings: Settings, protocol: dict[str, Any]) -> Subject:
    if settings.copy:
        return Copy()
    if settings.drawn is None:
        device = torch.device(settings.device)
        return open_network(settings.weights, settings.random, device, settings.batch)
    path = settings.drawn / "settings.json"
    if not path.is_file():
        raise LiaxError(f"{path} does not exist; give --drawn a folder that draw.py wrote.")
    drawn = json.loads(path.read_text())
    # It only lends its name: nothing is left to draw.
    subject = Copy(name=drawn.pop("name"), key=drawn.pop("subject") + " drawn")
    if drawn != protocol:
        raise LiaxError(
            f"{settings.drawn} was drawn with {drawn}; give --split, --frames and --follow-frames so."
        )
    return subject


def _baseline(folder: Path | None) -> dict[str, Any] | None:
    if folder is None:
        return None
    path = folder / "results.json"
    if not path.is_file():
        raise LiaxError(f"{path} does not exist; give --baseline the --out folder of a finished run.")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def _merge_sheets(records: list[dict[str, Any]], out: Path) -> None:
    """Worst and best by L1."""
    ranked = [out / "clips" / f"{r['clip']}.png" for r in sorted(records, key=lambda r: -r["l1"])]
    worst_and_best(ranked[:4], ranked[::-1][:4]).save(out / "worst_and_best.png")


def main() -> int:
    """Parse, run, print the tables; a LiaxError becomes one sentence and exit code 1."""
    settings = tyro.cli(Settings)
    keep_freed_memory()
    try:
        run(settings)
    except LiaxError as error:
        print(f"reenactment: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("reenactment: stopped; the same command continues.", file=sys.stderr)
        return 130
    print((settings.out / "results.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
