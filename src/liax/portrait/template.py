"""Motion templates: a driving's coefficients in a file, without its pictures."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from liax.bounded import check_safetensors, parse_fraction, printable, short
from liax.errors import LiaxError, WrongFileError
from liax.files import check_input
from liax.media.video import FASTEST, SLOWEST
from liax.model import LIAX
from liax.portrait.motion import DrivingFrame
from liax.tracks.timing import Timing
from liax.weights.files import fingerprint, write_safetensors

SUFFIX = ".safetensors"
FORMAT = "1"
_MOST_SECONDS = 10_000_000  # 16 weeks
_FINEST = 10**12  # parts of a second that a time may be counted in
_KEYS = ("liax.template", "rate", "tick", "weights")


@dataclass(frozen=True)
class Template:
    """The motion of a driving, for one network; a `Driving` itself.

    Args:
        alpha_TM: Coefficients (T, M) float32, as the network gave them: rounding them to half precision would
            save little (10 minutes at 25 frames a second with 40 vectors are 2.5 MB) and set equal poses
            apart.
        ticks_T: int64 times since the first frame, in units of `tick` seconds.
        starts_shot_T: Bool, where shots begin.
        rate: Nominal frames a second.
        weights: Fingerprint of the network whose coefficients these are.
    """

    alpha_TM: NDArray[np.float32]
    ticks_T: NDArray[np.int64]
    starts_shot_T: NDArray[np.bool_]
    tick: Fraction
    rate: Fraction
    weights: str

    sound = None
    sound_start = Fraction(0)

    @staticmethod
    def of(frames: Iterable[DrivingFrame], rate: Fraction, network: LIAX) -> Template:
        """The template of these frames, at least one, which `network` gave.

        Raises:
            LiaxError: If their times are too fine and too long to be counted in 64 bits.
        """
        alphas, times, starts_shot = [], [], []
        for frame in frames:
            alphas.append(frame.alpha_M)
            times.append(frame.time)
            starts_shot.append(frame.starts_shot)
        timing = Timing.of_times(times, starts_shot, rate)
        return Template.at(np.stack(alphas), timing, fingerprint(network))

    @staticmethod
    def at(alpha_TM: NDArray[np.float32], timing: Timing, weights: str) -> Template:
        """The template of coefficients at these times, which weights of this fingerprint gave."""
        return Template(alpha_TM, timing.ticks_T, timing.starts_shot_T, timing.tick, timing.rate, weights)

    @property
    def timing(self) -> Timing:
        return Timing(self.ticks_T, self.tick, self.rate, self.starts_shot_T)

    @property
    def total(self) -> int:
        return len(self.ticks_T)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return float(int(self.ticks_T[-1]) * self.tick + 1 / self.rate)

    def between(self, since: float | None, until: float | None) -> Template:
        """The part from `since` seconds on and before `until`; ValueError if there is none."""
        part, timing = self.timing.between(since, until)
        return Template.at(self.alpha_TM[part], timing, self.weights)

    def width_at(self, height: int) -> int:
        """0: there is no picture."""
        return 0

    def frames(self) -> Generator[DrivingFrame]:
        """Its frames in order."""
        for alpha_M, ticks, starts_shot in zip(self.alpha_TM, self.ticks_T, self.starts_shot_T, strict=True):
            yield DrivingFrame(int(ticks) * self.tick, alpha_M, bool(starts_shot), None)

    def check(self, network: LIAX, path: Path) -> None:
        """Raise LiaxError unless the template, which came from `path`, is of this network."""
        own = fingerprint(network)
        columns = self.alpha_TM.shape[1]
        if self.weights == own and columns != network.config.vectors:
            raise LiaxError(
                f"{path} is damaged ({columns} coefficients a frame, not {network.config.vectors}); "
                "encode it again."
            )
        if self.weights != own:
            raise LiaxError(
                f"{path} is the motion of other weights ({printable(self.weights[:20])}) than these ({own}), "
                "to which its coefficients mean nothing; give the weights that it was made with, or "
                "encode it anew."
            )


def save_template(template: Template, path: Path, *, overwrite: bool = True) -> None:
    """Write a template, complete or not at all.

    Args:
        overwrite: Whether a file that is at `path` by then is replaced.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If it cannot be written, or has times that `load_template` refuses.
    """
    if faults := _faults(template):
        raise LiaxError(f"{path} cannot hold this motion ({faults})", "check the times of what drives")
    tensors: dict[str, NDArray[Any]] = {
        "alpha": template.alpha_TM,
        "ticks": template.ticks_T,
        "begins": template.starts_shot_T,
    }
    facts = (FORMAT, str(template.rate), str(template.tick), template.weights)
    metadata = dict(zip(_KEYS, facts, strict=True))
    write_safetensors(path, lambda name: save_file(tensors, name, metadata=metadata), overwrite=overwrite)


def load_template(path: Path) -> Template:
    """The template at `path`.

    Raises:
        LiaxError: If it is none, damaged, or of another version of liax.
    """
    check_input(path, "motion template")
    try:
        check_safetensors(path)
        with safe_open(path, framework="np") as file:
            facts = file.metadata() or {}
            if "liax.config" in facts:
                raise WrongFileError(path, "weights", "motion template")
            if "liax.template" not in facts:
                raise WrongFileError(path, "other", "motion template")
            if facts["liax.template"] != FORMAT:
                found = printable(facts["liax.template"][:20])
                raise LiaxError(
                    f"{path} is a motion template of format {found}, and this liax reads {FORMAT}; use the "
                    "version of liax that wrote it, or a newer one."
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, TypeError) as error:  # TypeError: a number format NumPy lacks
        problem = f"{path} is no motion template, or damaged ({short(error)}); encode it again."
        raise LiaxError(problem) from error
    try:
        template = Template(
            tensors["alpha"],
            tensors["ticks"],
            tensors["begins"],
            parse_fraction(facts["tick"]),
            parse_fraction(facts["rate"]),
            facts["weights"],
        )
    except KeyError as error:
        raise LiaxError(f"{path} is damaged (it lacks {error}); encode it again.") from error
    except ValueError as error:
        raise LiaxError(f"{path} is damaged ({error}); encode it again.") from error
    faults = _faults(template)
    if faults:
        raise LiaxError(f"{path} is damaged ({faults}); encode it again.")
    return template


def _faults(template: Template) -> str:
    """What is wrong with its content, or "" if nothing is."""
    alpha_TM, ticks_T, starts_shot_T = template.alpha_TM, template.ticks_T, template.starts_shot_T
    kinds = (alpha_TM.dtype, ticks_T.dtype, starts_shot_T.dtype)
    if kinds != (np.float32, np.int64, np.bool_):
        return "wrong kinds of numbers"
    if (
        alpha_TM.ndim != 2
        or not alpha_TM.size
        or not ticks_T.shape == starts_shot_T.shape == (len(alpha_TM),)
    ):
        return "wrong numbers of frames"
    if not np.isfinite(alpha_TM).all():
        return "coefficients that are no numbers"
    # Compared, because differences of large numbers overflow.
    if ticks_T[0] != 0 or (ticks_T[1:] <= ticks_T[:-1]).any() or template.tick <= 0:
        return "impossible times"
    if int(ticks_T[-1]) * template.tick > _MOST_SECONDS or not SLOWEST <= template.rate <= FASTEST:
        return "impossible times"
    if max(template.tick.denominator, template.rate.denominator) > _FINEST:
        return "impossible times"
    return "" if starts_shot_T.any() else "no beginning"
