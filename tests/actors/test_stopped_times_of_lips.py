"""How long each LIP's guest stood: from leaving SIE, or from the order where it was not in the guest, to SIE."""

from lparvm.protocol.results import Result
from trials import Trial, device, lpar, scenario, trial_of

MOVE_NS = 64 * 4096 * 1_000_000_000 // (20 << 20)


async def _move(trial: Trial, text: str):
    await trial.sleep_ms(107.3)
    answer = await trial.give(text)
    assert answer.result is Result.COMPLETED, answer.message
    return answer


def _check_parts(trial: Trial, answer) -> None:
    """The parts add up, and answer and trace tell the same."""
    assert answer.lips, "somebody stood still"
    for stop in answer.lips:
        assert sum(stop.phases_ns.values()) == stop.stopped_ns, stop
        assert all(part > 0 for part in stop.phases_ns.values()), stop
        (stood,) = trial.of("guest.stood", op=answer.operation, lip=stop.lip)
        assert (stood["stopped_ns"], stood["phases_ns"]) == (stop.stopped_ns, stop.phases_ns)
        (left,) = trial.of("lip.stopped", op=answer.operation, lip=stop.lip)
        (sie,) = trial.of("sie.issued", op=answer.operation, lip=stop.lip)
        assert stop.stopped_ns == sie["t"] - left["left_sie_ns"], (
            "it is the time between what the trace shows"
        )
    assert answer.longest_stop.stopped_ns == max(stop.stopped_ns for stop in answer.lips)
    assert answer.longest_stop.stopped_ns <= answer.answered_ns - answer.at_ns


async def test_each_lip_of_a_busy_guest_stood_from_its_own_boundary_to_sie(autojump_clock):
    async with trial_of(scenario(lpar("A", "0", lips=3))) as trial:
        answer = await _move(trial, "MVSTOR A HSA=128K")
        _check_parts(trial, answer)
        assert [stop.lip for stop in answer.lips] == ["LIP1", "LIP2", "LIP3"]
        for stop in answer.lips:
            slices = trial.of("slice.ended", lip=stop.lip)
            (left,) = trial.of("lip.stopped", op=answer.operation, lip=stop.lip)
            before = [one["last_ns"] for one in slices if one["last_ns"] <= left["left_sie_ns"]]
            assert left["left_sie_ns"] == max(before), "it left with its last slice"
            assert stop.phases_ns["MOVING"] == MOVE_NS


async def test_waiting_for_io_counts_as_quiescing(autojump_clock):
    text = scenario(
        device("0190", kind="stuck", ends_after="20ms"),
        lpar("A", "0", guest="machine_guests:Reading", devices=["0190"]),
    )
    async with trial_of(text) as trial:
        answer = await _move(trial, "MVSTOR A HSA=2M")
        _check_parts(trial, answer)
        assert list(answer.lips[0].phases_ns) == ["QUIESCING", "MOVING"]
        assert answer.lips[0].phases_ns["QUIESCING"] > 10_000_000


async def test_a_lip_that_waits_stands_from_the_stop_order_on(autojump_clock):
    async with trial_of(scenario(lpar("A", "0", guest="machine_guests:Waiting", lips=2))) as trial:
        answer = await _move(trial, "MVSTOR A HSA=2M")
        _check_parts(trial, answer)
        (ordered, _) = trial.of("StopLip", op=answer.operation)
        assert {one["left_sie_ns"] for one in trial.of("lip.stopped")} == {ordered["ordered_ns"]}
        assert {stop.stopped_ns for stop in answer.lips} == {MOVE_NS}


async def test_a_lip_that_serves_another_lpar_stands_from_the_stop_order_on(autojump_clock):
    text = scenario(
        lpar("A", "0", lips=["LIP1"], guest="machine_guests:Waiting"),
        lpar("B", "1M", lips=["LIP1"], guest="machine_guests:Slow"),
    )
    async with trial_of(text) as trial:
        answer = await _move(trial, "MVSTOR A HSA=2M")
        _check_parts(trial, answer)
        (ordered,) = trial.of("StopLip", op=answer.operation)
        (stopped,) = trial.of("lip.stopped", op=answer.operation)
        assert stopped["left_sie_ns"] == ordered["ordered_ns"] == answer.at_ns
        assert stopped["t"] > ordered["t"] + 50_000_000, "the LIP heard of it after B's long instruction"
        assert answer.lips[0].phases_ns["STOPPING"] == stopped["t"] - ordered["t"]


async def _cancel_a_move() -> None:
    async with trial_of(scenario(lpar("A", "0", lips=2))) as trial:
        op = trial.machine.svp.submit("MVSTOR A HSA=2M")
        trial.when("phase.entered", lambda _: trial.machine.svp.submit("CANCEL A"), phase="CHECKING")
        answer = await trial.machine.svp.answer(op)
        _check_parts(trial, answer)
        assert answer.result is Result.CANCELLED
        assert "BACKING_OUT" in answer.lips[0].phases_ns or trial.machine.clock.virtual


async def test_a_cancelled_move_has_stopped_times_too(autojump_clock):
    await _cancel_a_move()


async def test_under_the_real_clock_the_parts_add_up_as_well():
    await _cancel_a_move()
