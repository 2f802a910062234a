"""Every command's way through the service processor, with LPAR control and the resource manager played."""

import pytest
import trio
from attrs import evolve
from operator_bench import MS, operator_bench

from composite_steps import K, frame
from lparvm.errors import CommandError
from lparvm.protocol import messages as m
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.calibration import Kind, Prediction, Sample
from lparvm.protocol.news import CommandResult, OperatorMessage, Progress
from lparvm.protocol.results import Result
from lparvm.protocol.targets import After, Before, End, Hsa

SPREAD = frame(A=2, B=8, C=20)
S = 1_000_000_000

TYPED = [
    (
        lambda svp: svp.move_storage("A", 64 * K, stop_ns=5, quiesce_ns=S, busy="WAIT", test=True),
        m.MoveStorage("op.1", "A", Hsa(64 * K), 5, S, Busy.WAIT, test=True),
    ),
    (lambda svp: svp.move_storage("A"), m.MoveStorage("op.1", "A", End())),
    (lambda svp: svp.move_storage("A", 0), m.MoveStorage("op.1", "A", Hsa(0))),
    (lambda svp: svp.move_storage("A", before="B"), m.MoveStorage("op.1", "A", Before("B"))),
    (lambda svp: svp.move_storage("a", after="b"), m.MoveStorage("op.1", "A", After("B"))),
    (
        lambda svp: svp.exchange("A", "B", quiesce_ns=S, busy="HALT", test=True),
        m.ExchangeStorage("op.1", "A", "B", quiesce_ns=S, busy=Busy.HALT, test=True),
    ),
    (lambda svp: svp.expand("A", 32 * K), m.ExpandStorage("op.1", "A", 8)),
    (lambda svp: svp.shrink("A", 8 * K), m.ShrinkStorage("op.1", "A", 2)),
    (lambda svp: svp.define("D", 16 * K), m.DefineLpar("op.1", "D", 4)),
    (
        lambda svp: svp.define(
            "D", 16 * K, origin_bytes=0, lips=("X", "Y"), guest="a.b:C", devices=(9, 0x190)
        ),
        m.DefineLpar("op.1", "D", 4, 0, ("X", "Y"), "a.b:C", (9, 0x190)),
    ),
    (lambda svp: svp.define("D", 16 * K, lips=3), m.DefineLpar("op.1", "D", 4, lips=3)),
    (lambda svp: svp.activate("D"), m.ActivateLpar("op.1", "D")),
    (lambda svp: svp.deactivate("D"), m.DeactivateLpar("op.1", "D")),
    (lambda svp: svp.ipl("D"), m.LoadLpar("op.1", "D")),
    (lambda svp: svp.ipl("D", guest="hammer"), m.LoadLpar("op.1", "D", "hammer")),
    (lambda svp: svp.ipl("D", device=0x9), m.LoadLpar("op.1", "D", device=9)),
    (lambda svp: svp.stop_lpar("A"), m.HoldLpar("op.1", "A")),
    (lambda svp: svp.start_lpar("A"), m.UnholdLpar("op.1", "A")),
]


@pytest.mark.parametrize(("give", "order"), TYPED)
async def test_each_command_reaches_lpar_control_and_its_report_is_the_answer(autojump_clock, give, order):
    async with operator_bench(SPREAD) as bench:
        answer = await give(bench.svp)
        assert bench.control.orders == [order]
        assert (answer.result, answer.operation, answer.pages) == (Result.COMPLETED, "op.1", 4)
        assert [stop.lip for stop in answer.lips] != []


@pytest.mark.parametrize(
    "result", [Result.NO_ROOM, Result.WRONG_STATE, Result.CANNOT_DEFINE, Result.IPL_FAILED]
)
async def test_a_refusal_is_the_answer(autojump_clock, result: Result):
    async with operator_bench(SPREAD) as bench:
        bench.control.results["op.1"] = result
        assert (await bench.svp.activate("A")).result is result


async def test_what_cannot_be_a_frame_does_not_reach_lpar_control(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        svp = bench.svp
        assert (await svp.expand("A", 4097)).result is Result.WRONG_SIZE
        assert (await svp.move_storage("A", 1)).result is Result.NOT_ON_PAGE
        assert (await svp.move_storage("A", 0, expand="A")).result is Result.SAME_LPAR
        assert (await svp.plan_free(5)).result is Result.WRONG_SIZE
        assert bench.control.orders == []


async def test_a_method_s_argument_that_the_language_cannot_write_does_nothing(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        for wrong in (lambda svp: svp.reply("A", 'say "yes"'), lambda svp: svp.stop_lpar("A B")):
            with pytest.raises(CommandError):
                await wrong(bench.svp)
        assert bench.svp.pending == ()


async def test_a_move_and_an_expansion_are_one_command(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        answer = await bench.svp.move_storage("B", 160 * K, expand="A", expand_bytes=64 * K)
        assert bench.control.orders == [
            m.MoveStorage("op.1.1", "B", Hsa(160 * K)), m.ExpandStorage("op.1.2", "A", 16),
        ]  # fmt: skip
        assert (answer.result, answer.pages, len(answer.lips)) == (Result.COMPLETED, 8, 2)
        assert list(bench.svp.results) == ["op.1"], "its operations are no commands"
        assert sum(isinstance(one, CommandResult) for one in bench.news) == 1
        told = [one.operation for one in bench.news if isinstance(one, OperatorMessage)]
        assert told == ["op.1.1"], "what came of the first is told when it came"


async def test_a_test_of_a_move_with_an_expansion_tests_the_move_and_looks_for_room(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        answer = await bench.svp.move_storage("B", 160 * K, expand="A", test=True)
        assert bench.control.orders == [m.MoveStorage("op.1.1", "B", Hsa(160 * K), test=True)]
        assert (answer.result, answer.code) == (Result.COMPLETED, "LVM014I")
        assert "A can then be expanded to" in answer.message


async def test_an_expansion_that_is_refused_leaves_the_move(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        bench.control.results["op.1.2"] = Result.NO_ROOM
        answer = await bench.svp.move_storage("B", 160 * K, expand="A")
        assert (answer.result, answer.code, answer.pages) == (Result.MOVED_NOT_EXPANDED, "LVM016W", 4)


async def test_a_plan_is_shown_and_with_go_carried_out(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        answer = await bench.svp.plan_free(16 * K)
        assert (answer.result, answer.lines) == (Result.COMPLETED, ("A to 0", "B to 4", "C to 8"))
        assert bench.control.orders == []
        answer = await bench.svp.plan_expand("C", 64 * K, go=True)
        assert [one.op for one in bench.control.orders] == [f"op.2.{number}" for number in range(1, 5)]
        assert bench.control.orders[-1] == m.ExpandStorage("op.2.4", "C", 16)
        assert (answer.result, answer.lines, answer.pages) == (Result.COMPLETED, (), 16)


async def test_an_lpar_that_an_operation_holds_is_not_planned_to_move(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.svp.move_storage, "B", 128 * K)
            await bench.sleep_ms(2)
            answer = await bench.svp.plan_free(16 * K)
        assert (answer.result, answer.code) == (Result.NO_PLAN, "LVM055W")
        assert "B cannot be moved" in answer.message


# --- CANCEL ------------------------------------------------------------------------------------------------

# PLAN ... GO looks for 1 ms, then a step takes 10 ms, and so on: begun at 0 it looks until 1, moves A until 11,
# looks until 12, moves B until 22.


@pytest.mark.parametrize(
    ("at_ms", "target", "done"),
    [
        (5, "op.1", 0),
        (5, "op.1.1", 0),
        (5, "A", 0),
        (5, "c", 0),
        (15, "op.1.2", 1),
        (15, "B", 1),
        (25, "op.1", 2),
    ],
)
async def test_a_plan_is_cancelled_in_its_step(autojump_clock, at_ms: int, target: str, done: int):
    async with operator_bench(SPREAD) as bench:
        op = bench.svp.submit("PLAN EXPAND C SIZE=64K GO")
        await bench.sleep_ms(at_ms)
        answer = await bench.svp.cancel(target)
        after = f" after {done} of 4 steps" if done else ""
        assert (answer.result, answer.message) == (Result.COMPLETED, f"op.1 was cancelled{after}")
        assert bench.control.orders[-1] == m.CancelOperation("op.2", f"op.1.{done + 1}")
        answer = await bench.svp.answer(op)
        assert (answer.result, answer.code) == (Result.CANCELLED, "LVM057I")
        assert f"after {done} of 4 steps" in answer.message
        assert answer.pages == 4 * done
        await bench.sleep_ms(100)
        assert not isinstance(bench.control.orders[-1], m.MoveStorage), "nothing further began"


async def test_a_cancel_of_a_step_past_its_commit_ends_the_plan_and_is_granted(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        bench.control.committed.add("op.1.2")
        op = bench.svp.submit("PLAN EXPAND C SIZE=64K GO")
        await bench.sleep_ms(15)
        granted = await bench.svp.cancel(op)
        assert (granted.result, granted.message) == (
            Result.COMPLETED,
            "op.1 was cancelled after 2 of 4 steps",
        )
        answer = await bench.svp.answer(op)
        assert (answer.result, answer.pages) == (Result.CANCELLED, 8), "the step past its commit stands"


async def test_a_cancel_that_prevents_nothing_is_answered_as_lpar_control_denied_it(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        bench.control.committed.add("op.1.2")
        op = bench.svp.submit("MVSTOR B HSA=160K EXPAND=A")
        await bench.sleep_ms(15)
        assert (await bench.svp.cancel(op)).result is Result.NOT_CANCELLABLE
        assert (await bench.svp.answer(op)).result is Result.COMPLETED


@pytest.mark.parametrize(("at_ms", "done"), [(0.5, 0), (11.5, 1)])
async def test_a_cancel_between_two_steps_is_granted(autojump_clock, at_ms: float, done: int):
    async with operator_bench(SPREAD) as bench:
        op = bench.svp.submit("PLAN EXPAND C SIZE=64K GO")
        await bench.sleep_ms(at_ms)
        answer = await bench.svp.cancel("op.1")
        after = f" after {done} of 4 steps" if done else ""
        assert (answer.result, answer.message) == (Result.COMPLETED, f"op.1 was cancelled{after}")
        answer = await bench.svp.answer(op)
        assert answer.result is Result.CANCELLED
        assert len(bench.control.orders) == done


async def test_a_cancel_that_crosses_with_the_report_of_the_step_it_named_is_granted(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        op = bench.svp.submit("PLAN EXPAND C SIZE=64K GO")
        await bench.sleep_ms(5)
        # The service processor finds the CANCEL, and behind it the report that LPAR control has just sent.
        bench.svp.submit("CANCEL op.1")
        bench.control.completed(bench.control.orders[0])
        bench.control.end("op.1.1", ("A",), Result.COMPLETED)
        answer = await bench.svp.answer("op.2")
        assert (answer.result, answer.message) == (Result.COMPLETED, "op.1 was cancelled after 1 of 4 steps")
        assert bench.control.orders[1:] == [m.CancelOperation("op.2", "op.1.1")], (
            "LPAR control knew no operation"
        )
        assert (await bench.svp.answer(op)).result is Result.CANCELLED


async def test_a_cancel_that_crosses_with_the_last_report_finds_nothing(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        op = bench.svp.submit("PLAN FREE 16K GO")
        await bench.sleep_ms(30)
        bench.svp.submit("CANCEL op.1")
        bench.control.completed(bench.control.orders[2])
        bench.control.end("op.1.3", ("C",), Result.COMPLETED)
        assert (await bench.svp.answer("op.2")).result is Result.UNKNOWN_OPERATION
        assert (await bench.svp.answer(op)).result is Result.COMPLETED


async def test_a_move_with_an_expansion_is_cancelled_in_either_operation(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        first = bench.svp.submit("MVSTOR B HSA=160K EXPAND=A")
        await bench.sleep_ms(5)
        await bench.svp.cancel("A")
        answer = await bench.svp.answer(first)
        assert (answer.result, answer.code, answer.pages) == (Result.CANCELLED, "LVM050I", 0)
        second = bench.svp.submit("MVSTOR B HSA=160K EXPAND=A")
        await bench.sleep_ms(15)
        await bench.svp.cancel("op.3.2")
        answer = await bench.svp.answer(second)
        assert (answer.result, answer.code, answer.pages) == (Result.CANCELLED, "LVM057I", 4)


async def test_other_cancels_are_lpar_control_s(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        op = bench.svp.submit("MVSTOR B HSA=160K")
        await bench.sleep_ms(5)
        assert (await bench.svp.cancel("op.9")).result is Result.UNKNOWN_OPERATION
        assert (await bench.svp.cancel("B")).result is Result.COMPLETED
        assert (await bench.svp.answer(op)).result is Result.CANCELLED


async def test_the_end_of_the_machine_answers_a_plan_under_way(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        bench.svp.submit("PLAN FREE 16K GO")
        await bench.sleep_ms(5)
        bench.svp.abandon()
        assert bench.svp.results["op.1"].result is Result.INTERRUPTED
        assert bench.svp.operations() == bench.control.operations(), "no step of it is shown any more"


# --- displays ----------------------------------------------------------------------------------------------


async def test_operations_show_a_plan_before_its_step(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        assert (await bench.svp.display("OPERATIONS")).lines == ("no operations",)
        bench.svp.submit("EXPAND X SIZE=16K")
        bench.svp.submit("PLAN FREE 16K GO")
        await bench.sleep_ms(5)
        assert (await bench.svp.display("OPERATIONS")).lines == (
            "op.3     PLAN          A                step 1 of 3  PLAN FREE 16K",
            "op.3.1   MoveStorage   A                MOVING       somewhere, 40 %",
            "op.2     ExpandStorage X                MOVING       somewhere, 40 %",
        )


async def test_frame_and_storage_show_frames_out_of_use(autojump_clock):
    async with operator_bench(evolve(SPREAD, retired=(3, 63))) as bench:
        bench.failed.append("B")
        lines = (await bench.svp.display("FRAME")).lines
        assert lines[-1] == "out of use: frame 3 (0.0M) in A, frame 63 (0.2M)"
        assert [line.split()[-1] for line in lines[2:-1]] == ["active", "failed", "active"]
        bar, legend = (await bench.svp.display("STORAGE")).lines
        assert bar == "0 [..1x11..2222........3333.......................................x] 256K"
        assert legend.endswith("x out of use")


async def test_calibration_is_what_there_is_now(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        assert (await bench.svp.display("CALIBRATION")).lines == ("no predictions yet",)
        made = Prediction(MS, 2 * MS, 3 * MS)
        bench.history = bench.history.learn(Sample("op.1", "A", Kind.MOVE, 4, 16 * K, MS, MS, made))
        *_, line, total = (await bench.svp.display("CALIBRATION")).lines
        assert line.split()[:4] == ["op.1", "A", "move", "4"]
        assert total == "1 prediction, median error 0.0 %, 100 % inside the interval (aim 90 %)"


async def test_devices_and_lpars_that_come_at_run_time_are_known(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        assert (await bench.svp.reply("D", "x")).result is Result.UNKNOWN_LPAR
        bench.lpars["D"] = None
        assert bench.svp.lpars == ("D",)
        assert (await bench.svp.reply("D", "x")).result is Result.NO_CONSOLE
        assert (await bench.svp.display("DEVICES")).lines == ("no devices",)
        bench.devices[9], bench.paths[9] = ("console", "IOP1"), ("IOP1",)
        assert (await bench.svp.display("DEVICES")).lines == ("0009  console  IOP1 on",)


async def test_a_path_is_varied_by_its_iop_and_device(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        answer = await bench.svp.vary_path("IOP1", 0x9, online=False)
        assert (answer.text, answer.result) == ("VARY PATH IOP1.0009 OFF", Result.UNKNOWN_PATH)


async def test_progress_has_percent_and_time_left(autojump_clock):
    async with operator_bench(SPREAD) as bench:
        await bench.svp.move_storage("A", 0)
        (progress,) = (one for one in bench.news if isinstance(one, Progress))
        assert (progress.operation, progress.percent, progress.left_ns) == ("op.1", 40, 5 * MS)
