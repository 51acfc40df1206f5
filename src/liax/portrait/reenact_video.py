"""A driving's motion carried onto a filmed person, whose own motion stays elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from liax.errors import OptionError
from liax.files import check_output
from liax.media.footage import Excerpt, Footage, StillFootage, files_of, open_footage, sound_of
from liax.media.sound import has_sound
from liax.options import AnimateOptions, MarkOptions
from liax.portrait.animator import Animator
from liax.portrait.carried import CarriedMotion
from liax.portrait.clip import RenderedClip, WrittenFile, clip_suffixes, write_clip
from liax.portrait.driving import open_driving
from liax.portrait.edit_vector import Edit
from liax.portrait.filmed import FilmedFace, Frames, ShotRetouches, change_filmed, find_filmed
from liax.portrait.motion import Driving, Transfer, retarget
from liax.portrait.pose import HeldStretches
from liax.portrait.provenance import by_role, provenance_of
from liax.portrait.shots import ShotMessages
from liax.portrait.track_driving import NamedDriving
from liax.progress import Progress, no_progress
from liax.tracks.keyframes import untimed_settings

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
    `options.absolute`, give a_t + v + G (b_t − a_t). A track without the weights' motion vectors
    takes the place of no more than its controls name; one that says changes comes on top of what was filmed.

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
            driving.check(options)
    footage = _as_long(footage, list(opened.values()))
    held = HeldStretches()
    carried, faces = [], []
    total = None
    for face, driving in opened.items():
        shots, total = find_filmed(animator, footage, options, face or options.face, _MESSAGES, progress)
        relative = not options.absolute and driving.total != 1
        transfer = Transfer(relative, None, gains_MM, edit.limits)
        motion = CarriedMotion(animator, footage, shots, driving, transfer, edit, options, held, progress)
        carried.append(motion)
        faces.append(FilmedFace(shots, motion.added, motion.moves_head))
    retouches = ShotRetouches(animator, footage, whole=True)
    sounds = [(d.sound, d.sound_start) for d in opened.values() if d.sound is not None and has_sound(d.sound)]
    sound, start = sounds[0] if sounds else sound_of(footage)
    frames = _frames(animator, footage, faces, carried, held)
    made = provenance_of(animator, "animate", source=video, **by_role(drivings))
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


def _frames(
    animator: Animator,
    footage: Footage,
    faces: Sequence[FilmedFace],
    carried: Sequence[CarriedMotion],
    held: HeldStretches,
) -> Frames:
    with ExitStack() as stack:
        for each in carried:
            stack.enter_context(each)
        yield from change_filmed(animator, footage, faces)
    held.tell()


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
            raise OptionError({name: value}, "That is for single portraits")
    if len(drivings) > 1:
        for name, usual in (("crop", True), ("square", None)):
            if (value := getattr(options, name)) != usual:
                raise OptionError({name: value}, "Several faces are found, not chosen by hand")
