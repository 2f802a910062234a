"""How a campaign goes: a bar and its numbers on a terminal, a line now and then elsewhere; failures as they come."""

import time
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from lparvm.config import CAMPAIGN_FAILURES_SHOWN_MAX, CAMPAIGN_TOLD_INTERVAL_S
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.summary import one_line
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import SeedVerdict
from lparvm.units import nanoseconds

_FAULTS_SHOWN = 6
_NS_PER_HOUR = 3_600_000_000_000


class CampaignProgress:
    """Watches a campaign. Everything goes to standard error."""

    def __init__(self, campaign: Campaign, console: Console) -> None:
        """Nothing is shown before the block begins.

        Args:
            campaign: what is run.
            console: where it is shown.
        """
        self._campaign, self._console = campaign, console
        self._bar = _Bars(console) if console.is_terminal else None
        self._failures = 0
        self._told_ns = time.monotonic_ns()

    def __enter__(self) -> Self:
        """Show the bar."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()

    def judged(self, verdict: SeedVerdict) -> None:
        """Tell a failure, unless there are too many."""
        if verdict.passed:
            return
        self._failures += 1
        if self._failures <= CAMPAIGN_FAILURES_SHOWN_MAX:
            line = f"seed {verdict.seed} ({verdict.policy}) {verdict.verdict}: {verdict.oracle}: {verdict.detail}"
            self._console.print(one_line(line), soft_wrap=True)
        elif self._failures == CAMPAIGN_FAILURES_SHOWN_MAX + 1:
            self._console.print("further failures are counted, and told at the end")

    def looked(self, totals: Totals) -> None:
        """Show the numbers."""
        if self._bar is not None:
            self._bar.show(self._campaign, totals)
        elif time.monotonic_ns() - self._told_ns >= nanoseconds(CAMPAIGN_TOLD_INTERVAL_S):
            self._told_ns = time.monotonic_ns()
            of = "" if self._campaign.end is None else f" of {self._campaign.end - self._campaign.first:,}"
            self._console.print(f"{totals.seeds:,}{of} seeds, {numbers(totals)}", soft_wrap=True)


class _Bars(Progress):
    """One bar, with a line of numbers below it."""

    def __init__(self, console: Console) -> None:
        self._numbers = Text()
        super().__init__(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[seeds]}"), TimeElapsedColumn(),
            TimeRemainingColumn(), console=console, transient=True, refresh_per_second=5,
        )  # fmt: skip
        self._task: TaskID = self.add_task("stress", total=None, seeds="")

    def get_renderables(self) -> Iterator[RenderableType]:
        """The bar, and the numbers."""
        yield from super().get_renderables()
        yield self._numbers

    def show(self, campaign: Campaign, totals: Totals) -> None:
        """Of seeds, where they are given; else of the time, which then is."""
        self._numbers = Text(numbers(totals))
        if campaign.end is not None:
            total, done = campaign.end - campaign.first, totals.seeds
            self.update(self._task, total=total, completed=done, seeds=f"{done:,} of {total:,} seeds")
        else:
            limit_ns = campaign.time_limit_ns or 0
            done = min(totals.elapsed_ns, limit_ns)
            self.update(self._task, total=limit_ns, completed=done, seeds=f"{totals.seeds:,} seeds")


def numbers(totals: Totals) -> str:
    """Speed, virtual time, relocations, faults and failures, in a line."""
    parts = [
        f"{totals.seeds_per_s:.0f}/s",
        f"{totals.virtual_ns / _NS_PER_HOUR:.3g} virtual hours",
        f"{totals.relocations:,} relocations",
        f"{totals.faults.total():,} faults{_kinds(totals.faults)}",
        f"{totals.failures:,} failures",
    ]
    if totals.workers_lost:
        parts.append(f"{totals.workers_lost:,} workers lost")
    return ", ".join(parts)


def _kinds(faults: Counter[str]) -> str:
    """The most frequent kinds, in brackets."""
    if not faults:
        return ""
    most = sorted(faults.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{name} {count:,}" for name, count in most[:_FAULTS_SHOWN]]
    return f" ({', '.join(told)}{', ...' if len(most) > _FAULTS_SHOWN else ''})"
