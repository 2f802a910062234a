"""Engine `pool`: worker processes on this machine, one for each job at a time."""

import selectors
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from lparvm.config import CAMPAIGN_CHUNK_AIM_S, CAMPAIGN_SEED_S_MAX
from lparvm.stress.campaign.model import Chunk, Outcome
from lparvm.stress.campaign.process import WorkerProcess
from lparvm.units import NS_PER_S


class PoolEngine:
    """Worker processes. Those that are lost are replaced when there is work for them.

    Attributes:
        name: `pool`.
        slots: how many processes.
        aim_s: how long a chunk should take, in seconds.
    """

    def __init__(self, runner: str, jobs: int, seed_limit_s: float = CAMPAIGN_SEED_S_MAX) -> None:
        """No process is started yet.

        Args:
            runner: dotted name of the function that runs a seed.
            jobs: how many processes.
            seed_limit_s: how long a seed may take, in seconds of real time.
        """
        self.name, self.slots, self.aim_s = "pool", jobs, CAMPAIGN_CHUNK_AIM_S
        self._runner, self._limit_s = runner, seed_limit_s
        self._idle: list[WorkerProcess] = []
        self._busy: list[WorkerProcess] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        """Within the block, processes may be started."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes, at once."""
        self._selector.close()
        for worker in (*self._idle, *self._busy):
            worker.close()

    def start(self, chunk: Chunk) -> None:
        """Begin a chunk."""
        assert len(self._busy) < self.slots, "no more chunks than slots"
        while self._idle and not self._idle[-1].usable:
            self._idle.pop().close()
        worker = self._idle.pop() if self._idle else WorkerProcess(self._runner, self._limit_s)
        self._busy.append(worker)
        self._selector.register(worker, selectors.EVENT_READ)
        worker.start(chunk)

    def finished(self, timeout_s: float) -> Sequence[Outcome]:
        """Outcomes that are there, after waiting for something so long at most."""
        now_ns = time.monotonic_ns()
        nearest_ns = min((worker.deadline_ns for worker in self._busy), default=now_ns)
        wait_s = min(timeout_s, max(0, nearest_ns - now_ns) / NS_PER_S)
        outcomes = []
        for key, _events in self._selector.select(wait_s):
            worker = key.fileobj
            assert isinstance(worker, WorkerProcess), "nothing else is registered"
            # A dead process's output is no longer there to be unregistered by its number.
            self._selector.unregister(worker)
            outcome = worker.receive()
            if outcome is None:
                self._selector.register(worker, selectors.EVENT_READ)
            else:
                outcomes.append(outcome)
                self._leave(worker, lost=outcome.loss is not None)
        return outcomes + [self._give_up(worker) for worker in self._overdue()]

    def _overdue(self) -> list[WorkerProcess]:
        now_ns = time.monotonic_ns()
        return [worker for worker in self._busy if worker.deadline_ns <= now_ns]

    def _give_up(self, worker: WorkerProcess) -> Outcome:
        self._selector.unregister(worker)
        outcome = worker.give_up()
        self._leave(worker, lost=True)
        return outcome

    def _leave(self, worker: WorkerProcess, *, lost: bool) -> None:
        self._busy.remove(worker)
        if not lost:
            self._idle.append(worker)
