"""Small, quick pictures of a portrait while its face is dragged, and the route that gives them."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from liax.app.face_handles import face_handles
from liax.app.guard import is_inside
from liax.app.jobs import capture_warnings
from liax.app.messages import page_text
from liax.app.studio import BusyError, Studio
from liax.app.uploads import visitor_of
from liax.bounded import parse_json
from liax.errors import LiaxError
from liax.face.crop import resize
from liax.live.frames import encode_frame
from liax.marking.pixel_mark import SMALLEST, PixelMarker
from liax.options import EditOptions
from liax.portrait import Animator
from liax.portrait.edit_vector import Edit
from liax.portrait.source import Portrait

DRAFT_ROUTE = "/liax/draft"
# A request names one file and a value for each control.
MAX_REQUEST_BYTES = 20_000
# Sides of drafts, in pixels, and the time that drawing one may take: five pictures a second, which look like
# a movement, leave a little more for the way to the page and back.
_SIDES, _SECONDS = (256, 128, 64), 0.19
# The smallest side at which faces are measured.
_MEASURED = 128
# After so many seconds a side that was too slow is tried again, for the computer may be less busy.
_REMEMBERED = 10.0
# Open pages of which it is known which of their requests is the newest.
_PAGES = 1000


@dataclass(frozen=True)
class DraftRequest:
    """What a page asks for.

    Args:
        page: The open page, of whose requests the newest counts.
        portrait: The uploaded file.
        settings: Control -> amount.
        options: How the face is found, and whether the result is shown in the whole picture.
        measured: Whether it is to be measured where the face is then.
    """

    page: str
    portrait: Path
    settings: Mapping[str, float]
    options: EditOptions
    measured: bool

    @classmethod
    def read(cls, body: bytes, folder: Path) -> DraftRequest:
        """From JSON; ValueError for what no page of ours sends.

        Args:
            folder: Where uploads lie.
        """
        values = parse_json(body, MAX_REQUEST_BYTES)
        page, portrait, settings, face = (values[name] for name in ("page", "portrait", "settings", "face"))
        flags = [values[name] for name in ("cropped", "paste", "measured")]
        if not (isinstance(page, str) and len(page) <= 40 and isinstance(portrait, str)):
            raise ValueError("page and portrait are texts")
        if not (type(face) is int and 0 <= face <= 5 and all(isinstance(flag, bool) for flag in flags)):
            raise ValueError("face is a number, and cropped, paste and measured are true or false")
        if not is_inside(Path(portrait), folder):
            raise ValueError("the portrait was not uploaded here")
        if not all(type(value) in (int, float) for value in settings.values()):
            raise ValueError("settings are numbers")
        cropped, paste, measured = flags
        options = EditOptions(crop=not cropped, face=face or None, paste=paste and not cropped)
        return cls(page, Path(portrait), settings, options, measured)


class Drafts:
    """Draws drafts for all visitors, each page's newest request only.

    Args:
        studio: Whose portraits they are of.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio, self._pace = studio, DraftPace(_draft_sides(studio.animator))
        # Open page -> its newest request's number.
        self._newest: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def draw(self, request: DraftRequest, visitor: str) -> dict[str, object] | None:
        """The draft as plain data, or None if the page has asked for another one since.

        Returns:
            "picture": the network's square as a data URI; "side": at which it was drawn, in pixels;
            "square": where the square's upper left, upper right and lower left corners are in the result, as
            shares of its width and height; "face": as `face_handles`, on the draft or, if no face is found
            there, on the portrait; None if it was not to be measured, or no face is found at all.

        Raises:
            LiaxError: If the portrait or the settings do not work.
            BusyError: If the visitor has too many pictures under way.
        """
        number = secrets.token_hex(8)
        with self._lock:
            self._newest[request.page] = number
            self._newest.move_to_end(request.page)
            while len(self._newest) > _PAGES:
                self._newest.popitem(last=False)

        def work() -> dict[str, object] | None:
            with self._lock:
                if self._newest.get(request.page) != number:
                    return None
            with capture_warnings():  # the whole picture tells the same
                return self._drawn(request)

        return self._studio.run_quick(work, visitor)

    def _drawn(self, request: DraftRequest) -> dict[str, object]:
        studio = self._studio
        portrait = studio.portrait(request.portrait, request.options)
        edit = Edit.of(request.settings, studio.controls)
        alpha_M = portrait.alpha_M + edit.vector_for(portrait.alpha_M, portrait.pose if edit.turns else {})
        side, began = self._pace.side, time.monotonic()
        if request.measured:  # nobody drags, and too small a face is not found
            side = max(side, min(_MEASURED, studio.animator.size))
        picture_RR3 = self._rendered(portrait, alpha_M, side)
        shown = min(max(side, SMALLEST), _SIDES[0])
        picture = _jpeg_uri(resize(picture_RR3, shown, shown))
        self._pace.note(side, time.monotonic() - began)
        face = None
        if request.measured:
            face = self._measured([picture_RR3, portrait.square_RR3])
        corners = square_corners(portrait, studio.animator.size, request.options.paste)
        return {"picture": picture, "side": side, "square": corners, "face": face}

    def _rendered(self, portrait: Portrait, alpha_M: NDArray[np.floating], side: int) -> NDArray[np.uint8]:
        animator = self._studio.animator
        if side < animator.size:
            return animator.render_small(portrait.encoded, alpha_M, side)
        (picture_RR3,) = animator.render(portrait.encoded, [alpha_M])
        return picture_RR3

    def _measured(self, squares: Sequence[NDArray[np.uint8]]) -> dict[str, object] | None:
        """The handles on the first of these in which a face is found."""
        for square_RR3 in squares:
            if faces := self._studio.landmarker.detect(square_RR3):
                return face_handles(faces[0], len(square_RR3), self._studio.controls)
        return None


class DraftPace:
    """Chooses the side of the next draft: the largest that is drawn in time here.

    Args:
        sides: What there is to choose from, in pixels, largest first.
    """

    def __init__(self, sides: Sequence[int]) -> None:
        self._sides = sides
        # Side -> when a draft of it was drawn last, and in how many seconds.
        self._drawn: dict[int, tuple[float, float]] = {}

    @property
    def side(self) -> int:
        """Of the next draft, in pixels."""
        now = time.monotonic()
        for side in self._sides:
            when, seconds = self._drawn.get(side, (now, 0.0))
            if seconds <= _SECONDS or now - when > _REMEMBERED:
                return side
        return self._sides[-1]

    def note(self, side: int, seconds: float) -> None:
        """A draft of this side took so long."""
        self._drawn[side] = (time.monotonic(), seconds)


def _draft_sides(animator: Animator) -> Sequence[int]:
    """A GPU draws whole pictures in a fraction of the time, and has them recorded."""
    smaller = [side for side in _SIDES if side < animator.size and animator.device.type != "cuda"]
    return smaller or [animator.size]


def square_corners(portrait: Portrait, size: int, in_picture: bool) -> Sequence[Sequence[float]]:
    """Where the network's square is in what is shown: its upper left, upper right and lower left corner.

    Args:
        size: Side of the network's square, in pixels.
        in_picture: Whether the whole picture is shown, and not only the square.

    Returns:
        Shares of the shown picture's width and height; the square may reach past it.
    """
    corners_32 = np.array([[0, 0], [1, 0], [0, 1]], float)
    framing = portrait.framing
    if in_picture and framing.crop is not None:
        height, width, _ = portrait.picture_HW3.shape
        corners_32 = framing.crop.to_picture(corners_32) / [width, height]
    elif framing.part is not None:
        left, top, right, bottom = np.array(framing.part) / size
        corners_32 = (corners_32 - [left, top]) / [right - left, bottom - top]
    return [[round(float(x), 5), round(float(y), 5)] for x, y in corners_32]


def add_draft_route(api: FastAPI, studio: Studio) -> None:
    """Answer requests for drafts at `DRAFT_ROUTE`."""
    drafts = Drafts(studio)

    def answer(body: bytes, visitor: str) -> Response:
        try:
            drawn = drafts.draw(DraftRequest.read(body, studio.folder.resolve()), visitor)
        except BusyError as error:
            return PlainTextResponse(str(error), 429)
        except LiaxError as error:
            return PlainTextResponse(page_text(error, studio.folder), 422)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return PlainTextResponse("This is no request of the page.", 400)
        return Response(status_code=204) if drawn is None else JSONResponse(drawn)

    @api.post(DRAFT_ROUTE, include_in_schema=False)
    async def draft(request: Request) -> Response:
        host = request.client.host if request.client else ""
        return await run_in_threadpool(answer, await request.body(), visitor_of(host))


def _jpeg_uri(picture_HW3: NDArray[np.uint8]) -> str:
    """Marked in its pixels; a manifest would take longer than the draft."""
    packed = encode_frame(PixelMarker().mark(picture_HW3))
    return "data:image/jpeg;base64," + base64.b64encode(packed).decode("ascii")
