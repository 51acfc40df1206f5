"""Under which names browsers reach the page, and which requests are the page's own."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

# Addresses that stand for all of this computer's.
_EVERYWHERE = ("0.0.0.0", "::", "")


class ServedNames:
    """The names under which browsers may reach the page.

    Args:
        host: The address that is listened on. Where that is every address, any address is a name: only what
            is looked up can be made to point here by others.
        public: Further names, such as that of a proxy.
    """

    def __init__(self, host: str, public: Iterable[str] = ()) -> None:
        self._everywhere = host in _EVERYWHERE
        self._names = {"localhost", "127.0.0.1", "::1", host.strip("[]").lower()} - set(_EVERYWHERE)
        if self._everywhere:
            own = socket.gethostname().lower()
            self._names |= {own, f"{own}.local", socket.getfqdn().lower()}
        self._public = {name.lower() for name in public}

    def add(self, name: str) -> None:
        """Let browsers reach the page under this public name, too."""
        self._public.add(name.lower())

    def refusal(self, headers: Headers) -> str | None:
        """Why a request with these headers is not the page's own, in a sentence; None if it is."""
        host, forwarded = headers.get("host", ""), headers.get("x-forwarded-host")
        for authority in (host, forwarded):
            if authority is not None and not self._has(_split(authority)[0]):
                return "The page is not served under this name; whoever runs it can add the name."
        if origin := headers.get("origin"):
            asked = urlsplit(origin)
            same = _split(asked.netloc) in (_split(host), _split(forwarded or host))
            if asked.scheme not in ("http", "https") or not (same or asked.hostname in self._public):
                return "Another page asked for this."
        # Browsers tell this of pictures and scripts, too, which carry no Origin; links to the page are fine.
        elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if elsewhere and headers.get("sec-fetch-dest") != "document":
            return "Another page asked for this."
        return None

    def _has(self, name: str) -> bool:
        return name in self._names | self._public or (self._everywhere and _is_address(name))


def _split(authority: str) -> tuple[str, int | None]:
    """ "[::1]:7860" -> ("::1", 7860); the ports 80 and 443 count as none."""
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port
    except ValueError:
        return "", None
    if "@" in authority:  # of no browser
        return "", None
    return parts.hostname or "", None if port in (80, 443) else port


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
