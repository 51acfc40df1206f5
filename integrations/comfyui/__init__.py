"""liax as nodes: portraits animated and edited along named, calibrated controls."""

from __future__ import annotations

from comfy_api.v0_0_2 import ComfyExtension, io

from .nodes import NODES


class LiaxExtension(ComfyExtension):
    """The nodes of this pack."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return list(NODES)


async def comfy_entrypoint() -> LiaxExtension:
    return LiaxExtension()
