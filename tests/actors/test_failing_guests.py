"""A guest that fails or ends is no failure of the machine: its LPAR stands, can be moved, and all others go on."""

import pytest

from lparvm.actors.service_processor import OperatorMessage
from lparvm.machine import Options
from lparvm.protocol.results import Result
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from machines import story
from trials import M, Trial, command, lpar, scenario, trial_of

RAISING, TRESPASSING = "machine_guests:Raising", "machine_guests:Trespassing"


def _text(guest: str, *commands: str, after: int = 20) -> str:
    failing = lpar("A", "0", guest=guest, lips=2, options={"after": after})
    return scenario(failing, lpar("B", "1M"), *commands)


def _states(trial: Trial) -> dict[str, str]:
    return {row.name: row.state for row in trial.machine.rows()}


@pytest.mark.parametrize(
    ("guest", "code", "said"),
    [
        (RAISING, "LVM071E", "A on LIP1: LookupError: no such record (machine_guests.py:"),
        (TRESPASSING, "LVM070E", "A on LIP1: program interruption 0005 at guest absolute 0x40000"),
    ],
    ids=["exception", "program-interruption"],
)
async def test_a_guest_that_fails_stops_its_lpar_with_a_message(
    autojump_clock, guest: str, code: str, said: str
):
    async with trial_of(_text(guest), verdict="failed") as trial:
        messages: list[OperatorMessage] = []
        trial.machine.svp.listen(messages.append)
        await trial.sleep_ms(100)
        assert [message.code for message in messages] == [code], "one message, whatever the other LIPs do"
        assert messages[0].text.startswith(said), messages[0].text
        assert "\n" not in messages[0].text
        assert messages[0].operation is None
        (ended,) = trial.of("guest.ended", lpar="A")
        late = [one for one in trial.of("slice.ended", lpar="A") if one["first_ns"] > ended["t"]]
        assert late == [], "the other LIP was stopped too"
        assert _states(trial) == {"A": "failed", "B": "active"}
        await trial.works("B")
        assert (await trial.give("MVSTOR B HSA=2M")).result is Result.COMPLETED
    report = trial.machine.report
    assert report.exit_code == 1
    assert {guest.lpar: (guest.failed, guest.damage_count) for guest in report.guests} == {
        "A": (True, 0), "B": (False, 0),
    }, story(report)  # fmt: skip


@pytest.mark.parametrize("guest", [RAISING, TRESPASSING])
async def test_an_lpar_that_failed_can_be_moved_and_nobody_stood_still_for_it(autojump_clock, guest: str):
    async with trial_of(_text(guest), verdict="failed") as trial:
        await trial.sleep_ms(100)
        steps = trial.steps("A")
        for target in (2 * M, 3 * M):
            answer = await trial.machine.svp.move_storage("A", target)
            assert (answer.result, answer.lips) == (Result.COMPLETED, ())
            assert trial.origins()["A"] == target
        await trial.works("B")
        assert trial.steps("A") == steps, "it is moved, but not run"
    # The final check looked at the new place and found all that was there before.
    assert trial.machine.report.guests[0].damage_count == 0


@pytest.mark.parametrize("guest", [RAISING, TRESPASSING])
def test_a_guest_may_fail_at_any_moment_of_its_move(guest: str):
    # The 20th step is done at 2 ms or 4 ms; the move goes from there to 13 ms later.
    for position, at_us in enumerate(range(0, 6000, 400)):
        for after in (0, 20, 250):
            text = _text(guest, command(f"{at_us}us", "MVSTOR A HSA=2M"), after=after)
            report = run(parse_scenario(text), clock="virtual", options=Options(seed=position))
            told = f"MVSTOR at {at_us} us, failure after {after} steps: {story(report)}"
            assert report.verdict == "failed", told
            (answer,) = report.commands
            assert answer.result is Result.COMPLETED, told
            assert [rule for rule in report.rules if rule.verdict == "broken"] == [], told


async def test_a_guest_that_ends_is_no_failure_and_can_be_moved(autojump_clock):
    text = scenario(lpar("A", "0", guest="machine_guests:Ending", lips=2), lpar("B", "1M"))
    async with trial_of(text) as trial:
        await trial.sleep_ms(50)
        assert [one["reason"] for one in trial.of("guest.ended", lpar="A")] == ["program ended"] * 2
        assert trial.steps("A") == 40
        answer = await trial.give("MVSTOR A HSA=2M")
        assert answer.result is Result.COMPLETED
        assert [stop.lip for stop in answer.lips] == ["LIP1", "LIP2"]
        assert {one["code"] for one in trial.of("operator.messaged")} <= {"LVM015I"}
        await trial.works("B")


async def test_a_guest_whose_ipl_fails_is_there_all_the_same(autojump_clock):
    # A journal needs more room for each LIP than there is.
    text = scenario(lpar("A", "0", size="16K", guest="journal", lips=4), lpar("B", "1M"))
    async with trial_of(text, verdict="failed") as trial:
        await trial.works("B")
        assert {one["code"] for one in trial.of("operator.messaged")} == {"LVM071E"}
        assert (await trial.give("MVSTOR A HSA=2M")).result is Result.COMPLETED


async def test_a_guest_of_ones_own_is_named_by_module_and_class(autojump_clock):
    text = scenario(lpar("A", "0", guest="guests.counter_guest:Counter", lips=2))
    async with trial_of(text) as trial:
        await trial.works("A")
        assert (await trial.give("MVSTOR A HSA=128K")).result is Result.COMPLETED
        await trial.works("A")
    (guest,) = trial.machine.report.guests
    assert (guest.guest, guest.lip_count) == ("guests.counter_guest:Counter", 2)


async def test_a_failure_on_a_shared_lip_leaves_the_lip_to_the_others(autojump_clock):
    text = scenario(
        lpar("A", "0", guest=RAISING, lips=["LIP1"]),
        lpar("B", "1M", lips=["LIP1"]),
    )
    async with trial_of(text, verdict="failed") as trial:
        await trial.sleep_ms(20)
        before_ns = trial.machine.clock.now_ns()
        await trial.sleep_ms(100)
        used = [
            one["instructions"] for one in trial.of("slice.ended", lpar="B") if one["first_ns"] >= before_ns
        ]
        assert sum(used) == pytest.approx(10_000, rel=0.1)


async def test_damage_is_told_as_it_is_found_and_decides_the_verdict(autojump_clock):
    text = scenario(
        lpar("A", "0", guest="machine_guests:Ending"), lpar("B", "1M", guest="machine_guests:Slow")
    )
    async with trial_of(text, verdict="damaged") as trial:
        trial.machine.storage.buffer[M + 256 * 1024 - 1] ^= 1
        await trial.sleep_ms(200)
        (told,) = trial.of("guest.damaged", lpar="B")
        assert (told["address"], told["lip"]) == (256 * 1024 - 8, "LIP2")
        trial.machine.storage.buffer[256 * 1024 - 1] ^= 1
    at_the_end = trial.of("guest.damaged", lpar="A")
    assert [one["lip"] for one in at_the_end] == [None], "found by the final check"
