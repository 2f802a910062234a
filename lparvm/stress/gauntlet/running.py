"""Runs the gauntlet on an engine of `campaign`: chunks of seeds of one cell go out, verdicts come in."""

from collections.abc import Callable

from lparvm.config import CAMPAIGN_TICK_S
from lparvm.stress.campaign.model import Chunk, Engine, Outcome
from lparvm.stress.gauntlet.cells import Cell, Table
from lparvm.stress.verdict import CRASHED, SeedVerdict


def run_gauntlet(table: Table, engine: Engine, looked: Callable[[Table], None] = lambda _: None) -> None:
    """Run all cells until each mutant is caught or its budget is used up.

    A seed whose worker is lost counts as caught: a machine that kills or blocks its process is broken.

    Args:
        table: the cells; what came of them is kept there.
        engine: runs the seeds.
        looked: called now and then.
    """
    under_way: dict[Chunk, Cell] = {}
    while True:
        for cell, budget in table.waiting():
            if len(under_way) == engine.slots:
                break
            if cell.under_way or not (jobs := cell.jobs(budget)):
                continue
            chunk = Chunk(jobs)
            under_way[chunk], cell.under_way = cell, True
            engine.start(chunk)
        if not under_way:
            return
        for outcome in engine.finished(CAMPAIGN_TICK_S):
            cell = under_way.pop(outcome.chunk)
            cell.under_way = False
            cell.take(_verdicts(outcome))
        looked(table)


def _verdicts(outcome: Outcome) -> tuple[SeedVerdict, ...]:
    """With that of the seed whose worker was lost."""
    if outcome.loss is None:
        return outcome.verdicts
    job = outcome.missing[0]
    lost = SeedVerdict(job.seed, job.policy, CRASHED, outcome.loss.oracle, outcome.loss.detail)
    return (*outcome.verdicts, lost)
