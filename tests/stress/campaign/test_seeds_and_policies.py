"""What is asked for: ranges of seeds, policies, runners."""

import pytest

import fake_runners
from lparvm.config import CAMPAIGN_SEEDS_MAX
from lparvm.errors import UsageError
from lparvm.stress.campaign.model import SEED_MAX, Campaign, check_policy, parse_seeds
from lparvm.stress.campaign.runners import known_probes, load_runner
from lparvm.stress.verdict import SeedJob


@pytest.mark.parametrize(("text", "range_"), [("0:100", (0, 100)), (" 7:8 ", (7, 8)), ("5:0010", (5, 10))])
def test_a_range_is_first_and_end(text: str, range_: tuple[int, int]):
    assert parse_seeds(text) == range_


@pytest.mark.parametrize(
    "text",
    [
        "x", "", "5", "5:3", "5:5", ":", "1:", ":5", "-1:5", "0:5:9", "0x1:5", "1.5:9", "\u0661:\u0669", f"0:{CAMPAIGN_SEEDS_MAX + 1}",
        f"{SEED_MAX}:{SEED_MAX + 1}", "0:" + "9" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_range_is_told_in_one_line(text: str):
    with pytest.raises(UsageError) as caught:
        parse_seeds(text)
    assert str(caught.value).startswith("seeds ")
    assert "\n" not in str(caught.value)


def test_the_last_seeds_of_all_can_be_run():
    assert parse_seeds(f"{SEED_MAX - 1}:{SEED_MAX}") == (SEED_MAX - 1, SEED_MAX)


def test_a_campaign_gives_its_seeds_in_order_with_what_they_need():
    jobs = list(Campaign(3, 5, "walk", "skip-quiesce", "small").jobs())
    assert jobs == [SeedJob(3, "walk", "skip-quiesce", "small"), SeedJob(4, "walk", "skip-quiesce", "small")]


def test_a_campaign_without_an_end_is_bounded_all_the_same():
    assert Campaign(0, None).bound == CAMPAIGN_SEEDS_MAX
    assert Campaign(SEED_MAX - 1, None).bound == SEED_MAX


@pytest.mark.parametrize("text", ["mix", "walk", "fifo", "seeded", "pct:3", "delay:2"])
def test_policies_have_one_spelling(text: str):
    assert check_policy(text) == text


@pytest.mark.parametrize("text", ["", "pct", "pct:0", "pct:x", "random", "Mix", "mix:2"])
def test_an_unknown_policy_is_refused_with_the_known_ones(text: str):
    with pytest.raises(UsageError, match="expected mix, walk, fifo, seeded, pct:D"):
        check_policy(text)


def test_a_runner_is_found_with_its_probes():
    assert load_runner("fake_runners:passing") is fake_runners.passing
    assert known_probes("fake_runners:passing") == ("a tie", "never seen")


@pytest.mark.parametrize(
    "name", ["fake_runners", "fake_runners:", ":passing", "nowhere:run", "..:run", "fake_runners:no", "fake_runners:NOT_CALLABLE"]
)  # fmt: skip
def test_a_runner_that_is_none_is_told(name: str):
    with pytest.raises(UsageError, match=r"^runner '"):
        load_runner(name)
