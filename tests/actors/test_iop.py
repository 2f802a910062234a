"""An IOP from outside: what it does with storage and devices, and what it sends, under the virtual clock."""

import pytest
from iop_bench import BIG, DATA, MS, PROGRAM, READ, WAIT, ZONES, Played, Ticking, gives, iop_bench, waits

from lparvm.actors.mailbox import Envelope
from lparvm.arch.address import Zone
from lparvm.arch.channel import ENDED, Ccw, CcwFlag, Command, DeviceStatus
from lparvm.arch.subchannel import Function, Orb
from lparvm.devices.base import Deaf
from lparvm.errors import UsageError
from lparvm.protocol import messages as m

OP = "op.1"
HOUR_MS = 3_600_000


def played(number: int = 1, **plays) -> Played:
    """A device whose READ does `read`."""
    return Played(number, {READ: plays.get("read", waits(MS))})


def quiesce(lpar: str = "A") -> m.QuiesceIop:
    return m.QuiesceIop(OP, lpar)


def release(lpar: str = "A") -> m.ReleaseHeldStarts:
    return m.ReleaseHeldStarts(OP, lpar)


# --- starts -------------------------------------------------------------------------------------------------


async def test_a_start_begins_moves_its_data_and_ends_with_its_status(autojump_clock):
    async with iop_bench(played(read=gives(64, 2 * MS))) as bench:
        start = bench.start()
        await bench.sleep_ms(1)
        assert bench.got(m.IoBegan, "LIPCTL.A") == [m.IoBegan(None, "A", 1, start.start, "IOP1")]
        assert not bench.got(m.IoEnded)
        await bench.sleep_ms(5)
        ended = bench.ended(start)
        assert (ended.function, ended.ending.device_status, ended.ending.residual_count) == (
            Function.START, ENDED, 4096 - 64,
        )  # fmt: skip
        assert bench.bytes_of(ZONES["A"], DATA, 65) == b"\xaa" * 64 + b"\0"
        (transfer,) = bench.of("transfer.ended")
        assert (transfer["first_ns"], transfer["last_ns"], transfer["bytes"]) == (0, 2 * MS, 64)


async def test_several_devices_are_at_work_at_once_and_one_runs_one_program(autojump_clock):
    async with iop_bench(played(1, read=waits(10 * MS)), played(2, read=waits(10 * MS))) as bench:
        starts = [bench.start(1), bench.start(2), bench.start(1, "B")]
        await bench.sleep_ms(11)
        assert sorted(one.start for one in bench.got(m.IoEnded)) == [starts[0].start, starts[1].start]
        await bench.sleep_ms(10)
        assert bench.ended(starts[2]).lpar == "B"


async def test_programs_that_never_wait_let_others_run(autojump_clock):
    async with iop_bench(played(1, read=waits(*[0] * BIG)), played(2, read=waits(0))) as bench:
        endless, short = bench.start(1), bench.start(2)
        await bench.sleep_ms(1)
        order = [one.start for one in bench.got(m.IoEnded)]
        assert order == [short.start, endless.start], "the short one does not wait for the other's end"


# --- quiesce and SALE ---------------------------------------------------------------------------------------


async def test_quiesce_names_what_is_active_in_full(autojump_clock):
    async with iop_bench(played(1, read=gives(96, MS, then=(10 * MS,)))) as bench:
        bench.start()
        await bench.sleep_ms(3)
        bench.post(m.ReportBusyDevices(OP, "A", 7))
        await bench.sleep_ms(1)
        (busy,) = bench.got(m.IopBusy, "LPARCTL")
        assert busy.attempt == 7
        (device,) = busy.devices
        assert (device.device, device.iop, device.path, device.command) == (1, "IOP1", 0, READ)
        assert (device.ccw_address, device.bytes_left, device.active_ns) == (PROGRAM, 4000, 3 * MS)
        assert device.pages == ((PROGRAM >> 12, PROGRAM >> 12), (DATA >> 12, DATA >> 12))


async def test_the_path_of_a_busy_device_is_the_place_of_the_iop(autojump_clock):
    async with iop_bench(played(), shared=(1,)) as bench:
        bench.start(iop="IOP2")
        bench.post(quiesce(), "IOP2")
        await bench.sleep_ms(0.5)
        assert [one.devices[0].path for one in bench.got(m.IopBusy)] == [1]


async def test_new_starts_are_held_active_ones_end_and_other_lpars_go_on(autojump_clock):
    async with iop_bench(played(1, read=waits(5 * MS)), played(2), played(3)) as bench:
        active = bench.start(1)
        bench.post(quiesce())
        held = [bench.start(3), bench.start(2)]
        other = bench.start(3, "B")
        await bench.sleep_ms(4)
        assert bench.ended(other)
        assert not bench.got(m.IopQuiesced)
        await bench.sleep_ms(2)
        assert bench.ended(active)
        assert bench.got(m.IopQuiesced) == [m.IopQuiesced(OP, "A", "IOP1")]
        await bench.sleep_ms(100)
        assert len(bench.got(m.IoEnded)) == 2, "what is held does not begin"
        zone = Zone(64, 16)
        bench.post(m.SetAddressLimit(OP, "A", zone))
        await bench.sleep_ms(1)
        assert bench.iops["IOP1"].zone_of("A") == zone
        assert len(bench.of("start.begun")) == 2, "nor with SALE"
        bench.program(Ccw(READ, CcwFlag.SUPPRESS_LENGTH, 4096, DATA))
        bench.post(release())
        await bench.sleep_ms(5)
        assert bench.got(m.HeldStartsReleased)[0].held == 2
        begun = [one["start"] for one in bench.of("start.begun", lpar="A")]
        assert begun == [active.start, *(one.start for one in held)], "in order of arrival"


async def test_a_device_that_was_waited_for_in_vain_tells_when_it_ended(autojump_clock):
    async with iop_bench(played(read=waits(50 * MS))) as bench:
        start = bench.start()
        bench.post(quiesce())
        await bench.sleep_ms(10)
        bench.post(release())
        await bench.sleep_ms(100)
        assert bench.ended(start).function == Function.START
        (told,) = bench.of("device.ended")
        assert (told["operation"], told["active_ns"], told["start"]) == (OP, 50 * MS, start.start)


async def test_the_next_sale_is_refused_once(autojump_clock):
    async with iop_bench(played()) as bench:
        bench.iops["IOP1"].refuse_next_sale()
        for _ in range(2):
            bench.post(m.SetAddressLimit(OP, "A", Zone(64, 16)))
        await bench.sleep_ms(1)
        assert bench.kinds(m.AddressLimitSet, m.AddressLimitRefused) == [
            "AddressLimitRefused",
            "AddressLimitSet",
        ]


# --- halt and clear -----------------------------------------------------------------------------------------


async def test_a_halt_wakes_a_device_that_waits_and_what_was_moved_stays(autojump_clock):
    async with iop_bench(played(read=gives(64, MS, then=(HOUR_MS * MS,)))) as bench:
        start = bench.start()
        await bench.sleep_ms(3)
        bench.order(m.HaltIo, start)
        await bench.sleep_ms(1)
        ended = bench.ended(start)
        assert (ended.function, ended.ending.device_status) == (Function.HALT, ENDED)
        assert bench.bytes_of(ZONES["A"], DATA, 64) == b"\xaa" * 64
        again = bench.start()
        await bench.sleep_ms(0.5)
        assert bench.of("start.begun", start=again.start), "the device is free"


async def test_a_deaf_device_hears_a_halt_when_it_listens_again(autojump_clock):
    async with iop_bench(played(read=waits(Deaf(20 * MS), HOUR_MS * MS))) as bench:
        start = bench.start()
        await bench.sleep_ms(1)
        bench.order(m.HaltIo, start)
        await bench.sleep_ms(10)
        assert not bench.got(m.IoEnded)
        await bench.sleep_ms(10)
        assert bench.ended(start).function == Function.HALT


async def test_a_device_that_ends_by_itself_before_it_hears_the_halt_was_not_halted(autojump_clock):
    async with iop_bench(played(read=gives(4096, Deaf(20 * MS)))) as bench:
        start = bench.start()
        await bench.sleep_ms(1)
        bench.order(m.HaltIo, start)
        await bench.sleep_ms(30)
        ended = bench.ended(start)
        assert ended.ending.residual_count == 0
        assert ended.function == Function.START, "it ended with all its data: nothing was cut short"


async def test_what_waits_is_halted_or_cleared_at_once(autojump_clock):
    async with iop_bench(played(read=waits(50 * MS)), played(2)) as bench:
        bench.start(1, "B")
        deferred = bench.start(1)
        bench.post(quiesce())
        held = bench.start(2)
        await bench.sleep_ms(1)
        bench.order(m.HaltIo, deferred)
        bench.order(m.ClearIo, held)
        await bench.sleep_ms(1)
        assert bench.ended(deferred).function == Function.HALT
        assert bench.ended(held).function == Function.CLEAR
        bench.post(release())
        await bench.sleep_ms(200)
        assert not bench.of("start.begun", lpar="A")


async def test_a_late_transfer_of_a_cleared_start_touches_nothing(autojump_clock):
    async with iop_bench(played(read=gives(64, Deaf(50 * MS)))) as bench:
        start = bench.start()
        await bench.sleep_ms(1)
        bench.order(m.ClearIo, start)
        await bench.sleep_ms(1)
        assert bench.ended(start).function == Function.CLEAR
        again = bench.start()
        await bench.sleep_ms(10)
        assert not bench.of("start.begun", start=again.start), "the device is still at work"
        await bench.sleep_ms(50)
        (refused,) = bench.of("transfer.refused")
        assert (refused["start"], refused["address"], refused["bytes"]) == (start.start, DATA, 64)
        assert bench.of("start.begun", start=again.start)
        assert bench.bytes_of(ZONES["A"], DATA, 64) == bytes(64)
        assert not bench.of("device.ended"), "no operation waited for it"
        assert len(bench.of("transfer.ended", start=start.start)) == 1, "what it touched is told once"


async def test_busy_devices_are_halted_and_cleared_and_quiesced_follows(autojump_clock):
    hears, deaf = played(1, read=waits(HOUR_MS * MS)), played(2, read=gives(8, Deaf(60 * MS)))
    async with iop_bench(hears, deaf) as bench:
        first, second = bench.start(1), bench.start(2)
        other = bench.start(1, "B")
        await bench.sleep_ms(1)
        bench.post(quiesce())
        bench.post(m.HaltBusyDevices(OP, "A"))
        await bench.sleep_ms(1)
        assert bench.ended(first).function == Function.HALT
        assert bench.of("start.begun", start=other.start, lpar="B"), "the device is B's now"
        assert not bench.got(m.IopQuiesced)
        bench.post(m.ClearBusyDevices(OP, "A"))
        await bench.sleep_ms(1)
        assert bench.ended(second).function == Function.CLEAR
        assert bench.got(m.IopQuiesced) == [m.IopQuiesced(OP, "A", "IOP1")]
        await bench.sleep_ms(100)
        assert [one["start"] for one in bench.of("device.ended")] == [second.start]
        assert len(bench.got(m.IopQuiesced)) == 1
        assert bench.bytes_of(ZONES["A"], DATA, 8) == bytes(8)


async def test_an_lpar_without_io_is_quiesced_whatever_is_asked(autojump_clock):
    async with iop_bench(played()) as bench:
        for question in (quiesce(), m.ReportBusyDevices(OP, "A", 1), m.ClearBusyDevices(OP, "A")):
            bench.post(question)
        await bench.sleep_ms(1)
        assert len(bench.got(m.IopQuiesced)) == 3


async def test_an_order_that_crossed_with_the_end_of_its_start_means_nothing(autojump_clock):
    async with iop_bench(played()) as bench:
        start = bench.start()
        await bench.sleep_ms(5)
        running = bench.start()
        for kind in (m.HaltIo, m.ClearIo, m.ResumeIo):
            bench.order(kind, start)
        await bench.sleep_ms(5)
        assert bench.ended(running).function == Function.START
        assert bench.ended(start)


# --- suspended programs -------------------------------------------------------------------------------------


def _suspends(bench) -> None:
    bench.program(
        Ccw(Command.NO_OPERATION, CcwFlag.CHAIN_COMMAND | CcwFlag.SUPPRESS_LENGTH, 1, DATA),
        Ccw(READ, CcwFlag.SUSPEND | CcwFlag.SUPPRESS_LENGTH, 4096, DATA),
    )


def _suspends_no_more(bench) -> None:
    bench.program(Ccw(READ, CcwFlag.SUPPRESS_LENGTH, 4096, DATA), at=PROGRAM + 8)


async def test_a_suspended_program_is_quiet_and_goes_on_in_the_new_zone(autojump_clock):
    async with iop_bench(played(read=gives(64, MS))) as bench:
        _suspends(bench)
        start = bench.start(suspend_control=True)
        await bench.sleep_ms(2)
        (told,) = bench.got(m.IoIntermediate, "LIPCTL.A")
        assert (told.suspended, told.ccw_address) == (True, PROGRAM + 16)
        bench.post(quiesce())
        await bench.sleep_ms(1)
        assert bench.got(m.IopQuiesced), "it touches nothing"
        bench.order(m.ResumeIo, start)
        await bench.sleep_ms(10)
        assert len(bench.got(m.IoBegan)) == 1, "RESUME is held"
        quiet_from = 2 * MS
        zone = Zone(64, 16)
        bench.post(m.SetAddressLimit(OP, "A", zone))
        await bench.sleep_ms(1)
        _suspends(bench)
        _suspends_no_more(bench)
        bench.post(release())
        await bench.sleep_ms(5)
        assert bench.got(m.HeldStartsReleased)[0].held == 0
        assert len(bench.got(m.IoBegan)) == 2, "the subchannel is active again"
        assert len(bench.of("start.begun")) == 1
        assert bench.ended(start).ending.normal
        assert bench.bytes_of(zone, DATA, 64) == b"\xaa" * 64
        assert bench.bytes_of(ZONES["A"], DATA, 64) == bytes(64)
        touched = [one for one in bench.of("transfer.ended") if one["lowest_host"] is not None]
        assert [one["origin_frame"] for one in touched] == [0, 64]
        assert touched[0]["last_ns"] <= quiet_from, "what it touched ends where it stood still"
        assert touched[1]["first_ns"] >= quiet_from + 10 * MS
        assert sum(one["bytes"] for one in bench.of("transfer.ended")) == 64, "no byte is counted twice"


async def test_a_program_that_suspends_itself_is_the_last_that_quiesce_waits_for(autojump_clock):
    async with iop_bench(Played(1, {READ: waits(MS), WAIT: waits(5 * MS)})) as bench:
        bench.program(
            Ccw(WAIT, CcwFlag.CHAIN_COMMAND | CcwFlag.SUPPRESS_LENGTH, 1, DATA),
            Ccw(READ, CcwFlag.SUSPEND | CcwFlag.SUPPRESS_LENGTH, 4096, DATA),
        )
        bench.start(suspend_control=True)
        bench.post(quiesce())
        await bench.sleep_ms(1)
        assert bench.kinds(m.IopBusy, m.IopQuiesced) == ["IopBusy"]
        await bench.sleep_ms(10)
        assert bench.kinds(m.IopBusy, m.IopQuiesced) == ["IopBusy", "IopQuiesced"]


@pytest.mark.parametrize(("kind", "function"), [(m.HaltIo, Function.HALT), (m.ClearIo, Function.CLEAR)])
async def test_a_suspended_program_is_halted_or_cleared_and_its_device_is_free(
    autojump_clock, kind, function
):
    async with iop_bench(played()) as bench:
        _suspends(bench)
        start = bench.start(suspend_control=True)
        await bench.sleep_ms(1)
        bench.order(kind, start)
        other = bench.start(1, "B")
        await bench.sleep_ms(5)
        assert bench.ended(start).function == function
        assert bench.ended(other).ending.normal
        assert not bench.of("transfer.refused"), "it did not come late: it stood still"


async def test_a_suspended_program_that_is_halted_is_not_quiesced_twice(autojump_clock):
    async with iop_bench(played()) as bench:
        _suspends(bench)
        start = bench.start(suspend_control=True)
        await bench.sleep_ms(1)
        bench.order(m.HaltIo, start)
        bench.post(quiesce())
        await bench.sleep_ms(5)
        assert bench.ended(start)
        assert len(bench.got(m.IopQuiesced)) == 1, "it was not active when it was halted"


async def test_program_controlled_interruptions_are_told_however_many(autojump_clock):
    """Eight devices that do nothing else do not fill a mailbox."""
    devices = [Played(number, {READ: waits()}) for number in range(1, 9)]
    async with iop_bench(*devices, capacity=64) as bench:
        flags = CcwFlag.CHAIN_COMMAND | CcwFlag.PROGRAM_CONTROLLED | CcwFlag.SUPPRESS_LENGTH
        ccws = [Ccw(Command.NO_OPERATION, flags, 1, DATA)] * 200
        bench.program(*ccws, Ccw(Command.NO_OPERATION, CcwFlag.SUPPRESS_LENGTH, 1, DATA))
        starts = [bench.start(device.number) for device in devices]
        await bench.sleep_ms(1)
        for start in starts:
            assert bench.ended(start).ending.device_status == ENDED
            told = [one for one in bench.got(m.IoIntermediate, "LIPCTL.A") if one.start == start.start]
            assert len(told) == 200
            assert not any(one.suspended for one in told)


# --- rate ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("then", [(), (0,)], ids=["at its end", "before its end"])
async def test_bytes_take_their_time_one_after_another(autojump_clock, then):
    devices = [played(number, read=gives(4096, MS, then=then)) for number in (1, 2, 3)]
    async with iop_bench(*devices, rate=4096 * 100) as bench:
        starts = [bench.start(device.number) for device in devices]
        await bench.sleep_ms(1_000)
        assert all(bench.ended(start).ending.normal for start in starts)
        ends = sorted(one["last_ns"] for one in bench.of("transfer.ended"))
        assert ends == [11 * MS, 21 * MS, 31 * MS], "10 ms for 4 KiB each, on one channel"


# --- shared devices -----------------------------------------------------------------------------------------


async def test_a_device_on_two_iops_runs_one_program_and_the_other_iop_hears_of_its_end(autojump_clock):
    async with iop_bench(played(read=waits(10 * MS)), shared=(1,)) as bench:
        first = bench.start(1)
        await bench.sleep_ms(1)
        second = bench.start(1, "B", iop="IOP2")
        await bench.sleep_ms(4)
        (deferred,) = bench.of("start.deferred")
        assert (deferred["lpar"], deferred["iop"], deferred["reason"]) == ("B", "IOP2", "busy")
        bench.post(quiesce("B"), "IOP2")
        await bench.sleep_ms(1)
        assert bench.got(m.IopQuiesced) == [m.IopQuiesced(OP, "B", "IOP2")], "what is deferred is not active"
        bench.post(release("B"), "IOP2")
        await bench.sleep_ms(20)
        assert bench.ended(first)
        assert bench.ended(second).iop == "IOP2"


async def test_a_reservation_makes_other_lpars_wait_until_it_is_released(autojump_clock):
    async with iop_bench(played(), shared=(1,)) as bench:
        bench.program(Ccw(Command.RESERVE, CcwFlag.SUPPRESS_LENGTH, 1, DATA))
        bench.start(1)
        await bench.sleep_ms(5)
        waiting = [bench.start(1, "B"), bench.start(1, "B", iop="IOP2")]
        bench.program(Ccw(READ, CcwFlag.SUPPRESS_LENGTH, 4096, DATA))
        holder = bench.start(1)
        await bench.sleep_ms(5)
        assert bench.ended(holder).ending.normal, "who has reserved it goes first"
        assert {one["reason"] for one in bench.of("start.deferred", lpar="B")} <= {"reserved", "busy"}
        assert not bench.of("start.begun", lpar="B")
        bench.program(Ccw(Command.RELEASE, CcwFlag.SUPPRESS_LENGTH, 1, DATA))
        bench.start(1)
        await bench.sleep_ms(10)
        assert all(bench.ended(start).ending.normal for start in waiting)


async def test_a_start_does_not_pass_another_that_waits_longer_for_the_same_device(autojump_clock):
    async with iop_bench(played(read=waits(10 * MS)), shared=(1,)) as bench:
        bench.start(1, iop="IOP2")
        await bench.sleep_ms(1)
        earlier = bench.start(1, "B")
        await bench.sleep_ms(8.9)
        later = _start_before_news(bench)
        await bench.sleep_ms(50)
        begun = [one["start"] for one in bench.of("start.begun", iop="IOP1")]
        assert later, "it came"
        assert begun == [earlier.start, *later]


def _start_before_news(bench) -> list[int]:
    """A start of A comes to IOP1 just before the news that the device is free; its number, when it came."""
    box, came = bench.directory["IOP1"], []
    put = box.put

    def with_a_start_before(envelope):
        if isinstance(envelope.message, m.DeviceFreed) and not came:
            bench.starts += 1
            came.append(bench.starts)
            put(Envelope(m.StartIo(None, "A", 1, bench.starts, Orb(PROGRAM)), "TEST", None))
        put(envelope)

    box.put = with_a_start_before
    return came


# --- paths, consoles, devices that act by themselves ---------------------------------------------------------


async def test_a_path_varied_off_gives_starts_back_and_lets_what_runs_end(autojump_clock):
    async with iop_bench(played(read=waits(10 * MS))) as bench:
        running, waiting = bench.start(1), bench.start(1, "B")
        await bench.sleep_ms(1)
        bench.post(m.VaryPath(OP, 1, False))
        late = bench.start(1, "B")
        await bench.sleep_ms(1)
        assert [one.start for one in bench.got(m.PathNotOperational, "LIPCTL.B")] == [
            waiting.start,
            late.start,
        ]
        changed = [(one.lpar, one.online) for one in bench.got(m.PathChanged)]
        assert sorted(changed) == [("A", False), ("B", False)]
        assert bench.got(m.PathVaried, "SVP") == [m.PathVaried(OP, "IOP1", 1, False, True)]
        await bench.sleep_ms(20)
        assert bench.ended(running).ending.normal
        for online in (False, True, True):
            bench.post(m.VaryPath(OP, 1, online))
        await bench.sleep_ms(1)
        assert [one.changed for one in bench.got(m.PathVaried)] == [True, False, True, False]
        assert [one["online"] for one in bench.of("path.varied")] == [False, True]
        again = bench.start(1)
        await bench.sleep_ms(20)
        assert bench.ended(again)


async def test_a_held_start_is_given_back_too_when_its_path_is_varied_off(autojump_clock):
    async with iop_bench(played()) as bench:
        bench.post(quiesce())
        held = bench.start()
        bench.post(m.VaryPath(OP, 1, False))
        bench.post(release())
        await bench.sleep_ms(5)
        assert [one.start for one in bench.got(m.PathNotOperational)] == [held.start]
        assert bench.got(m.HeldStartsReleased)[0].held == 0
        assert not bench.of("start.begun")


async def test_a_line_is_entered_and_offered_as_attention_to_its_lpar(autojump_clock):
    device = played()
    async with iop_bench(device) as bench:
        bench.post(m.EnterLine(OP, "A", 1, "query time"))
        await bench.sleep_ms(1)
        assert device.typed == [("A", "query time")]
        assert bench.got(m.StatusOffered) == [
            m.StatusOffered(None, "A", 1, "IOP1", int(DeviceStatus.ATTENTION))
        ]
        assert bench.got(m.LineEntered, "SVP") == [m.LineEntered(OP, "A", 1)]
        assert [one["text"] for one in bench.of("line.entered", lpar="A", device="0001")] == ["query time"]


async def test_a_line_that_the_console_does_not_take_is_answered_with_the_problem(autojump_clock):
    device = played()

    def refuse(line, lpar=None):
        raise UsageError("64 lines wait to be read")

    device.enter = refuse
    async with iop_bench(device) as bench:
        bench.post(m.EnterLine(OP, "A", 1, "query time"))
        await bench.sleep_ms(1)
        assert [one.problem for one in bench.got(m.LineEntered)] == ["64 lines wait to be read"]
        assert not bench.got(m.StatusOffered)
        assert not bench.of("line.entered")


async def test_what_consoles_write_is_told_and_fills_no_mailbox(autojump_clock):
    """Eight consoles that write without end, and one reader who takes a line at a time."""
    devices = [Played(number, {}) for number in range(1, 9)]
    for device in devices:

        def write(data, device=device):
            for number in range(200):
                device.lines.append(("A", f"line {number}"))
                yield 0

        device.plays[READ] = write
    async with iop_bench(*devices, capacity=64) as bench:
        starts = [bench.start(device.number) for device in devices]
        await bench.sleep_ms(1)
        assert all(bench.ended(start).ending.normal for start in starts)
        written = [one["text"] for one in bench.of("console.written", device="0003")]
        assert written == [f"line {number}" for number in range(200)]
        messages = bench.got(m.OperatorMessaged, "SVP")
        assert len(messages) == 8 * 200
        assert {(one.op, one.code) for one in messages} == {(None, "LVM090I")}
        assert "A 0003: line 7" in {one.message for one in messages}


async def test_what_is_written_with_the_last_step_is_told_too(autojump_clock):
    device = Played(1, {})

    def write(data):
        yield MS
        device.lines.append(("A", "READY"))

    device.plays[READ] = write
    async with iop_bench(device) as bench:
        bench.start()
        await bench.sleep_ms(5)
        assert [one["text"] for one in bench.of("console.written")] == ["READY"]


async def test_status_that_a_device_has_by_itself_is_offered_once_to_each_lpar(autojump_clock):
    async with iop_bench(Ticking(1, {}), shared=(1,)) as bench:
        await bench.sleep_ms(100)
        offered = [(one.lpar, one.iop) for one in bench.got(m.StatusOffered)]
        assert sorted(offered) == [("A", "IOP1")] * 3 + [("B", "IOP1")] * 3, "by its first IOP alone"


# --- the machine's end --------------------------------------------------------------------------------------


async def test_what_was_touched_is_told_also_when_the_machine_ends(autojump_clock):
    async with iop_bench(played(read=gives(64, MS, then=(HOUR_MS * MS,)))) as bench:
        start = bench.start()
        await bench.sleep_ms(5)
        assert not bench.of("transfer.ended")
    (transfer,) = bench.of("transfer.ended", start=start.start)
    assert (transfer["bytes"], transfer["last_ns"]) == (64, 5 * MS)
    assert transfer["lowest_host"] is not None
