"""MVSTOR with EXPAND= and PLAN on a whole machine: what is checked before, what a CANCEL prevents, what is told."""

import pytest

from lparvm.protocol.results import Result
from trials import M, lpar, scenario, trial_of

R = Result
TWO = scenario(
    lpar("A", "0", size="2M", guest="idle"), lpar("B", "2M", size="4M", guest="idle"), main_storage="32M",
)  # fmt: skip
FOUR = scenario(
    *(lpar(name, origin, size=size, guest="idle") for name, origin, size in
      (("X", "0", "1M"), ("A", "4M", "2M"), ("C", "12M", "2M"), ("E", "28M", "2M"))),
    main_storage="32M", duration="2s",
)  # fmt: skip
UNFIT = [
    ("EXPAND=ZZ", R.UNKNOWN_LPAR),
    ("EXPAND=ZZ,SIZE=3M", R.UNKNOWN_LPAR),
    ("EXPAND=N", R.WRONG_STATE),
    ("EXPAND=A,SIZE=1M", R.WRONG_SIZE),
    ("EXPAND=A,SIZE=2M", R.WRONG_SIZE),
]


@pytest.mark.parametrize(("expand", "result"), UNFIT)
async def test_an_expansion_that_cannot_be_stops_nobody_with_test_or_without(
    autojump_clock, expand: str, result: Result
):
    async with trial_of(TWO) as trial:
        assert (await trial.give("DEFINE N SIZE=1M GUEST=idle")).result is R.COMPLETED
        told = [await trial.give(f"MVSTOR B END {expand}{test}") for test in ("", " TEST")]
        assert [one.result for one in told] == [result] * 2
        assert told[0].message == told[1].message
        assert (trial.of("lip.stopped"), trial.origins()["B"]) == ([], 2 * M)


async def test_a_test_of_a_move_tells_whether_the_room_would_do(autojump_clock):
    async with trial_of(TWO) as trial:
        told = await trial.give("MVSTOR B END EXPAND=A,SIZE=31M TEST")
        assert (told.result, told.message) == (R.NO_ROOM, "A: no room for 31M: B holds storage behind it")
        told = await trial.give("MVSTOR B END EXPAND=A TEST")
        assert (told.result, told.code) == (R.COMPLETED, "LVM014I")
        assert told.message == (
            "B: every check was made: it can be moved to 28M, A can then be expanded to 28M; nothing was done"
        )
        assert (trial.of("lip.stopped"), trial.origins()["B"]) == ([], 2 * M)
        told = await trial.give("MVSTOR B END EXPAND=A,SIZE=31M")
        assert told.result is R.MOVED_NOT_EXPANDED
        assert told.message.endswith("not expanded: A: no room for 31M: B holds storage behind it")


@pytest.mark.parametrize("phase", ["MOVING", "NOTIFYING", "RESTARTING"])
async def test_a_cancel_that_prevents_the_expansion_is_granted_and_the_move_is_told(
    autojump_clock, phase: str
):
    async with trial_of(TWO) as trial:
        svp, given = trial.machine.svp, []
        trial.when("phase.entered", lambda _: given.append(svp.submit("CANCEL B")), phase=phase)
        moved = await trial.give("MVSTOR B HSA=20M EXPAND=A")
        cancel = await svp.answer(given[0])
        assert (moved.result, cancel.result) == (R.CANCELLED, R.COMPLETED)
        stands = phase != "MOVING"
        assert trial.origins()["B"] == (20 if stands else 2) * M
        assert ("B: main storage origin is now 20M" in moved.message) is stands
        assert (cancel.message == f"{moved.operation} was cancelled after 1 of 2 steps") is stands


async def test_a_second_cancel_is_told_that_the_first_is_under_way(autojump_clock):
    async with trial_of(TWO) as trial:
        op = trial.machine.svp.submit("MVSTOR B HSA=20M")
        await trial.sleep_ms(100)
        first, second = (trial.machine.svp.submit(f"CANCEL {op}") for _ in range(2))
        assert (await trial.machine.svp.answer(first)).result is R.COMPLETED
        told = await trial.machine.svp.answer(second)
        assert (told.result, told.code) == (R.NOT_CANCELLABLE, "LVM059W")
        assert told.message.startswith(f"{op} is being cancelled already")


async def test_room_that_another_move_took_meanwhile_is_not_told_to_be_free(autojump_clock):
    async with trial_of(FOUR) as trial:
        svp = trial.machine.svp
        await trial.sleep_ms(100)
        plan = svp.submit("PLAN FREE 20M GO")
        await trial.sleep_ms(30)
        move = svp.submit("MVSTOR E HSA=8M")
        told = await svp.answer(plan)
        areas = trial.machine.assembly.zones.free_areas()
        largest = max(areas, key=lambda one: one.extent)
        if told.result is R.COMPLETED:
            room = f"{largest.extent_bytes // M}M from {largest.origin_bytes // M}M are free in one piece"
            assert told.message.endswith(room), told.message
            assert largest.extent_bytes >= 20 * M
        else:
            assert told.result is R.PLAN_STOPPED, told.message
            assert "held" in told.message
        assert (await svp.answer(move)).result is R.COMPLETED


@pytest.mark.parametrize("go", ["", " GO"])
@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("A SIZE=1M", R.WRONG_SIZE), ("A SIZE=2M", R.WRONG_SIZE), ("ZZ SIZE=3M", R.UNKNOWN_LPAR),
        ("N SIZE=3M", R.WRONG_STATE),
    ],
)  # fmt: skip
async def test_a_plan_for_an_lpar_that_cannot_be_expanded_is_refused_at_once(
    autojump_clock, text: str, result: Result, go: str
):
    async with trial_of(TWO) as trial:
        assert (await trial.give("DEFINE N SIZE=1M GUEST=idle")).result is R.COMPLETED
        told = await trial.give(f"PLAN EXPAND {text}{go}")
        assert told.result is result, told.message
        assert trial.of("ExpandStorage") == []


async def test_a_plan_for_an_lpar_that_is_held_tries_once_and_says_by_whom(autojump_clock):
    text = TWO.replace('origin = "2M"', 'origin = "20M"')
    async with trial_of(text) as trial:
        move = trial.machine.svp.submit("MVSTOR A HSA=4M")
        await trial.sleep_ms(10)
        told = await trial.give("PLAN EXPAND A SIZE=3M GO")
        assert told.result is R.PLAN_STOPPED
        assert told.message.endswith(f": A is held by operation {move}")
        assert len(trial.of("ExpandStorage")) == 1
        assert (await trial.machine.svp.answer(move)).result is R.COMPLETED


async def test_where_there_is_no_plan_what_is_held_is_named(autojump_clock):
    async with trial_of(TWO) as trial:
        move = trial.machine.svp.submit("MVSTOR B HSA=12M")
        await trial.sleep_ms(50)
        told = await trial.give("PLAN FREE 24M")
        assert (told.result, told.code) == (R.NO_PLAN, "LVM055W")
        assert "B is held by an operation" in told.message or "an area from 12M is held" in told.message
        assert (await trial.machine.svp.answer(move)).result is R.COMPLETED
        assert (await trial.give("PLAN FREE 24M")).result is R.COMPLETED
