"""Engine `ray`: chunks of seeds are tasks of a Ray cluster.

A task runs its chunk in a worker process of its own (`process.py`), as the pool does, so that a seed comes to the same
verdict on both, and a seed that kills or hangs its process is found in the same way. What Ray itself loses, a node or a
process of its own, it tries again by itself.

Each node needs this lparvm: a node that has another source is refused, for its verdicts would mean something else.
"""

import importlib
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import orjson

from lparvm.config import (
    CAMPAIGN_RAY_CHUNK_AIM_S,
    CAMPAIGN_RAY_CONNECT_S,
    CAMPAIGN_RAY_RETRIES,
    CAMPAIGN_SEED_S_MAX,
)
from lparvm.errors import UsageError
from lparvm.stress.campaign.model import WORKER_DIED, Chunk, Loss, Outcome
from lparvm.stress.campaign.process import WorkerProcess, search_path
from lparvm.stress.campaign.results import source_digest
from lparvm.stress.campaign.wire import jobs_line, read_jobs, read_verdict, verdict_line

_MISSING = "engine ray: Ray is not installed; pip install 'lparvm[ray]'"


class RayEngine:
    """Chunks as tasks of Ray.

    Attributes:
        name: `ray`.
        slots: how many chunks may be under way.
        aim_s: how long a chunk should take, in seconds.
    """

    def __init__(
        self,
        runner: str,
        jobs: int | None,
        address: str | None = None,
        seed_limit_s: float = CAMPAIGN_SEED_S_MAX,
    ) -> None:
        """Nothing is connected yet.

        Args:
            runner: dotted name of the function that runs a seed.
            jobs: how many chunks may be under way; None: as many as the cluster has cores.
            address: of the cluster, as Ray takes it; None: a cluster on this machine, for this campaign only.
            seed_limit_s: how long a seed may take, in seconds of real time.

        Raises:
            UsageError: Ray is not installed.
        """
        self.name, self.slots, self.aim_s = "ray", jobs or 1, CAMPAIGN_RAY_CHUNK_AIM_S
        self._settings = orjson.dumps({"runner": runner, "seed_limit_s": seed_limit_s})
        self._jobs, self._address = jobs, address
        self._source = source_digest()
        self._chunks: dict[Any, Chunk] = {}
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError:
            raise UsageError(_MISSING) from None
        self._connected = False
        self._task: Any = None

    def __enter__(self) -> Self:
        """Connect to the cluster, or start one on this machine.

        Raises:
            UsageError: there is none at the address.
        """
        ray = self._ray
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._address is None:
            options |= {"address": "local", "num_cpus": self._jobs, "include_dashboard": False}
        else:
            _check_address(self._address)
            options |= {"address": self._address}
        if not ray.is_initialized():
            try:
                with _environment():
                    ray.init(**options)
            except (OSError, ValueError, RuntimeError, TimeoutError) as error:
                where = f"at {self._address}" if self._address else "on this machine"
                raise UsageError(f"engine ray: no cluster {where}: {_one_line(error)}") from None
            self._connected = True
        if self._jobs is None:
            self.slots = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._task = ray.remote(num_cpus=1, max_retries=CAMPAIGN_RAY_RETRIES)(run_on_node)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the cluster; one that was started for this campaign ends."""
        for reference in self._chunks:
            self._ray.cancel(reference, force=True)
        if self._connected:
            self._ray.shutdown()

    def start(self, chunk: Chunk) -> None:
        """Begin a chunk."""
        reference = self._task.remote(jobs_line(chunk.jobs), self._settings, self._source)
        self._chunks[reference] = chunk

    def finished(self, timeout_s: float) -> Sequence[Outcome]:
        """Outcomes that are there, after waiting for one so long at most.

        Raises:
            UsageError: a node can't run the campaign, or the cluster was lost.
        """
        waiting = list(self._chunks)
        try:
            ready, _ = self._ray.wait(waiting, num_returns=1, timeout=timeout_s)
        except self._ray.exceptions.RayError as error:
            raise UsageError(f"engine ray: the cluster was lost: {_one_line(error)}") from None
        return [self._outcome(reference) for reference in ready]

    def _outcome(self, reference: Any) -> Outcome:
        chunk, errors = self._chunks.pop(reference), self._ray.exceptions
        try:
            told = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise UsageError(
                f"engine ray: a node can't run this campaign: {_one_line(error.cause)}"
            ) from None
        except errors.RayError as error:
            return Outcome(chunk, (), Loss(WORKER_DIED, f"lost by Ray: {_one_line(error)}"))
        verdicts = tuple(read_verdict(line) for line in told["verdicts"])
        return Outcome(chunk, verdicts, Loss(**told["loss"]) if told["loss"] else None)


def run_on_node(jobs: bytes, settings: bytes, source: str) -> dict[str, Any]:
    """The task: run seeds in a worker process, which is kept for the next task of this Ray process.

    Plain data in and out, so that another lparvm is told of as such.

    Raises:
        UsageError: the node's lparvm is another one, or can't run seeds.
    """
    if source_digest() != source:
        raise UsageError("its lparvm has another source; install the same on all nodes")
    worker = _kept.pop(settings, None)
    if worker is None or not worker.usable:
        worker = WorkerProcess(**orjson.loads(settings))
    try:
        outcome = worker.run(Chunk(read_jobs(jobs)))
    except UsageError:
        worker.close()
        raise
    if outcome.loss is None:
        _kept[settings] = worker
    loss = None if outcome.loss is None else {"oracle": outcome.loss.oracle, "detail": outcome.loss.detail}
    return {"verdicts": [verdict_line(verdict) for verdict in outcome.verdicts], "loss": loss}


_kept: dict[bytes, WorkerProcess] = {}
"""Of this process, which is one of Ray's: worker processes by their settings."""


@contextmanager
def _environment() -> Iterator[None]:
    """What the processes of a cluster on this machine begin with: they find the modules that this process finds.

    Where nothing else was said, nobody is told about this use of Ray.
    """
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = search_path()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        yield
    finally:
        for name in ("PYTHONPATH", "RAY_USAGE_STATS_ENABLED"):
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def _check_address(address: str) -> None:
    """Ray itself tries for many minutes to reach a cluster that isn't there.

    Raises:
        UsageError: nobody answers at the address.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isdecimal()):
        return  # a word of Ray's, such as `auto`, or something that it refuses at once
    try:
        socket.create_connection((host.strip("[]"), int(port)), CAMPAIGN_RAY_CONNECT_S).close()
    except (OSError, OverflowError, ValueError) as error:
        raise UsageError(f"engine ray: no cluster at {address}: {_one_line(error)}") from None


def _one_line(error: object) -> str:
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
