"""System reset with I/O under way: what is cleared, what is refused late, and that nothing old reaches a new guest."""

import pytest

from io_guests import DATA, PROGRAM, Scripted, chain, disk_program
from lparvm.arch.channel import Ccw, CcwFlag, Command
from lparvm.arch.fixed_block import DiskCommand
from lparvm.arch.interception import (
    ResumeSubchannel,
    StartSubchannel,
    StoreSubchannel,
    TestPendingInterruption,
    TestSubchannel,
    WaitForInterruption,
)
from lparvm.arch.subchannel import Orb
from lparvm.protocol.results import Result
from trials import device, lpar, scenario, trial_of

DISK, OTHER = 0x190, 0x191
GUEST = "io_guests:Scripted"
MS = 1_000_000
ENDS = [("IPL B",), ("DEACTIVATE B", "ACTIVATE B", "IPL B"), ("STOP B", "IPL B")]
ends = pytest.mark.parametrize("way", ENDS, ids=" ".join)


@pytest.fixture(autouse=True)
def _fresh_scripts():
    Scripted.scripts.clear()
    Scripted.told.clear()


def machine(*parts: str, a: tuple[str, ...] = (), b: tuple[str, ...] = ("0190",), iops: int = 1) -> str:
    return scenario(
        *parts, lpar("A", "0", guest=GUEST, devices=list(a)), lpar("B", "1M", guest=GUEST, devices=list(b)),
        iops=iops,
    )  # fmt: skip


async def completed(trial, *texts: str) -> None:
    for text in texts:
        result = await trial.give(text)
        assert result.result is Result.COMPLETED, f"{text}: {result.message}"


def lives(told):
    """What each life of the guest told: a life begins with its first word `ipl`."""
    parts = []
    for one in told:
        if one == "ipl":
            parts.append([])
        else:
            parts[-1].append(one)
    return parts


def read_once(device_number: int):
    """A script: read a block, wait for whatever comes, tell."""

    def script(cpu, told):
        told.append("ipl")
        told.append((yield StoreSubchannel(device_number)).schib.scsw.function)
        told.append((yield WaitForInterruption(None, duration_ns=1 * MS)))
        told.append((yield StartSubchannel(device_number, disk_program(cpu, PROGRAM, DATA))))
        told.append((yield WaitForInterruption(None, duration_ns=300 * MS)))
        told.append((yield TestSubchannel(device_number)).irb.scsw.ended_normally)

    return script


@ends
async def test_a_start_under_way_is_cleared_and_the_next_guest_finds_the_device_idle(way, autojump_clock):
    Scripted.scripts["B"] = read_once(DISK)
    async with trial_of(machine(device("0190", latency="30ms"))) as trial:
        await trial.sleep_ms(15)
        assert trial.of("start.begun", lpar="B"), "the test needs one under way"
        await completed(trial, *way)
        await trial.sleep_ms(300)
        first, second = lives(Scripted.told["B"])
        assert first == [0, None, 0]
        function, nothing, code, interruption, ended = second
        assert (function, nothing, code, ended) == (0, None, 0, True), (
            "nothing from before reaches the new guest"
        )
        assert interruption.device == DISK
        assert [one["function"] for one in trial.of("start.ended", lpar="B")] == ["CLEAR", "START"]
        assert [one["start"] for one in trial.of("start.accepted", lpar="B")] == [1, 2], (
            "numbers go on counting"
        )
        assert trial.of("lpar.reset", lpar="B")[0]["cleared"] == 1
        assert trial.of("interruption.cleared", lpar="B")[0]["reason"] == "reset"


@ends
async def test_a_deaf_device_keeps_its_old_program_and_the_new_guests_start_waits_for_it(way, autojump_clock):
    Scripted.scripts["B"] = read_once(OTHER)
    deaf = device("0191", kind="stuck", deaf=True, ends_after="120ms")
    async with trial_of(machine(deaf, b=("0191",))) as trial:
        await trial.sleep_ms(15)
        await completed(trial, *way)
        await trial.sleep_ms(500)
        _, second = lives(Scripted.told["B"])
        assert second[:3] == [0, None, 0]
        assert second[4] is True
        first_begun, second_begun = (one["t"] for one in trial.of("start.begun", lpar="B"))
        assert second_begun >= first_begun + 120 * MS, "busy until it ends what it does"
        (late,) = trial.of("device.ended", lpar="B")
        assert late["start"] == 1
        assert trial.of("transfer.refused", lpar="B"), "what it transfers late is refused"


@ends
async def test_what_a_guest_reserved_is_free_for_others(way, autojump_clock):
    def reserve(cpu, told):
        told.append("ipl")
        if len(told) > 1:
            return
        yield StartSubchannel(DISK, chain(cpu, PROGRAM, Ccw(Command.RESERVE, 0, 0, 0)))
        yield WaitForInterruption(None)

    def other(cpu, told):
        yield WaitForInterruption(None, duration_ns=20 * MS)
        yield StartSubchannel(DISK, disk_program(cpu, PROGRAM, DATA))
        told.append((yield WaitForInterruption(None)).device)

    Scripted.scripts.update(A=other, B=reserve)
    async with trial_of(machine(device("0190"), a=("0190",))) as trial:
        await trial.sleep_ms(40)
        assert trial.of("start.deferred", lpar="A")[0]["reason"] == "reserved"
        assert "A" not in Scripted.told or not Scripted.told["A"]
        await completed(trial, *way)
        await trial.sleep_ms(50)
        assert Scripted.told["A"] == [DISK]


async def test_a_reservation_that_comes_late_out_of_an_old_life_does_not_stay(autojump_clock):
    """The old program reserves the device after its LPAR was reset: when it ends, others may use it."""
    script = Scripted.scripts

    def late(cpu, told):
        told.append("ipl")
        if len(told) == 1:
            yield StartSubchannel(
                OTHER, chain(cpu, PROGRAM, Ccw(DiskCommand.READ, 0, 8, DATA), Ccw(Command.RESERVE, 0, 0, 0))
            )
            yield WaitForInterruption(None)

    def other(cpu, told):
        yield WaitForInterruption(None, duration_ns=30 * MS)
        yield StartSubchannel(OTHER, chain(cpu, PROGRAM, Ccw(Command.NO_OPERATION, 0, 1, DATA)))
        told.append((yield WaitForInterruption(None)).device)

    script.update(A=other, B=late)
    deaf = device("0191", kind="stuck", deaf=True, ends_after="50ms")
    async with trial_of(machine(deaf, a=("0191",), b=("0191",))) as trial:
        await trial.sleep_ms(10)
        await completed(trial, "IPL B")
        trial.machine.assembly.devices[OTHER].reserved_by = "B"  # as if its program had got so far
        await trial.sleep_ms(200)
        assert Scripted.told["A"] == [OTHER]
        assert trial.machine.assembly.devices[OTHER].reserved_by is None


@ends
async def test_suspended_programs_and_waiting_starts_are_cleared_too(way, autojump_clock):
    def suspend(cpu, told):
        told.append("ipl")
        if told.count("ipl") > 1:
            for number in (DISK, OTHER):
                told.append(
                    (
                        yield StartSubchannel(
                            number, chain(cpu, PROGRAM, Ccw(Command.NO_OPERATION, 0, 1, DATA))
                        )
                    )
                )
                told.append((yield WaitForInterruption(None)).device)
            return
        orb = chain(cpu, PROGRAM, Ccw(Command.NO_OPERATION, CcwFlag.SUSPEND, 1, DATA))
        yield StartSubchannel(DISK, Orb(orb.program, suspend_control=True))
        yield WaitForInterruption(None)
        yield StartSubchannel(OTHER, chain(cpu, PROGRAM + 0x200, Ccw(Command.NO_OPERATION, 0, 1, DATA)))
        yield WaitForInterruption(None)

    def reserve(cpu, told):
        yield StartSubchannel(OTHER, chain(cpu, PROGRAM, Ccw(Command.RESERVE, 0, 0, 0)))
        yield WaitForInterruption(None)
        yield TestSubchannel(OTHER)
        yield WaitForInterruption(None, duration_ns=200 * MS)
        yield StartSubchannel(OTHER, chain(cpu, PROGRAM, Ccw(Command.RELEASE, 0, 0, 0)))

    Scripted.scripts.update(A=reserve, B=suspend)
    parts = (device("0190"), device("0191"))
    async with trial_of(machine(*parts, a=("0191",), b=("0190", "0191"))) as trial:
        await trial.sleep_ms(30)
        assert trial.of("start.deferred", lpar="B")
        await completed(trial, *way)
        assert trial.of("lpar.reset", lpar="B")[0]["cleared"] == 2
        await trial.sleep_ms(400)
        assert lives(Scripted.told["B"])[1] == [0, DISK, 0, OTHER]


async def test_paths_that_are_varied_off_stay_so_for_the_next_guest(autojump_clock):
    def tell(cpu, told):
        told.append("ipl")
        told.append((yield StoreSubchannel(DISK)).schib.pmcw.operational)

    Scripted.scripts["B"] = tell
    disk = device("0190", iop=["IOP1", "IOP2"])
    async with trial_of(machine(disk, iops=2)) as trial:
        await trial.sleep_ms(10)
        await completed(trial, "VARY PATH IOP2.0190 OFF", "IPL B")
        await trial.sleep_ms(10)
        await completed(trial, "DEACTIVATE B")
        await completed(trial, "VARY PATH IOP1.0190 OFF", "VARY PATH IOP2.0190 ON", "ACTIVATE B", "IPL B")
        await trial.sleep_ms(10)
        assert lives(Scripted.told["B"]) == [[0xC0], [0x80], [0x40]]


async def test_an_lpar_gets_other_devices_with_its_new_definition(autojump_clock):
    Scripted.scripts["B"] = read_once(OTHER)
    parts = (device("0190"), device("0191", iop="IOP2"))
    async with trial_of(machine(*parts, b=("0191",), iops=2)) as trial:
        await trial.sleep_ms(100)
        Scripted.scripts["B"] = read_once(DISK)
        await completed(trial, "DEACTIVATE B", "DEFINE B SIZE=512K DEVICES=0190", "ACTIVATE B", "IPL B")
        await trial.sleep_ms(100)
        assert [life[2:3] + life[4:] for life in lives(Scripted.told["B"])] == [[0, True], [0, True]]
        assert {one["device"] for one in trial.of("start.begun", lpar="B")} == {"0190", "0191"}
        await completed(trial, "MVSTOR B HSA=3M")
        assert [one["iop"] for one in trial.of("sale.set", lpar="B")] == ["IOP2", "IOP1", "IOP1"]


async def test_a_path_that_goes_off_while_its_lpar_is_reset_brings_no_start_into_the_next_life(
    autojump_clock,
):
    """What waits for the path comes back to LIP control in the middle of the reset: it is sent nowhere else."""

    def hold(cpu, _told):
        yield StartSubchannel(DISK, chain(cpu, PROGRAM, Ccw(Command.RESERVE, 0, 0, 0)))
        yield WaitForInterruption(None)

    def wait(cpu, told):
        told.append("ipl")
        if told.count("ipl") == 1:
            yield StartSubchannel(DISK, disk_program(cpu, PROGRAM, DATA))
        told.append((yield WaitForInterruption(None, duration_ns=100 * MS)))

    Scripted.scripts.update(A=hold, B=wait)
    disk = device("0190", iop=["IOP1", "IOP2"])
    async with trial_of(machine(disk, a=("0190",), iops=2)) as trial:
        await trial.sleep_ms(20)
        assert trial.of("start.deferred", lpar="B")
        where = trial.of("start.deferred", lpar="B")[0]["iop"]
        op = trial.machine.svp.submit("IPL B")
        vary = trial.machine.svp.submit(f"VARY PATH {where}.0190 OFF")
        for one in (op, vary):
            assert (await trial.machine.svp.answer(one)).result is Result.COMPLETED
        await trial.sleep_ms(200)
        assert lives(Scripted.told["B"])[1] == [None]
        assert len(trial.of("start.ended", lpar="B")) == 1


async def test_lines_of_a_console_are_for_the_lpar_that_is_active(autojump_clock):
    text = machine(device("0009", kind="console", latency="1ms"), b=("0009",)).replace(
        'options = { size = "256K" }', ""
    )
    async with trial_of(text) as trial:
        await completed(trial, 'REPLY B "hello"', "DEACTIVATE B")
        assert (await trial.give('REPLY B "hello"')).result is Result.NO_CONSOLE
        await completed(trial, "DEFINE NEW SIZE=64K DEVICES=0009", "ACTIVATE NEW", 'REPLY NEW "hello"')
        await completed(trial, "IPL NEW")
        assert not trial.of("interruption.pending", lpar="NEW"), "nobody was there to see it"


@ends
async def test_a_resume_that_is_on_its_way_reaches_nothing_new(way, autojump_clock):
    def script(cpu, told):
        told.append("ipl")
        orb = chain(cpu, PROGRAM, Ccw(Command.NO_OPERATION, CcwFlag.SUSPEND, 1, DATA))
        while True:
            yield StartSubchannel(DISK, Orb(orb.program, suspend_control=True))
            yield WaitForInterruption(None)
            yield TestSubchannel(DISK)
            cpu.store_bytes(PROGRAM, Ccw(Command.NO_OPERATION, 0, 1, DATA).encode())
            yield ResumeSubchannel(DISK)
            yield WaitForInterruption(None)
            yield TestSubchannel(DISK)
            cpu.store_bytes(PROGRAM, Ccw(Command.NO_OPERATION, CcwFlag.SUSPEND, 1, DATA).encode())

    Scripted.scripts["B"] = script
    async with trial_of(machine(device("0190", latency="0ms"))) as trial:
        for _ in range(6):
            await trial.sleep_ms(3.33)
            await completed(trial, *way)
        await trial.sleep_ms(20)
        assert len(trial.of("guest.loaded", lpar="B")) == 7


@ends
async def test_a_wait_of_the_old_guest_takes_no_interruption_of_the_new_one(way, autojump_clock):
    def script(cpu, told):
        told.append("ipl")
        if told.count("ipl") == 1:
            yield WaitForInterruption(None)
        yield StartSubchannel(DISK, disk_program(cpu, PROGRAM, DATA))
        yield WaitForInterruption((), duration_ns=50 * MS)
        told.append((yield TestPendingInterruption(None)))

    Scripted.scripts["B"] = script
    async with trial_of(machine(device("0190"))) as trial:
        await trial.sleep_ms(10)
        await completed(trial, *way)
        await trial.sleep_ms(100)
        _, (interruption,) = lives(Scripted.told["B"])
        assert interruption is not None, "it is pending until the new guest takes it"
        assert interruption.device == DISK
