"""Long work in constant memory: ten minutes of video, and hundreds of jobs of the page in a row.

    python benchmarks/soak.py [--minutes 1 10] [--rate 5] [--jobs 2000] [--only animate …] [-o FILE.json]

The commands animate, animate --paste and edit-video get a clip with sound of the bundled portrait that moves
about, leaves the picture now and then and is cut to another place every half minute; once of one minute, once
of ten. Told are the peak of resident memory and the most open files. A command fails if the longer clip needs
50 MB more.

The page gets jobs of its tabs, with sound, damaged and wrong inputs at random, from visitors who come, stop
their work and go. After each job its memory, threads, open files and temporary files are counted. Told are
the means over three hundred jobs after the first thousand, and over the last three hundred. It fails if there
are 50 MB or 5 files more at the end, or if a job ends in a fault of ours.

The network is small and has random weights: its memory depends on the batch only, and what grows with length
would grow here, too. Needs the extra `studio`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from itertools import count, islice
from pathlib import Path
from statistics import fmean
from typing import Any

import av
import httpx
import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "app")]

from visitor import Visitor  # noqa: E402

from liax.model import LIAX, PRESETS  # noqa: E402
from liax.weights import save, set_controls  # noqa: E402
from liax.weights.controls import Control  # noqa: E402

MB = 1 << 20
ALLOWED_MB, ALLOWED_FILES = 50, 5
WIDTH, HEIGHT = 320, 180
PORTRAIT = Path(str(files("liax.assets") / "demo_portrait.jpg"))
_WARM = 1000  # jobs after which all caches are full, that of a hundred visits the last
_WINDOW = 300  # jobs of which a mean is taken: memory goes up and down as pictures come and go
_KEPT_MINUTES = 0.2  # so that files of the first jobs are gone before the last ones

_WEIGHTS = ["--weights", "tiny.safetensors", "--device", "cpu"]
COMMANDS = {
    "animate": ["animate", str(PORTRAIT), "{clip}", "-o", "{output}", *_WEIGHTS],
    "paste": ["animate", str(PORTRAIT), "{clip}", "-o", "{output}", "--paste", *_WEIGHTS],
    "edit-video": ["edit-video", "{clip}", "-o", "{output}", "--set", "yaw=10", *_WEIGHTS],
}


def frames(rate: int) -> Iterator[NDArray[np.uint8]]:
    """RGB uint8 (HEIGHT, WIDTH, 3), without end."""
    portrait = Image.open(PORTRAIT).convert("RGB")
    faces = [np.asarray(portrait.resize((side, side))) for side in (150, 110)]
    for k in count():
        scene, second = divmod(k / rate, 30)
        face_HW3 = faces[int(scene) % 2]
        picture_HW3 = np.full((HEIGHT, WIDTH, 3), 60 + 90 * (int(scene) % 2), np.uint8)
        x = int(80 + 30 * np.sin(second) + (300 if 20 < second < 23 else 0))
        shown_HW3 = face_HW3[:, : max(0, WIDTH - x)]
        picture_HW3[15 : 15 + len(face_HW3), x : x + shown_HW3.shape[1]] = shown_HW3
        yield picture_HW3


def write_clip(path: Path, seconds: float, rate: int) -> Path:
    """A clip with sound."""
    samples = 48_000 // rate
    tone = np.repeat((6000 * np.sin(np.arange(samples) / 20)).astype(np.int16), 2)[None]
    with av.open(path, "w") as output:
        video: Any = output.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound: Any = output.add_stream("aac", rate=48_000)
        for k, picture_HW3 in enumerate(islice(frames(rate), int(seconds * rate))):
            output.mux(video.encode(av.VideoFrame.from_ndarray(picture_HW3, format="rgb24")))
            heard = av.AudioFrame.from_ndarray(tone, format="s16", layout="stereo")
            heard.sample_rate, heard.pts = 48_000, k * samples
            output.mux(sound.encode(heard))
        output.mux(video.encode(None))
        output.mux(sound.encode(None))
    return path


def write_weights(folder: Path) -> None:
    torch.manual_seed(0)
    save(LIAX(PRESETS["tiny"]), folder / "nameless.safetensors")
    controls = [
        Control("yaw", "head", {0: 0.02}, -30, 30, "deg"),
        Control("blink", "eyes", {1: 1.0}, 0, 1),
    ]
    set_controls(folder / "nameless.safetensors", folder / "tiny.safetensors", controls)


@contextmanager
def liax(folder: Path, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process of liax in `folder`, with its own folder for temporary files."""
    (folder / "tmp").mkdir(exist_ok=True)
    environment = os.environ | {"TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def long_command(name: str, folder: Path, minutes: float, rate: int) -> dict[str, float]:
    """One command on a clip of so many minutes: frames, seconds, peak of memory, most open files."""
    clip, output = folder / f"{minutes:g}.mp4", f"{name}-{minutes:g}.mp4"
    if not clip.exists():
        write_clip(clip, 60 * minutes, rate)
    arguments = [word.format(clip=clip, output=output) for word in COMMANDS[name]]
    most, began = Counter[str](), time.monotonic()
    with liax(folder, "-m", "liax", *arguments) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                most["mb"] = max(most["mb"], watched.memory_info().rss // MB)
                most["files"] = max(most["files"], watched.num_fds())
            except psutil.Error:  # it has just ended
                break
            time.sleep(0.2)
        told = process.communicate()[0]
    assert process.returncode == 0, told
    with av.open(folder / output) as made:
        made_frames = made.streams.video[0].frames
    left = [path.name for path in folder.rglob("*.part")] + os.listdir(folder / "tmp")
    assert not left, left
    return {
        "frames": made_frames,
        "seconds": round(time.monotonic() - began),
        "peak_mb": most["mb"],
        "open_files": most["files"],
    }


def soak_command(name: str, folder: Path, minutes: list[float], rate: int) -> dict[str, Any]:
    """A command on a short clip and on a long one."""
    short, long = (long_command(name, folder, each, rate) for each in minutes)
    grown = long["peak_mb"] - short["peak_mb"]
    told = {"minutes": minutes, "rate": rate, "short": short, "long": long, "grown_mb": grown}
    told["well"] = grown <= ALLOWED_MB
    print(f"{name}: {told}", flush=True)
    return told


def serve(folder: Path) -> None:
    """The page, in a process of its own: prints its address and stays."""
    from liax.app.server import ServedPage
    from liax.app.studio import Studio
    from liax.app.uploads import VisitorLimits
    from liax.portrait import Animator
    from liax.portrait.device import keep_freed_memory
    from liax.weights import load

    keep_freed_memory()
    animator = Animator(load(folder / "tiny.safetensors"), "cpu")
    with Studio(animator, limits=VisitorLimits(kept_minutes=_KEPT_MINUTES)) as studio:
        print(ServedPage(studio).address, flush=True)
        threading.Event().wait()


class Visitors:
    """Jobs for the page, one after the other.

    Args:
        folder: For their files.
        address: Of the page.
    """

    def __init__(self, folder: Path, address: str, chance: random.Random) -> None:
        self._address, self._chance = address, chance
        clip = write_clip(folder / "talk.mp4", 1.5, 8)
        whole = clip.read_bytes()
        (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
        (folder / "text.mp4").write_text("no video")
        Image.new("RGB", (300, 300), (90, 120, 90)).save(folder / "lawn.png")
        (folder / "damaged.jpg").write_bytes(PORTRAIT.read_bytes()[:3000])
        self._pictures = [PORTRAIT, PORTRAIT, folder / "lawn.png", folder / "damaged.jpg", clip]
        self._videos = [clip, clip, clip, folder / "cut.mp4", folder / "text.mp4", folder / "lawn.png"]
        self._jobs: dict[str, Callable[[Visitor], Iterator[Any]]] = {
            "edit": self._edit,
            "animate": self._animate,
            "edit video": self._edit_video,
            "orbit": self._orbit,
            "save motion": self._save_motion,
        }
        self._visitor = self._new_visitor()

    def _new_visitor(self) -> Visitor:
        visitor = Visitor(self._address)
        visitor.http.timeout = httpx.Timeout(600)
        return visitor

    def job(self) -> str:
        """Do something; what, and how it ended."""
        if self._chance.random() < 0.1:  # another one comes
            self._visitor.http.close()
            self._visitor = self._new_visitor()
        name = self._chance.choice(list(self._jobs))
        stops = self._chance.random() < 0.1
        try:
            asked = self._jobs[name](self._visitor)
        except httpx.HTTPStatusError as error:  # what is no picture or video is not even taken
            if error.response.status_code != 415:
                raise
            return f"{name}: refused"
        messages = []
        for message in asked:
            messages.append(message)
            if stops and len(messages) == 4 and name != "edit":
                self._visitor.stop()
                return f"{name}: stopped"
        last = messages[-1]
        told = str(last.get("output"))
        if "on our side" in told or not last.get("success"):
            return f"{name}: fault: {told[:300]}"
        return f"{name}: refused" if 'role="alert"' in told else f"{name}: done"

    def _edit(self, visitor: Visitor) -> Iterator[Any]:
        event = next(event for event in visitor._events if event["api_name"] == "edit")
        portrait = visitor.upload(self._chance.choice(self._pictures))
        whole = self._chance.random() < 0.5
        blink = round(self._chance.random(), 2)
        return visitor.send(event, Your_portrait=portrait, Blink=blink, In_the_whole_picture=whole)

    def _animate(self, visitor: Visitor) -> Iterator[Any]:
        portrait, video = (
            visitor.upload(self._chance.choice(kind)) for kind in (self._pictures, self._videos)
        )
        ending = self._chance.choice(["mp4", "webm", "gif"])
        return visitor.press("Animate", Your_portrait=portrait, Who_moves_it=video, Save_as=ending)

    def _edit_video(self, visitor: Visitor) -> Iterator[Any]:
        video = visitor.upload(self._chance.choice(self._videos))
        return visitor.press("Edit the video", Your_video=video, **{"Yaw_(°)": self._chance.randint(-20, 20)})

    def _orbit(self, visitor: Visitor) -> Iterator[Any]:
        portrait = visitor.upload(self._chance.choice(self._pictures))
        return visitor.press("Turn", Your_portrait=portrait, Which_movements=["blink"], Save_as="png")

    def _save_motion(self, visitor: Visitor) -> Iterator[Any]:
        return visitor.press(
            "Save this motion", Who_moves_it=visitor.upload(self._chance.choice(self._videos))
        )


def soak_studio(folder: Path, jobs: int, seed: int) -> dict[str, Any]:
    """So many jobs of the page, and what they do to its process."""
    outcomes, seen = Counter[str](), list[dict[str, float]]()
    began = time.monotonic()
    with liax(folder, __file__, "--serve", str(folder)) as process:
        assert process.stdout is not None
        visitors = Visitors(folder, process.stdout.readline().strip(), random.Random(seed))
        watched = psutil.Process(process.pid)
        for number in range(jobs):
            outcomes[visitors.job()] += 1
            temporary = sum(len(names) for _, _, names in os.walk(folder / "tmp"))
            seen.append(
                {
                    "memory_mb": watched.memory_info().rss / MB,
                    "threads": watched.num_threads(),
                    "open_files": watched.num_fds(),
                    "temporary_files": temporary,
                }
            )
            if number % 25 == 24:
                print(f"{number + 1} jobs: {seen[-1]}", flush=True)
    warm, end = seen[_WARM : _WARM + _WINDOW], seen[-_WINDOW:]
    early, late = (
        {name: round(fmean(row[name] for row in rows), 1) for name in seen[0]} for rows in (warm, end)
    )
    faults = [told for told in outcomes if "fault" in told]
    grown = {name: round(late[name] - early[name], 1) for name in early}
    well = not faults and all(
        more <= (ALLOWED_MB if name == "memory_mb" else ALLOWED_FILES) for name, more in grown.items()
    )
    told = {"jobs": jobs, "seconds": round(time.monotonic() - began), "outcomes": dict(outcomes)}
    told |= {"early": early, "late": late, "grown": grown, "well": well}
    print(f"studio: {told}", flush=True)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*COMMANDS, "studio"]
    parser.add_argument("--minutes", type=float, nargs=2, default=[1.0, 10.0])
    parser.add_argument("--rate", type=int, default=5, help="frames a second")
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=names, choices=names)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", type=Path, help="a JSON file, whose other results stay")
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        write_weights(folder)
        for command in options.only:
            if command == "studio":
                found[command] = soak_studio(folder, options.jobs, options.seed)
            else:
                found[command] = soak_command(command, folder, options.minutes, options.rate)
            if options.output is not None:
                _add(options.output, {command: found[command]})
    sys.exit(not all(each["well"] for each in found.values()))


def _add(path: Path, found: dict[str, Any]) -> None:
    """Put results into a file that may have those of other commands."""
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
