"""Pose and expression changed throughout a video; a mask of the head leaves what is around it as filmed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.media.footage import Footage, open_footage, sound_of
from liax.options import EditSettings, EditVideoOptions
from liax.pipeline import mapped
from liax.portrait import motion
from liax.portrait.animator import Animator
from liax.portrait.clip import RenderedClip
from liax.portrait.driving import DrivingFootage, check_part, part_of_footage
from liax.portrait.edit_vector import Edit
from liax.portrait.filmed import FaceFrame, FilmedFace, Frames, ShotRetouches, change_filmed, find_filmed
from liax.portrait.pose import HeldStretches, PoseRange
from liax.portrait.provenance import provenance_of
from liax.portrait.retouch import EditDelta
from liax.portrait.shots import Shot, ShotMessages, changed_meanwhile, in_shots
from liax.progress import Progress, no_progress

_MESSAGES = ShotMessages("face", "the face is framed anew", "nothing is edited")


def edit_video(
    animator: Animator,
    video: Path,
    settings: EditSettings,
    options: EditVideoOptions = EditVideoOptions(),  # noqa: B008 - frozen
    *,
    progress: Progress = no_progress,
) -> RenderedClip:
    """The clip with every frame's coefficients changed by the v that `settings` ask for.

    Every frame is its own source, G(z_t + Q (a_t + v)) (equation 11), so what comes into view later stays,
    and what the edit leaves alone keeps the frame's own pixels (`liax.portrait.retouch`). Rate, times and
    sound are the video's. Each shot has its own square; where no face is seen, frames stay as they are.

    Args:
        settings: Controls and motion vectors, and how much of each.
        options: `from_first_frame` is the published way: only the first frame that shows the face is a
            source, edited and moved by the video's change since then: z_1 + Q (a_1 + v) + Q (a_t − a_1)
            (equation 10). All else stays as it is in that frame. Pasted frames have the video's size, made
            even; squares have the model's. Without `crop` the whole frame is resized to a square for the
            network.
        progress: Told about the search for the face.

    Raises:
        LiaxError: Before the first frame is made, for settings or a video that do not work.
    """
    edit = Edit.of(settings, animator.controls, options.force)
    check_part(options)
    footage = part_of_footage(open_footage(video, "video"), options)
    shots, total = find_filmed(animator, footage, options, options.face, _MESSAGES, progress)
    whole = options.paste or not options.crop
    retouches = ShotRetouches(animator, footage, whole)
    if options.from_first_frame:
        frames = _from_first_frame(animator, footage, shots, edit, retouches)
    else:
        frames = _frame_by_frame(animator, footage, shots, edit, whole)
    return RenderedClip(
        frames,
        footage.rate,
        retouches.width,
        retouches.height,
        total,
        *sound_of(footage),
        provenance=provenance_of(animator, "edit-video", video=video),
    )


def _frame_by_frame(
    animator: Animator, footage: Footage, shots: Sequence[Shot], edit: Edit, whole: bool
) -> Frames:
    held = HeldStretches()

    def added(frame: FaceFrame, alpha_M: NDArray[np.float32]) -> NDArray[np.float32]:
        pose = frame.pose
        held.add(frame.time, edit.beyond(pose))
        return edit.vector_for(alpha_M, pose)

    yield from change_filmed(animator, footage, [FilmedFace(shots, added)], whole)
    held.tell()


def _from_first_frame(
    animator: Animator, footage: Footage, shots: Sequence[Shot], edit: Edit, retouches: ShotRetouches
) -> Frames:
    (shot, *_) = (shot for shot in shots if shot.first_face is not None)
    first = next((frame for number, frame, _ in in_shots(footage, shots) if number == shot.first_face), None)
    if first is None:
        raise changed_meanwhile(footage)
    picture_HW3 = first.rgb()
    square_RR3 = shot.framing.to_square(picture_HW3, animator.seen_size)
    picture_HW3 = retouches.picture(picture_HW3, square_RR3)
    encoded = animator.encode([square_RR3])
    edit_delta, retouch = EditDelta(animator, encoded), retouches.of(shot)
    alpha_M = encoded.alpha_BM[0].cpu().numpy()
    pose = FaceFrame(shot.first_face or 0, first.time, shot).pose
    transfer = motion.Transfer(edit_M=edit.vector_for(alpha_M, pose))
    if edit.held:
        transfer = replace(transfer, pose_range=PoseRange(animator.controls, pose))
    held = HeldStretches()
    with closing(DrivingFootage(animator, footage, list(shots), 0).frames()) as driving:
        frames, same = tee(driving)
        changes = edit_delta.stream(motion.transfer_motion(alpha_M, same, transfer, held=held))
        results = mapped(lambda change: retouch(picture_HW3, change), changes)
        for frame, result_HW3 in zip(frames, results, strict=True):
            yield frame.time, result_HW3
    held.tell()
