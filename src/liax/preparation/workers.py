"""A function over many items on all cores of this machine or of a cluster, by Ray."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

log = logging.getLogger(__name__)
# Retries of an item that ends its process; then it is given up.
_RETRIES = 2


def parallel_map(
    function: Callable[[dict[str, Any]], dict[str, Any]],
    items: Sequence[dict[str, Any]],
    count: int | None = None,
) -> Iterator[dict[str, Any]]:
    """The function's results, as they are finished, without those of items that fail or end their process.

    To be called within `ray_session`. Closed early, it cancels what is at work.

    Args:
        count: Largest number of processes at a time, by default one per core.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    @ray.remote(num_cpus=1, max_retries=_RETRIES)
    def work(item: dict[str, Any]) -> dict[str, Any]:
        return function(item)

    waiting = iter(items)
    at_work: list[Any] = []
    try:
        while True:
            # A cluster may grow. A second item per core lies ready for it.
            most = count or 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
            at_work += [work.remote(item) for item in islice(waiting, most - len(at_work))]
            if not at_work:
                return
            (done,), at_work = ray.wait(at_work)
            try:
                result = ray.get(done)
            except RayTaskError as error:
                log.warning(f"an item could not be worked on: {error.cause}")
            except RayError:
                pass  # its process has ended, as often as it was tried
            else:
                yield result
    finally:
        for task in at_work:
            ray.cancel(task)
