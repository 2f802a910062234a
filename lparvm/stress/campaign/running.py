"""Runs a campaign: hands chunks of seeds out, takes verdicts in. Knows nothing of how an engine runs them.

- Seeds are handed out in order, so what a time limit cuts off is the end.
- A chunk whose worker was lost is not lost: its seeds without a verdict are tried again, each alone. A seed whose
  worker is lost once more is the one that does it: its verdict is `crashed`.
- How many seeds are in a chunk changes with their speed, and nothing else does with that: no verdict depends on it.
"""

import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Protocol

from lparvm.config import CAMPAIGN_CHUNK_SEEDS_MAX, CAMPAIGN_TICK_S
from lparvm.stress.campaign.model import Campaign, Chunk, Engine, Loss, Outcome
from lparvm.stress.campaign.results import ResultsFile
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import CRASHED, SeedJob, SeedVerdict
from lparvm.units import NS_PER_S


class Watcher(Protocol):
    """Who is told how a campaign goes."""

    def judged(self, verdict: SeedVerdict) -> None:
        """A seed's verdict, with its tape; also one that the results file has."""

    def looked(self, totals: Totals) -> None:
        """Time has passed."""


def run_campaign(
    campaign: Campaign,
    engine: Engine,
    *,
    results: ResultsFile | None = None,
    watchers: Sequence[Watcher] = (),
) -> Totals:
    """Run all seeds that the results file doesn't have.

    A Ctrl-C ends it in order: what was done so far is the result, and it says that it was interrupted.

    Args:
        campaign: which seeds.
        engine: what runs them.
        results: where verdicts are kept, and were kept by an earlier run.
        watchers: who is told.

    Raises:
        UsageError: the engine can't run seeds, or the results can't be written.
    """
    run = _Run(campaign, engine, results, watchers)
    try:
        run.all_seeds()
    except KeyboardInterrupt:
        run.totals.interrupted = True
    run.look()
    return run.totals


class _Run:
    """State of one run."""

    def __init__(
        self, campaign: Campaign, engine: Engine, results: ResultsFile | None, watchers: Sequence[Watcher]
    ) -> None:
        self.totals = Totals()
        self._campaign, self._engine, self._results, self._watchers = campaign, engine, results, watchers
        self._again: deque[Chunk] = deque()
        self._started_ns: dict[Chunk, int] = {}
        self._seed_ns = 0.0  # what a seed takes, of late
        self._begun_ns = time.monotonic_ns()

    def all_seeds(self) -> None:
        for verdict in self._results.verdicts() if self._results is not None else ():
            if self._campaign.first <= verdict.seed < self._campaign.bound:
                self.totals.resumed += 1
                self._count(verdict)
        queue = (job for job in self._campaign.jobs() if job.seed not in self.totals)
        self._begun_ns = time.monotonic_ns()
        while self._hand_out(queue):
            for outcome in self._engine.finished(CAMPAIGN_TICK_S):
                self._take(outcome)
            self.look()

    def look(self) -> None:
        self.totals.elapsed_ns = time.monotonic_ns() - self._begun_ns
        for watcher in self._watchers:
            watcher.looked(self.totals)

    def _hand_out(self, queue: Iterator[SeedJob]) -> bool:
        """Fill the engine's slots; whether anything is under way."""
        while len(self._started_ns) < self._engine.slots:
            if self._again:
                chunk = self._again.popleft()
            else:
                # At least one chunk for each slot is begun, or a short limit would show nothing at all.
                if self.totals.seeds > self.totals.resumed and self._time_is_over():
                    break
                jobs = tuple(islice(queue, self._chunk_seeds()))
                if not jobs:
                    break
                chunk = Chunk(jobs)
            self._started_ns[chunk] = time.monotonic_ns()
            self._engine.start(chunk)
        return bool(self._started_ns)

    def _chunk_seeds(self) -> int:
        """As many as the engine likes, and fewer near the end, so that all slots end together."""
        if not self._seed_ns:
            return 1
        wanted = self._engine.aim_s * NS_PER_S / self._seed_ns
        if self._campaign.end is not None:
            left = self._campaign.end - self._campaign.first - self.totals.seeds
            wanted = min(wanted, left / (2 * self._engine.slots))
        return max(1, min(int(wanted), CAMPAIGN_CHUNK_SEEDS_MAX))

    def _time_is_over(self) -> bool:
        limit_ns = self._campaign.time_limit_ns
        return limit_ns is not None and time.monotonic_ns() - self._begun_ns >= limit_ns

    def _take(self, outcome: Outcome) -> None:
        took_ns = time.monotonic_ns() - self._started_ns.pop(outcome.chunk)
        for verdict in outcome.verdicts:
            self._keep(verdict)
        if outcome.loss is None:
            seed_ns = took_ns / len(outcome.chunk.jobs)
            self._seed_ns = (self._seed_ns + seed_ns) / 2 if self._seed_ns else seed_ns
            return
        self.totals.workers_lost += 1
        if outcome.chunk.alone:
            for job in outcome.missing:
                self._keep(_crashed(job, outcome.loss))
        else:
            self._again.extend(Chunk((job,), alone=True) for job in outcome.missing)

    def _keep(self, verdict: SeedVerdict) -> None:
        with uninterrupted():  # what is kept is counted, and the other way round
            if self._results is not None:
                self._results.append(verdict)
            self._count(verdict)

    def _count(self, verdict: SeedVerdict) -> None:
        self.totals.add(verdict)
        for watcher in self._watchers:
            watcher.judged(verdict)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A Ctrl-C within it comes after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    come: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: come.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if come:
        raise KeyboardInterrupt


def _crashed(job: SeedJob, loss: Loss) -> SeedVerdict:
    return SeedVerdict(job.seed, job.policy, CRASHED, loss.oracle, loss.detail)
