"""The computed people that the studio offers as portraits, rendered into src/liax/assets/people.

    pip install -r tools/heads/requirements.txt
    python -m tools.gallery

The same seeds give the same people, so the pictures are part of no history but their own.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from liax.interpretation.dataset import HEAD_FACTORS
from tools.heads.people import PeopleRenderer

FOLDER = Path(__file__).parents[1] / "src" / "liax" / "assets" / "people"
# Name -> seed, number of the person, and how they hold their head (degrees).
PEOPLE = {
    "alex": (1, 8, 6.0),
    "bo": (0, 3, -5.0),
    "cai": (1, 2, 4.0),
    "dee": (0, 7, -6.0),
}
_SIDE, _QUALITY = 512, 90
_SMILE = 0.12


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, (seed, who, yaw) in PEOPLE.items():
        factors = {**dict.fromkeys(HEAD_FACTORS, 0.0), "yaw": yaw, "smile": _SMILE, "size": -0.08}
        picture_RR3 = PeopleRenderer(seed, _SIDE).picture(who, factors, grain=who)
        Image.fromarray(picture_RR3).save(FOLDER / f"{name}.jpg", quality=_QUALITY, optimize=True)


if __name__ == "__main__":
    main()
