"""A small ray caster for heads: soft key light, fill light, ambient occlusion; needs embreex, and scipy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from tools.heads.mesh import BODY, EYE, HAIR, LASH, TEETH, HeadModel, PosedHead
from tools.heads.paint import Appearance, noise, normalised, paint_eye, paint_hair, paint_skin, smooth_step

Array = NDArray[np.float64]
Direction = tuple[float, float, float]

_DISTANCE = 1.15  # of the camera, in metres
_TEETH = np.array([0.55, 0.50, 0.42])


@dataclass(frozen=True)
class Light:
    """Args:
    key, fill: Directions towards the lights, of any length.
    strength: Of the key light, 0…4.
    warmth: Of the key light, 1 a lamp's, 0 white.
    backdrop: Linear colour.
    """

    key: Direction = (0.55, -0.75, 0.55)
    fill: Direction = (-0.8, -0.6, 0.1)
    strength: float = 2.1
    warmth: float = 1.0
    backdrop: Direction = (0.20, 0.21, 0.22)


@dataclass(frozen=True)
class Camera:
    """What the square picture shows in the plane of the eyes, in metres: its side and its centre."""

    side: float = 0.302
    x: float = 0.0
    z: float = -0.020


class RayCaster:
    """Draws one model's heads.

    Args:
        size: Side of pictures, pixels.
        samples: Rays per pixel and axis.

    Raises:
        LiaxError: Without embreex.
    """

    def __init__(self, head: HeadModel, size: int = 256, samples: int = 2) -> None:
        try:
            import embreex.mesh_construction
            import embreex.rtcore_scene
        except ImportError as error:
            raise LiaxError(
                f"Rendering heads needs the package embreex ({error}); "
                "run `pip install -r tools/heads/requirements.txt`."
            ) from None
        self._embree = embreex
        self._head, self._size, self._samples = head, size, samples
        self._drawn = np.unique(head.faces_T3)
        self._solid = np.flatnonzero(head.material_T < LASH)
        line = (np.arange(size * samples) + 0.5) / (size * samples) - 0.5
        self._x, self._z = (axis.reshape(-1, 1) for axis in np.meshgrid(line, -line))

    def draw(
        self,
        posed: PosedHead,
        look: Appearance,
        light: Light,
        camera: Camera,
        *,
        seed: int = 0,
        bald: bool = False,
    ) -> NDArray[np.uint8]:
        """The RGB uint8 picture (size, size, 3).

        Args:
            seed: Of its grain.
            bald: Leaves the hair out.
        """
        start, rays_R3 = self._rays(camera)
        triangle, u, v, lash = self._hits(posed, start, rays_R3, bald)
        image_R3 = self._backdrop(light)
        seen = np.flatnonzero(triangle >= 0)
        image_R3[seen] = self._shade(
            posed, look, light, triangle[seen], u[seen], v[seen], -rays_R3[seen], bald
        )
        hairs = noise(3, self._between(self._head.rest_V3, triangle, u, v)[lash] * [1, 0.2, 0.2], 3000)
        image_R3[lash] *= np.where(triangle[lash] >= 0, 0.5 - 0.3 * smooth_step(hairs, -0.5, 0.8), 1)[:, None]
        image = image_R3.reshape(self._size, self._samples, self._size, self._samples, 3).mean((1, 3))
        image = 1.12 * image / (1 + 0.18 * image)  # a soft shoulder, then sRGB and a little grain
        root = 1.055 * np.maximum(image, 1e-6) ** (1 / 2.4) - 0.055
        image = np.where(image < 0.0031308, image * 12.92, root)
        image = image + 0.006 * np.random.default_rng(seed).normal(size=(self._size, self._size, 1))
        return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)

    def _rays(self, camera: Camera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        eye = np.array([0, -_DISTANCE, 0.0])
        target_R3 = np.hstack(
            [self._x * camera.side + camera.x, 0 * self._x - 0.02, self._z * camera.side + camera.z]
        )
        start_R3 = np.tile(eye.astype(np.float32), (len(target_R3), 1))
        return start_R3, normalised(target_R3 - eye).astype(np.float32)

    def _scene(self, points_V3: Array, faces_T3: NDArray[np.int64]) -> Any:
        scene = self._embree.rtcore_scene.EmbreeScene()
        self._embree.mesh_construction.TriangleMesh(
            scene, points_V3.astype(np.float32), faces_T3.astype(np.int32)
        )
        return scene

    def _hits(
        self, posed: PosedHead, start_R3: NDArray[np.float32], rays_R3: NDArray[np.float32], bald: bool
    ) -> tuple[NDArray[np.int64], Array, Array, NDArray[np.int64]]:
        """Triangle (-1 none) and place in it that each ray sees, and the rays that pass lashes.

        Lashes only darken what is behind them, and the hair's outline is ragged: there, look behind both.
        """
        head = self._head
        kept = np.flatnonzero(head.material_T != HAIR) if bald else np.arange(len(head.faces_T3))
        hit = self._scene(posed.points_V3, head.faces_T3[kept]).run(
            start_R3, rays_R3, query="INTERSECT", output=True
        )
        triangle = np.where(hit["primID"] < 0, -1, kept[hit["primID"]])
        u, v = hit["u"].astype(float), hit["v"].astype(float)
        kind = np.where(triangle < 0, -1, head.material_T[triangle])
        normals_R3 = posed.normals_V3[head.faces_T3[triangle]].mean(1)
        slope = np.abs((normals_R3 * rays_R3).sum(1))
        ragged = np.random.default_rng(7).random(len(slope)) > smooth_step(slope, 0, 0.25)
        behind = np.flatnonzero((kind == LASH) | (ragged & (kind == HAIR)))
        hit = self._scene(posed.points_V3, head.faces_T3[self._solid]).run(
            start_R3[behind], rays_R3[behind], query="INTERSECT", output=True
        )
        triangle[behind] = np.where(hit["primID"] < 0, -1, self._solid[hit["primID"]])
        u[behind], v[behind] = hit["u"], hit["v"]
        return triangle, u, v, np.flatnonzero(kind == LASH)

    def _between(self, values_VC: Array, triangle: NDArray[np.int64], u: Array, v: Array) -> Array:
        a, b, c = values_VC[self._head.faces_T3[triangle]].transpose(1, 0, 2)
        return a * (1 - u - v)[:, None] + b * u[:, None] + c * v[:, None]

    def _lit(self, posed: PosedHead, light: Light) -> tuple[Array, Array]:
        """Ambient occlusion and the soft visibility of the key light at the vertices, 0…1."""
        scene, used = self._scene(posed.points_V3, self._head.faces_T3), self._drawn
        start = (posed.points_V3 + 0.0012 * posed.normals_V3)[used].astype(np.float32)
        ambient, total, key = np.zeros(len(used)), np.full(len(used), 1e-6), np.zeros(len(used))

        def unobstructed(towards: Array, far: float) -> NDArray[np.bool_]:
            rays = np.tile(towards.astype(np.float32), (len(used), 1))
            limit = np.full(len(used), far, np.float32)
            return np.asarray(scene.run(start, rays, dists=limit, query="OCCLUDED") < 0)

        towards_key = normalised(np.array(light.key))
        for i, direction in enumerate(normalised(np.random.default_rng(0).normal(size=(48, 3)))):
            facing = np.maximum(posed.normals_V3[used] @ direction, 0)
            ambient += facing * unobstructed(direction, 0.12)
            total += facing
            if i < 16:
                key += unobstructed(normalised(towards_key + 0.22 * direction), 2.0) / 16
        occlusion_V, shade_V = np.zeros(len(posed.points_V3)), np.zeros(len(posed.points_V3))
        occlusion_V[used], shade_V[used] = ambient / total, key
        return occlusion_V, shade_V

    def _shade(
        self,
        posed: PosedHead,
        look: Appearance,
        light: Light,
        triangle: NDArray[np.int64],
        u: Array,
        v: Array,
        view_R3: NDArray[np.floating],
        bald: bool,
    ) -> Array:
        """Colours (R, 3) of what R rays hit."""
        head = self._head
        values_VC = np.column_stack(
            [posed.points_V3, head.rest_V3, posed.normals_V3, *self._lit(posed, light), head.masks_V3]
        )
        values = self._between(values_VC, triangle, u, v)
        point, rest, n, ao, shade, lips, mouth, ears = np.split(values, [3, 6, 9, 10, 11, 12, 13], 1)
        ao, shade = np.clip(ao, 0, 1), np.clip(shade, 0, 1)  # rays at an edge interpolate a little outside
        n, kind = normalised(n), head.material_T[triangle]
        body, eye, teeth, hair = (kind == i for i in (BODY, EYE, TEETH, HAIR))
        colour, gloss, wrap = np.zeros_like(n), np.zeros(len(n)), np.tile([0.42, 0.24, 0.18], (len(n), 1))
        masks = [mask[body, 0] for mask in (lips, mouth, ears)]
        colour[body], gloss[body], shirt = paint_skin(look, rest[body], masks, bald)
        wrap[np.flatnonzero(body)[shirt > 0.5]] = 0.05
        n[body] += 0.025 * np.stack([noise(i, rest[body], 900) for i in range(3)], 1)
        for which, centre in zip(head.eyes, posed.eyes_23, strict=True):
            middle = head.rest_V3[which].mean(0)
            mine = eye & (np.linalg.norm(rest - middle, axis=1) < 0.02)
            colour[mine] = paint_eye(look, normalised(rest[mine] - middle))
            n[mine] = normalised(point[mine] - centre)
        deep = smooth_step(rest[teeth, 1:2], -0.017, 0.002) * [0.8, 0.9, 0.92]  # molars lie in the dark
        colour[teeth], gloss[teeth], wrap[teeth] = _TEETH * (1 - deep), 0.3 * (1 - deep[:, 0]), 0.2
        colour[hair], gloss[hair] = paint_hair(look, rest[hair])
        wrap[hair], gloss[eye] = 0.1, 11
        cavity = (teeth | (mouth[:, 0] > 0.5))[:, None]
        ao, shade = np.where(cavity, ao**0.45, ao), np.where(cavity, np.maximum(shade, 0.3), shade)
        ao = np.where(eye[:, None], 0.2 + 0.8 * ao, ao)
        shade = np.where(eye[:, None], 0.15 + 0.85 * shade, shade)
        # Wrapped diffuse light, more of it in red, stands for scattering in the skin.
        key, fill = normalised(np.array(light.key)), normalised(np.array(light.fill))
        diffuse = np.clip(((n @ key)[:, None] + wrap) / (1 + wrap), 0, 1) ** 1.2
        soft = 0.26 * np.clip((n @ fill + 0.3) / 1.3, 0, 1) + 0.20 + 0.10 * n[:, 2]
        tint = np.array([0, -0.05, -0.12]) * light.warmth + 1
        bright = light.strength * diffuse * shade ** np.array([0.75, 1, 1.1]) * tint
        bright += ao ** np.array([0.85, 1.1, 1.2]) * soft[:, None] * [0.92, 0.98, 1.08]
        rim = 0.05 * (1 - np.clip((n * view_R3).sum(1), 0, 1)) ** 3
        rough = np.select([eye, lips[:, 0] > 0.5], [400, 45], 16)
        shine = [np.clip((n * normalised(view_R3 + to)).sum(1), 0, 1) ** rough for to in (key, fill)]
        shine_R = 0.22 * gloss * (shine[0] * shade[:, 0] + 0.25 * shine[1] * ao[:, 0]) + rim * ao[:, 0]
        return colour * bright + shine_R[:, None]

    def _backdrop(self, light: Light) -> Array:
        backdrop = (1 + 0.5 * self._z - 0.35 * self._x) * light.backdrop
        for at_x, at_z, wide, colour in (
            (-0.38, 0.25, 0.16, [0.3, 0.22, 0.13]),
            (0.42, -0.1, 0.2, [0.05, 0.09, 0.11]),
        ):
            distance = (self._x - at_x) ** 2 + (self._z - at_z) ** 2
            backdrop = backdrop + np.exp(-distance / (2 * wide**2)) * colour
        return np.asarray(backdrop)
