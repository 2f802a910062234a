"""Verdicts as lines: there and back, and nothing else."""

from enum import StrEnum

import orjson
import pytest
from attrs import evolve

from fake_runners import failing, passing
from lparvm.stress.campaign import wire
from lparvm.stress.campaign.wire import LINE_BEGIN, jobs_line, read_jobs, read_verdict, verdict_line
from lparvm.stress.verdict import SeedJob


@pytest.fixture(autouse=True)
def _hash_seed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONHASHSEED", "0")


def test_a_verdict_is_read_as_it_was_written():
    for verdict in (passing(SeedJob(8)), failing(SeedJob(5))):
        line = verdict_line(verdict)
        assert line.startswith(LINE_BEGIN)
        assert line.endswith(b"\n")
        assert read_verdict(line) == verdict


class Kind(StrEnum):
    LATE = "late"


def test_members_of_an_enumeration_are_read_as_their_values():
    verdict = evolve(passing(SeedJob(1)), faults={Kind.LATE: 3}, oracle=Kind.LATE)
    read = read_verdict(verdict_line(verdict))
    assert read == verdict
    assert type(next(iter(read.faults))) is type(read.oracle) is str


def test_jobs_are_read_as_they_were_written():
    jobs = (SeedJob(1), SeedJob(2**63 - 2, "pct:3", "skip-quiesce", "small"))
    assert read_jobs(jobs_line(jobs)) == jobs


def test_a_line_that_would_be_too_long_goes_without_its_tape(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wire, "CAMPAIGN_LINE_BYTES_MAX", 800)
    verdict = failing(SeedJob(5))
    assert read_verdict(verdict_line(verdict)) == verdict
    large = evolve(verdict, tape={"streams": {"devices": [0] * 900}})
    assert read_verdict(verdict_line(large)) == evolve(verdict, tape=None)


DAMAGE = {
    "no JSON": b'{"seed":1,',
    "no object": b"[1,2]",
    "nothing": b"",
    "not UTF-8": b'{"seed":"\xff"}',
    "a field is missing": {"digest": ...},
    "a field too many": {"extra": 1},
    "a seed in words": {"seed": "1"},
    "a seed that is true": {"seed": True},
    "steps with a fraction": {"steps": 1.5},
    "faults in a list": {"faults": ["late"]},
    "faults without numbers": {"faults": {"late": "1"}},
    "no policy": {"policy": None},
    "a tape in words": {"tape": "x"},
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_found(case: str):
    damage = DAMAGE[case]
    if isinstance(damage, dict):
        fields = {**passing(SeedJob(1)).as_json(), **damage}
        damage = orjson.dumps({key: value for key, value in fields.items() if value is not ...})
    with pytest.raises(ValueError):
        read_verdict(damage)
