"""EXPAND and SHRINK of a running LPAR, end to end, under the virtual clock."""

import random

import pytest
import trio
from attrs import evolve
from resizing_bench import END, ZONE, agrees, bench, facts, frames, guest, poisoned, tenants, zone

from lparvm.arch.address import Zone
from lparvm.config import SHRINK_ANSWER_NS
from lparvm.protocol import messages as m
from lparvm.protocol import operations as kinds
from lparvm.protocol import resizing_rules
from lparvm.protocol.resizing_admission import admit_expand
from lparvm.protocol.results import Result
from trials import device, lpar, scenario

GREW = ["area.reserved", "area.cleared", "sale.set", "zone.resized", "extent.set", "guest.signalled"]
GAVE = [
    "guest.signalled", "guest.answered", "extent.set", "sale.set", "zone.resized", "area.poisoned", "area.released",
]  # fmt: skip
STOOD = [
    "lip.stopped", "iop.quiesced", "sale.set", "zone.resized", "sie.issued", "area.poisoned", "area.released",
]  # fmt: skip


@pytest.fixture
def soon(monkeypatch):
    """A guest has less time to answer: what is tried often must not take long."""
    monkeypatch.setattr(resizing_rules, "SHRINK_ANSWER_NS", 30_000_000)


# --- EXPAND -----------------------------------------------------------------------------------------------


async def test_a_zone_grows_into_the_gap_while_the_guest_runs_and_uses_it(autojump_clock):
    async with bench() as trial:
        expanded = await trial.give("EXPAND B SIZE=512K")
        assert (expanded.result, expanded.code) == (Result.COMPLETED, "LVM013I")
        assert expanded.message == "B: main storage is 512K now, from 1M"
        assert (expanded.lips, zone(trial)) == ((), Zone(256, 128))
        assert facts(trial, "op.1") == GREW
        (reserved,) = trial.of("area.reserved")
        assert (frames(reserved), reserved["partners"]) == (Zone(320, 64), [])
        assert len(trial.of("extent.set", lpar="B")) == 2
        assert trial.of("sie.issued", op="op.1") == trial.of("lip.stopped", op="op.1") == []
        agrees(trial)
        await trial.works("A", "B", "C")
        assert (guest(trial).pages, guest(trial).replies) == (128, [128])
        (answered,) = trial.of("guest.answered")
        assert (answered["answer"], answered["extent_frames"], answered["op"]) == ("StorageUsed", 128, None)


async def test_what_others_left_in_the_frames_is_cleared(autojump_clock):
    async with bench() as trial:
        assert (await trial.give("MVSTOR C HSA=1280K")).result is Result.COMPLETED
        assert (await trial.give("MVSTOR C HSA=1536K")).result is Result.COMPLETED
        assert poisoned(trial, Zone(320, 64))
        assert (await trial.give("EXPAND B SIZE=512K")).result is Result.COMPLETED
        await trial.works("B")
        assert guest(trial).replies == [128], "the guest has looked at all of it"


async def test_a_zone_grows_as_far_as_it_goes(autojump_clock, monkeypatch):
    policy = lambda message, now: admit_expand(evolve(message, extent=None), now)  # noqa: E731
    monkeypatch.setitem(kinds.POLICIES, m.ExpandStorage, policy)
    async with bench() as trial:
        assert (await trial.give("EXPAND B SIZE=260K")).result is Result.COMPLETED
        assert zone(trial).end == END
        refused = await trial.give("EXPAND B SIZE=1M")
        assert refused.result is Result.NO_ROOM
        assert refused.message == "B: no room for more than 512K: C holds storage behind it"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("EXPAND B SIZE=516K", "B: no room for 516K: C holds storage behind it"),
        ("EXPAND C SIZE=2M", "C: no room for 2M: main storage ends there"),
        ("EXPAND B SIZE=508K", "B: no room for 508K: frame 350 behind it is out of use"),
    ],
)
async def test_without_room_the_answer_says_what_is_in_the_way(autojump_clock, command, problem):
    async with bench() as trial:
        if "508K" in command:
            trial.machine.assembly.zones.retire(350)
        refused = await trial.give(command)
        assert (refused.result, refused.message) == (Result.NO_ROOM, problem)
        assert zone(trial) == ZONE
        await trial.works("B")


async def test_a_guest_that_takes_no_signals_has_the_storage_all_the_same(autojump_clock):
    async with bench(tenants("deaf")) as trial:
        assert (await trial.give("EXPAND B SIZE=512K")).result is Result.COMPLETED
        assert facts(trial, "op.1") == GREW[:-1]
        agrees(trial)


@pytest.mark.parametrize(("kind", "waits"), [("Tenant", True), ("Ending", False)])
async def test_a_guest_that_waits_or_has_ended_takes_signals(autojump_clock, kind, waits):
    async with bench(tenants(kind=kind, waits=waits)) as trial:
        await trial.sleep_ms(50)
        assert (await trial.give("EXPAND B SIZE=512K")).result is Result.COMPLETED
        await trial.sleep_ms(50)
        assert guest(trial).replies == [128]
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.COMPLETED
        await trial.sleep_ms(50)
        assert (guest(trial).replies, guest(trial).pages) == ([128, 32], 32)


# --- SHRINK -----------------------------------------------------------------------------------------------


async def test_a_guest_gives_frames_up_and_runs_on_and_they_are_poisoned_and_free(autojump_clock):
    async with bench() as trial:
        shrunk = await trial.give("SHRINK B SIZE=128K")
        assert (shrunk.result, shrunk.message) == (Result.COMPLETED, "B: main storage is 128K now, from 1M")
        assert (shrunk.lips, zone(trial)) == ((), Zone(256, 32))
        assert facts(trial, "op.1") == GAVE
        (released,) = trial.of("area.released")
        assert frames(released) == Zone(288, 32)
        assert poisoned(trial, Zone(288, 32))
        assert trial.of("area.poisoned")[0]["poisoned_frames"] == 32
        agrees(trial)
        await trial.works("A", "B", "C")
        assert guest(trial).replies == [32]
        # What is free is anybody's.
        assert (await trial.give("MVSTOR C HSA=1152K")).result is Result.COMPLETED
        assert (await trial.give("EXPAND B SIZE=256K")).result is Result.NO_ROOM


async def test_the_guests_call_is_answered_when_all_know_the_new_zone(autojump_clock):
    async with bench() as trial:
        seen = []
        trial.when("area.poisoned", lambda _: seen.append(list(guest(trial).replies)))
        trial.when("zone.resized", lambda _: seen.append(list(guest(trial).replies)))
        await trial.give("SHRINK B SIZE=128K")
        assert seen[0] == [], "before the commit the storage may still come back"


async def test_a_guest_may_refuse(autojump_clock):
    async with bench(tenants("keep")) as trial:
        refused = await trial.give("SHRINK B SIZE=128K")
        assert refused.result is Result.GUEST_REFUSED
        assert refused.message == "B: the guest keeps its storage: the rent is paid"
        await trial.works("B")
        assert (zone(trial), guest(trial).replies) == (ZONE, [64])


@pytest.mark.parametrize("conduct", ["silent", "deaf"])
async def test_unused_frames_of_a_guest_that_does_not_answer_are_taken_while_it_stands(
    autojump_clock, conduct
):
    async with bench(tenants(conduct, uses=20)) as trial:
        before_ns = trial.machine.clock.now_ns()
        shrunk = await trial.give("SHRINK B SIZE=128K")
        assert shrunk.result is Result.COMPLETED, shrunk.message
        assert [stop.lip for stop in shrunk.lips] == ["LIP2", "LIP3"]
        assert facts(trial, "op.1")[-len(STOOD) :] == STOOD
        waited_ns = trial.machine.clock.now_ns() - before_ns
        assert (waited_ns >= SHRINK_ANSWER_NS) == (conduct == "silent"), (
            "one that can't be asked isn't waited for"
        )
        assert trial.of("area.poisoned")[0]["poisoned_frames"] == 0
        assert zone(trial) == Zone(256, 32)
        agrees(trial)
        assert guest(trial).replies == []


@pytest.mark.parametrize("conduct", ["silent", "deaf"])
async def test_frames_in_use_of_a_guest_that_does_not_answer_stay(autojump_clock, conduct):
    async with bench(tenants(conduct)) as trial:
        refused = await trial.give("SHRINK B SIZE=128K")
        assert refused.result is Result.STORAGE_IN_USE
        assert zone(trial) == ZONE
        agrees(trial)
        await trial.works("B")


async def test_an_answer_that_comes_too_late_is_told_the_extent_in_force(autojump_clock):
    async with bench(tenants("silent")) as trial:
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.STORAGE_IN_USE
        guest(trial).speaks = True
        await trial.sleep_ms(50)
        assert guest(trial).replies == [64]
        assert guest(trial).pages == 64, "what was not taken is in use again"
        (answered,) = trial.of("guest.answered")
        assert answered["op"] is None
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.COMPLETED
        assert guest(trial).replies == [64, 32]


async def test_the_time_to_answer_may_be_over_when_the_command_is_answered(autojump_clock):
    async with bench(tenants("keep")) as trial:
        control = trial.machine.assembly.control.part
        trial.when(
            "command.answered", lambda _: control.post("LPARCTL", m.AnswerTimedOut("op.1"), None), op="op.1"
        )
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.GUEST_REFUSED
        assert (await trial.give("EXPAND B SIZE=512K")).result is Result.COMPLETED


async def test_operations_under_way_are_displayed(autojump_clock):
    async with bench(tenants("silent")) as trial:
        op = trial.machine.svp.submit("SHRINK B SIZE=128K")
        await trial.sleep_ms(100)
        (line,) = (await trial.give("DISPLAY OPERATIONS")).lines
        assert line.split()[:4] == [op, "SHRINK", "B", "ASKING"], line
        assert "to 128K" in line


async def test_a_late_answer_in_the_middle_of_a_move_is_told_the_extent_and_the_move_goes_on(autojump_clock):
    async with bench(tenants("silent")) as trial:
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.STORAGE_IN_USE

        def speak(_):
            guest(trial).speaks = True

        for phase in ("STOPPING", "MOVING"):
            guest(trial).speaks = False
            trial.when("phase.entered", speak, phase=phase)
            assert (await trial.give("MVSTOR B HSA=1152K")).result is Result.COMPLETED
            assert (await trial.give("MVSTOR B HSA=1M")).result is Result.COMPLETED
        await trial.sleep_ms(50)
        assert guest(trial).replies == [64]
        await trial.works("B")


async def test_io_beyond_what_the_guest_gave_up_ends_with_a_program_check_and_touches_nothing(autojump_clock):
    async with bench(tenants(kind="Faithless", lips=1, uses=1)) as trial:
        await trial.sleep_ms(22.5)
        assert set(guest(trial).endings) == {"NONE"}
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.COMPLETED
        reads = len(guest(trial).endings)
        last = trial.of("sale.set", lpar="B")[-1]["t"]
        assert trial.of("transfer.ended", lpar="B", t=last), "SALE came between two blocks of a program"
        assert (await trial.give("MVSTOR C HSA=1152K")).result is Result.COMPLETED
        await trial.sleep_ms(50)
        endings = guest(trial).endings[reads + 1 :]
        assert endings
        assert set(endings) == {"PROGRAM_CHECK"}
        await trial.works("C")
        for event in trial.of("transfer.ended", lpar="B"):
            sales = [
                one for one in trial.of("sale.set", lpar="B", iop=event["iop"]) if one["t"] < event["last_ns"]
            ]
            if event["highest_host"] is not None:
                assert event["highest_host"] < frames(sales[-1]).end * 4096, (
                    "told with the zone of its accesses"
                )


async def test_a_guest_that_failed_is_resized_standing(autojump_clock):
    text = tenants(kind="Tenant").replace("tenant_guests:Tenant", "machine_guests:Raising").replace(
        'conduct = "give"', "after = 3"
    )  # fmt: skip
    async with bench(text) as trial:
        await trial.sleep_ms(50)
        assert (await trial.give("EXPAND B SIZE=512K")).result is Result.COMPLETED
        assert facts(trial, "op.1")[-2:] == ["zone.resized", "zone.noted"]
        assert (await trial.give("SHRINK B SIZE=256K")).result is Result.COMPLETED
        assert (await trial.give("SHRINK B SIZE=252K")).result is Result.STORAGE_IN_USE
        assert (await trial.give("MVSTOR B HSA=2M")).result is Result.COMPLETED
        agrees(trial)


async def test_a_guest_that_fails_while_it_is_asked_is_not_waited_for(autojump_clock):
    text = tenants().replace("tenant_guests:Tenant", "tenant_guests:Fainting")
    async with bench(text) as trial:
        refused = await trial.give("SHRINK B SIZE=128K")
        assert refused.result is Result.STORAGE_IN_USE
        assert trial.machine.clock.now_ns() < SHRINK_ANSWER_NS
        agrees(trial)


async def test_a_lip_that_hangs_is_given_up_and_catches_up_with_what_is_left_for_it(autojump_clock):
    """However often the guest is asked meanwhile: the LIP's mailbox holds what is left for it."""
    async with bench(tenants(uses=20)) as trial:
        (hanging,) = [lip for lip in trial.machine.assembly.lips if lip.name == "LIP2"]
        hanging.hang(40_000_000_000)
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.STOP_TIMED_OUT
        for _ in range(20):
            op = trial.machine.svp.submit("SHRINK B SIZE=128K")
            await trial.sleep_ms(10)
            assert (await trial.give(f"CANCEL {op}")).result is Result.COMPLETED
        expanded = trial.machine.svp.submit("EXPAND B SIZE=512K")
        assert (await trial.machine.svp.answer(expanded)).result is Result.COMPLETED
        assert trial.machine.clock.now_ns() >= 40_000_000_000, "it is there when every LIP knows"
        await trial.sleep_ms(10)
        # A question that reached the guest after all is answered too, and means nothing any more.
        assert set(guest(trial).replies) == {128}
        assert guest(trial).pages == 128
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.COMPLETED
        await trial.works("A", "B", "C")


# --- SALE refused, CANCEL ---------------------------------------------------------------------------------


@pytest.mark.parametrize("iop", ["IOP1", "IOP2"])
@pytest.mark.parametrize(
    ("conduct", "command"),
    [("give", "EXPAND B SIZE=512K"), ("give", "SHRINK B SIZE=128K"), ("deaf", "SHRINK B SIZE=128K")],
)
async def test_an_iop_that_refuses_sale_leaves_everything_as_it_was(autojump_clock, iop, conduct, command):
    async with bench(tenants(conduct, uses=20)) as trial:
        trial.machine.refuse_sale(iop)
        refused = await trial.give(command)
        assert (refused.result, zone(trial)) == (Result.SALE_REFUSED, ZONE)
        assert iop in refused.message
        agrees(trial)
        await trial.works("A", "B", "C")
        assert (await trial.give(command)).result is Result.COMPLETED
        assert zone(trial) != ZONE
        await trial.works("B")


@pytest.mark.parametrize("command", ["EXPAND B SIZE=512K", "SHRINK B SIZE=128K"])
async def test_an_iop_that_refuses_again_and_again_leaves_the_lpar_check_stopped(autojump_clock, command):
    async with bench(agreed=False) as trial:
        for _ in range(9):
            trial.machine.refuse_sale("IOP2")
        failed = await trial.give(command)
        assert failed.result is Result.CHECK_STOPPED
        steps = trial.steps("B")
        await trial.works("A", "C")
        assert trial.steps("B") == steps, "its guest stands for good"
        assert (await trial.give(command)).result is Result.LPAR_CHECK_STOPPED


@pytest.mark.parametrize(
    ("conduct", "command", "cancellable"),
    [
        ("give", "EXPAND B SIZE=512K", 2),
        ("give", "SHRINK B SIZE=128K", 2),
        ("silent", "SHRINK B SIZE=128K", 6),
        ("deaf", "SHRINK B SIZE=128K", 5),
    ],
)
async def test_cancel_at_any_message_ends_it_or_comes_too_late(
    autojump_clock, soon, conduct, command, cancellable
):
    """CANCEL comes right behind the n-th message that LPAR control is sent for the operation."""
    told = []
    for number in range(100):
        async with bench(tenants(conduct, uses=20)) as trial:
            resized, cancel = await _cancelled_behind(trial, command, number)
            if cancel is None:
                assert (resized.result, zone(trial) == ZONE) == (Result.COMPLETED, False)
                break
            told.append((resized.result, cancel.result))
            if number < cancellable:
                assert (*told[-1], zone(trial)) == (Result.CANCELLED, Result.COMPLETED, ZONE), number
            else:
                assert resized.result is Result.COMPLETED, number
                assert zone(trial) != ZONE
            agrees(trial)
            guest(trial).speaks = True
            await trial.works("A", "B", "C")
            wanted = command if zone(trial) == ZONE else "MVSTOR B HSA=2M"
            assert (await trial.give(wanted)).result is Result.COMPLETED
    assert [late for _, late in told[cancellable:-1]] == [Result.NOT_CANCELLABLE] * (
        len(told) - cancellable - 1
    )
    assert told[-1][1] is Result.UNKNOWN_OPERATION, "the last message is the end of it"


async def _cancelled_behind(trial, command, number):
    """Give a command, and CANCEL behind its n-th message; both answers, the second None where it ended before."""
    svp, control = trial.machine.svp, trial.machine.assembly.control.part
    given, late, handle, count = [], [], control.handle, 0

    def interpose(envelope):
        nonlocal count
        if len(given) == 1 and envelope.message.op == "op.1":
            # What was on the way comes behind CANCEL.
            late.append(envelope)
            trial.machine.assembly.records.in_hand = None
            return
        handle(envelope)
        if given and envelope.message.op == given[0]:
            given.append("")
            for one in late:
                handle(one)
        if envelope.message.op == "op.1":
            if count == number:
                given.append(svp.submit("CANCEL B"))
            count += 1

    control.handle = interpose
    resized = await trial.give(command)
    control.handle = handle
    return resized, await svp.answer(given[0]) if given else None


# --- LPAR control dies ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conduct", "command", "refused"),
    [
        ("give", "EXPAND B SIZE=512K", False),
        ("give", "EXPAND B SIZE=512K", True),
        ("give", "SHRINK B SIZE=128K", False),
        ("give", "SHRINK B SIZE=128K", True),
        ("keep", "SHRINK B SIZE=128K", False),
        ("silent", "SHRINK B SIZE=128K", False),
        ("deaf", "SHRINK B SIZE=128K", True),
    ],
)
async def test_lpar_control_that_dies_at_any_message_and_order_goes_on(
    autojump_clock, soon, conduct, command, refused
):
    wanted = {"keep": Result.GUEST_REFUSED}.get(conduct, Result.SALE_REFUSED if refused else Result.COMPLETED)
    for fuse in range(200):
        async with bench(tenants(conduct, uses=20)) as trial:
            if refused:
                trial.machine.refuse_sale("IOP2")
            trial.machine.assembly.records.fuse = fuse
            resized = await trial.give(command)
            died = trial.of("part.failed")
            assert resized.result is wanted, (fuse, resized.message)
            agrees(trial)
            trial.machine.assembly.records.fuse = None
            guest(trial).speaks = True
            await trial.works("A", "B", "C")
            assert (await trial.give("MVSTOR B HSA=1024K")).result is Result.ALREADY_THERE
        if not died:
            assert fuse > 8
            return
    pytest.fail("the fuse never outlasted the operation")


# --- guests that come with lparvm, and all together --------------------------------------------------------


@pytest.mark.parametrize("name", ["hammer", "ledger", "chain", "journal", "idle"])
async def test_the_built_in_guests_use_what_they_get_and_give_it_up(autojump_clock, name):
    text = tenants(lips=1).replace("tenant_guests:Tenant", name).replace('options = { conduct = "give" }', "")
    async with bench(text) as trial:
        for _ in range(2):
            assert (await trial.give("EXPAND B SIZE=512K")).result is Result.COMPLETED
            await trial.sleep_ms(100)
            assert trial.of("guest.answered")[-1]["answer"] == "StorageUsed"
            assert (await trial.give("MVSTOR B HSA=2M")).result is Result.COMPLETED
            assert (await trial.give("SHRINK B SIZE=256K")).result is Result.COMPLETED
            assert trial.of("guest.answered")[-1]["answer"] == "StorageGivenUp"
            assert (await trial.give("MVSTOR B HSA=1M")).result is Result.COMPLETED
            await trial.works("A", "B", "C")


@pytest.mark.parametrize("seed", range(12))
async def test_any_commands_side_by_side_with_parts_that_die_or_refuse_end_with_all_in_agreement(
    autojump_clock, seed
):
    rng = random.Random(seed)
    text = scenario(
        device("0190", iop=["IOP1", "IOP2"]), lpar("A", "0", guest="hammer"),
        lpar("B", "1M", guest="tenant_guests:Tenant", lips=2, devices=["0190"]),
        lpar("C", "2M", guest="journal", devices=["0190"]), main_storage="4M", iops=2,
    )  # fmt: skip
    async with bench(text, seed=seed) as trial:
        results = []

        async def give(command):
            results.append((await trial.give(command)).result)

        async with trio.open_nursery() as nursery:
            for _ in range(40):
                name, size = rng.choice("ABC"), rng.randrange(8, 160) * 4
                command = rng.choice(
                    [f"EXPAND {name} SIZE={size}K", f"SHRINK {name} SIZE={size}K", f"CANCEL {name}",
                     f"MVSTOR {name} HSA={rng.randrange(0, 1024) * 4}K"]
                )  # fmt: skip
                nursery.start_soon(give, command)
                if rng.random() < 0.2:
                    trial.machine.assembly.records.fuse = rng.randrange(30)
                # One at a time: an IOP that refuses again and again is another story.
                if rng.random() < 0.1 and not trial.machine.assembly.iops["IOP1"]._sale_refusals:
                    trial.machine.refuse_sale("IOP1")
                await trial.sleep_ms(rng.choice([0, 0.1, 1, 5, 30]))
        await trial.works("A", "B", "C")
        assert Result.COMPLETED in results
