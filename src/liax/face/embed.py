"""Face identity: the embedding of dlib's face recognition network (CC0; extra `evaluate`)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.errors import MissingPackageError
from liax.face.landmarks import Face

# Embeddings of one person in different clips are about 0.30 apart, those of two people 0.84. This threshold
# tells 97 of 100 pairs right.
SAME_PERSON_DISTANCE = 0.6
_MODEL = "dlib_face_recognition_resnet_model_v1.dat"
# The five points by which dlib aligns a face, in MediaPipe's face mesh: corners of the left eye (outer,
# inner), of the right one, and the base of the nose.
_ALIGNMENT_POINTS = (263, 362, 33, 133, 2)
_CHIP, _PADDING = 150, 0.25


def open_dlib() -> tuple[Any, Path]:
    """The module dlib, and the folder of its models.

    Raises:
        MissingPackageError: If dlib or its models are not installed.
    """
    # The package of models is only located: importing it needs setuptools.
    package = find_spec("face_recognition_models")
    if find_spec("dlib") is None or package is None or not package.submodule_search_locations:
        raise MissingPackageError(
            "Measuring faces with dlib", ("dlib-bin", "face-recognition-models"), "evaluate"
        )
    import dlib

    return dlib, Path(package.submodule_search_locations[0]) / "models"


class FaceEmbedder:
    """Computes identity embeddings of faces.

    Raises:
        MissingPackageError: If dlib or its models are not installed.
    """

    def __init__(self) -> None:
        self._dlib, models = open_dlib()
        self._network = self._dlib.face_recognition_model_v1(str(models / _MODEL))

    def embed(self, image_HW3: NDArray[np.uint8], face: Face) -> NDArray[np.float64]:
        """The embedding (128,) of a face in an RGB uint8 image (H, W, 3); compare them by Euclidean distance.

        The face is first turned upright and cropped by its landmarks.
        """
        dlib = self._dlib
        left, top, right, bottom = (round(edge) for edge in face.box)
        points = [
            dlib.point(round(float(x)), round(float(y))) for x, y in face.landmarks[list(_ALIGNMENT_POINTS)]
        ]
        shape = dlib.full_object_detection(dlib.rectangle(left, top, right, bottom), points)
        chip_HW3 = dlib.get_face_chip(np.ascontiguousarray(image_HW3), shape, _CHIP, _PADDING)
        return np.array(self._network.compute_face_descriptor(chip_HW3))
