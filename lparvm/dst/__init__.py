"""Deterministic simulation for trio: every choice of a run from one tape, schedules explored on purpose.

    from lparvm import dst

    run = dst.run(main, policy="pct:3", seed=17)          # main(tape) is an async function
    found = dst.first_failure(main, "walk", range(1000))
    shrunk = dst.shrink(run.tape, fails)
    again = dst.run(main, tape=dst.Tape.from_json(read))  # the very same run

Knows nothing of LPARs, and could stand alone. `docs/dst.md` tells it all with an example.
"""

from lparvm.dst.audit import Audit, Difference, audit, note
from lparvm.dst.deterministic import deterministic_scheduling, supported
from lparvm.dst.ending import Abandoned, Deadlock, StepsExhausted
from lparvm.dst.policies import Policy, parse_policy
from lparvm.dst.probes import collected, sometimes
from lparvm.dst.search import delays, first_failure
from lparvm.dst.shrink import Shrunk, shrink
from lparvm.dst.simulation import Run, calm, run
from lparvm.dst.tape import Stream, Tape
from lparvm.dst.windows import Chaos

__all__ = [
    "Abandoned",
    "Audit",
    "Chaos",
    "Deadlock",
    "Difference",
    "Policy",
    "Run",
    "Shrunk",
    "StepsExhausted",
    "Stream",
    "Tape",
    "audit",
    "calm",
    "collected",
    "delays",
    "deterministic_scheduling",
    "first_failure",
    "note",
    "parse_policy",
    "run",
    "shrink",
    "sometimes",
    "supported",
]
