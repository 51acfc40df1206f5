"""A segment, the unit of work: one minute of one video, from decoding to measured clips in one file."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from liax.bounded import parse_json, short
from liax.data.regions import Regions, load_regions, write_regions
from liax.errors import LiaxError
from liax.face.all_faces import find_tracks
from liax.face.embed import FaceEmbedder
from liax.face.landmarks import FaceLandmarker
from liax.files import atomic_file
from liax.media.cuts import detect_cuts
from liax.media.video import Video
from liax.preparation.clip import ClipMaker, ClipPlan
from liax.preparation.clip_range import ClipRange
from liax.preparation.config import ClipRecord, CutOptions
from liax.preparation.jumps import cut_at_jumps
from liax.preparation.plan import CellFinder, plan_clips

SEGMENT_SECONDS = 60
_RECORDS, _REGIONS = "records.json", "regions.npz"


@dataclass(frozen=True)
class Segment:
    """Minute `number` of the video at `path`, whose content has this key."""

    key: str
    number: int
    path: Path

    @property
    def name(self) -> str:
        return f"{self.key}-{self.number:04d}"

    @property
    def interval(self) -> tuple[Fraction, Fraction]:
        """Its first second, and that of the next minute."""
        return Fraction(self.number * SEGMENT_SECONDS), Fraction((self.number + 1) * SEGMENT_SECONDS)

    def result(self, folder: Path) -> Path:
        """The path of the finished segment."""
        return folder / self.key[:2] / f"{self.name}.tar"


def process_segment(segment: Segment, cut: CutOptions, folder: Path) -> None:
    """Cut a segment's clips and measure them; `segment.result(folder)` appears when all is done.

    What is wrong with the video is recorded there.

    Raises:
        LiaxError: If the result cannot be written.
    """
    path = segment.result(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        FaceLandmarker() as landmarker,
        atomic_file(path) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        records: list[ClipRecord] = []
        regions: list[tuple[str, Regions]] = []
        for record, clip, measured in _decisions_of(segment, cut, landmarker):
            if clip is None or measured is None:
                records.append(record)
            else:
                records.append(replace(record, size=len(clip)))
                add_member(tar, f"{record.name}.mp4", clip)
                regions.append((f"{record.name}.mp4", measured))
        records.sort(key=lambda record: (record.since, record.left))
        buffer = io.BytesIO()
        write_regions(buffer, regions)
        add_member(tar, _REGIONS, buffer.getvalue())
        add_member(tar, _RECORDS, json.dumps([asdict(record) for record in records]).encode())


def add_member(tar: tarfile.TarFile, name: str, content: bytes) -> int:
    """Append a file whose header has only its name and size; returns the offset of its bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    begins = tar.offset + tarfile.BLOCKSIZE
    tar.addfile(info, io.BytesIO(content))
    return begins


_RECORD_BYTES = 256 << 20


def read_records(path: Path) -> list[ClipRecord]:
    """The decisions of a finished segment; raises LiaxError for a file that is none."""
    try:
        with tarfile.open(path) as tar:
            rows = parse_json(_member(tar, _RECORDS).read(), _RECORD_BYTES)
        return [
            ClipRecord(**{**row, "embedding": row["embedding"] and tuple(row["embedding"])}) for row in rows
        ]
    except (OSError, tarfile.TarError, ValueError, TypeError, KeyError) as error:
        raise LiaxError(f"{path} is damaged ({short(error)})", "delete it to have it made anew") from None


def read_clips(path: Path, names: set[str]) -> Iterator[tuple[str, bytes, Regions]]:
    """Name, MP4 file and regions of some of a finished segment's clips, in the order of their names."""
    with tarfile.open(path) as tar:
        regions = load_regions(io.BytesIO(_member(tar, _REGIONS).read()))
        for name in sorted(names):
            yield name, _member(tar, f"{name}.mp4").read(), regions[f"{name}.mp4"]


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    file = tar.extractfile(name)
    assert file is not None
    return file


def _decisions_of(
    segment: Segment, cut: CutOptions, landmarker: FaceLandmarker
) -> Iterator[tuple[ClipRecord, bytes | None, Regions | None]]:
    """Every decision about the segment, with the clip and its regions if there is one."""
    since, until = segment.interval
    try:
        video = Video(segment.path, threads=1)
        clip_range = ClipRange(video, since, until, cut.fps)
        cells = CellFinder(clip_range.rate)
        frames = cells.watch(cut_at_jumps(detect_cuts(clip_range)))
        tracks, count = find_tracks(landmarker, frames, clip_range.rate)
        end = min(until, since + count / clip_range.rate)
        if not tracks:
            problem = "no face found" if count else "no frame that can be decoded"
            yield _record(segment, since, end, damaged=video.damaged, problem=problem), None, None
            return
        plans = []
        for plan in plan_clips(segment.key, since, tracks, cells, video, clip_range.rate, cut):
            if plan.record.problem is None:
                plans.append(plan)
            else:
                yield plan.record, None, None
        yield from _make_clips(plans, clip_range, cut, landmarker)
    except LiaxError as error:
        yield _record(segment, since, since, problem=str(error)), None, None


def _make_clips(
    plans: list[ClipPlan], clip_range: ClipRange, cut: CutOptions, landmarker: FaceLandmarker
) -> Iterator[tuple[ClipRecord, bytes, Regions]]:
    """Reads the range once for all its clips; each is yielded as soon as it is complete."""
    embedder = _embedder() if cut.identities else None
    makers: list[ClipMaker] = []
    waiting = sorted(plans, key=lambda plan: plan.first)
    for number, frame in enumerate(clip_range):
        while waiting and waiting[0].first <= number:
            makers.append(ClipMaker(waiting.pop(0), clip_range.rate, landmarker, embedder))
        if makers:
            image_HW3 = frame.rgb()
            for maker in makers:
                maker.add(image_HW3)
        yield from (maker.finish() for maker in makers if maker.plan.end == number + 1)
        makers = [maker for maker in makers if maker.plan.end > number + 1]
        if not makers and not waiting:
            return


def _record(segment: Segment, since: Fraction, until: Fraction, **values: Any) -> ClipRecord:
    return ClipRecord(segment.key, round(float(since), 3), round(float(until), 3), **values)


@lru_cache(maxsize=1)
def _embedder() -> FaceEmbedder:
    """One per process: loading takes a moment."""
    return FaceEmbedder()
