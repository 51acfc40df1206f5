"""From which frame of a driving its change counts, shot by shot."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError, OptionError, UnlikeBeginning
from liax.options import AnimateOptions
from liax.portrait.motion import (
    Driving,
    DrivingFrame,
    Transfer,
    nearest_references,
    references_at,
    smooth_motion,
)
from liax.portrait.pose import PoseRange
from liax.progress import Progress, with_progress
from liax.weights.controls import Controls

log = logging.getLogger(__name__)

# Turns of the head, and how many degrees of one a driving may begin from the source's pose.
_TURNS, _FAR = ("yaw", "pitch"), 15.0
# How much of the jaw's range it may begin opener.
_OPEN = 0.4


def choose_references(
    driving: Driving,
    alpha_source_M: NDArray[np.float32],
    transfer: Transfer,
    options: AnimateOptions,
    controls: Controls,
    progress: Progress,
) -> Sequence[NDArray[np.float32]]:
    """From which coefficients of the driving each shot's change counts; () for their first frames."""
    best = options.reference == "best" or _begins_far(driving, alpha_source_M, transfer, options, controls)
    if not best and not isinstance(options.reference, float):
        return ()
    with closing(driving_frames(driving, options.smooth)) as frames:
        counted = with_progress(frames, "finding the reference", driving.total, progress)
        if not isinstance(options.reference, float):
            return nearest_references(alpha_source_M, counted, transfer)
        try:
            return references_at(counted, options.reference - (options.since or 0.0))
        except ValueError as error:
            raise OptionError(
                {"reference": options.reference},
                f"The driving has no frame at {options.reference:g} s ({error})",
                "choose a time that it has",
            ) from None


def _begins_far(
    driving: Driving,
    alpha_source_M: NDArray[np.float32],
    transfer: Transfer,
    options: AnimateOptions,
    controls: Controls,
) -> bool:
    """Whether relative motion had better not count from the first frame, which is then told."""
    chosen = options.reference is not None or options.align is not None
    if not transfer.relative or chosen or driving.total == 1:
        return False
    first = first_frame(driving)
    change_M = transfer.scaled(first.alpha_M - alpha_source_M)
    turned = PoseRange(controls, {}).amounts(change_M)
    far = {name: turned[name] for name in _TURNS if abs(turned.get(name, 0.0)) > _FAR}
    if far:
        turns = ", ".join(f"{name} {degrees:+.0f} deg" for name, degrees in far.items())
        how = f"with the head turned away from the portrait's ({turns})"
        log.warning(UnlikeBeginning(how, "best", "first"))
    elif _opened(controls, change_M) > _OPEN:
        log.warning(UnlikeBeginning("with an opener mouth than the portrait's", "first", "best"))
    return bool(far)


def _opened(controls: Controls, change_M: NDArray[np.floating]) -> float:
    """How much of the control of the jaw is in a change of the coefficients; 0 without one."""
    jaw_M1 = Controls(controls.count, tuple(c for c in controls if c.name == "jaw")).directions_MK
    return float((np.linalg.pinv(jaw_M1) @ change_M).sum())


def driving_frames(driving: Driving, smooth: bool) -> Generator[DrivingFrame]:
    """What moves the portrait, frame by frame, smoothed or not."""
    with closing(driving.frames()) as frames:
        yield from smooth_motion(frames) if smooth else frames


def first_frame(driving: Driving) -> DrivingFrame:
    """The driving's first frame, without the work for more."""
    with closing(driving.frames()) as frames:
        for frame in frames:
            return frame
    raise LiaxError("The driving has no frame.")
