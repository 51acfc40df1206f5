"""Motion that nodes hand to each other: loaded, combined, saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from liax.errors import LiaxError
from liax.files import check_output
from liax.portrait import Animator, encode_motion, open_driving, open_track
from liax.portrait.motion import Driving
from liax.portrait.template import SUFFIX, Template, save_template
from liax.portrait.track_driving import NamedDriving, track_of_template
from liax.progress import Progress
from liax.tracks.track import Track
from liax.tracks.track_file import write_track

_TABLES = (".csv", ".json")


def load(animator: Animator, path: Path, tell: Progress) -> Driving:
    """The motion in a file: a template, a track, keyframes, or a video, of which only its motion is kept."""
    driving = open_driving(animator, path, progress=tell)
    if isinstance(driving, Template | NamedDriving):
        return driving
    return encode_motion(animator, path, progress=tell)


def combine(animator: Animator, first: Driving, second: Driving, names: tuple[str, ...]) -> Driving:
    """The motion `first`, with these controls and groups of controls taken from `second`, at `first`'s times.

    Where `second` is shorter, its last moment stays.

    Raises:
        LiaxError: If neither has one of them, or one says changes and the other poses.
    """
    kept, taken = _track(animator, first), _track(animator, second)
    if kept.changes != taken.changes:
        raise LiaxError("One motion says changes and the other poses", "combine motions of one kind")
    groups = {control.name: control.group for control in animator.controls}
    chosen = [name for name in taken.controls if name in names or groups.get(name) in names]
    if not chosen:
        raise LiaxError(
            f"The second motion has none of {', '.join(names)}", f"it has {', '.join(taken.controls)}"
        )
    times = [track.timing.ticks_T * float(track.timing.tick) for track in (kept, taken)]
    columns = [taken.amounts_TK[:, taken.controls.index(name)] for name in chosen]
    amounts_TK = np.stack([np.interp(*times, column) for column in columns], 1)
    rest = kept.without_controls(chosen)
    joined = replace(
        rest,
        controls=(*rest.controls, *chosen),
        amounts_TK=np.concatenate([rest.amounts_TK, amounts_TK], 1),
    )
    return open_track(joined, animator, "The combined motion")


def save(animator: Animator, motion: Driving, path: Path) -> None:
    """Write motion as a template (.safetensors), or a table (.csv, .json); what is there is replaced."""
    check_output(path, suffixes=(SUFFIX, *_TABLES), overwrite=True, inputs=())
    if path.suffix.lower() in _TABLES:
        write_track(_track(animator, motion), path)
    elif isinstance(motion, Template):
        save_template(motion, path)
    else:
        raise LiaxError(f"{path} would be a template, and this motion names controls only", "name it .csv")


def _track(animator: Animator, motion: Driving) -> Track:
    if isinstance(motion, NamedDriving):
        return motion.track
    assert isinstance(motion, Template)
    return track_of_template(motion, animator.controls)
