"""A batch's jobs spread over several devices of this machine, or over a cluster, by Ray."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from liax.errors import LiaxError, OptionError
from liax.options import Backend, MarkOptions
from liax.pipeline import usable_cores
from liax.portrait.animator import Animator
from liax.portrait.batch import JobOutcome, RecordEntry, begin_job, do_job, end_job
from liax.portrait.batch_config import BatchConfig, BatchJob
from liax.portrait.device import choose_device, keep_freed_memory
from liax.progress import Progress, no_progress
from liax.ray_session import ray_session
from liax.weights import load
from liax.weights.files import fingerprint

# How often a job is begun whose worker dies; then it has failed.
_TRIES = 3
# Seconds in which jobs that are at work can clear up when the batch is stopped.
_LAST_SECONDS = 10
_STAGE = "jobs"


@dataclass(frozen=True)
class WorkerOptions:
    """What each worker of a batch opens.

    Args:
        weights: Name or file of the network's weights, which every machine can read.
        size: Side of the pictures that the network draws; None draws its largest.
        backend: What runs the network, as in `Animator`.
    """

    weights: str = "small"
    size: int | None = None
    backend: Backend | None = None


def run_batch_on(
    devices: Sequence[str],
    address: str | None,
    batch: BatchConfig,
    workers: WorkerOptions = WorkerOptions(),
    *,
    mark: MarkOptions = MarkOptions(),  # noqa: B008 - frozen
    progress: Progress = no_progress,
) -> Iterator[JobOutcome]:
    """Do a batch's jobs on several devices at once, and yield each one's outcome as it ends.

    Outputs, outcomes and the record are those of `run_batch`. A job whose worker dies is done again by
    another one, up to three times. Stopped, the workers have ten seconds to clear up.

    Args:
        devices: Devices of this machine, such as ("cuda:0", "cuda:1"), a worker on each; ("all",) for all its
            GPUs. Empty on a cluster.
        address: Address of a Ray cluster whose machines see the same files. It gets a worker for each of its
            GPUs, or for each machine if it has none. None uses this machine.
        batch: As `read_batch` gives it.
        workers: What each of them opens.
        mark: How outputs are marked.
        progress: Gets the number of jobs that have ended, and of all.

    Raises:
        LiaxError: If there is no such device, no cluster answers, the weights cannot be read, or the record
            is damaged or cannot be written.
    """
    named = [] if address else _chosen(devices, workers.backend)
    weights = fingerprint(load(workers.weights, size=workers.size))

    def outcomes() -> Iterator[JobOutcome]:
        with ray_session(max(len(named), usable_cores()), address):
            places = _cluster_places() if address else _local_places(named)
            yield from _Dispatch(places, batch, workers, mark, weights, progress).outcomes()

    return outcomes()


def _chosen(devices: Sequence[str], backend: Backend | None) -> list[str]:
    """Names of the devices to use; "all" is every GPU.

    Raises:
        OptionError: If there is no such device, or none at all.
    """
    if not devices:
        raise OptionError({"devices": ()}, "No device is named", 'name some, or "all"')
    if list(devices) == ["all"]:
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise OptionError({"devices": "all"}, "PyTorch sees no NVIDIA GPU here")
        return [f"cuda:{k}" for k in range(count)]
    for name in devices:
        choose_device(name, backend)
    return list(devices)


@dataclass(frozen=True)
class _Place:
    """Where a worker runs: its device there, and what it asks of Ray."""

    device: str | None
    asks: dict[str, Any]


def _local_places(devices: Sequence[str]) -> list[_Place]:
    """The cores are shared among the devices."""
    cores = max(1, usable_cores() // len(devices))
    return [_Place(name, {"num_cpus": cores}) for name in devices]


def _cluster_places() -> list[_Place]:
    """A place for each GPU with a share of its machine's cores; without any GPU, one for each machine."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    with_gpus, without = [], []
    for node in ray.nodes():
        gpus, cores = (int(node["Resources"].get(kind, 0)) for kind in ("GPU", "CPU"))
        if not node["Alive"] or not gpus + cores:
            continue
        here = {"scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)}
        if gpus:
            with_gpus += [_Place(None, here | {"num_gpus": 1, "num_cpus": cores // gpus})] * gpus
        else:
            without.append(_Place("cpu", here | {"num_cpus": cores}))
    if places := with_gpus or without:
        return places
    raise LiaxError("The Ray cluster has neither GPUs nor cores", "start workers that offer some")


class _Worker:
    """Does one job at a time on its device; a process of its own, in which `stop` runs beside `do`."""

    def __init__(self, options: WorkerOptions, device: str | None) -> None:
        self._options, self._device = options, device
        self._animator: Animator | None = None
        self._stopped = threading.Event()

    def do(self, job: BatchJob, ours: bool, mark: MarkOptions) -> JobOutcome:
        if self._animator is None:
            keep_freed_memory()
            try:
                network = load(self._options.weights, size=self._options.size)
                self._animator = Animator(network, self._device, backend=self._options.backend)
            except LiaxError as error:
                return JobOutcome(job, "failed", error=error)
        return do_job(self._animator, job, ours, mark, self._look)

    def stop(self) -> None:
        self._stopped.set()

    def _look(self, stage: str, done: int, total: int | None) -> None:
        if self._stopped.is_set():
            raise LiaxError("stopped")


@dataclass(frozen=True)
class _Task:
    """A job that a worker is at."""

    place: _Place
    worker: Any
    job: BatchJob
    entry: RecordEntry
    tries: int


class _Dispatch:
    """Hands jobs to whichever worker is free, and keeps the record."""

    def __init__(
        self,
        places: Sequence[_Place],
        batch: BatchConfig,
        workers: WorkerOptions,
        mark: MarkOptions,
        weights: str,
        progress: Progress,
    ) -> None:
        self._batch, self._workers, self._mark = batch, workers, mark
        self._weights, self._progress = weights, progress
        # A worker starts with its first job.
        self._free: deque[tuple[_Place, Any]] = deque((place, None) for place in places)
        self._waiting = deque((job, 1) for job in batch.jobs)
        self._at_work: dict[Any, _Task] = {}  # by what Ray will give

    def _hire(self, place: _Place) -> Any:
        import ray

        return (
            ray.remote(_Worker).options(**place.asks, max_concurrency=2).remote(self._workers, place.device)
        )

    def outcomes(self) -> Iterator[JobOutcome]:
        total = len(self._waiting)
        try:
            for count, outcome in enumerate(self._ended(), 1):
                self._progress(_STAGE, count, total)
                yield outcome
        finally:
            self._stop()

    def _ended(self) -> Iterator[JobOutcome]:
        import ray

        while self._waiting or self._at_work:
            while self._waiting and self._free:
                job, tries = self._waiting.popleft()
                entry = begin_job(self._batch, job, self._weights, self._mark)
                if entry.skipped is not None:
                    yield entry.skipped
                    continue
                place, worker = self._free.popleft()
                worker = worker or self._hire(place)
                result = worker.do.remote(job, entry.ours, self._mark)
                self._at_work[result] = _Task(place, worker, job, entry, tries)
            if self._at_work:
                (result,), _ = ray.wait(list(self._at_work))
                task = self._at_work.pop(result)
                if (outcome := self._finished(result, task)) is not None:
                    yield outcome

    def _finished(self, result: Any, task: _Task) -> JobOutcome | None:
        """How a job ended; None if its worker died and it waits for another."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        job, worker = task.job, task.worker
        try:
            outcome = replace(ray.get(result), job=job)  # the worker had a copy of the job
        except RayTaskError:
            raise
        except RayError:
            worker = None
            problem = f"{job.output} cannot be made: whatever process works on it is killed"
            error = LiaxError(problem, "look whether the memory suffices")
            outcome = JobOutcome(job, "failed", error=error)
        self._free.append((task.place, worker))
        end_job(self._batch, job, task.entry, outcome)
        if worker is None and task.tries < _TRIES:
            self._waiting.append((job, task.tries + 1))
            return None
        return outcome

    def _stop(self) -> None:
        """Have the workers clear up, and the record tell what it told before they began."""
        import ray

        tasks = list(self._at_work.values())
        for task in tasks:
            task.worker.stop.remote()
        if tasks:
            ray.wait(list(self._at_work), num_returns=len(tasks), timeout=_LAST_SECONDS)
        for task in tasks:
            end_job(self._batch, task.job, task.entry, None)
        for worker in (*(task.worker for task in tasks), *(worker for _, worker in self._free)):
            if worker is not None:
                ray.kill(worker)
