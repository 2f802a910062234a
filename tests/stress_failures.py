"""Failing seeds for tests: the first one of a mutant whose run is short, whatever the swarm draws."""

from functools import cache

from lparvm.stress.episode.run import run_job
from lparvm.stress.replaying.shrinking import ShrunkFile, shrink_file
from lparvm.stress.replaying.tape_file import TapeFile
from lparvm.stress.verdict import SeedJob

SEEDS = 60
STEPS = 500


@cache
def failure(mutant: str, policy: str = "walk", *, oracle: str = "") -> TapeFile:
    """The tape of a failing seed of small machines.

    Args:
        mutant: which is planted.
        policy: how tasks are scheduled.
        oracle: how the name of the one that finds it begins.
    """
    for seed in range(SEEDS):
        verdict = run_job(SeedJob(seed, policy, mutant, "small"))
        if not verdict.passed and verdict.oracle.startswith(oracle) and verdict.steps < STEPS:
            return TapeFile.of(verdict, mutant, "small")
    raise AssertionError(
        f"none of {SEEDS} seeds fails with {mutant} by {policy} and {oracle or 'any oracle'}"
    )


@cache
def shrunk_failure(mutant: str) -> ShrunkFile:
    """The same, shrunk."""
    return shrink_file(failure(mutant))
