"""C2PA manifests: signed into a file, and read again. The package c2pa-python does both."""

from __future__ import annotations

import io
import json
from functools import cache
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

from liax.errors import LiaxError
from liax.marking.provenance import LABEL, SOURCE_TYPE
from liax.version import __version__

if TYPE_CHECKING:
    from liax.marking.certificate import Certificate

FORMATS = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".gif": "image/gif",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
"""File name suffix -> the kind of file, of all in which a manifest has a place."""

# Nothing is fetched: neither manifests, nor lists of withdrawn certificates, nor times.
_SETTINGS = {
    "core": {"backing_store_memory_threshold_in_mb": 32},
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
}


@cache
def c2pa() -> ModuleType | None:
    """The package, or None where it is not installed or does not run."""
    try:
        import c2pa
    except Exception:  # also a library that the system's own do not fit
        return None
    return c2pa


def sign(
    source: IO[bytes], target: IO[bytes], kind: str, facts: dict[str, Any], certificate: Certificate
) -> None:
    """Copy a file with a manifest in it; `c2pa()` must be there.

    Args:
        source: It is read from its start.
        target: Empty, to be written and read.
        kind: One of FORMATS' values.
        facts: What `Provenance.facts` gives.

    Raises:
        OSError: If either cannot be read or written.
        LiaxError: If it cannot be signed.
    """
    package = c2pa()
    assert package is not None
    agent = {"name": "liax", "version": __version__}
    created = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE, "softwareAgent": agent}
    manifest = {
        "claim_generator_info": [agent],
        "format": kind,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": LABEL, "data": facts},
        ],
    }
    guarded = _Guarded(source), _Guarded(target)
    try:
        source.seek(0)
        info = package.C2paSignerInfo(certificate.algorithm, certificate.chain, certificate.key, None)
        with (
            package.Context.from_dict(_SETTINGS) as context,
            package.Signer.from_info(info) as signer,
            package.Builder(manifest, context) as builder,
        ):
            builder.sign(signer, kind, *guarded)
    except package.C2paError as error:
        for file in guarded:
            if file.error is not None:
                raise file.error from None
        raise LiaxError(f"The result cannot be signed ({error})", "check the certificate") from error


def check(certificate: Certificate) -> None:
    """Sign a picture of one pixel, so that a certificate that cannot sign is found before the work.

    Raises:
        LiaxError: If it cannot.
    """
    from PIL import Image

    pixel = io.BytesIO()
    Image.new("RGB", (1, 1)).save(pixel, "PNG")
    sign(pixel, io.BytesIO(), "image/png", {}, certificate)


def read(file: IO[bytes], kind: str) -> dict[str, Any] | None:
    """The manifests of a file as c2pa-python's reader tells them; None if there are none.

    Hostile files are read by `liax.marking.reading`, in a process of its own.

    Raises:
        LiaxError: If it cannot be read.
    """
    package = c2pa()
    assert package is not None
    try:
        with (
            package.Context.from_dict(_SETTINGS) as context,
            package.Reader(kind, file, context=context) as reader,
        ):
            return json.loads(reader.json())
    except package.C2paError.ManifestNotFound:
        return None
    except package.C2paError as error:
        raise LiaxError(f"Its manifest is damaged ({error})") from error


class _Guarded:
    """A file for c2pa-python, which swallows exceptions; keeps the first, Ctrl-C included."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        return self._kept(self._file.read, size)

    def write(self, data: bytes) -> int:
        return self._kept(self._file.write, data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._kept(self._file.seek, offset, whence)

    def tell(self) -> int:
        return self._kept(self._file.tell)

    def flush(self) -> None:
        self._kept(self._file.flush)

    def _kept(self, call: Any, *arguments: Any) -> Any:
        if self.error is None:
            try:
                return call(*arguments)
            except BaseException as error:
                self.error = error
        raise OSError(0, "stopped") from self.error
