"""The channel subsystem in a whole machine: what a guest does by I/O instructions, and what it sees."""

import pytest

from io_guests import DATA, PROGRAM, Scripted, chain, disk_program
from lparvm.arch.channel import ENDED, Ccw, CcwFlag, Command, DeviceStatus, SubchannelStatus
from lparvm.arch.fixed_block import DiskCommand
from lparvm.arch.interception import (
    ClearSubchannel,
    HaltSubchannel,
    ModifySubchannel,
    ResumeSubchannel,
    SetAddressLimit,
    StartSubchannel,
    StoreSubchannel,
    TestPendingInterruption,
    TestSubchannel,
    WaitForInterruption,
)
from lparvm.arch.subchannel import Activity, Function, LimitMode, Orb, Status
from lparvm.protocol.results import Result
from trials import device, lpar, scenario, trial_of

DISK, STUCK, CONSOLE, CLOCK = 0x190, 0x191, 0x009, 0x00C
GUEST = "io_guests:Scripted"
MS = 1_000_000


@pytest.fixture(autouse=True)
def _fresh_scripts():
    Scripted.scripts.clear()
    Scripted.told.clear()


def machine(*parts: str, devices: list[str] | None = None, iops: int = 1, **more: object) -> str:
    """LPAR A at 0 and B at 1M, both scripted; B's devices are given."""
    numbers = devices if devices is not None else ["0190"]
    return scenario(
        *parts, lpar("A", "0", guest=GUEST, devices=numbers), lpar("B", "1M", guest=GUEST, devices=numbers),
        iops=iops, **more,
    )  # fmt: skip


def script(name: str):
    """Decorator: this generator function is what the LPAR runs."""

    def keep(function):
        Scripted.scripts[name] = function
        return function

    return keep


def start(device_number: int, orb: Orb):
    """Start, wait for its interruption, test: the SCSW."""
    code = yield StartSubchannel(device_number, orb)
    assert code == 0, f"condition code {code}"
    yield WaitForInterruption(devices=(device_number,))
    tested = yield TestSubchannel(device_number)
    return tested.irb.scsw


async def test_a_start_ends_with_channel_end_and_device_end_and_test_clears_it(autojump_clock):
    @script("B")
    def _(cpu, told):
        orb = disk_program(cpu, PROGRAM, DATA, count=1024)
        told.append((yield StartSubchannel(DISK, Orb(orb.program, parameter=0xCAFE))))
        told.append((yield StartSubchannel(DISK, orb)))
        told.append((yield StoreSubchannel(DISK)).schib.scsw)
        told.append((yield WaitForInterruption(devices=None)))
        told.append((yield StartSubchannel(DISK, orb)))
        told.append((yield TestSubchannel(DISK)))
        told.append((yield TestSubchannel(DISK)))

    async with trial_of(machine(device("0190"))) as trial:
        await trial.sleep_ms(20)
        accepted, busy, active, interruption, pending, tested, again = Scripted.told["B"]
        assert (accepted, busy, pending) == (0, 2, 1)
        assert active.function == Function.START
        assert active.activity & (Activity.START_PENDING | Activity.SUBCHANNEL_ACTIVE)
        assert (interruption.device, interruption.parameter, interruption.isc) == (DISK, 0xCAFE, 0)
        scsw = tested.irb.scsw
        assert tested.condition_code == 0
        assert scsw.ended_normally, scsw
        assert scsw.status == Status.PRIMARY | Status.SECONDARY | Status.PENDING
        assert (scsw.count, scsw.ccw_address) == (0, PROGRAM + 3 * 8)
        assert again.condition_code == 1, "its status was cleared"
        assert again.irb.scsw.function == 0


async def test_a_subchannel_that_is_not_there_or_not_enabled_is_not_operational(autojump_clock):
    @script("B")
    def _(cpu, told):
        orb = disk_program(cpu, PROGRAM, DATA)
        for request in (StartSubchannel(0x777, orb), HaltSubchannel(0x777), ClearSubchannel(0x777)):
            told.append((yield request))
        told.append((yield TestSubchannel(0x777)).condition_code)
        told.append((yield StoreSubchannel(0x777)).condition_code)
        told.append((yield ModifySubchannel(DISK, enabled=False)))
        told.append((yield StartSubchannel(DISK, orb)))
        told.append((yield ModifySubchannel(DISK)))
        told.append((yield StartSubchannel(DISK, orb)))

    async with trial_of(machine(device("0190"))) as trial:
        await trial.sleep_ms(20)
        assert Scripted.told["B"] == [3, 3, 3, 3, 3, 0, 3, 0, 0]


async def test_halt_ends_a_device_that_hears_it_and_clear_any_other(autojump_clock):
    @script("B")
    def _(cpu, told):
        orb = disk_program(cpu, PROGRAM, DATA)
        for number in (STUCK, 0x192):
            told.append((yield StartSubchannel(number, orb)))
            told.append((yield WaitForInterruption(duration_ns=5 * MS)))
            told.append((yield HaltSubchannel(number)))
            told.append((yield WaitForInterruption(devices=(number,), duration_ns=5 * MS)))
            told.append((yield ClearSubchannel(number)))
            told.append((yield WaitForInterruption(devices=(number,), duration_ns=5 * MS)))
            told.append((yield TestSubchannel(number)).irb.scsw)

    deaf = device("0192", kind="fault", script=["stop"])
    async with trial_of(machine(device("0191", kind="stuck"), deaf, devices=["0191", "0192"])) as trial:
        await trial.sleep_ms(50)
        hearing, deaf_one = Scripted.told["B"][:7], Scripted.told["B"][7:]
        assert hearing[:3] == [0, None, 0]
        assert hearing[3].device == STUCK
        assert deaf_one[:4] == [0, None, 0, None], "a deaf device doesn't end when halted"
        assert deaf_one[4] == 0
        assert deaf_one[5].device == 0x192
        assert deaf_one[6].function & Function.CLEAR
        assert not deaf_one[6].device_status


async def test_a_halted_start_shows_its_halt(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield StartSubchannel(STUCK, disk_program(cpu, PROGRAM, DATA))
        yield WaitForInterruption(duration_ns=5 * MS)
        yield HaltSubchannel(STUCK)
        yield WaitForInterruption(devices=(STUCK,))
        told.append((yield TestSubchannel(STUCK)).irb.scsw)
        told.append((yield StartSubchannel(STUCK, Orb(PROGRAM))))

    async with trial_of(machine(device("0191", kind="stuck"), devices=["0191"])) as trial:
        await trial.sleep_ms(20)
        scsw, again = Scripted.told["B"]
        assert scsw.function == Function.START | Function.HALT
        assert scsw.ended
        assert again == 0, "the subchannel can be used again"


async def test_a_suspended_program_is_moved_and_goes_on_at_the_new_place(autojump_clock):
    @script("B")
    def _(cpu, told):
        orb = disk_program(cpu, PROGRAM, DATA, count=512, flags=CcwFlag.SUSPEND)
        cpu.store(DATA, 0xFFFF)
        yield StartSubchannel(DISK, Orb(orb.program, suspend_control=True))
        told.append((yield WaitForInterruption(devices=(DISK,))))
        told.append((yield TestSubchannel(DISK)).irb.scsw)
        yield WaitForInterruption(duration_ns=200 * MS)
        address = orb.program + 16
        cpu.store_bytes(address, Ccw(DiskCommand.READ, 0, 512, DATA).encode())
        told.append((yield ResumeSubchannel(DISK)))
        yield WaitForInterruption(devices=(DISK,))
        told.append((yield TestSubchannel(DISK)).irb.scsw)
        told.append(cpu.fetch(DATA))

    async with trial_of(machine(device("0190"))) as trial:
        await trial.sleep_ms(50)
        answer = await trial.give("MVSTOR B HSA=2M")
        assert answer.result is Result.COMPLETED, "a suspended program touches nothing"
        await trial.sleep_ms(250)
        _, suspended, resumed, ended, word = Scripted.told["B"]
        assert suspended.activity & Activity.SUSPENDED
        assert suspended.status & Status.INTERMEDIATE
        assert resumed == 0
        assert ended.ended_normally
        assert word == 0, "the block was read, at the new place"


async def test_interruptions_come_by_subclass_then_by_age(autojump_clock):
    @script("B")
    def _(cpu, told):
        for number, isc in ((0x190, 5), (0x193, 2), (0x194, 5)):
            yield ModifySubchannel(number, isc=isc)
            yield StartSubchannel(number, disk_program(cpu, PROGRAM + number * 0x400 - 0x190 * 0x400, DATA))
        yield WaitForInterruption(duration_ns=50 * MS)
        told.append((yield TestPendingInterruption(classes=0x01)))
        for _ in range(3):
            told.append((yield WaitForInterruption(devices=None)).device)
        told.append((yield TestPendingInterruption()))

    disks = (device("0190", latency="1ms"), device("0193", latency="9ms"), device("0194", latency="5ms"))
    async with trial_of(machine(*disks, devices=["0190", "0193", "0194"])) as trial:
        await trial.sleep_ms(100)
        assert Scripted.told["B"] == [None, 0x193, 0x190, 0x194, None]


async def test_address_limit_and_key_are_checked(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield SetAddressLimit(0x10000)
        yield ModifySubchannel(DISK, limit_mode=LimitMode.BELOW)
        low, high = (disk_program(cpu, PROGRAM, at) for at in (DATA, 0x12000))
        orb = disk_program(cpu, PROGRAM, 0x12000)
        told.append((yield from start(DISK, Orb(orb.program, address_limit=True))))
        orb = disk_program(cpu, PROGRAM, DATA)
        told.append((yield from start(DISK, Orb(orb.program, address_limit=True))))
        cpu.set_key(DATA, 0x30)
        told.append((yield from start(DISK, Orb(orb.program, key=5))))
        assert low == high

    async with trial_of(machine(device("0190"))) as trial:
        await trial.sleep_ms(50)
        beyond, below, protected = Scripted.told["B"]
        assert beyond.subchannel_status == SubchannelStatus.PROGRAM_CHECK
        assert below.ended_normally
        assert protected.subchannel_status == SubchannelStatus.PROTECTION_CHECK


async def test_a_console_writes_lines_and_gives_attention_for_those_typed(autojump_clock):
    @script("B")
    def _(cpu, told):
        cpu.store_bytes(DATA, b"READY")
        told.append((yield from start(CONSOLE, chain(cpu, PROGRAM, Ccw(0x09, 0, 5, DATA)))))
        yield WaitForInterruption(devices=(CONSOLE,))
        told.append((yield TestSubchannel(CONSOLE)).irb.scsw)
        orb = chain(cpu, PROGRAM, Ccw(0x0A, CcwFlag.SUPPRESS_LENGTH, 80, DATA))
        told.append((yield from start(CONSOLE, orb)))
        told.append(cpu.fetch_bytes(DATA, 80 - told[-1].count))

    async with trial_of(machine(device("0009", kind="console"), devices=["0009"])) as trial:
        messages: list = []
        trial.machine.svp.listen(messages.append)
        await trial.sleep_ms(50)
        answer = await trial.give('REPLY B "query time"')
        assert answer.result is Result.COMPLETED, answer.message
        await trial.sleep_ms(50)
        written, attention, read, line = Scripted.told["B"]
        assert written.ended_normally
        assert attention.device_status == DeviceStatus.ATTENTION
        assert attention.status & Status.ALERT
        assert read.device_status == ENDED
        assert line == b"query time"
        assert [one["text"] for one in trial.of("console.written", lpar="B")] == ["READY"]
        assert any("READY" in getattr(one, "text", "") for one in messages)
        assert trial.of("line.entered")


async def test_a_clock_interrupts_again_and_again_also_over_moves(autojump_clock):
    @script("B")
    def _(cpu, told):
        while True:
            yield WaitForInterruption(devices=(CLOCK,))
            told.append((yield TestSubchannel(CLOCK)).irb.scsw.device_status)

    async with trial_of(machine(device("000C", kind="clock", every="5ms"), devices=["000C"])) as trial:
        for position in range(4):
            await trial.sleep_ms(100)
            answer = await trial.give(f"MVSTOR B HSA={2 - position % 2}M")
            assert answer.result is Result.COMPLETED
        ticks = Scripted.told["B"]
        assert set(ticks) == {DeviceStatus.ATTENTION}
        assert len(ticks) >= 60, f"{len(ticks)} ticks in 400 ms and more"


async def test_a_reserved_disk_makes_others_wait_and_their_moves_dont(autojump_clock):
    @script("A")
    def _(cpu, told):
        told.append((yield from start(DISK, chain(cpu, PROGRAM, Ccw(Command.RESERVE, 0x20, 32, DATA)))))
        yield WaitForInterruption(duration_ns=300 * MS)
        told.append((yield from start(DISK, chain(cpu, PROGRAM, Ccw(Command.RELEASE, 0x20, 32, DATA)))))

    @script("B")
    def _(cpu, told):
        yield WaitForInterruption(duration_ns=20 * MS)
        told.append((yield from start(DISK, disk_program(cpu, PROGRAM, DATA))))

    async with trial_of(machine(device("0190"))) as trial:
        await trial.sleep_ms(100)
        assert "B" not in Scripted.told or Scripted.told["B"] == []
        assert [one["reason"] for one in trial.of("start.deferred", lpar="B")] == ["reserved"]
        answer = await trial.give("MVSTOR B HSA=2M QUIESCE=50ms")
        assert answer.result is Result.COMPLETED, "a start that waits for the device is not active"
        await trial.sleep_ms(400)
        (scsw,) = Scripted.told["B"]
        assert scsw.ended_normally


async def test_paths_are_varied_off_and_on(autojump_clock):
    @script("B")
    def _(cpu, told):
        for _ in range(40):
            code = yield StartSubchannel(DISK, disk_program(cpu, PROGRAM, DATA))
            if code:
                told.append(code)
            else:
                yield WaitForInterruption(devices=(DISK,))
                yield TestSubchannel(DISK)
            yield WaitForInterruption(duration_ns=10 * MS)

    text = machine(device("0190", iop=["IOP1", "IOP2"]), iops=2)
    async with trial_of(text) as trial:
        await trial.sleep_ms(60)
        used = {one["iop"] for one in trial.of("start.begun", lpar="B")}
        assert used == {"IOP1", "IOP2"}
        assert (await trial.give("VARY PATH IOP1.0190 OFF")).result is Result.COMPLETED
        await trial.sleep_ms(5)
        trial.events.clear()
        await trial.sleep_ms(60)
        assert {one["iop"] for one in trial.of("start.begun", lpar="B")} == {"IOP2"}
        assert (await trial.give("VARY PATH IOP2.0190 OFF")).result is Result.COMPLETED
        await trial.sleep_ms(60)
        assert set(Scripted.told["B"]) == {3}
        count = len(Scripted.told["B"])
        assert (await trial.give("VARY PATH IOP2.0190 ON")).result is Result.COMPLETED
        await trial.sleep_ms(60)
        assert len(Scripted.told["B"]) <= count + 1
        assert (await trial.give("VARY PATH IOP2.0777 ON")).result is Result.UNKNOWN_PATH


def start_and_look(device_number: int, told: list, cpu, *, data: int = DATA):
    """Start a read, wait for its end, and keep the SCSW; for devices that misbehave."""
    yield StartSubchannel(device_number, disk_program(cpu, PROGRAM, data))
    yield WaitForInterruption(devices=(device_number,))
    told.append((yield TestSubchannel(device_number)).irb.scsw)


def faulty(*script: str, number: str = "0191") -> str:
    return device(number, kind="fault", script=list(script))


async def test_a_move_refused_tells_later_when_the_device_did_end(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield from start_and_look(STUCK, told, cpu)

    async with trial_of(machine(faulty("delay 100ms"), devices=["0191"])) as trial:
        await trial.sleep_ms(10)
        answer = await trial.give("MVSTOR B HSA=2M QUIESCE=20ms")
        assert answer.result is Result.QUIESCE_TIMED_OUT
        assert trial.origins()["B"] == 1 << 20
        (busy,) = answer.busy_devices
        assert (busy.device, busy.iop, busy.path, busy.command) == (
            STUCK,
            "IOP1",
            0,
            DiskCommand.DEFINE_EXTENT,
        )
        assert (busy.ccw_address, busy.bytes_left, busy.pages) == (PROGRAM, 16, ((1, 1),))
        assert not trial.of("device.ended")
        await trial.sleep_ms(100)
        (late,) = trial.of("device.ended")
        assert (late["device"], late["operation"]) == ("0191", answer.operation)
        assert Scripted.told["B"][0].ended_normally, "the guest's I/O was not harmed"


async def test_busy_wait_goes_on_when_the_device_ends_and_reminds_meanwhile(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield from start_and_look(STUCK, told, cpu)

    async with trial_of(machine(faulty("delay 25s"), devices=["0191"])) as trial:
        await trial.sleep_ms(10)
        answer = await trial.give("MVSTOR B HSA=2M QUIESCE=1s BUSY=WAIT")
        assert answer.result is Result.COMPLETED, answer.message
        naming = [one for one in trial.of("operator.messaged") if "0191 on IOP1" in one["message"]]
        assert len(naming) == 4, "as soon as 202 waits, when its time is over, and two reminders"
        await trial.sleep_ms(10)
        assert Scripted.told["B"][0].ended_normally


async def test_busy_wait_can_be_cancelled(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield from start_and_look(STUCK, told, cpu)

    async with trial_of(machine(faulty("delay 50s"), devices=["0191"])) as trial:
        await trial.sleep_ms(10)
        operation = trial.machine.svp.submit("MVSTOR B HSA=2M QUIESCE=1s BUSY=WAIT")
        await trial.sleep_ms(5_000)
        assert (await trial.give("CANCEL B")).result is Result.COMPLETED
        assert (await trial.machine.svp.answer(operation)).result is Result.CANCELLED
        await trial.sleep_ms(50_000)
        assert Scripted.told["B"][0].ended_normally


async def test_busy_halt_shows_the_guest_a_halted_start_at_the_new_place(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield from start_and_look(STUCK, told, cpu)
        yield from start_and_look(STUCK, told, cpu)

    async with trial_of(machine(faulty("delay 1h"), devices=["0191"])) as trial:
        await trial.sleep_ms(10)
        answer = await trial.give("MVSTOR B HSA=2M QUIESCE=20ms BUSY=HALT")
        assert answer.result is Result.COMPLETED, answer.message
        await trial.sleep_ms(50)
        halted, again = Scripted.told["B"]
        assert halted.function == Function.START | Function.HALT
        assert again.ended_normally


async def test_busy_halt_clears_a_deaf_device_and_refuses_what_it_transfers_late(autojump_clock):
    @script("B")
    def _(cpu, told):
        for number in range(64):
            cpu.store(DATA + 8 * number, 0x1111)
        yield from start_and_look(STUCK, told, cpu)
        yield from start_and_look(STUCK, told, cpu)

    async with trial_of(machine(faulty("late-transfer 3s"), devices=["0191"])) as trial:
        await trial.sleep_ms(10)
        answer = await trial.give("MVSTOR B HSA=2M QUIESCE=20ms BUSY=HALT")
        assert answer.result is Result.COMPLETED, answer.message
        assert (await trial.give("MVSTOR A HSA=1M")).result is Result.COMPLETED, "into what B has left"
        await trial.sleep_ms(10)
        (cleared,) = Scripted.told["B"]
        assert cleared.function & Function.CLEAR
        assert not trial.of("transfer.refused")
        await trial.sleep_ms(3_000)
        (refused,) = trial.of("transfer.refused")
        assert (refused["device"], refused["address"], refused["bytes"]) == ("0191", DATA, 512)
        assert trial.of("device.ended")
        assert Scripted.told["B"][1].ended_normally, "the device can be used again"


async def test_interruptions_that_come_while_the_guest_stands_are_presented_after_sie(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield StartSubchannel(0x190, disk_program(cpu, PROGRAM, DATA))
        yield StartSubchannel(0x193, disk_program(cpu, PROGRAM + 0x400, DATA + 0x1000))
        for _ in range(2):
            interruption = yield WaitForInterruption(devices=None)
            told.append(interruption.device)
            yield TestSubchannel(interruption.device)

    disks = (device("0190", latency="15ms"), device("0193", latency="20ms"))
    async with trial_of(machine(*disks, devices=["0190", "0193"])) as trial:
        await trial.sleep_ms(10)
        answer = await trial.give("MVSTOR B HSA=2M")
        assert answer.result is Result.COMPLETED
        await trial.sleep_ms(10)
        assert Scripted.told["B"] == [0x190, 0x193]
        (sie,) = trial.of("sie.issued", lpar="B", op=answer.operation)
        place = trial.events.index(sie)
        assert all(trial.events.index(one) > place for one in trial.of("interruption.presented", lpar="B"))
        assert all(trial.events.index(one) < place for one in trial.of("interruption.pending", lpar="B"))


async def test_the_rate_of_an_iop_is_shared_by_what_runs_there(autojump_clock):
    @script("B")
    def _(cpu, told):
        numbers = (0x190, 0x193, 0x194)
        for at, number in enumerate(numbers):
            orb = disk_program(cpu, PROGRAM + at * 0x400, 0x10000 * (at + 1), count=0x8000)
            yield StartSubchannel(number, orb)
        for _ in numbers:
            yield WaitForInterruption(devices=None)

    disks = [device(number, latency="0ms") for number in ("0190", "0193", "0194")]
    text = machine(*disks, devices=["0190", "0193", "0194"])
    text = text.replace('name = "IOP1"', 'name = "IOP1"\nrate = "1M"')
    async with trial_of(text) as trial:
        await trial.sleep_ms(300)
        transfers = trial.of("transfer.ended", lpar="B")
        assert len(transfers) == 3
        took_s = (max(one["last_ns"] for one in transfers) - min(one["first_ns"] for one in transfers)) / 1e9
        assert took_s == pytest.approx(3 * 0x8000 / (1 << 20), rel=0.02), "96 KiB at 1 MiB a second"


def reserve(cpu):
    return start(DISK, chain(cpu, PROGRAM, Ccw(Command.RESERVE, CcwFlag.SUPPRESS_LENGTH, 0, DATA)))


def wait_and_read(cpu, told):
    """What the other LPAR does."""
    yield WaitForInterruption(duration_ns=20 * MS)
    told.append((yield from start(DISK, disk_program(cpu, PROGRAM, DATA))))


async def test_the_reservation_of_a_guest_that_failed_is_over(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield from reserve(cpu)
        yield WaitForInterruption(duration_ns=50 * MS)
        raise LookupError("enough")

    Scripted.scripts["A"] = wait_and_read
    async with trial_of(machine(device("0190", iop=["IOP1", "IOP2"]), iops=2), verdict="failed") as trial:
        await trial.sleep_ms(150)
        assert trial.of("start.deferred", lpar="A")
        assert Scripted.told["A"][0].ended_normally


async def test_the_reservation_of_a_check_stopped_lpar_is_over(autojump_clock):
    @script("B")
    def _(cpu, told):
        yield from reserve(cpu)

    Scripted.scripts["A"] = wait_and_read
    async with trial_of(machine(device("0190"))) as trial:
        await trial.sleep_ms(30)
        for _ in range(4):
            trial.machine.refuse_sale("IOP1")
        assert (await trial.give("MVSTOR B HSA=2M")).result is Result.CHECK_STOPPED
        await trial.sleep_ms(50)
        assert Scripted.told["A"][0].ended_normally


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_device_that_ends_after_its_lpar_was_check_stopped_breaks_no_rule(cancelled, autojump_clock):
    @script("B")
    def _(cpu, told):
        yield StartSubchannel(STUCK, disk_program(cpu, PROGRAM, DATA))

    async with trial_of(machine(faulty("delay 200ms"), devices=["0191"])) as trial:
        await trial.sleep_ms(10)
        for _ in range(4):
            trial.machine.refuse_sale("IOP1")
        op = trial.machine.svp.submit(f"MVSTOR B HSA=2M QUIESCE=5ms BUSY={'WAIT' if cancelled else 'REFUSE'}")
        if cancelled:
            await trial.sleep_ms(20)
            assert (await trial.give("CANCEL B")).result is Result.NOT_CANCELLABLE, "it ended otherwise"
        assert (await trial.machine.svp.answer(op)).result is Result.CHECK_STOPPED
        await trial.sleep_ms(300)
        (ended,) = trial.of("device.ended")
        assert ended["operation"] == op


async def test_a_device_without_a_path_has_no_one_s_attention(autojump_clock):
    @script("B")
    def _(cpu, told):
        while True:
            told.append((yield WaitForInterruption(devices=None)).device)
            yield TestSubchannel(told[-1])

    parts = (device("000C", kind="clock", every="5ms"), device("0009", kind="console"))
    async with trial_of(machine(*parts, devices=["000C", "0009"])) as trial:
        await trial.sleep_ms(30)
        assert Scripted.told["B"]
        await trial.give("VARY PATH IOP1.000C OFF")
        await trial.give("VARY PATH IOP1.0009 OFF")
        await trial.sleep_ms(5)
        Scripted.told["B"].clear()
        assert (await trial.give('REPLY B "anyone"')).result is Result.LINE_REFUSED
        await trial.sleep_ms(50)
        assert Scripted.told["B"] == []
        await trial.give("VARY PATH IOP1.000C ON")
        await trial.sleep_ms(50)
        assert CLOCK in Scripted.told["B"]
