"""A driving's motion carried onto a filmed person, whose own motion stays elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError, OptionError
from liax.files import check_output
from liax.media.footage import Excerpt, Footage, StillFootage, files_of, open_footage, sound_of
from liax.media.sound import has_sound
from liax.options import AnimateOptions, MarkOptions
from liax.portrait.animator import Animator
from liax.portrait.clip import RenderedClip, WrittenFile, clip_suffixes, write_clip
from liax.portrait.driving import DrivingFootage, open_driving
from liax.portrait.edit_vector import Edit
from liax.portrait.filmed import FaceFrame, FilmedFace, Frames, ShotRetouches, change_filmed, find_filmed
from liax.portrait.motion import Driving, DrivingFrame, Transfer, nearest_references, retarget
from liax.portrait.pose import HeldStretches, PoseRange
from liax.portrait.provenance import provenance_of
from liax.portrait.reference import choose_references, driving_frames, first_frame
from liax.portrait.shots import Shot, ShotMessages
from liax.portrait.track_driving import NamedDriving
from liax.progress import Progress, no_progress
from liax.tracks.keyframes import untimed_settings
from liax.weights.controls import Controls

_MESSAGES = ShotMessages("face", "the face is framed anew", "nothing is changed")
# Options of portraits that a filmed person has no use for.
_OF_PORTRAITS = ("align", "keys", "compare")


def reenact_video(
    animator: Animator,
    video: Path,
    drivings: Mapping[int | None, Path | Driving],
    options: AnimateOptions = AnimateOptions(),  # noqa: B008 - frozen
    *,
    progress: Progress = no_progress,
) -> RenderedClip:
    """A video, or a picture, with its faces moved by drivings, each put back where it was, in full frames.

    In the motion that is carried over, a driving replaces the filmed person's own: frame t has the
    coefficients a_t + v + G ((b_t − b_ref) − (a_t − a_ref)), b being the driving's, sampled at the frame's
    time. a_ref is, shot by shot, the filmed frame that is most like b_ref in that motion. What G leaves out,
    such as all but the mouth with `options.only`, stays as filmed. A single driving picture, and
    `options.absolute`, give a_t + v + G (b_t − a_t).

    The result ends with the video or, earlier, with the longest driving; one that has ended holds still. It
    has the sound of the first driving that has some, else the video's.

    Args:
        video: As in `open_footage`.
        drivings: Number of a face, 1 the largest, or None for the only one -> what moves it, as in
            `open_driving`.
        options: As for a portrait; `align`, `keys`, `compare` and settings with times are for portraits only.

    Raises:
        LiaxError: Before the first frame is made, for whatever does not work.
    """
    _check(options, drivings)
    edit = Edit.of(untimed_settings(options.set), animator.controls, options.force)
    gains_MM = retarget(animator.controls, options.only, options.without, options.strength)
    footage = open_footage(video, "source")
    opened = {
        face: open_driving(animator, driving, options, progress=progress)
        if isinstance(driving, Path)
        else driving
        for face, driving in drivings.items()
    }
    for driving in opened.values():
        if isinstance(driving, NamedDriving):
            raise LiaxError(
                f"{driving.name} moves single portraits only", "give a video, a picture or a motion template"
            )
    footage = _as_long(footage, list(opened.values()))
    held = HeldStretches()
    carried, faces = [], []
    total = None
    for face, driving in opened.items():
        shots, total = find_filmed(animator, footage, options, face or options.face, _MESSAGES, progress)
        relative = not options.absolute and driving.total != 1
        transfer = Transfer(relative, None, gains_MM, edit.limits)
        carried.append(_Carried(animator, footage, shots, driving, transfer, edit, options, held, progress))
        faces.append(FilmedFace(shots, carried[-1].added, not _carries_head(transfer, animator.controls)))
    retouches = ShotRetouches(footage, animator.size, whole=True)
    sounds = [(d.sound, d.sound_start) for d in opened.values() if d.sound is not None and has_sound(d.sound)]
    sound, start = sounds[0] if sounds else sound_of(footage)
    frames = _frames(animator, footage, faces, carried, held)
    moved_by = {("driving" if face is None else f"driving {face}"): d for face, d in drivings.items()}
    made = provenance_of(animator, "animate", source=video, **moved_by)
    return RenderedClip(frames, footage.rate, retouches.width, retouches.height, total, sound, start, made)


def reenact_file(
    animator: Animator,
    video: Path,
    drivings: Mapping[int | None, Path | Driving],
    output: Path,
    options: AnimateOptions = AnimateOptions(),  # noqa: B008 - frozen
    *,
    mark: MarkOptions = MarkOptions(),  # noqa: B008
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> WrittenFile:
    """Write what `reenact_video` makes to `output`, as `write_clip` does.

    Raises:
        LiaxError: For every input, output or option that does not work; then nothing is written.
    """
    paths = [driving for driving in drivings.values() if isinstance(driving, Path)]
    inputs = (*files_of(video), *(file for path in paths for file in files_of(path)))
    check_output(output, suffixes=clip_suffixes(output), overwrite=overwrite, inputs=inputs)
    clip = reenact_video(animator, video, drivings, options, progress=progress)
    return write_clip(
        clip,
        output,
        mark=mark,
        overwrite=overwrite,
        inputs=inputs,
        quality=options.quality,
        progress=progress,
    )


class _Carried:
    """What one driving adds to the coefficients of one filmed face.

    Args:
        transfer: Says what of the motion is taken over.
        held: Is told where the head is held.
    """

    def __init__(
        self,
        animator: Animator,
        footage: Footage,
        shots: Sequence[Shot],
        driving: Driving,
        transfer: Transfer,
        edit: Edit,
        options: AnimateOptions,
        held: HeldStretches,
        progress: Progress,
    ) -> None:
        self._controls, self._shots, self._edit = animator.controls, shots, edit
        self._transfer, self._options, self._held = transfer, options, held
        self._driving = driving
        self._own: Sequence[NDArray[np.float32]] = ()
        self._references: Sequence[NDArray[np.float32]] = ()
        if transfer.relative:
            filmed = DrivingFootage(animator, footage, list(shots), footage.expected or 0)
            first_M = first_frame(filmed).alpha_M
            self._references = choose_references(
                driving, first_M, transfer, options, animator.controls, progress
            )
            beginning_M = self._references[0] if self._references else first_frame(driving).alpha_M
            with closing(filmed.frames()) as frames:
                self._own = nearest_references(beginning_M, frames, transfer)
        self._moments: _Moments | None = None

    def __enter__(self) -> _Carried:
        self._moments = _Moments(driving_frames(self._driving, self._options.smooth), self._references)
        return self

    def __exit__(self, *_: object) -> None:
        if self._moments is not None:
            self._moments.close()

    def added(self, frame: FaceFrame, alpha_M: NDArray[np.float32]) -> NDArray[np.floating]:
        """What is added to a frame's coefficients (M,)."""
        assert self._moments is not None
        seen_M, reference_M = self._moments.at(frame.time)
        pose = frame.pose
        still_M = alpha_M + self._edit.vector_for(alpha_M, pose)
        if self._transfer.relative:
            own_M = self._own[self._shot_of(frame)]
            change_M = self._transfer.scaled((seen_M - reference_M) - (alpha_M - own_M))
        else:
            change_M = self._transfer.scaled(seen_M - alpha_M)
        moved_M = still_M + change_M
        if self._transfer.limits is not None:
            moved_M = self._transfer.limits.clamp(moved_M, still_M, seen_M)
        added_M = moved_M - alpha_M
        if not self._options.force:
            added_M, beyond = PoseRange(self._controls, pose).hold(added_M)
            self._held.add(frame.time, beyond)
        return added_M

    def _shot_of(self, frame: FaceFrame) -> int:
        """Its number among the shots that show the face."""
        begun = sum(shot.first_face is not None for shot in self._shots if shot.first <= frame.shot.first)
        return max(0, begun - 1)


class _Moments:
    """A driving's coefficients at times that rise, between its frames, and those that they count from.

    Args:
        references: Of the driving's first shots; others count from their first frames.
    """

    def __init__(self, frames: Generator[DrivingFrame], references: Sequence[NDArray[np.float32]]) -> None:
        self._frames, self._references = frames, references
        self._shot, self._begun = 0, False
        first = next(frames, None)
        if first is None:
            raise LiaxError("The driving has no frame.")
        self._before = self._after = first
        self._reference_M = self._next_reference_M = self._reference_of(first)

    def at(self, time: Fraction) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Coefficients, and reference, at a time that is not before the last one asked for."""
        while self._after.time <= time:
            following = next(self._frames, None)
            self._before, self._reference_M = self._after, self._next_reference_M
            if following is None:
                break
            self._after = following
            if following.starts_shot or not self._begun:
                self._next_reference_M = self._reference_of(following)
        before, after = self._before, self._after
        if after.starts_shot or after.time <= before.time:  # nothing lies between two shots
            return before.alpha_M, self._reference_M
        share = float((time - before.time) / (after.time - before.time))
        return before.alpha_M + share * (after.alpha_M - before.alpha_M), self._reference_M

    def close(self) -> None:
        """Stop reading the driving."""
        self._frames.close()

    def _reference_of(self, frame: DrivingFrame) -> NDArray[np.float32]:
        """That of the shot which begins here."""
        if frame.starts_shot:
            self._shot += self._begun
            self._begun = True
        known = self._shot < len(self._references)
        return self._references[self._shot] if known else frame.alpha_M


def _frames(
    animator: Animator,
    footage: Footage,
    faces: Sequence[FilmedFace],
    carried: Sequence[_Carried],
    held: HeldStretches,
) -> Frames:
    with ExitStack() as stack:
        for each in carried:
            stack.enter_context(each)
        yield from change_filmed(animator, footage, faces)
    held.tell()


def _carries_head(transfer: Transfer, controls: Controls) -> bool:
    heads = Controls(controls.count, tuple(c for c in controls if c.group == "head")).directions_MK
    return any(transfer.scaled(direction_M.astype(np.float32)).any() for direction_M in heads.T)


def _as_long(footage: Footage, drivings: Collection[Driving]) -> Footage:
    """The footage up to the end of the longest driving, to which a single picture is shown.

    A driving that is a single picture has no end.
    """
    moving = [driving for driving in drivings if driving.total != 1]
    if not moving:
        return footage
    seconds = [(driving.total or 1) / driving.rate for driving in moving]
    if footage.expected == 1:
        rate = moving[seconds.index(max(seconds))].rate
        return StillFootage(footage, rate, round(max(seconds) * rate))
    return footage if len(moving) < len(drivings) else Excerpt(footage, None, float(max(seconds)))


def _check(options: AnimateOptions, drivings: Mapping[int | None, Path | Driving]) -> None:
    for name in _OF_PORTRAITS:
        if value := getattr(options, name):
            raise OptionError({name: value}, "That is for portraits, and the source is a video")
    if len(drivings) > 1:
        for name, usual in (("crop", True), ("square", None)):
            if (value := getattr(options, name)) != usual:
                raise OptionError({name: value}, "Several faces are found, not chosen by hand")
