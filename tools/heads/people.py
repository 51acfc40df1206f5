"""Computed people: shape, skin, hair and light drawn at random, moved by named factors, framed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import FACE_CENTRE, FACE_SIZE
from tools.heads.mesh import Body, HeadModel, HeadPose, PosedHead
from tools.heads.paint import Appearance
from tools.heads.raycaster import Camera, Light, RayCaster

# What stays where it is when a head turns: within the face, because portraits are framed around faces.
_PIVOT = np.array([0.0, 0.03, -0.03])
# Heights on the standard head between which MediaPipe's landmarks lie.
_TOP, _CHIN = 0.057, -0.116
# Of the rig's blink, at which lids meet.
_SHUT = 0.6
# From light to dark skin, from black over brown and red to fair and grey hair, and irises: linear RGB.
_SKINS = np.array([[0.66, 0.43, 0.33], [0.56, 0.335, 0.24], [0.36, 0.19, 0.12], [0.13, 0.06, 0.035]])
_HAIRS = np.array(
    [
        [0.012, 0.010, 0.009],
        [0.035, 0.02, 0.013],
        [0.11, 0.045, 0.018],
        [0.30, 0.19, 0.09],
        [0.30, 0.29, 0.28],
    ]
)
_IRISES = np.array([[0.06, 0.03, 0.015], [0.11, 0.065, 0.03], [0.10, 0.12, 0.05], [0.09, 0.15, 0.22]])


@dataclass(frozen=True)
class SyntheticPerson:
    """A person in their light.

    Args:
        body, look: Shape, and colours of skin, hair and eyes.
        light: That they stand in.
        camera: That frames their face at rest.
        bald: Whether hair is left out.
    """

    body: Body
    look: Appearance
    light: Light
    camera: Camera
    bald: bool


class PeopleRenderer:
    """Draws the people of one seed, each made when first needed.

    Args:
        size: Side of pictures, pixels.
        samples: Rays per pixel and axis; with one, edges are rough and a picture costs a third.

    Raises:
        LiaxError: Without anny or embreex.
    """

    def __init__(self, seed: int, size: int, samples: int = 2) -> None:
        self._seed, self._model = seed, HeadModel()
        self._renderer = RayCaster(self._model, size, samples)
        self._scalp = np.flatnonzero(self._model.rest_V3[: self._model.body_count, 2] > 0.08)
        self._people: dict[int, SyntheticPerson] = {}

    def picture(self, who: int, factors: Mapping[str, float], grain: int) -> NDArray[np.uint8]:
        """Person `who` with these values of HEAD_FACTORS: RGB uint8 (size, size, 3)."""
        person = self.person(who)
        pose = pose_of(factors)
        posed = person.body.posed(pose)
        return self._renderer.draw(
            posed.moved(self._back(person.body, pose, posed)),
            person.look,
            person.light,
            _shifted(person.camera, factors["x"], factors["y"], factors["size"]),
            seed=grain,
            bald=person.bald,
        )

    def person(self, who: int) -> SyntheticPerson:
        if who not in self._people:
            self._people[who] = self._random_person(np.random.default_rng([self._seed, 1, who]), who)
        return self._people[who]

    def _random_person(self, dice: np.random.Generator, who: int) -> SyntheticPerson:
        """Skin tones, sexes and ages are spread over the people; the rest is left to chance."""
        tone = (who * 5 % 12 + dice.random()) / 12  # 0 lightest … 1 darkest
        african = float(np.clip(1.6 * tone - 0.5, 0, 1))
        asian = float(dice.uniform(0, 1) * (1 - african))
        male = who % 2 == 1
        age = float(dice.uniform(0.58, 0.9))
        bald = male and dice.random() < 0.3
        shape = {
            "gender": float(dice.uniform(0.7, 1) if male else dice.uniform(0, 0.25)),
            "age": age,
            "muscle": float(dice.uniform(0.3, 0.8)),
            "weight": float(dice.uniform(0.15, 0.85)),
            "african": african,
            "asian": asian,
            "caucasian": 1 - african - asian,
        }
        skin = _mixed(_SKINS, tone)
        hair = _mixed(_HAIRS, dice.random() if tone < 0.5 else 0.3 * dice.random())
        hair = hair + (_HAIRS[-1] - hair) * float(np.clip((age - 0.75) / 0.2, 0, 1))
        rosy = dice.uniform(0.3, 0.8)
        look = Appearance(
            skin=_colour(skin * dice.uniform(0.92, 1.08, 3)),
            lips=_colour(skin * [0.75 + 0.2 * rosy, 0.55 - 0.25 * rosy, 0.6 - 0.25 * rosy]),
            hair=_colour(hair),
            iris=_colour(_mixed(_IRISES, dice.random() if tone < 0.5 else 0.3 * dice.random())),
            shirt=_colour(dice.uniform(0.02, 0.4) * dice.uniform(0.6, 1.4, 3)),
            beard=float(dice.uniform(0.15, 0.6)) if male else 0.0,
        )
        body = Body(self._model, shape, 0.0 if bald else float(dice.uniform(0.7, 2.0)))
        return SyntheticPerson(body, look, _light(dice, tone), self._camera(body), bald)

    def _camera(self, body: Body) -> Camera:
        """Top and chin of the face at rest fill FACE_SIZE of the side, FACE_CENTRE being their middle."""
        standard_V3 = self._model.rest_V3[: self._model.body_count]
        front = (np.abs(standard_V3[:, 0]) < 0.012) & (standard_V3[:, 1] < 0.03) & self._model.skin_V
        top, chin = (
            body.rest_V3[np.flatnonzero(front)[np.abs(standard_V3[front, 2] - z).argmin()], 2]
            for z in (_TOP, _CHIN)
        )
        side = (top - chin) / FACE_SIZE
        return Camera(side, (0.5 - FACE_CENTRE[0]) * side, (top + chin) / 2 + (FACE_CENTRE[1] - 0.5) * side)

    def _back(self, body: Body, pose: HeadPose, posed: PosedHead) -> NDArray[np.float64]:
        """The way back to where the head's pivot was at rest: the scalp tells where the head has gone."""
        rest_3, now_3 = body.rest_V3[self._scalp].mean(0), posed.points_V3[self._scalp].mean(0)
        return np.asarray(_PIVOT - now_3 - pose.rotation.apply(_PIVOT - rest_3))


def pose_of(factors: Mapping[str, float]) -> HeadPose:
    """How the rig moves so that the face does what the factors say; pucker and wink may be missing."""
    jaw, smile, blink, brow = (factors[name] for name in ("jaw", "smile", "blink", "brow"))
    right, up = factors["gaze-x"] / 30, factors["gaze-y"] / 30
    wink = factors.get("wink", 0.0)
    shut = {"Left": blink + wink, "Right": blink - wink}
    both = {
        "mouthSmile": smile,
        "cheekSquint": 0.4 * smile,
        "mouthLowerDown": 0.3 * jaw,
        "browOuterUp": 0.8 * max(brow, 0),
        "browDown": max(-brow, 0),
    }
    actions = {name + side: value for name, value in both.items() for side in shut}
    for side, lid in shut.items():
        actions["eyeBlink" + side] = _SHUT * lid
        # Lids follow the eyes, which the bones turn.
        actions["eyeLookUp" + side] = max(up, 0) * (1 - lid)
        actions["eyeLookDown" + side] = max(-up, 0) * (1 - lid)
    # The head's left is the viewer's right.
    actions |= {"eyeLookOutLeft": max(right, 0), "eyeLookInRight": max(right, 0)}
    actions |= {"eyeLookInLeft": max(-right, 0), "eyeLookOutRight": max(-right, 0)}
    actions |= {"jawOpen": jaw, "browInnerUp": max(brow, 0), "mouthPucker": factors.get("pucker", 0.0)}
    return HeadPose(
        factors["yaw"], factors["pitch"], factors["roll"], factors["gaze-x"], factors["gaze-y"], actions
    )


def _shifted(camera: Camera, x: float, y: float, size: float) -> Camera:
    """Shows the face further right by x and down by y, in sides, and exp(size) times as large."""
    side = camera.side * float(np.exp(-size))
    centre_z = camera.z - (FACE_CENTRE[1] - 0.5) * camera.side  # of the face
    return Camera(side, camera.x - x * side, centre_z + (FACE_CENTRE[1] - 0.5 + y) * side)


def _light(dice: np.random.Generator, tone: float) -> Light:
    azimuth, height = np.radians(dice.uniform(-55, 55)), dice.uniform(0.1, 0.8)
    other = -azimuth + np.radians(dice.uniform(-20, 20))
    return Light(
        (float(np.sin(azimuth)), float(-np.cos(azimuth)), float(height)),
        (float(np.sin(other)), float(-np.cos(other)), float(dice.uniform(-0.1, 0.4))),
        strength=float(dice.uniform(1.5, 2.4) + 1.2 * tone),
        warmth=float(dice.uniform(-0.5, 2)),
        backdrop=_colour(dice.uniform(0.03, 0.5) * dice.uniform(0.7, 1.3, 3)),
    )


def _mixed(palette_C3: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    places = np.linspace(0, 1, len(palette_C3))
    return np.array([np.interp(at, places, channel) for channel in palette_C3.T])


def _colour(rgb: NDArray[np.float64]) -> tuple[float, float, float]:
    red, green, blue = np.clip(rgb, 0, 1).tolist()
    return red, green, blue
