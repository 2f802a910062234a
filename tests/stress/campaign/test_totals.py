"""What seeds add up to, and how it is told."""

import shlex

import pytest
from attrs import fields
from hypothesis import given
from hypothesis import strategies as st

from lparvm.stress.campaign import summary as summary_module
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.summary import Summary, one_line, replay_command
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import CRASHED, FAILED, PASSED, SeedVerdict, campaign_digest
from lparvm.stress_cli.campaign import CampaignOptions, campaign_of
from lparvm.stress_cli.command import stress

VERDICTS = [
    SeedVerdict(
        0, "walk", PASSED, digest="a", steps=5, virtual_ns=10, relocations=2, operations=3, faults={"late": 2}
    ),
    SeedVerdict(
        1, "fifo", FAILED, "guest-data", "page\n3", "b", probes={"tie": 4, "zero": 0}, tape={"streams": {}}
    ),
    SeedVerdict(2, "walk", PASSED, digest="c", steps=1, probes={"tie": 1}, faults={"late": 1, "lost": 7}),
    SeedVerdict(3, "walk", FAILED, "guest-data", digest="d"),
    SeedVerdict(4, "mix", CRASHED, "worker-died", "killed"),
]


def totals_of(verdicts: list[SeedVerdict]) -> Totals:
    totals = Totals()
    for verdict in verdicts:
        totals.add(verdict)
    return totals


def summary_of(verdicts: list[SeedVerdict], **more: object) -> Summary:
    return Summary(Campaign(0, 5), "pool", 2, totals_of(verdicts), probes=("tie", "storm"), **more)


@given(st.permutations(VERDICTS))
def test_the_order_does_not_matter(verdicts: list[SeedVerdict]):
    assert summary_of(verdicts).as_json() == summary_of(VERDICTS).as_json()
    assert totals_of(verdicts).digest == campaign_digest(VERDICTS)


def test_everything_is_added_up():
    told = summary_of(VERDICTS).as_json()
    assert told["verdict"] == "failures"
    assert (told["seeds"], told["failed"], told["crashed"]) == (5, 2, 1)
    assert told["faults"] == {"late": 3, "lost": 7}
    assert (told["steps"], told["relocations"], told["operations"], told["virtual_s"]) == (6, 2, 3, 1e-8)
    assert told["policies"]["walk"] == {"seeds": 3, "failures": 1, "first_failure": 3}
    assert told["oracles"]["guest-data"] == {
        "failures": 2,
        "first_seed": 1,
        "policies": {"fifo": 1, "walk": 1},
    }
    assert told["probes"] == [
        {"name": "storm", "times": 0, "seeds": {"fifo": 0, "mix": 0, "walk": 0}},
        {"name": "tie", "times": 5, "seeds": {"fifo": 1, "mix": 0, "walk": 1}},
        {"name": "zero", "times": 0, "seeds": {"fifo": 0, "mix": 0, "walk": 0}},
    ]
    assert told["unreached"] == ["storm"]
    assert [one["seed"] for one in told["failures"]] == [1, 3, 4]
    assert told["failures"][0]["detail"] == "page 3"
    assert told["failures"][0]["replay"] == "lparvm stress --seeds 1:2"


def test_a_seed_counts_once():
    with pytest.raises(AssertionError, match="one verdict"):
        totals_of([VERDICTS[0], VERDICTS[0]])


def test_exit_codes():
    passed = [VERDICTS[0], VERDICTS[2]]
    assert (summary_of(passed).verdict, summary_of(passed).exit_code) == ("green", 0)
    assert summary_of(VERDICTS).exit_code == 1
    missed = summary_of(passed, probes_required=True)
    assert (missed.verdict, missed.exit_code) == ("probes never reached", 1)
    everything = [*passed, SeedVerdict(7, "walk", PASSED, probes={"storm": 1})]
    assert summary_of(everything, probes_required=True).exit_code == 0
    missed.totals.interrupted = True
    assert (missed.verdict, missed.exit_code) == ("interrupted", 130)


def test_only_the_first_failures_are_told_and_the_others_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(summary_module, "CAMPAIGN_FAILURES_TOLD_MAX", 2)
    summary = summary_of(VERDICTS[::-1])
    assert [one.verdict.seed for one in summary.failures] == [1, 3]
    assert summary.failures_left_out == 1


def test_seeds_that_were_not_run_are_told():
    assert summary_of(VERDICTS).seeds_text == "0:5"
    assert summary_of(VERDICTS[:2]).seeds_text == "0:5, 2 of them run"
    assert Summary(Campaign(3, None), "pool", 1, totals_of(VERDICTS)).seeds_text == "3:8"


@pytest.mark.parametrize(
    "campaign",
    [Campaign(0, 9), Campaign(0, 9, "pct:3", "", "small"), Campaign(0, 9, runner="fake_runners:failing")],
)
def test_a_replay_command_is_the_same_campaign_of_one_seed(campaign: Campaign):
    words = shlex.split(replay_command(campaign, 5))
    assert words[:2] == ["lparvm", "stress"]
    params = stress.make_context("stress", words[2:]).params
    read = campaign_of(CampaignOptions(**{one.name: params[one.name] for one in fields(CampaignOptions)}))
    assert read == Campaign(5, 6, campaign.policy, campaign.mutant, campaign.size, None, campaign.runner)


def test_what_a_seed_says_is_one_line_that_can_be_seen():
    assert one_line("a\n\n b\tc") == "a b c"
    assert one_line("\x1b[31mred\x00\ud800") == "\ufffd[31mred\ufffd\ufffd"
    assert len(one_line("x" * 5000)) == 300
