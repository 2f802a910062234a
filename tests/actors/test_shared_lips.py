"""A LIP that serves several LPARs gives them equal shares of its time."""

from collections import Counter

import pytest

from lparvm.protocol.results import Result
from trials import Trial, lpar, scenario, trial_of

TOLERANCE = 0.05


def _instructions(trial: Trial, since_ns: int = 0) -> Counter[str]:
    used: Counter[str] = Counter()
    for one in trial.of("slice.ended"):
        if one["first_ns"] >= since_ns:
            used[one["lpar"]] += one["instructions"]
    return used


def _even(used: Counter[str], *names: str) -> bool:
    mean = sum(used[name] for name in names) / len(names)
    return all(abs(used[name] - mean) <= TOLERANCE * mean for name in names)


@pytest.mark.parametrize(
    "guests",
    [("hammer", "hammer"), ("hammer", "chain"), ("chain", "ledger", "hammer")],
    ids="+".join,
)
async def test_lpars_that_are_busy_get_equal_shares(autojump_clock, guests: tuple[str, ...]):
    names = "ABC"[: len(guests)]
    tables = [
        lpar(name, f"{position}M", guest=guest, lips=["LIP1"])
        for position, (name, guest) in enumerate(zip(names, guests, strict=True))
    ]
    async with trial_of(scenario(*tables)) as trial:
        await trial.sleep_ms(400)
        used = _instructions(trial)
        assert _even(used, *names), used
        assert sum(used.values()) == pytest.approx(40_000, rel=0.05), "the LIP was never idle at 0.1 MIPS"


async def test_what_a_waiting_lpar_does_not_use_the_others_get(autojump_clock):
    text = scenario(
        lpar("A", "0", guest="machine_guests:Waiting", lips=["LIP1"]), lpar("B", "1M", lips=["LIP1"])
    )
    async with trial_of(text) as trial:
        await trial.sleep_ms(200)
        assert _instructions(trial)["B"] == pytest.approx(20_000, rel=0.05)


async def test_while_one_moves_the_other_has_the_lip_alone_and_after_it_they_share_again(autojump_clock):
    text = scenario(lpar("A", "0", lips=["LIP1"]), lpar("B", "1M", lips=["LIP1"]), rate="4M")
    async with trial_of(text) as trial:
        await trial.sleep_ms(100)
        answer = await trial.give("MVSTOR A HSA=2M")
        assert answer.result is Result.COMPLETED
        stood = [one for one in trial.of("slice.ended") if one["first_ns"] > answer.at_ns + 5_000_000]
        assert {one["lpar"] for one in stood} == {"B"}
        restarted_ns = trial.machine.clock.now_ns()
        await trial.sleep_ms(200)
        used = _instructions(trial, restarted_ns)
        assert _even(used, "A", "B"), used


async def test_a_guest_with_long_instructions_gets_no_more_than_its_share(autojump_clock):
    text = scenario(
        lpar("A", "0", guest="machine_guests:Slow", options={"words": 2000}, lips=["LIP1"]),
        lpar("B", "1M", lips=["LIP1"]),
    )
    async with trial_of(text) as trial:
        await trial.sleep_ms(1000)
        used = _instructions(trial)
        assert _even(used, "A", "B"), used
