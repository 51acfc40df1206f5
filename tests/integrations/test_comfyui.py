"""The nodes of integrations/comfyui: schemas, values in and out, workflows; in a stand-in."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest
import torch
from comfy_stand_in import Application, InterruptProcessingException, VideoFromFile, application
from numpy.typing import NDArray
from PIL import Image

from clips import moving_face, write_clip
from liax.errors import LiaxError
from liax.marking.verify import read_mark
from liax.media.pixel_marks import read_pixel_mark
from liax.media.video import Video
from liax.model import LIAX
from liax.options import EditOptions
from liax.portrait import Animator, edit_image
from liax.tracks.timing import Timing
from liax.tracks.track import Track
from liax.tracks.track_file import write_track
from liax.weights.controls import Control, Controls
from liax.weights.files import build
from liax.weights.loading import load, open_weights

FOLDER = Path(__file__).parents[2] / "integrations" / "comfyui"
CONTROLS = (
    Control("yaw", "head", {0: 0.02}, -30, 30, "deg", "turns to the viewer's right"),
    Control("jaw", "mouth", {1: 1.0}, 0, 1, meaning="opens the mouth"),
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    with application(tmp_path_factory.mktemp("application")) as made:
        yield made


@pytest.fixture(scope="module")
def pack(app: Application) -> Iterator[ModuleType]:
    """The pack, imported as the application does it: by its folder, under a name of its own."""
    place = importlib.util.spec_from_file_location(
        "liax_nodes", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    sys.modules["liax_nodes"] = module
    place.loader.exec_module(module)
    yield module
    for name in [name for name in sys.modules if name.startswith("liax_nodes")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def nodes(pack: ModuleType) -> dict[str, Any]:
    async def listed() -> list[Any]:
        extension = await pack.comfy_entrypoint()
        return list(await extension.get_node_list())

    with ThreadPoolExecutor(1) as thread:  # a browser of other tests may have a loop running in this one
        found = thread.submit(asyncio.run, listed()).result()
    return {node.define_schema().node_id: node for node in found}


@pytest.fixture
def app_now(app: Application) -> Application:
    app.progress.clear()
    app.interrupt_after = None
    return app


@pytest.fixture(scope="module")
def network(tiny: LIAX) -> Animator:
    animator = Animator(tiny, "cpu")
    animator.controls = Controls(tiny.config.vectors, CONTROLS)
    return animator


@pytest.fixture(scope="module")
def clip(portrait_HW3: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> VideoFromFile:
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    return VideoFromFile(str(write_clip(path, moving_face(portrait_HW3, 6), rate=12, sound="aac")))


@pytest.fixture(scope="module")
def portrait(portrait_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half as large, which is quicker."""
    return np.ascontiguousarray(portrait_HW3[::2, ::2])


@pytest.fixture(scope="module")
def image(portrait: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(portrait)[None].float() / 255


def content(video: VideoFromFile) -> list[NDArray[np.uint8]]:
    return [frame.rgb() for frame in Video(Path(str(video.get_stream_source())))]


def test_six_nodes(nodes: dict[str, Any]) -> None:
    assert sorted(nodes) == [
        "LiaxAnimate",
        "LiaxControls",
        "LiaxEditImage",
        "LiaxEditVideo",
        "LiaxLoad",
        "LiaxMotion",
    ]
    for node in nodes.values():
        schema = node.define_schema()
        assert schema.category == "liax"
        assert schema.description.endswith(".")


def test_load(app_now: Application, nodes: dict[str, Any], tiny_weights: Path) -> None:
    animator = app_now.run(nodes["LiaxLoad"], weights=str(tiny_weights), device="cpu")
    assert isinstance(animator, Animator)
    assert animator.fingerprint == Animator(load(tiny_weights), "cpu").fingerprint
    with pytest.raises(LiaxError, match="no file"):
        app_now.run(nodes["LiaxLoad"], weights="nothing-of-that-name")


def test_a_slider_for_each_control_of_the_installed_weights(
    app_now: Application, nodes: dict[str, Any]
) -> None:
    stored = open_weights()
    known = Animator(build(stored), "cpu").controls
    sliders = {one.id: one for one in nodes["LiaxControls"].define_schema().inputs if one.io_type == "FLOAT"}
    assert list(sliders) == [control.name for control in known]
    for control in known:
        one = sliders[control.name]
        assert (one.min, one.max, one.default) == (control.low, control.high, 0)
        assert one.display_mode == "slider"
    assert app_now.run(nodes["LiaxControls"]) == {}
    first = next(iter(known))
    edit = app_now.run(nodes["LiaxControls"], **{first.name: first.high}, more="3=0.5")
    assert edit[first.name] == first.high
    assert edit["#3"].value == 0.5


def test_edit_image(
    app_now: Application,
    nodes: dict[str, Any],
    network: Animator,
    image: torch.Tensor,
    portrait: NDArray[np.uint8],
) -> None:
    batch = image.repeat(2, 1, 1, 1)
    edited = app_now.run(nodes["LiaxEditImage"], network=network, image=batch, edit={"jaw": 0.8}, mark=False)
    wanted = edit_image(network, portrait, {"jaw": 0.8}, EditOptions(paste=True)).picture_HW3
    assert edited.shape == batch.shape
    assert np.array_equal((edited[1] * 255).round().numpy().astype(np.uint8), wanted)
    assert app_now.progress[-1] == (2, 2)
    square = app_now.run(
        nodes["LiaxEditImage"], network=network, image=image, edit={"jaw": 0.8}, whole_picture=False
    )
    assert square.shape == (1, 64, 64, 3)


def test_a_mask_says_where(
    app_now: Application, nodes: dict[str, Any], network: Animator, image: torch.Tensor
) -> None:
    node = nodes["LiaxEditImage"]
    given = {"network": network, "image": image, "edit": {"jaw": 1.0}, "mark": False}
    free = app_now.run(node, **given)
    mask = torch.zeros(1, *image.shape[1:3])
    mask[:, :, 128:] = 1
    held = app_now.run(node, **given, mask=mask)
    assert torch.equal(held[:, :, :128], image[:, :, :128])
    assert torch.allclose(held[:, :, 128:], free[:, :, 128:])
    assert not torch.equal(free[:, :, :128], image[:, :, :128])
    with pytest.raises(LiaxError, match="another size"):
        app_now.run(node, **given, mask=mask[:, :100])
    with pytest.raises(LiaxError, match="whole picture"):
        app_now.run(node, **given, mask=mask, whole_picture=False)


def saved_png(image: torch.Tensor, path: Path) -> Path:
    """The first of a batch, as the application's node Save Image saves it."""
    levels = 255.0 * image[0].cpu().numpy()
    Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)).save(path)
    return path


def test_images_that_other_nodes_save_are_marked(
    app_now: Application, nodes: dict[str, Any], network: Animator, image: torch.Tensor, tmp_path: Path
) -> None:
    given = {"network": network, "image": image, "edit": {"jaw": 0.8}}
    mask = torch.zeros(1, *image.shape[1:3])  # the mark is also where the mask lets nothing change
    marked = app_now.run(nodes["LiaxEditImage"], **given, mask=mask)
    assert read_pixel_mark(saved_png(marked, tmp_path / "marked.png")).marked
    assert 0 < (marked - image).abs().max() < 0.1
    plain = app_now.run(nodes["LiaxEditImage"], **given, mark=False)
    assert not read_pixel_mark(saved_png(plain, tmp_path / "plain.png")).marked


def test_all_that_gives_pictures_marks_them_by_default(nodes: dict[str, Any]) -> None:
    for name, node in nodes.items():
        schema = node.define_schema()
        inputs = {one.id: one for one in schema.inputs}
        if {one.io_type for one in schema.outputs} & {"IMAGE", "VIDEO"}:
            assert (inputs["mark"].default, inputs["mark"].optional) == (True, True)
            assert "nothing tells the result from a recording" in inputs["mark"].tooltip
        else:
            assert name in ("LiaxLoad", "LiaxControls", "LiaxMotion")


def test_edit_video(
    app_now: Application, nodes: dict[str, Any], network: Animator, clip: VideoFromFile
) -> None:
    result = app_now.run(nodes["LiaxEditVideo"], network=network, video=clip, edit={"yaw": 10.0})
    before, after = content(clip), content(result)
    assert len(after) == len(before)
    assert after[0].shape == before[0].shape
    assert app_now.progress[-1][0] == len(before)
    path = Path(str(result.get_stream_source()))
    mark = read_mark(path)
    assert (mark.finding, mark.facts["operation"]) == ("signed", "edit-video")
    assert read_pixel_mark(path).marked
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 1


def test_a_video_is_not_marked_if_it_is_not_to_be(
    app_now: Application, nodes: dict[str, Any], network: Animator, clip: VideoFromFile
) -> None:
    result = app_now.run(nodes["LiaxEditVideo"], network=network, video=clip, edit={"yaw": 9.0}, mark=False)
    path = Path(str(result.get_stream_source()))
    assert read_mark(path).finding == "none"
    assert not read_pixel_mark(path).marked


def test_animate_by_video_and_by_motion(
    app_now: Application, nodes: dict[str, Any], network: Animator, image: torch.Tensor, clip: VideoFromFile
) -> None:
    by_video = app_now.run(nodes["LiaxAnimate"], network=network, portrait=image, driving=clip)
    motion = app_now.run(nodes["LiaxMotion"], network=network, video=clip)
    waveform = torch.sin(torch.arange(8000) * 0.3)[None, None]
    by_motion = app_now.run(
        nodes["LiaxAnimate"],
        network=network,
        portrait=image,
        motion=motion,
        audio={"waveform": waveform, "sample_rate": 16000},
    )
    one, other = content(by_video), content(by_motion)
    assert len(one) == len(other) == 6
    assert np.abs(one[4].astype(int) - other[4]).max() <= 2
    with av.open(str(by_motion.get_stream_source())) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert np.abs(heard).max() > 0.5


def test_a_part_of_a_video_and_bytes_are_saved_first(
    app_now: Application, nodes: dict[str, Any], network: Animator, clip: VideoFromFile
) -> None:
    path = str(clip.get_stream_source())
    part = VideoFromFile(path, start_time=0.1, duration=0.2)
    app_now.run(nodes["LiaxMotion"], network=network, video=part)
    held = VideoFromFile(io.BytesIO(Path(path).read_bytes()))
    app_now.run(nodes["LiaxMotion"], network=network, video=held)
    assert (part.saved, held.saved, clip.saved) == (1, 1, 0)


def test_motion_is_saved_read_and_combined(
    app_now: Application, nodes: dict[str, Any], network: Animator, clip: VideoFromFile
) -> None:
    node = nodes["LiaxMotion"]
    motion = app_now.run(node, network=network, video=clip, save_as="a.safetensors")
    for name in ("a.safetensors", "a.csv"):
        app_now.run(node, network=network, video=clip, save_as=name)
        (app_now.folder / "output" / name).rename(app_now.folder / "input" / name)
        again = app_now.run(node, network=network, file=name)
        assert np.allclose(again.alpha_TM, motion.alpha_TM, atol=1e-4)
    still = app_now.folder / "input" / "still.csv"
    write_track(Track(Timing.steady(2, Fraction(1)), ("yaw", "jaw"), np.array([[0, 0.25]] * 2)), still)
    other = app_now.run(node, network=network, file="still.csv")
    joined = app_now.run(node, network=network, video=clip, other=other, take="mouth")
    frames = np.stack([frame.alpha_M for frame in joined.frames()])
    assert np.allclose(frames[:, 1], frames[0, 1], atol=1e-4)  # the jaw stands still,
    assert np.allclose(frames[:, 0], motion.alpha_TM[:, 0], atol=1e-4)  # the head moves on
    assert np.ptp(motion.alpha_TM[:, 1]) > 1e-3
    with pytest.raises(LiaxError, match="has none of gaze"):
        app_now.run(node, network=network, video=clip, other=other, take="gaze")


@pytest.mark.parametrize("name", ["../a.csv", "/etc/passwd", "a/../../b.csv"])
def test_workflows_reach_no_other_folder(
    app_now: Application, nodes: dict[str, Any], network: Animator, clip: VideoFromFile, name: str
) -> None:
    with pytest.raises(LiaxError, match="is not in"):
        app_now.run(nodes["LiaxMotion"], network=network, file=name)
    with pytest.raises(LiaxError, match="is not in"):
        app_now.run(nodes["LiaxMotion"], network=network, video=clip, save_as=name)


def test_what_is_missing_is_said(
    app_now: Application, nodes: dict[str, Any], network: Animator, image: Any
) -> None:
    with pytest.raises(LiaxError, match="connect one of them"):
        app_now.run(nodes["LiaxAnimate"], network=network, portrait=image)
    with pytest.raises(LiaxError, match="give one of them"):
        app_now.run(nodes["LiaxMotion"], network=network)


def test_stopping_leaves_no_file(
    app_now: Application, nodes: dict[str, Any], network: Animator, image: torch.Tensor, clip: VideoFromFile
) -> None:
    before = {path for path in (app_now.folder / "temp").rglob("*") if path.is_file()}
    app_now.interrupt_after = 9
    with pytest.raises(InterruptProcessingException):
        app_now.run(nodes["LiaxAnimate"], network=network, portrait=image, driving=clip)
    assert {path for path in (app_now.folder / "temp").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("path", sorted((FOLDER / "workflows").glob("*.json")), ids=lambda path: path.stem)
def test_example_workflows_fit_the_nodes(nodes: dict[str, Any], path: Path) -> None:
    """Every node of ours has inputs that its schema knows, of the types that they are connected to."""
    told = json.loads(path.read_text())
    made = {"LoadImage": {0: "IMAGE", 1: "MASK"}, "LoadVideo": {0: "VIDEO"}, "SaveImage": {}, "SaveVideo": {}}
    ours = {one["class_type"] for one in told.values()} - set(made)
    assert ours
    for one in told.values():
        if one["class_type"] in made:
            continue
        schema = nodes[one["class_type"]].define_schema()
        known = {given.id: given for given in schema.inputs}
        assert set(one["inputs"]) <= set(known)
        assert {given.id for given in schema.inputs if not given.optional} <= set(one["inputs"])
        for name, value in one["inputs"].items():
            if not isinstance(value, list):
                continue
            source = told[value[0]]["class_type"]
            kind = (
                made[source][value[1]]
                if source in made
                else nodes[source].define_schema().outputs[value[1]].io_type
            )
            assert kind == known[name].io_type
    assert len(list((FOLDER / "workflows").glob("*.json"))) == 2


def test_the_pack_is_described() -> None:
    told = tomllib.loads((FOLDER / "pyproject.toml").read_text())
    assert "comfy" not in told["project"]["name"].lower()
    assert "comfy" not in told["tool"]["comfy"]["DisplayName"].lower()
    sources = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    assert "comfy_api.v0_0_2" in sources
    assert "comfy_api.latest" not in sources
    assert "insightface" not in sources
