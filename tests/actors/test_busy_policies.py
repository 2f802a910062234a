"""MVSTOR ... BUSY= with devices that end, hear a halt, or do neither."""

import pytest
from control_bench import MS, Bench, busy_device, control_bench

from lparvm.config import BUSY_REMINDER_NS, HALT_GRACE_NS
from lparvm.protocol.results import Result

S = 1000  # milliseconds


def origin(bench: Bench, name: str) -> int:
    (row,) = (row for row in bench.resources.rows() if row.name == name)
    return row.origin * 4096


async def test_refuse_is_the_default_and_tells_every_device_in_full(autojump_clock):
    async with control_bench() as bench:
        bench.iops["IOP1"].active["A"] = [0x190]
        bench.iops["IOP2"].active["A"] = [0x191]
        answer = await bench.svp.execute("MVSTOR A HSA=128K QUIESCE=15ms")
        assert answer.result is Result.QUIESCE_TIMED_OUT
        devices = sorted(answer.busy_devices, key=lambda one: one.device)
        assert devices == [busy_device(0x190, "IOP1", "A"), busy_device(0x191, "IOP2", "A")]
        assert bench.codes() == ["LVM032W", "LVM032W"]
        assert [one.at_ns for one in bench.told] == [0, 15 * MS]
        for text in (*(one.text for one in bench.told), answer.message):
            assert text.count("READ (06), CCW at 0x1000, 512 bytes left, active 5 ns, pages 1-2") == 2, text
        assert origin(bench, "A") == 0
        assert bench.iops["IOP1"].quiescing == {}, "held starts begin"


async def test_sixty_four_busy_devices_are_one_message_with_a_line_each(autojump_clock):
    async with control_bench() as bench:
        bench.iops["IOP1"].active["A"] = list(range(64))
        await bench.svp.execute("MVSTOR A HSA=128K QUIESCE=15ms")
        for one in bench.told:
            lines = one.text.split("\n")
            assert len(lines) == 65
            assert max(map(len, lines)) < 110


async def test_wait_reminds_every_ten_seconds_until_the_device_ends(autojump_clock):
    async with control_bench() as bench:
        bench.iops["IOP1"].active["A"] = [0x190]
        op = bench.svp.submit("MVSTOR A HSA=128K QUIESCE=1s BUSY=WAIT")
        await bench.sleep_ms(25 * S)
        assert bench.codes() == ["LVM032W", "LVM032W", "LVM033W", "LVM033W"]
        due = [one.at_ns for one in bench.told if one.code == "LVM033W"]
        assert due == [1000 * MS + BUSY_REMINDER_NS, 1000 * MS + 2 * BUSY_REMINDER_NS]
        bench.iops["IOP1"].end("A", 0x190)
        answer = await bench.svp.answer(op)
        assert (answer.result, origin(bench, "A")) == (Result.COMPLETED, 128 << 10)
        assert answer.answered_ns < 25_100 * MS
        assert answer.busy_devices == (busy_device(0x190, "IOP1", "A"),)
        await bench.sleep_ms(30 * S)
        assert len(bench.told) == 4, "no reminder after the end"


@pytest.mark.parametrize("after_ms", [500, 1000, 5000, 11_000, 12_000])
async def test_a_wait_can_be_cancelled_at_any_time(autojump_clock, after_ms: int):
    async with control_bench() as bench:
        bench.iops["IOP1"].active["A"] = [0x190]
        op = bench.svp.submit("MVSTOR A HSA=128K QUIESCE=1s BUSY=WAIT")
        await bench.sleep_ms(after_ms)
        cancel = await bench.svp.execute("CANCEL A")
        answer = await bench.svp.answer(op)
        assert (answer.result, cancel.result) == (Result.CANCELLED, Result.COMPLETED)
        told = len(bench.told)
        await bench.sleep_ms(60 * S)
        assert len(bench.told) == told
        bench.iops["IOP1"].end("A", 0x190)
        assert (await bench.svp.execute("MVSTOR A HSA=128K")).result is Result.COMPLETED


async def test_halt_ends_what_hears_it_and_the_move_goes_on_at_once(autojump_clock):
    async with control_bench() as bench:
        bench.iops["IOP1"].active["A"] = [0x190, 0x191]
        answer = await bench.svp.execute("MVSTOR A HSA=128K QUIESCE=1s BUSY=HALT")
        assert answer.result is Result.COMPLETED
        assert bench.codes() == ["LVM032W", "LVM032W", "LVM034W", "LVM035I"]
        assert bench.text("LVM035I") == "A: halted: 0190 on IOP1, 0191 on IOP1"
        assert answer.answered_ns < 1100 * MS, "the grace was not needed"


async def test_halt_clears_what_does_not_hear_it_after_the_grace(autojump_clock):
    async with control_bench() as bench:
        bench.iops["IOP1"].active["A"] = [0x190, 0x191]
        bench.iops["IOP1"].deaf = {0x191}
        answer = await bench.svp.execute("MVSTOR A HSA=128K QUIESCE=1s BUSY=HALT")
        assert answer.result is Result.COMPLETED
        assert bench.codes() == ["LVM032W", "LVM032W", "LVM034W", "LVM035I", "LVM036W"]
        assert bench.text("LVM034W") == "A: halting 0190 on IOP1, 0191 on IOP1"
        assert bench.text("LVM035I") == "A: halted: 0190 on IOP1"
        assert bench.text("LVM036W") == "A: cleared, for halting did not end them within 1 s: 0191 on IOP1"
        assert bench.told[-1].at_ns == 1000 * MS + HALT_GRACE_NS


async def test_a_halt_can_be_cancelled(autojump_clock):
    async with control_bench() as bench:
        bench.iops["IOP1"].active["A"] = [0x190]
        bench.iops["IOP1"].deaf = {0x190}
        op = bench.svp.submit("MVSTOR A HSA=128K QUIESCE=1s BUSY=HALT")
        await bench.sleep_ms(1500)
        assert (await bench.svp.execute(f"CANCEL {op}")).result is Result.COMPLETED
        assert (await bench.svp.answer(op)).result is Result.CANCELLED
        assert origin(bench, "A") == 0
        await bench.sleep_ms(5000)
        assert "LVM036W" not in bench.codes()


@pytest.mark.parametrize(("busy", "result"), [
    (None, Result.QUIESCE_TIMED_OUT), ("REFUSE", Result.QUIESCE_TIMED_OUT), ("halt", Result.COMPLETED),
])  # fmt: skip
async def test_the_python_api_takes_the_policy(autojump_clock, busy: str | None, result: Result):
    async with control_bench() as bench:
        bench.iops["IOP1"].active["A"] = [0x190]
        answer = await bench.svp.move_storage("A", 128 << 10, quiesce_ns=MS, busy=busy)
        assert answer.result is result


async def test_moves_of_two_lpars_wait_each_by_its_own_policy(autojump_clock):
    async with control_bench() as bench:
        bench.iops["IOP1"].active = {"A": [0x190], "B": [0x191]}
        first = bench.svp.submit("MVSTOR A HSA=128K QUIESCE=1s BUSY=HALT")
        second = bench.svp.submit("MVSTOR B HSA=192K QUIESCE=1s")
        assert (await bench.svp.answer(first)).result is Result.COMPLETED
        assert (await bench.svp.answer(second)).result is Result.QUIESCE_TIMED_OUT
