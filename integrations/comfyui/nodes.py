"""The six nodes, thin shells over `liax.portrait`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import torch
from comfy_api.v0_0_2 import io

import liax
from liax.errors import LiaxError
from liax.options import AnimateOptions, EditOptions, EditVideoOptions, parse_names, parse_settings
from liax.portrait import Animator, animate, edit_image, edit_video, open_portrait
from liax.weights.controls import Controls, read_controls
from liax.weights.loading import DEFAULT, open_weights

from . import media
from . import motion as motions

Network = io.Custom("LIAX_NETWORK")
Edit = io.Custom("LIAX_EDIT")
Motion = io.Custom("LIAX_MOTION")

_CATEGORY = "liax"
_WHOLE = "Off: only the square around the face."
_MARK = (
    "Marks the result as synthetic: invisibly in its pixels, and in tags of videos. "
    "Off: nothing tells the result from a recording, so switch it off for research only."
)
_DEVICES = ["fastest", "cuda", "mps", "cpu"]
_BEGINNINGS = {
    "keep the portrait's own pose": {},
    "take the driving's head pose": {"align": "pose"},
    "take the driving's expression": {"align": "expression"},
    "take both": {"align": "all"},
    "copy the driving's poses throughout": {"absolute": True},
}


@cache
def default_controls() -> Controls:
    """The controls of the weights that are installed, which the node Controls has a slider for each of."""
    try:
        stored = open_weights(DEFAULT)
    except LiaxError:  # the node then takes settings as text only
        return Controls(0, ())
    return read_controls(stored.metadata, stored.config.vectors)


class LiaxLoad(io.ComfyNode):
    """Weights, ready on their device."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LiaxLoad",
            display_name="Load liax",
            category=_CATEGORY,
            description="Loads weights of liax.",
            inputs=[
                io.String.Input("weights", default=DEFAULT, tooltip="Installed weights' name, or a file."),
                io.Combo.Input("device", options=_DEVICES, default=_DEVICES[0]),
            ],
            outputs=[Network.Output(display_name="network")],
        )

    @classmethod
    def execute(cls, weights: str, device: str) -> io.NodeOutput:
        return io.NodeOutput(Animator(liax.load(weights), None if device == _DEVICES[0] else device))


class LiaxControls(io.ComfyNode):
    """What to change of a face, a slider for each control of the installed weights."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        sliders = [
            io.Float.Input(
                control.name,
                optional=True,  # so that a workflow fits other weights, too
                default=0.0,
                min=control.low,
                max=control.high,
                step=1.0 if control.unit == "deg" else 0.01,
                display_mode=io.NumberDisplay.slider,
                tooltip=f"{control.meaning or control.group} ({control.range})",
            )
            for control in default_controls()
        ]
        more = io.String.Input(
            "more",
            default="",
            optional=True,
            tooltip="Other settings, such as yaw=15deg,smile=0.5,12=0.3. They win over sliders.",
        )
        return io.Schema(
            node_id="LiaxControls",
            display_name="liax controls",
            category=_CATEGORY,
            description="Pose and expression, for Edit Image, Edit Video and Animate.",
            inputs=[*sliders, more],
            outputs=[Edit.Output(display_name="edit")],
        )

    @classmethod
    def execute(cls, more: str = "", **amounts: float) -> io.NodeOutput:
        moved: dict[str, Any] = {name: amount for name, amount in amounts.items() if amount}
        return io.NodeOutput(moved | (parse_settings([more]) if more.strip() else {}))


class LiaxEditImage(io.ComfyNode):
    """Pictures with another pose and expression."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LiaxEditImage",
            display_name="Edit image with liax",
            category=_CATEGORY,
            description="Changes pose and expression of the face in every picture of a batch.",
            inputs=[
                Network.Input("network"),
                io.Image.Input("image"),
                Edit.Input("edit"),
                io.Boolean.Input("whole_picture", default=True, tooltip=_WHOLE),
                io.Mask.Input("mask", optional=True, tooltip="Where the edit may change the whole picture."),
                _mark_input(),
            ],
            outputs=[io.Image.Output(display_name="image")],
        )

    @classmethod
    def execute(
        cls,
        network: Animator,
        image: torch.Tensor,
        edit: dict[str, Any],
        whole_picture: bool,
        mask: torch.Tensor | None = None,
        mark: bool = True,
    ) -> io.NodeOutput:
        tell, given = media.progress(), media.pictures(image)
        edited = []
        for done, picture_HW3 in enumerate(given):
            tell("editing", done, len(given))
            result = edit_image(network, picture_HW3, edit, EditOptions(paste=whole_picture))
            edited.append(result.picture_HW3)
        tell("editing", len(given), len(given))
        drawn_BHWC = media.image(edited)
        if mask is not None:
            if not whole_picture:
                raise LiaxError("A mask is of the whole picture", "switch that on, or take the mask away")
            shares_BHW1 = mask.float().clamp(0, 1)[..., None].cpu()
            if shares_BHW1.shape[1:3] != drawn_BHWC.shape[1:3]:
                raise LiaxError("The mask has another size than the picture", "scale it first")
            drawn_BHWC = torch.lerp(media.image(given), drawn_BHWC, shares_BHW1)
        return io.NodeOutput(media.marked(drawn_BHWC) if mark else drawn_BHWC)


class LiaxEditVideo(io.ComfyNode):
    """A video with another pose and expression throughout."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LiaxEditVideo",
            display_name="Edit video with liax",
            category=_CATEGORY,
            description="Changes pose and expression throughout a video. Size, rate and sound stay.",
            inputs=[
                Network.Input("network"),
                io.Video.Input("video"),
                Edit.Input("edit"),
                io.Boolean.Input("whole_picture", default=True, tooltip=_WHOLE),
                _mark_input(),
            ],
            outputs=[io.Video.Output(display_name="video")],
        )

    @classmethod
    def execute(
        cls, network: Animator, video: Any, edit: dict[str, Any], whole_picture: bool, mark: bool = True
    ) -> io.NodeOutput:
        tell = media.progress()
        options = EditVideoOptions(paste=whole_picture)
        clip = edit_video(network, media.video_file(video), edit, options, progress=tell)
        return io.NodeOutput(media.written(clip, mark, tell))


class LiaxMotion(io.ComfyNode):
    """Motion of a video or file, joined with other motion, and saved."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LiaxMotion",
            display_name="liax motion",
            category=_CATEGORY,
            description="Reads motion, takes some controls from another motion, and saves the result.",
            inputs=[
                Network.Input("network"),
                io.Video.Input("video", optional=True),
                io.String.Input(
                    "file",
                    default="",
                    optional=True,
                    tooltip="In the input folder: a template (.safetensors), a track (.csv, .json), "
                    "keyframes (.toml), or a file of Live Link Face, MediaPipe or OpenFace.",
                ),
                Motion.Input("other", optional=True, tooltip="Another motion, of which some is taken."),
                io.String.Input(
                    "take", default="mouth", optional=True, tooltip="Controls or groups to take from it."
                ),
                io.String.Input(
                    "save_as",
                    default="",
                    optional=True,
                    tooltip="In the output folder: .safetensors, .csv or .json.",
                ),
            ],
            outputs=[Motion.Output(display_name="motion")],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        network: Animator,
        video: Any = None,
        file: str = "",
        other: Any = None,
        take: str = "",
        save_as: str = "",
    ) -> io.NodeOutput:
        if (video is None) == (not file.strip()):
            raise LiaxError("Motion comes from a video or from a file", "give one of them")
        path = (
            media.video_file(video)
            if video is not None
            else _inside(folder_paths.get_input_directory(), file)
        )
        motion = motions.load(network, path, media.progress())
        if other is not None:
            motion = motions.combine(network, motion, other, parse_names(take))
        if save_as.strip():
            motions.save(network, motion, _inside(folder_paths.get_output_directory(), save_as))
        return io.NodeOutput(motion)


class LiaxAnimate(io.ComfyNode):
    """A portrait moved by a video or by motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        beginnings = list(_BEGINNINGS)
        return io.Schema(
            node_id="LiaxAnimate",
            display_name="Animate with liax",
            category=_CATEGORY,
            description="Moves a portrait like the face in a video, or by motion. One of the two is needed.",
            inputs=[
                Network.Input("network"),
                io.Image.Input("portrait", tooltip="The first picture of the batch is moved."),
                io.Video.Input("driving", optional=True),
                Motion.Input("motion", optional=True),
                Edit.Input("edit", optional=True),
                io.Audio.Input("audio", optional=True, tooltip="Takes the place of the driving's sound."),
                io.Combo.Input("beginning", options=beginnings, default=beginnings[0]),
                io.Float.Input("strength", default=1.0, min=0.0, max=4.0, step=0.05),
                io.Boolean.Input("smooth", default=False, tooltip="Takes jitter out of the motion."),
                io.Boolean.Input("whole_picture", default=False, tooltip=_WHOLE),
                _mark_input(),
            ],
            outputs=[io.Video.Output(display_name="video")],
        )

    @classmethod
    def execute(
        cls,
        network: Animator,
        portrait: torch.Tensor,
        beginning: str,
        strength: float,
        smooth: bool,
        whole_picture: bool,
        driving: Any = None,
        motion: Any = None,
        edit: dict[str, Any] | None = None,
        audio: dict[str, Any] | None = None,
        mark: bool = True,
    ) -> io.NodeOutput:
        if (driving is None) == (motion is None):
            raise LiaxError("A portrait is moved by a video or by motion", "connect one of them")
        tell = media.progress()
        options = AnimateOptions(
            strength=strength, smooth=smooth, paste=whole_picture, set=edit or {}, **_BEGINNINGS[beginning]
        )
        opened = open_portrait(network, np.ascontiguousarray(media.pictures(portrait[:1])[0]), options)
        moved_by = media.video_file(driving) if driving is not None else motion
        clip = animate(network, opened, moved_by, options, progress=tell)
        return io.NodeOutput(media.written(clip, mark, tell, audio))


NODES = (LiaxLoad, LiaxAnimate, LiaxEditImage, LiaxEditVideo, LiaxControls, LiaxMotion)


def _mark_input() -> Any:
    """Optional, so that workflows fit that were saved without it: they are marked."""
    return io.Boolean.Input("mark", default=True, optional=True, tooltip=_MARK)


def _inside(folder: str, name: str) -> Path:
    """A file in a folder of the application.

    Raises:
        LiaxError: If the name leads out of it: workflows come from strangers.
    """
    root = Path(folder).resolve()
    path = (root / name.strip()).resolve()
    if not path.is_relative_to(root) or path == root:
        raise LiaxError(f"{name} is not in {root}", "name a file in that folder")
    return path
