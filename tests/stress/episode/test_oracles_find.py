"""For each oracle of a run a mutant that it is the first to find: whoever breaks the oracle breaks this."""

import pytest

from lparvm.stress.episode.run import run_job
from lparvm.stress.verdict import SeedJob

FIRST = {
    "cancel": SeedJob(1, "delay:3", "cancel-lost"),
    "crash": SeedJob(0, "delay:3", "reservation-not-released"),
    "guest-data": SeedJob(0, "delay:3", "cursor-off-by-one"),
    "guest-failed": SeedJob(1, "delay:3", "shrink-unproven"),
    "leak": SeedJob(33, "delay:3", "faulty-frame-not-retired"),
    "liveness": SeedJob(5, "delay:3", "device-reservation-kept"),
    "outcome": SeedJob(17, "delay:3", "cancel-after-sale"),
    "rule:stop-holds": SeedJob(0, "delay:3", "restart-before-sale"),
    "timeouts": SeedJob(1, "seeded", "stop-timeout-ignored"),
    "unanswered": SeedJob(1, "delay:3", "cancel-never-answered"),
}


@pytest.mark.parametrize("oracle", FIRST)
def test_an_oracle_finds_its_mutant(oracle):
    verdict = run_job(FIRST[oracle])
    assert verdict.oracle == oracle, f"{verdict.verdict}: {verdict.oracle}: {verdict.detail}"
    assert verdict.tape, "a failure has its tape"
