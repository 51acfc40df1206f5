"""A visitor of the page without a browser: the requests that the page itself would make."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


class Visitor:
    """Knows the page's components by their labels, and what happens when they are used."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=60)
        self.session = secrets.token_hex(6)
        written = re.search(r"window\.gradio_config = (.*?);</script>", self.http.get("/").text)
        assert written is not None
        self.config = json.loads(written[1])
        self._components = {component["id"]: component for component in self.config["components"]}
        self._events = self.config["dependencies"]

    def upload(self, path: Path) -> dict[str, Any]:
        """The file as a component's value, after it was uploaded."""
        with path.open("rb") as file:
            reply = self.http.post("/gradio_api/upload", files={"files": (path.name, file)})
        reply.raise_for_status()
        return file_value(reply.json()[0]) | {"orig_name": path.name}

    def press(self, button: str, **values: Any) -> Iterator[dict[str, Any]]:
        """What the server sends after the button was pressed and the work begins.

        values: label of an input, with _ for spaces -> its value; the others are as the page opens.
        """
        pressed = next(c["id"] for c in self._components.values() if c["props"].get("value") == button)
        before = next(
            e for e in self._events if [pressed, "click"] in e["targets"] and e["trigger_after"] is None
        )
        self._stop = before["outputs"][1]
        self.http.post(
            "/gradio_api/run/predict",
            json={"data": [], "fn_index": before["id"], "session_hash": self.session},
        ).raise_for_status()
        event = next(e for e in self._events if e["trigger_after"] == before["id"])
        yield from self.send(event, **values)

    def change(self, name: str, **values: Any) -> list[Any]:
        """What the event called `name` returns for these values, as in `press`."""
        event = next(e for e in self._events if e["api_name"] == name)
        last = list(self.send(event, **values))[-1]
        assert last["success"], last["output"]
        return last["output"]["data"]

    def send(self, event: dict[str, Any], **values: Any) -> Iterator[dict[str, Any]]:
        """The server's messages about an event of the page, until it is through."""
        data = self.values(event, **values)
        body = {"data": data, "fn_index": event["id"], "session_hash": self.session}
        self.http.post("/gradio_api/queue/join", json=body).raise_for_status()
        yield from self.listen()

    def values(self, event: dict[str, Any], **values: Any) -> list[Any]:
        """What an event of the page is sent with, as in `press`."""
        wanted = {name.replace("_", " "): value for name, value in values.items()}
        data = []
        for number in event["inputs"]:
            props = self._components[number]["props"]
            data.append(wanted.pop(props.get("label"), props.get("value")))
        assert not wanted, f"no such inputs: {wanted}"
        return data

    def listen(self) -> Iterator[dict[str, Any]]:
        """The server's messages for this visitor, until an event is through."""
        with self.http.stream(
            "GET", "/gradio_api/queue/data", params={"session_hash": self.session}
        ) as lines:
            for line in lines.iter_lines():
                if line.startswith("data:"):
                    message = json.loads(line.removeprefix("data:"))
                    yield message
                    if message["msg"] == "process_completed":
                        return

    def stop(self) -> None:
        """Press the Stop beside the button that was pressed last."""
        stop = next(e for e in self._events if [self._stop, "click"] in e["targets"])
        body = {"data": [], "fn_index": stop["id"], "session_hash": self.session}
        self.http.post("/gradio_api/run/predict", json=body).raise_for_status()


def file_value(path: str) -> dict[str, Any]:
    """How the page names a file on the server."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}
