"""Every result code, each by a tiny scenario; whatever the result, the guests go on as if nothing had happened."""

from collections.abc import Awaitable, Callable

import pytest

from lparvm.actors.service_processor import CommandResult
from lparvm.config import CONSOLE_LINES_WAITING_MAX
from lparvm.machine import Parts
from lparvm.protocol import admission
from lparvm.protocol.catalogue import BY_RESULT, Result
from lparvm.storage.mover import PageMove
from machines import story
from trials import TWO, K, M, Trial, device, lpar, scenario, trial_of

STUCK = scenario(
    device("0190", kind="stuck"),
    device("0191", kind="disk"),
    lpar("A", "0", guest="machine_guests:Reading", lips=2, devices=["0190", "0191"]),
    lpar("B", "1M"),
)
LATE = scenario(
    device("0190", kind="stuck", ends_after="40ms"),
    lpar("A", "0", guest="machine_guests:Reading", devices=["0190"]),
    lpar("B", "1M"),
)
SLOW = scenario(
    lpar("A", "0", guest="machine_guests:Slow", lips=["LIP1", "LIP2"]),
    lpar("B", "1M"),
)
DISK = scenario(
    device("0190"),
    device("0191", iop="IOP2"),
    lpar("A", "0", guest="journal", lips=2, devices=["0190", "0191"]),
    lpar("B", "1M"),
    iops=2,
)

UNEQUAL = scenario(
    lpar("A", "0"), lpar("B", "1M", size="512K"), lpar("C", "300K", size="100K"),
)  # fmt: skip
DEAF = scenario(lpar("A", "0", guest="tenant_guests:Tenant", options={"conduct": "deaf"}), lpar("B", "1M"))

Reach = Callable[[Trial], Awaitable[CommandResult]]
REACHED: dict[Result, tuple[str, Reach]] = {}


def reaches(result: Result, text: str = TWO) -> Callable[[Reach], Reach]:
    def keep(reach: Reach) -> Reach:
        REACHED[result] = text, reach
        return reach

    return keep


@reaches(Result.COMPLETED)
async def _completed(trial):
    return await trial.give("MVSTOR B HSA=1152K")


@reaches(Result.WRONG_STATE)
async def _wrong_state(trial):
    return await trial.give("START B")


@reaches(Result.CANNOT_DEFINE)
async def _cannot_define(trial):
    return await trial.give("DEFINE C SIZE=8M")


@reaches(Result.IPL_FAILED)
async def _ipl_failed(trial):
    return await trial.give("IPL B DEVICE=0190")


@reaches(Result.TARGET_OCCUPIED)
async def _target_occupied(trial):
    return await trial.give("MVSTOR B HSA=252K")


@reaches(Result.TARGET_TAKEN, LATE)
async def _target_taken(trial):
    await trial.sleep_ms(5)
    late = trial.machine.svp.submit("MVSTOR A HSA=2M")
    await trial.sleep_ms(5)
    assert (await trial.give("MVSTOR B HSA=2176K")).result is Result.COMPLETED
    return await trial.machine.svp.answer(late)


@reaches(Result.OUTSIDE_STORAGE)
async def _outside_storage(trial):
    return await trial.give("MVSTOR B HSA=3844K")


@reaches(Result.NOT_ON_PAGE)
async def _not_on_page(trial):
    return await trial.give("MVSTOR B HSA=2097153")


@reaches(Result.ALREADY_THERE)
async def _already_there(trial):
    return await trial.give("MVSTOR B HSA=1M")


@reaches(Result.UNKNOWN_LPAR)
async def _unknown_lpar(trial):
    return await trial.give("MVSTOR C HSA=2M")


@reaches(Result.UNKNOWN_OPERATION)
async def _unknown_operation(trial):
    return await trial.give("CANCEL op.99")


@reaches(Result.LPAR_IN_OPERATION)
async def _lpar_in_operation(trial):
    first = trial.machine.svp.submit("MVSTOR B HSA=2M")
    refused = await trial.give("MVSTOR B HSA=3M")
    assert first in refused.message
    assert (await trial.machine.svp.answer(first)).result is Result.COMPLETED
    return refused


@reaches(Result.TOO_MANY_OPERATIONS)
async def _too_many_operations(trial):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admission, "OPERATIONS_MAX", 1)
        first = trial.machine.svp.submit("MVSTOR B HSA=2M")
        refused = await trial.give("MVSTOR A HSA=3M")
        await trial.machine.svp.answer(first)
    return refused


@reaches(Result.STOP_TIMED_OUT, SLOW)
async def _stop_timed_out(trial):
    await trial.sleep_ms(5)
    return await trial.give("MVSTOR A HSA=2M STOP=10ms")


@reaches(Result.QUIESCE_TIMED_OUT, STUCK)
async def _quiesce_timed_out(trial):
    await trial.sleep_ms(5)
    return await trial.give("MVSTOR A HSA=2M QUIESCE=15ms")


@reaches(Result.SALE_REFUSED, DISK)
async def _sale_refused(trial):
    trial.machine.refuse_sale("IOP2")
    return await trial.give("MVSTOR A HSA=128K")


@reaches(Result.STORAGE_FAULT)
async def _storage_fault(trial):
    trial.machine.fail_frame(1 * M + 200 * K)
    return await trial.give("MVSTOR B HSA=1152K")


@reaches(Result.CHECK_STOPPED, DISK)
async def _check_stopped(trial):
    for _ in range(10):
        trial.machine.refuse_sale("IOP1")
    return await trial.give("MVSTOR A HSA=2M")


@reaches(Result.LPAR_CHECK_STOPPED, DISK)
async def _lpar_check_stopped(trial):
    assert (await _check_stopped(trial)).result is Result.CHECK_STOPPED
    return await trial.give("MVSTOR A HSA=3M")


@reaches(Result.TARGET_FAULTY)
async def _target_faulty(trial):
    trial.machine.fail_frame(2 * M + 8 * K)
    assert (await trial.give("MVSTOR B HSA=2M")).result is Result.STORAGE_FAULT
    return await trial.give("MVSTOR B HSA=2M")


@reaches(Result.ZONE_FAULTY)
async def _zone_faulty(trial):
    trial.machine.fail_frame(1 * M + 8 * K)
    assert (await trial.give("MVSTOR B HSA=2M")).result is Result.STORAGE_FAULT
    return await trial.give("MVSTOR B HSA=2M")


@reaches(Result.SAME_LPAR)
async def _same_lpar(trial):
    return await trial.give("XCHSTOR B B")


@reaches(Result.ZONE_IN_THE_WAY, UNEQUAL)
async def _zone_in_the_way(trial):
    return await trial.give("XCHSTOR A B")


@reaches(Result.MOVE_FAILED)
async def _move_failed(trial):
    trial.machine.assembly.work.fail_at = 7
    return await trial.give("MVSTOR B HSA=1152K")


@reaches(Result.MOVED_NOT_EXPANDED)
async def _moved_not_expanded(trial):
    return await trial.give("MVSTOR B HSA=1152K EXPAND=A,SIZE=2M")


@reaches(Result.NO_ROOM)
async def _no_room(trial):
    return await trial.give("EXPAND A SIZE=2M")


@reaches(Result.WRONG_SIZE)
async def _wrong_size(trial):
    return await trial.give("EXPAND A SIZE=128K")


@reaches(Result.GUEST_REFUSED)
async def _guest_refused(trial):
    return await trial.give("SHRINK A SIZE=4K")


@reaches(Result.STORAGE_IN_USE, DEAF)
async def _storage_in_use(trial):
    await trial.sleep_ms(5)
    return await trial.give("SHRINK A SIZE=128K")


@reaches(Result.CANCELLED)
async def _cancelled(trial):
    op = trial.machine.svp.submit("MVSTOR B HSA=2M")
    await trial.sleep_ms(6)
    assert (await trial.give("CANCEL B")).result is Result.COMPLETED
    return await trial.machine.svp.answer(op)


@reaches(Result.NOT_CANCELLABLE)
async def _not_cancellable(trial):
    given: list[str] = []
    submit = trial.machine.svp.submit
    trial.when("phase.entered", lambda _: given.append(submit("CANCEL B")), phase="NOTIFYING")
    assert (await trial.give("MVSTOR B HSA=2M")).result is Result.COMPLETED
    return await trial.machine.svp.answer(given[0])


@reaches(Result.UNKNOWN_PATH, DISK)
async def _unknown_path(trial):
    return await trial.give("VARY PATH IOP1.0191 OFF")


CONSOLE = scenario(device("0009", kind="console"), lpar("A", "0", devices=["0009"]), lpar("B", "1M"))


@reaches(Result.LINE_REFUSED, CONSOLE)
async def _line_refused(trial):
    for _ in range(CONSOLE_LINES_WAITING_MAX):
        assert (await trial.give('REPLY A "again"')).result is Result.COMPLETED
    return await trial.give('REPLY A "once too often"')


@reaches(Result.NO_CONSOLE)
async def _no_console(trial):
    return await trial.give('REPLY B "yes"')


@reaches(Result.NO_PLAN)
async def _no_plan(trial):
    return await trial.give("PLAN FREE 4M GO")


@reaches(Result.PLAN_STOPPED)
async def _plan_stopped(trial):
    """B must move and can't, for a frame of it fails; there is no way without it."""
    trial.machine.fail_frame(1 * M + 200 * K)
    return await trial.give("PLAN FREE 3M GO")


@reaches(Result.INTERRUPTED)
async def _interrupted(trial):
    op = trial.machine.svp.submit("MVSTOR B HSA=2M")
    await trial.sleep_ms(6)
    trial.machine.svp.abandon()
    return trial.machine.svp.results[op]


# What an answer without a move leaves alone: nobody is stopped for it.
UNTOUCHED = {
    Result.TARGET_OCCUPIED, Result.OUTSIDE_STORAGE, Result.NOT_ON_PAGE, Result.ALREADY_THERE,
    Result.UNKNOWN_LPAR, Result.UNKNOWN_OPERATION, Result.UNKNOWN_PATH, Result.NO_CONSOLE, Result.LINE_REFUSED,
    Result.NO_ROOM, Result.WRONG_SIZE, Result.GUEST_REFUSED, Result.SAME_LPAR, Result.ZONE_IN_THE_WAY,
    Result.WRONG_STATE, Result.CANNOT_DEFINE, Result.NO_PLAN,
}  # fmt: skip


def test_every_result_code_has_a_scenario():
    assert set(REACHED) == set(Result)


@pytest.mark.parametrize("result", [result for result in Result if result is not Result.INTERRUPTED])
async def test_a_result_comes_with_its_message_and_the_guests_run_on(autojump_clock, result: Result):
    text, reach = REACHED[result]
    async with trial_of(text) as trial:
        before = trial.origins()
        answer = await reach(trial)
        stopped = [name for name in ("A", "B") if trial.of("lip.stopped", lpar=name)]
        assert answer.result is result, story_of(answer)
        assert answer.code == BY_RESULT[result].code
        assert "?" not in answer.message, "a value of the message is missing"
        assert len(trial.of("command.answered", op=answer.operation)) == 1
        if result in UNTOUCHED:
            assert (trial.origins(), stopped, answer.lips) == (before, [], ())
        lost = ["A"] if result in (Result.CHECK_STOPPED, Result.LPAR_CHECK_STOPPED) else []
        await trial.works(*(name for name in ("A", "B") if name not in lost))
        if result in UNTOUCHED | {Result.SALE_REFUSED, Result.STOP_TIMED_OUT, Result.CANCELLED}:
            name = answer.text.split()[1] if answer.text.split()[1] in before else "B"
            again = await trial.give(f"MVSTOR {name} HSA=2560K")
            assert again.result is Result.COMPLETED, f"the next command works: {story_of(again)}"


def story_of(answer: CommandResult) -> str:
    return f"{answer.text}: {answer.result} {answer.message}"


async def test_a_run_that_ends_answers_what_is_under_way(autojump_clock):
    async with trial_of(verdict="intact") as trial:
        op = trial.machine.svp.submit("MVSTOR B HSA=2M")
        await trial.sleep_ms(6)
    report = trial.machine.report
    (answer,) = [one for one in report.commands if one.operation == op]
    assert (answer.result, answer.code) == (Result.INTERRUPTED, "LVM061W"), story(report)


# --- what single results promise besides --------------------------------------------------------------------


async def test_a_stop_that_times_out_names_the_slow_lip_and_restarts_the_others(autojump_clock):
    async with trial_of(SLOW) as trial:
        answer = await _stop_timed_out(trial)
        assert "LIP1" in answer.message
        assert "LIP2" not in answer.message, "it stopped in time"
        assert "10 ms" in answer.message.replace("10ms", "10 ms")
        assert [stop.lip for stop in answer.lips] == ["LIP2"], "only it stood still"
        assert trial.of("phase.entered", phase="QUIESCING") == []
        await trial.sleep_ms(200)
        assert await _moves(trial, "A")


async def _moves(trial: Trial, name: str) -> bool:
    again = await trial.give(f"MVSTOR {name} HSA=3M")
    return again.result is Result.COMPLETED and trial.origins()[name] == 3 * M


async def test_a_busy_device_is_named_when_waiting_begins_and_at_the_timeout(autojump_clock):
    async with trial_of(STUCK) as trial:
        answer = await _quiesce_timed_out(trial)
        assert "0190" in answer.message
        assert "0191" not in answer.message, "its I/O ended in time"
        assert 0x190 in [busy.device for busy in answer.busy_devices]
        told = trial.of("operator.messaged", code="LVM032W")
        first, last = told[0], told[-1]
        (quiescing,) = trial.of("phase.entered", phase="QUIESCING")
        assert first["t"] == quiescing["t"]
        assert last["t"] == quiescing["t"] + 15_000_000
        assert "0190" in first["message"]
        assert "0190" in last["message"]
        assert trial.of("move.started") == []


async def test_a_device_that_ends_in_time_is_told_though_the_move_completed(autojump_clock):
    async with trial_of(LATE) as trial:
        await trial.sleep_ms(5)
        answer = await trial.give("MVSTOR A HSA=2M")
        assert answer.result is Result.COMPLETED
        assert 0x190 in [busy.device for busy in answer.busy_devices]


async def test_when_one_iop_refuses_sale_all_get_the_old_zone_again(autojump_clock):
    async with trial_of(DISK) as trial:
        await _sale_refused(trial)
        limits = [(e["iop"], e["origin_frame"]) for e in trial.of("sale.set", lpar="A")][2:]
        assert sorted(limits) == [("IOP1", 0), ("IOP1", 32), ("IOP2", 0)], "IOP2 refused the first SALE"
        there, back = trial.of("move.ended")
        assert (there["inverse"], back["inverse"], back["outcome"]) == (False, True, "moved")
        assert trial.of("zone.moved") == [], "there was no commit"


@pytest.mark.parametrize("target_kib", [1024 + 128, 1024 - 128], ids=["up", "down"])
@pytest.mark.parametrize("fault_kib", range(1024 - 128, 1024 + 384, 44))
async def test_wherever_a_frame_fails_the_guest_is_intact_where_it_was(
    autojump_clock, monkeypatch: pytest.MonkeyPatch, fault_kib: int, target_kib: int
):
    monkeypatch.setattr(PageMove.next_chunk, "__defaults__", (7,))
    touched = {1024 + offset for offset in range(256)} | {target_kib + offset for offset in range(256)}
    async with trial_of() as trial:
        machine = trial.machine
        machine.fail_frame(fault_kib * K)
        answer = await trial.give(f"MVSTOR B HSA={target_kib}K")
        if fault_kib not in touched:
            assert answer.result is Result.COMPLETED
            return
        assert (answer.result, trial.origins()["B"]) == (Result.STORAGE_FAULT, M), story_of(answer)
        assert f"frame {fault_kib // 4} " in answer.message.replace(";", " ")
        assert answer.pages == 0
        await trial.works("A", "B")
        # The frame is out of use: the map says so, and no area with it is given or left any more.
        (retired,) = trial.of("frame.retired")
        own = 1024 <= fault_kib < 1280
        assert (retired["frame"], retired["lpar"]) == (fault_kib // 4, "B" if own else None)
        stopped = trial.of("lip.stopped")
        again = await trial.give(f"MVSTOR B HSA={target_kib}K")
        assert again.result is (Result.ZONE_FAULTY if own else Result.TARGET_FAULTY), story_of(again)
        assert f"frame {fault_kib // 4}" in again.message
        assert trial.of("lip.stopped") == stopped, "the second time nothing was stopped"
        assert (await trial.give("MVSTOR A HSA=3M")).result is Result.COMPLETED
        assert own or (await trial.give("MVSTOR B HSA=2M")).result is Result.COMPLETED


async def test_a_check_stopped_lpar_does_not_run_and_keeps_what_it_holds(autojump_clock):
    async with trial_of(DISK) as trial:
        answer = await _check_stopped(trial)
        assert (answer.result, answer.code) == (Result.CHECK_STOPPED, "LVM042E"), story_of(answer)
        at_ns = trial.machine.clock.now_ns()
        await trial.works("B")
        late = [one for one in trial.of("slice.ended", lpar="A") if one["first_ns"] > at_ns]
        assert late == [], "a check-stopped LPAR does not run"
        assert (await trial.give("MVSTOR B HSA=128K")).result is Result.TARGET_OCCUPIED


async def test_a_second_fault_on_the_way_back_does_not_keep_the_guest_from_coming_back(autojump_clock):
    async with trial_of() as trial:
        machine = trial.machine
        machine.fail_frame(1 * M + 20 * K)
        # Pages 5 and below are not across yet when the first fault shows; page 63 is, and must come back.
        trial.when("move.ended", lambda _: machine.storage.fail_frame((1024 + 252) // 4))
        answer = await trial.give("MVSTOR B HSA=1152K")
        assert (answer.result, trial.origins()["B"]) == (Result.STORAGE_FAULT, M), story_of(answer)
        await trial.works("A", "B")


async def test_an_iop_that_takes_sale_at_the_third_attempt_is_no_check_stop(autojump_clock):
    async with trial_of(DISK) as trial:
        for _ in range(2):
            trial.machine.refuse_sale("IOP1")
        assert (await trial.give("MVSTOR A HSA=2M")).result is Result.SALE_REFUSED
        await trial.works("A", "B")


async def test_two_moves_to_one_target_at_one_time_one_wins(autojump_clock):
    async with trial_of() as trial:
        svp = trial.machine.svp
        results = [await svp.answer(op) for op in [svp.submit(f"MVSTOR {name} HSA=2M") for name in "AB"]]
        assert sorted(str(one.result) for one in results) == ["COMPLETED", "TARGET_TAKEN"]
        assert sorted(trial.origins().values()).count(2 * M) == 1
        assert svp.operations() == ()


async def test_a_crashed_actor_leaves_a_complete_trace_with_verdict_failed(autojump_clock, tmp_path):
    from lparvm.actors.resource_manager import ResourceManager
    from lparvm.trace.reader import read_trace

    class Crashing(ResourceManager):
        def _check(self, op, placements, cause, *, reserve):
            if reserve:
                raise ZeroDivisionError("planted")
            super()._check(op, placements, cause, reserve=reserve)

    trace, trials = tmp_path / "t.jsonl", []
    with pytest.raises(ExceptionGroup) as raised:
        async with trial_of(trace=trace, parts=Parts(resource_manager=Crashing)) as trial:
            trials.append(trial)
            await trial.give("MVSTOR B HSA=2M")
    assert raised.group_contains(ZeroDivisionError, match="planted", depth=None)
    told = read_trace(trace)
    assert told.trailer is not None, "the trace was cut off"
    assert told.trailer["verdict"] == "failed"
    report = trials[0].machine.report
    assert (report.verdict, report.exit_code) == ("failed", 1)
    assert report.commands[0].result is Result.INTERRUPTED
