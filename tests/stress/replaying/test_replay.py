"""Replaying is exact, whatever the policy and the trace; and what is not the same is told."""

from pathlib import Path

import pytest
from attrs import evolve

from lparvm.dst import Tape
from lparvm.machine import Options
from lparvm.stress.replaying.replay import replay, replay_traced
from lparvm.stress.replaying.tape_file import TapeFile
from lparvm.trace.reader import read_trace
from lparvm.trace.vocabulary import VOCABULARY, Level
from stress_failures import failure

POLICIES = ("walk", "pct:3", "delay:3", "fifo", "seeded")


def assert_exact(file: TapeFile, times: int) -> None:
    for number in range(times):
        replayed = replay(file)
        assert replayed.same, f"replay {number + 1} differs: {replayed.differences}"
        assert replayed.verdict.tape == file.tape.as_json(), f"replay {number + 1} made other choices"


@pytest.mark.parametrize("policy", POLICIES)
def test_replaying_is_exact(policy: str):
    file = failure("dirty-poison", policy)
    assert file.tape.mode == ("batch" if policy == "seeded" else "step")
    assert_exact(file, 6)


@pytest.mark.sweep
@pytest.mark.parametrize("policy", POLICIES)
def test_replaying_is_exact_100_times_of_100(policy: str):
    assert_exact(failure("dirty-poison", policy), 100)


def test_a_full_trace_changes_nothing_of_the_run(tmp_path: Path):
    file = failure("dirty-poison")
    told = {}
    for level in (Level.PROTOCOL, Level.STORAGE):
        path = tmp_path / f"{level.name}.jsonl"
        replayed = replay_traced(file, Options(trace=path, level=level))
        assert replayed.same, replayed.differences
        told[level] = [
            {name: value for name, value in event.items() if name not in ("seq", "cause")}
            for event in read_trace(path).events
            if VOCABULARY[event["event"]].level <= Level.PROTOCOL
        ]
    assert told[Level.PROTOCOL] == told[Level.STORAGE]


def test_what_is_not_the_same_is_told():
    file = failure("dirty-poison")
    healthy = replay(evolve(file, job=evolve(file.job, mutant="")))
    assert not healthy.same
    assert "verdict passed, not failed" in healthy.differences
    assert f"oracle none, not {file.shown.oracle}" in healthy.differences

    otherwise = replay(evolve(file, shown=evolve(file.shown, digest="0" * 64)))
    assert [told.split()[0] for told in otherwise.differences] == ["digest"]

    changed = {name: values for name, values in file.tape.choices.items() if name != "guests"}
    assert not replay(evolve(file, tape=Tape(given=changed))).same, "other guests write other words"
