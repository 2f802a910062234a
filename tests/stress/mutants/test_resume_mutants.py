"""A pulse that suspends its channel programs finds by its own data what is wrong with RESUME around a move."""

import re

import pytest
from attrs import evolve
from mutant_judge import Trial, findings, slow_channel

from lparvm.stress.guests.pulse_reading import AGAIN
from lparvm.stress.mutants import MUTANTS
from trials import command, device, lpar, scenario
from witness_runs import PULSE

# Moves take 8 ms: a RESUME that is 4 ms on its way arrives while pages move.
MOVES = Trial(
    scenario(
        device("0190", latency="200us"),
        lpar("B", "128K", size="32K", guest=PULSE, devices=["0190"], options={"suspend": True, "pause": "300us"}),
        *(command(f"{11 * turn + 2}ms", f"MVSTOR B HSA={(256, 64)[turn % 2]}K") for turn in range(4)),
        main_storage="512K", rate="4M", duration="46ms",
    )
)  # fmt: skip
LATE = evolve(MOVES, parts=slow_channel)
MISSING = f"damage: B .*address={AGAIN}, expected='0x0', found='0x{'a5' * 8}'"


@pytest.mark.parametrize("trial", [MOVES, LATE], ids=["in-time", "late"])
@pytest.mark.parametrize("seed", range(2))
def test_without_a_mutant_the_machine_is_intact(trial: Trial, seed: int):
    found = findings(evolve(trial, seed=seed))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "trial", "rule", "damage"),
    [
        ("resume-not-held", LATE, "quiesce-holds", MISSING),
        ("stale-iop-zone-cached-per-start", LATE, "io-inside-zone", MISSING),
        ("stale-iop-zone-cached-per-start", MOVES, "io-inside-zone", "damage: B .*subchannel status 20"),
    ],
)
def test_a_mutant_is_found_by_the_guest_and_by_a_rule(name: str, trial: Trial, rule: str, damage: str):
    found = findings(trial, MUTANTS[name])
    for expected in (f"rule:{rule}", damage):
        assert any(re.match(expected, one) for one in found), "\n  ".join((f"no {expected} in", *found))
