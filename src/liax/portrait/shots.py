"""The shots of a footage, where the face is in each, and where it is not."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from liax.errors import LiaxError
from liax.face.crop import Box, Crop
from liax.face.landmarks import FaceLandmarker
from liax.face.looks import Look, PassingFrame, ShotTracker, with_looks
from liax.face.track import FaceTracker
from liax.media.cuts import detect_cuts
from liax.media.footage import Footage, Picture
from liax.pipeline import ahead
from liax.portrait.framing import FaceOption, Framing, check_choice, frame_whole_picture

log = logging.getLogger(__name__)

# A face that is not found in a single look is there all the same: turned away for a moment, or blurred.
_LOOKS_UNTIL_GONE = 2
# Cuts and absences beyond so many are only counted for the user.
_TOLD = 5


class ShotMessages(NamedTuple):
    """What the footage is for, in the words of messages.

    Args:
        option: That chooses the face.
        at_cuts, unseen: What happens at cuts, and where the face is not seen.
    """

    option: FaceOption
    at_cuts: str
    unseen: str


DRIVING_MESSAGES = ShotMessages("driving_face", "motion starts anew", "motion is held still")


@dataclass(frozen=True)
class Absence:
    """Frames first … last - 1 do not show the face; since and until are their times in seconds."""

    first: int
    last: int
    since: Fraction
    until: Fraction


@dataclass(frozen=True)
class Shot:
    """A part of the footage without a cut.

    Args:
        first: Number of its first frame.
        framing: Of all its frames.
        first_face: Number of the first frame that shows the face, from which relative motion counts; None
            when none does.
        first_face_time: That frame's time in seconds.
        absences: Where the face is not seen.
        face_boxes: Some of the frames that show the face, and its box there in pixels of the frame, turned
            clockwise by the crop's roll about its upper left corner.
        yaw_pitch_rolls: The head's pose in each of these, in degrees.
    """

    first: int
    framing: Framing
    first_face: int | None
    first_face_time: Fraction
    absences: tuple[Absence, ...] = ()
    face_boxes: tuple[tuple[int, Box], ...] = ()
    yaw_pitch_rolls: tuple[tuple[float, float, float], ...] = ()

    def shows_face(self, frame: int) -> bool:
        """Whether the face is seen in this frame of the shot."""
        return not any(absence.first <= frame < absence.last for absence in self.absences)


def changed_meanwhile(footage: Footage) -> LiaxError:
    """The error for footage that has fewer frames when it is read again."""
    return LiaxError(f"{footage.path} has changed while it was read", "start again when it is complete")


class ShotFrame(NamedTuple):
    """A frame, its number in the footage, and its shot."""

    number: int
    frame: Picture
    shot: Shot


def shot_at(shots: Sequence[Shot], number: int) -> Shot:
    """The shot of the frame of that number."""
    return shots[bisect_right(shots, number, key=lambda shot: shot.first) - 1]


def in_shots(footage: Footage, shots: Sequence[Shot]) -> Iterator[ShotFrame]:
    """Every frame with its shot."""
    for number, frame in enumerate(footage):
        yield ShotFrame(number, frame, shot_at(shots, number))


def find_shots(
    landmarker: FaceLandmarker | None,
    footage: Footage,
    size: int,
    choice: int | None,
    progress: Callable[[int], None] = lambda done: None,
    purpose: ShotMessages = DRIVING_MESSAGES,
    framing: Framing | None = None,
) -> tuple[list[Shot], int]:
    """The shots of the footage in order, and how many frames it has; reads it once.

    In each shot the face is looked for in the first frame and then a few times a second. Cuts, and stretches
    without the face, are logged as warnings.

    Args:
        landmarker: None looks for no face, and takes it for seen throughout.
        size: Side of the network's images.
        choice: Which face in each shot, 1 the largest; None takes that and says so if there are several.
        progress: Called with the number of frames read so far.
        purpose: For messages.
        framing: Of all frames, without a landmarker; None takes the pictures whole.

    Raises:
        LiaxError: If there is no frame, or none shows the face.
    """
    shots: list[Shot] = []
    seen, count, time = 0, 0, Fraction(0)
    tracker: ShotTracker[FaceTracker] | None = None
    with (
        closing(ahead(detect_cuts(footage))) as read,
        closing(ahead(with_looks(read, footage.rate)) if landmarker else _unseen(read)) as frames,
    ):
        for frame in frames:
            time = frame.time
            if landmarker is None:
                if frame.starts_shot:
                    whole = framing or frame_whole_picture(footage.width, footage.height, size)
                    shots.append(Shot(count, whole, count, time))
            else:
                if frame.starts_shot and tracker is not None:
                    shots.append(_shot(tracker, count, time, size))
                    seen = max(seen, tracker.follower.seen)
                if frame.starts_shot or tracker is None:
                    tracker = ShotTracker(FaceTracker(landmarker, choice or 1), count)
                tracker.pass_by(count, frame)
            count += 1
            progress(count)
    if not count:
        raise LiaxError(f"{footage.path} has no frame", "give footage that has some")
    if tracker is not None:
        shots.append(_shot(tracker, count, time + 1 / footage.rate, size))
        seen = max(seen, tracker.follower.seen)
        check_choice(footage.path, seen, choice, purpose.option)
    _tell(footage, shots, choice, purpose)
    return shots, count


def _unseen(frames: Iterable[tuple[Picture, bool]]) -> Generator[PassingFrame]:
    """As `with_looks`, without looks."""
    for frame, cut in frames:
        yield PassingFrame.of(frame, cut)


def _shot(tracker: ShotTracker[FaceTracker], end: int, end_time: Fraction, size: int) -> Shot:
    """The shot that was read, which ends before the frame `end` at `end_time`."""
    tracker.finish()
    face = tracker.follower
    if face.found:
        crop = face.crop().scaled(tracker.scale).on_whole_pixels()
    else:
        width, height = tracker.size
        side = min(width, height)
        crop = Crop((width - side) / 2, (height - side) / 2, side)
    hits = [look for look in tracker.looks if look.found]
    boxes = (tracker.scaled(place.box_at(crop.roll)) for place in face.places)
    face_boxes = zip((look.number for look in hits), boxes, strict=True)
    return Shot(
        tracker.first,
        Framing(crop, size, size),
        hits[0].number if hits else None,
        hits[0].time if hits else Fraction(0),
        tuple(_absences(tracker, end, end_time)),
        tuple(face_boxes),
        tuple(place.yaw_pitch_roll for place in face.places),
    )


def _absences(tracker: ShotTracker[FaceTracker], end: int, end_time: Fraction) -> Iterator[Absence]:
    """Each from the frame after the last look that shows the face to the next look that shows it."""
    first, since, missed = tracker.first, Fraction(0), 0
    enough = 1  # before the face first shows, motion has nothing to start from
    for number, time, found in [*tracker.looks, Look(end, end_time, True)]:
        if not found:
            since = since if missed else time
            missed += 1
            continue
        if missed >= enough:
            yield Absence(first, number, since, time)
        first, missed, enough = number + 1, 0, _LOOKS_UNTIL_GONE


def _tell(footage: Footage, shots: list[Shot], choice: int | None, purpose: ShotMessages) -> None:
    cuts = [shot.first_face_time for shot in shots if shot.first_face is not None][1:]
    if len(cuts) > _TOLD:
        log.warning(
            f"{footage.path} cuts to another shot {len(cuts)} times, first at {_seconds(cuts[0])}; "
            f"{purpose.at_cuts} each time."
        )
    elif cuts:
        log.warning(
            f"{footage.path} cuts to another shot at {_listed([_seconds(cut) for cut in cuts])}; "
            f"{purpose.at_cuts} there."
        )
    absences: list[Absence] = []
    for absence in (absence for shot in shots for absence in shot.absences):
        if absences and absences[-1].last == absence.first:  # on both sides of a cut
            absence = replace(absences.pop(), last=absence.last, until=absence.until)
        absences.append(absence)
    if absences:
        stretches = [f"from {_seconds(a.since)} to {_seconds(a.until)}" for a in absences[:_TOLD]]
        if len(absences) > _TOLD:
            stretches.append(f"{len(absences) - _TOLD} more times")
        lacks = "shows no face" if choice in (None, 1) else f"does not show face {choice}"
        log.warning(f"{footage.path} {lacks} {_listed(stretches)}; {purpose.unseen} there.")


def _seconds(time: Fraction) -> str:
    return f"{float(time):.1f} s"


def _listed(texts: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
