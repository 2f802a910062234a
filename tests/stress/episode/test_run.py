"""A seed's verdict: the same each time; green without a mutant; and each oracle finds what it is there for."""

import orjson
import pytest

from lparvm import dst
from lparvm.errors import UsageError
from lparvm.stress.episode.run import in_peace, policy_of, run_episode, run_job
from lparvm.stress.swarm.plan import Role
from lparvm.stress.verdict import SeedJob

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_mutant_nothing_is_found(seed):
    verdict = run_job(SeedJob(seed, size="small"))
    assert verdict.passed, f"{verdict.oracle}: {verdict.detail}"
    assert verdict.steps > 0
    assert verdict.digest


def test_a_seed_comes_to_the_same_verdict_each_time():
    job = SeedJob(3, "walk", size="small")
    one, other = run_job(job), run_job(job)
    assert one == other
    assert orjson.loads(orjson.dumps(one.as_json()))["digest"] == one.digest, "plain data"


def test_the_policy_changes_the_course_of_a_seed():
    digests = {run_job(SeedJob(3, policy, size="small")).digest for policy in ("fifo", "walk", "seeded")}
    assert len(digests) > 1


def test_mix_takes_one_policy_after_the_other_by_the_seed():
    assert policy_of("mix", 0) == policy_of("mix", 8) != policy_of("mix", 1)
    assert policy_of("fifo", 5) == "fifo"


def test_a_tape_is_replayed_to_the_same_digest():
    first = run_episode(SeedJob(4, "pct:3", size="small"))
    again = run_episode(SeedJob(4, "pct:3", size="small"), dst.Tape.from_json(first.run.tape.as_json()))
    assert again.verdict().digest == first.verdict().digest


def test_what_a_witness_is_compared_with_has_no_relocations_and_no_other_work():
    plan = run_episode(SeedJob(1, size="small")).plan
    calm = in_peace(plan)
    assert (calm.operators, calm.blows) == ((), ())
    for lpar in calm.scenario.lpars:
        assert (lpar.guest == "idle") is (plan.roles[lpar.name] is not Role.WITNESS)


@pytest.mark.parametrize("job", [SeedJob(0, "stroll"), SeedJob(0, mutant="skip-quiece")])
def test_an_unknown_policy_or_mutant_is_one_error(job):
    with pytest.raises(UsageError, match=r"expected|mean"):
        run_job(job)
