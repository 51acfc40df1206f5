"""A function over many items on all cores of this machine or of a cluster, by Ray Data."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from liax.errors import LiaxError
from liax.pipeline import usable_cores

# Retries of an item that ends its process; then it is given up.
_RETRIES = 2
# Only small objects pass between processes.
_OBJECT_STORE_BYTES = 100 << 20


@contextmanager
def ray_workers(count: int | None, address: str | None) -> Iterator[None]:
    """A context with Ray: started on this machine and stopped at the end, or that of a cluster.

    Within a program that runs Ray already, that is used and left running.

    Args:
        count: Processes on this machine, by default one per core.
        address: Address of the cluster; None uses this machine.

    Raises:
        LiaxError: If no cluster answers at the address.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    os.environ.setdefault("RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE", "1")
    import ray

    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {
        "configure_logging": True,
        "logging_level": logging.ERROR,
        "log_to_driver": False,
    }
    if address is not None:
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, ValueError) as error:
            raise LiaxError(f"no Ray cluster answers at {address}; start one with `ray start`.") from error
    else:
        ray.init(
            address="local",
            num_cpus=count or usable_cores(),
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            **quiet,
        )
    try:
        yield
    finally:
        ray.shutdown()


def parallel_map(
    function: Callable[[dict[str, Any]], dict[str, Any]],
    items: Sequence[dict[str, Any]],
    count: int | None = None,
) -> Iterator[dict[str, Any]]:
    """The function's results, as they are finished, without those of items that end their process.

    To be called within `ray_workers`.

    Args:
        count: Largest number of processes at a time.
    """
    import ray

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # the death of a worker costs what it was doing
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    if not items:
        return
    # One block per item: what a process takes at a time, and loses when it dies.
    data = ray.data.from_items(list(items), override_num_blocks=len(items))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # max_retries will get a name of its own
        made = data.map(function, num_cpus=1, max_retries=_RETRIES, concurrency=count)
    yield from made.iter_rows()
