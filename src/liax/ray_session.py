"""Ray, for the time of a piece of work: started on this machine, or that of a cluster."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from liax.errors import LiaxError
from liax.pipeline import usable_cores

# How long a cluster may take to take a connection.
_ANSWER_SECONDS = 5
# Only small objects pass between processes.
_OBJECT_STORE_BYTES = 100 << 20


@contextmanager
def ray_session(count: int | None, address: str | None) -> Iterator[None]:
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
    if address is not None and "ray" not in sys.modules and _has_token():
        # Ray itself shows the token to a cluster that it starts, but not to one that is there.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    if ray.is_initialized():
        yield
        return
    ended_by = signal.getsignal(signal.SIGTERM)
    quiet: dict[str, Any] = {
        "configure_logging": True,
        "logging_level": logging.ERROR,
        "log_to_driver": False,
    }
    if address is not None:
        _check_answers(address)
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, ValueError) as error:
            raise _no_cluster(address) from error
    else:
        ray.init(
            address="local",
            num_cpus=count or usable_cores(),
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            **quiet,
        )
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, ended_by)  # Ray's ends the process without an end to our work
    try:
        yield
    finally:
        ray.shutdown()


def _has_token() -> bool:
    """Whether this user has the token that a cluster may ask for, where Ray looks for it."""
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    return bool(named) or (Path.home() / ".ray" / "auth_token").is_file()


def _check_answers(address: str) -> None:
    """Ray itself would ask an address where nobody is for minutes.

    Raises:
        LiaxError: If an address of the form host:port or ray://host:port takes no connection.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host:  # "auto"
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(address) from error


def _no_cluster(address: str) -> LiaxError:
    return LiaxError(f"No Ray cluster answers at {address}", "start one with `ray start`")
