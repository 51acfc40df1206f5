"""From a picture and a video to a video: files in, a file out, one batch of frames in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import squash
from liax.face.landmarks import FaceLandmarker
from liax.media.images import read_image
from liax.media.paths import check_output
from liax.media.video import Video
from liax.media.writer import SUFFIXES, create_video
from liax.portrait.animator import Animator
from liax.portrait.clip import Progress, Written, silent
from liax.portrait.framing import frame_driving, frame_source, whole


def animate_file(
    animator: Animator,
    source: Path,
    driving: Path,
    output: Path,
    *,
    relative: bool = True,
    edit: Mapping[int, float] | None = None,
    crop: bool = True,
    face: int | None = None,
    driving_face: int | None = None,
    compare: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Written:
    """Animate the portrait in the picture `source` with the video `driving`; write `output` with its sound.

    output: ends in .mp4, .webm or .gif (silent); frame rate, times and sound are the driving's, the size is
        the model's.
    relative, edit: as in `Animator.animate`.
    crop: find the face on both sides and cut out the square that the model expects. Without it both are taken
        whole, squashed to a square, and the result has the source's aspect.
    face, driving_face: which face of several, 1 the largest; None takes that and warns through the log.
    compare: write source | driving | result side by side.
    overwrite: whether `output` may exist already.

    Raises LiaxError for every input, output or option that does not work; then nothing is written.
    """
    source, driving, output = Path(source), Path(driving), Path(output)
    check_output(output, suffixes=SUFFIXES, overwrite=overwrite, inputs=(source, driving))
    portrait_HW3 = read_image(source, "source")
    video = Video(driving, "driving video")
    size, total = animator.size, video.expected
    if crop:
        with FaceLandmarker() as landmarker:
            framing = frame_source(landmarker, portrait_HW3, source, size, face)
            driving_framing, total = frame_driving(
                landmarker, video, size, driving_face, lambda done: progress("finding the face", done, total)
            )
    else:
        framing = whole(portrait_HW3.shape[1], portrait_HW3.shape[0], size)
        driving_framing = whole(video.width, video.height, size)
    source_RR3 = framing.shown(portrait_HW3, size)
    del portrait_HW3  # may be hundreds of megabytes

    # What the network has been given, until its result comes: the frame's time and its square.
    waiting: deque[tuple[Fraction, NDArray[np.uint8]]] = deque()

    def squares() -> Iterator[NDArray[np.uint8]]:
        for frame in video:
            square_RR3 = driving_framing.shown(frame.rgb(), size)
            waiting.append((frame.time, square_RR3))
            yield square_RR3

    results = animator.animate(source_RR3, squares(), relative=relative, edit=edit)
    frames, time, width, height = 0, Fraction(0), framing.width, framing.height
    with create_video(output, video.rate, driving, video.start) as writer:
        for result_RR3 in results:
            time, square_RR3 = waiting.popleft()
            picture_HW3 = squash(result_RR3, width, height)
            if compare:
                pictures = (
                    (source_RR3, width),
                    (square_RR3, driving_framing.width_at(height)),
                    (result_RR3, width),
                )
                picture_HW3 = np.concatenate([squash(p, w, height) for p, w in pictures], 1)
            writer.write(picture_HW3, time)
            frames += 1
            progress("animating", frames, total)
    return Written(output, frames, float(time + 1 / video.rate), picture_HW3.shape[1], height)
