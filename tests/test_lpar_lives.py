"""LPARs that come and go while the machine runs: DEFINE, ACTIVATE, IPL, STOP, START, DEACTIVATE, end to end."""

import pytest

from io_guests import Scripted
from lparvm.protocol.results import Result
from trials import M, device, fault, lpar, scenario, trial_of

A, B = lpar("A", "0"), lpar("B", "1M", lips=2)
MACHINE = scenario(A, B)


async def completed(trial, *texts: str) -> None:
    """Give commands one after another; each completes."""
    for text in texts:
        result = await trial.give(text)
        assert result.result is Result.COMPLETED, f"{text}: {result.message}"


async def refused(trial, text: str, result: Result, *words: str) -> None:
    """Give a command that ends so, with these words in its message."""
    answer = await trial.give(text)
    assert answer.result is result, f"{text}: {answer.message}"
    missing = [word for word in words if word not in answer.message]
    assert not missing, f"{text}: {answer.message!r} lacks {missing}"


def states(trial) -> dict[str, str]:
    return {row.name: str(row.state) for row in trial.machine.rows()}


# --- lives --------------------------------------------------------------------------------------------------


async def test_deactivate_define_activate_and_ipl_give_a_new_guest_at_the_new_place(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await trial.sleep_ms(50)
        before = trial.machine.assembly.guests["B"]
        await completed(trial, "DEACTIVATE B")
        assert states(trial) == {"A": "active"}, "an LPAR that is only defined is no row of the frame"
        assert [entry.name for entry in trial.machine.assembly.defined()] == ["B"]
        await completed(trial, "DEFINE B SIZE=512K ORIGIN=2M", "ACTIVATE B")
        assert states(trial) == {"A": "active", "B": "not loaded"}
        assert trial.origins() == {"A": 0, "B": 2 * M}
        await completed(trial, "IPL B")
        assert states(trial)["B"] == "active"
        assert trial.machine.assembly.guests["B"] is not before
        await trial.works("A", "B")
    (guest,) = [one for one in trial.machine.report.guests if one.lpar == "B"]
    assert [life.ended_by for life in guest.lives] == ["DEACTIVATE"]
    assert guest.lives[0].steps
    assert guest.lip_count == 2, "what DEFINE leaves out is kept"


async def test_the_facts_of_a_deactivation_come_in_their_order(autojump_clock):
    disk = device("0190", latency="30ms")
    async with trial_of(scenario(disk, A, lpar("B", "1M", guest="journal", devices=["0190"]))) as trial:
        await trial.sleep_ms(20)
        await completed(trial, "DEACTIVATE B")
        wanted = (
            "lip.stopped",
            "start.ended",
            "lpar.reset",
            "guest.verified",
            "area.poisoned",
            "lpar.deactivated",
        )
        told = [one for one in trial.events if one["op"] == "op.1" or one["event"] == "start.ended"]
        order = [one["event"] for one in told if one["event"] in wanted]
        assert order == list(wanted)
        (cleared,) = trial.of("start.ended", function="CLEAR")
        assert cleared["lpar"] == "B"
        assert trial.of("lpar.reset")[0]["cleared"] == 1
        (poisoned,) = trial.of("area.poisoned")
        assert (poisoned["origin_frame"], poisoned["extent_frames"]) == (256, 64)
        # Frames that were never touched stay uncommitted; those that were hold the pattern.
        assert 0 < poisoned["poisoned_frames"] <= 64


async def test_an_lpar_defined_at_run_time_is_loaded_moved_and_deactivated(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await completed(trial, "DEFINE NEW SIZE=256K LIPS=2 GUEST=hammer", "ACTIVATE NEW")
        assert trial.origins()["NEW"] == 256 << 10, "the lowest place where it fits"
        await completed(trial, "IPL NEW")
        await trial.works("A", "B", "NEW")
        await completed(trial, "MVSTOR NEW HSA=3M", "MVSTOR A HSA=2M", "MVSTOR NEW HSA=0")
        assert trial.origins() == {"A": 2 * M, "B": M, "NEW": 0}
        await trial.works("A", "B", "NEW")
        await completed(trial, "DEACTIVATE NEW")
    guests = {one.lpar: one for one in trial.machine.report.guests}
    assert list(guests) == ["A", "B", "NEW"]
    assert guests["NEW"].steps, "a deactivated LPAR is reported with its last life"


async def test_lpars_that_are_stopped_or_not_loaded_are_exchanged_as_well(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await completed(trial, "DEFINE NEW SIZE=256K", "ACTIVATE NEW", "STOP B", "XCHSTOR NEW B", "START B")
        assert trial.origins() == {"A": 0, "B": 256 << 10, "NEW": M}
        await completed(trial, "IPL NEW")
        await trial.works("A", "B")


async def test_ipl_of_another_guest_has_its_own_options_and_the_defined_one_keeps_those_of_the_scenario(
    autojump_clock,
):
    text = scenario(A, lpar("B", "1M", options={"seed": 77}))
    async with trial_of(text) as trial:
        await completed(trial, "IPL B GUEST=ledger")
        assert trial.machine.assembly.guests["B"].options["seed"] == 0
        assert trial.machine.assembly.guest_table.loaded["B"].name == "ledger"
        await completed(trial, "IPL B")
        assert trial.machine.assembly.guests["B"].options["seed"] == 77
        await completed(trial, "DEACTIVATE B", "DEFINE B SIZE=512K", "ACTIVATE B", "IPL B")
        assert trial.machine.assembly.guests["B"].options["seed"] == 77
        await completed(trial, "DEACTIVATE B", "DEFINE B SIZE=512K GUEST=ledger", "ACTIVATE B", "IPL B")
        assert trial.machine.assembly.guests["B"].options["seed"] == 0
        await trial.works("A", "B")


async def test_ipl_takes_the_time_that_its_bytes_take(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await completed(trial, "DEACTIVATE B", "DEFINE B SIZE=1M", "ACTIVATE B")
        began = trial.machine.clock.now_ns()
        await completed(trial, "IPL B")
        took = trial.machine.clock.now_ns() - began
        # 1 MiB at 20 MiB a second.
        assert 50_000_000 <= took < 51_000_000


# --- damage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["IPL B", "DEACTIVATE B"])
async def test_damage_in_an_earlier_life_makes_the_run_damaged(end: str, autojump_clock):
    async with trial_of(scenario(A, lpar("B", "1M", guest="idle")), verdict="damaged") as trial:
        await trial.sleep_ms(20)
        # Another's hand, in the last page of the zone.
        trial.machine.storage.frames[256 + 63, 100] ^= 0xFF
        await completed(trial, end)
        assert trial.of("guest.damaged", lpar="B", op="op.1")
        assert trial.of("guest.verified", lpar="B", op="op.1")[0]["damage"] == 1
    (guest,) = [one for one in trial.machine.report.guests if one.lpar == "B"]
    lives = (*guest.lives, guest)
    assert sum(life.damage_count for life in lives) == 1
    shown = trial.machine.report.as_json()["guests"][1]
    assert [len(life["damage"]) for life in (*shown["lives"], shown)] == ([1, 0] if end == "IPL B" else [1])


@pytest.mark.parametrize(
    "way",
    [("IPL B GUEST=io_guests:Scripted",), ("DEACTIVATE B", "DEFINE B SIZE=256K ORIGIN=1M", "ACTIVATE B")],
)
async def test_nothing_of_an_earlier_life_is_left_in_the_storage_of_the_next(
    way: tuple[str, ...], autojump_clock
):
    Scripted.scripts.clear()  # it does nothing then
    text = scenario(A, lpar("B", "1M", expanded_storage="64K"))
    async with trial_of(text) as trial:
        await trial.sleep_ms(30)
        storage, expanded = trial.machine.storage, trial.machine.assembly.expanded
        expanded.blocks[:] = 7
        await completed(trial, *way)
        zone = trial.machine.assembly.zones.zone_of("B")
        assert not storage.frames[zone.origin : zone.end].any()
        assert not storage.keys[zone.origin : zone.end].any()
        assert not expanded.blocks.any()


# --- STOP and START ---------------------------------------------------------------------------------------------


async def test_a_stopped_guest_stands_until_start_also_where_it_is_moved(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await completed(trial, "STOP B")
        assert states(trial)["B"] == "stopped"
        steps = trial.steps("B")
        await completed(trial, "MVSTOR B HSA=2M")
        await trial.works("A")
        assert trial.steps("B") == steps, "a move leaves it stopped"
        assert len(trial.of("zone.noted", lpar="B")) == 2
        assert states(trial)["B"] == "stopped"
        await completed(trial, "START B")
        assert states(trial)["B"] == "active"
        await trial.works("A", "B")
        assert [one["held"] for one in trial.of("guest.held", lpar="B")] == [True, False]


async def test_ipl_of_a_stopped_guest_starts_the_new_one(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await completed(trial, "STOP B", "IPL B")
        assert states(trial)["B"] == "active"
        await trial.works("B")
        await completed(trial, "STOP B", "DEACTIVATE B", "ACTIVATE B", "IPL B")
        await trial.works("B")


async def test_input_and_output_of_a_stopped_guest_go_on_and_its_interruptions_wait(autojump_clock):
    disk = device("0190", latency="10ms")
    async with trial_of(scenario(disk, A, lpar("B", "1M", guest="journal", devices=["0190"]))) as trial:
        await trial.sleep_ms(15)
        await completed(trial, "STOP B")
        await trial.sleep_ms(40)
        stopped = trial.of("guest.held")[0]["t"]
        assert [one for one in trial.of("start.ended", lpar="B") if one["t"] > stopped]
        assert not [one for one in trial.of("interruption.presented", lpar="B") if one["t"] > stopped]
        await completed(trial, "START B")
        await trial.works("B")


# --- what does not fit ------------------------------------------------------------------------------------------


async def test_commands_that_do_not_fit_the_state_say_so(autojump_clock):
    async with trial_of(MACHINE) as trial:
        for text in ("ACTIVATE B", "DEFINE B SIZE=1M"):
            await refused(
                trial, text, Result.WRONG_STATE, "B is active", "needs it to be defined, not activated"
            )
        await refused(trial, "START B", Result.WRONG_STATE, "B is active", "stopped")
        await completed(trial, "STOP B")
        await refused(trial, "STOP B", Result.WRONG_STATE, "B is stopped", "STOP needs it to be active")
        await completed(trial, "DEACTIVATE B")
        for text in (
            "DEACTIVATE B", "IPL B", "STOP B", "START B", "MVSTOR B HSA=2M", "XCHSTOR A B", "MVSTOR A AFTER=B",
        ):  # fmt: skip
            await refused(trial, text, Result.WRONG_STATE, "B is defined")
        for text in (
            "DEACTIVATE B",
            "IPL B",
            "MVSTOR B HSA=2M",
            "XCHSTOR A B",
            "EXPAND B SIZE=2M",
            "SHRINK B SIZE=4K",
        ):
            verb = text.split()[0]
            await refused(trial, text, Result.WRONG_STATE, f"{verb} needs it to be activated")
        await completed(trial, "ACTIVATE B")
        for text in ("STOP B", "START B", "ACTIVATE B"):
            await refused(trial, text, Result.WRONG_STATE, "B is not loaded")
        await completed(trial, "MVSTOR B HSA=2M", "MVSTOR B END")
        for text in ("ACTIVATE C", "DEACTIVATE C", "IPL C", "STOP C", "START C"):
            await refused(trial, text, Result.UNKNOWN_LPAR, "C")


async def test_what_cannot_be_defined_is_refused_with_the_reason(autojump_clock):
    async with trial_of(scenario(device("0190"), A, B)) as trial:
        for text, word in (
            ("DEFINE C SIZE=5M", "more than main storage"),
            ("DEFINE C SIZE=1M ORIGIN=3328K", "outside main storage"),
            ("DEFINE C SIZE=1M DEVICES=0999", "no device 0999"),
            ("DEFINE C SIZE=1M DEVICES=0190,0190", "0190 stands twice"),
            ("DEFINE C SIZE=1M GUEST=nothing", "'nothing'"),
            ("DEFINE C SIZE=1M GUEST=no.such:Guest", "no.such"),
            ("DEFINE C SIZE=1M LIPS=99", "there can be 64"),
            ("DEFINE C SIZE=1M LIPS=999999999", "999999999 LIPs are too many"),
            ("DEFINE C SIZE=15999M", "more than main storage"),
            ("DEFINE C SIZE=1M LIPS=LIP1,LIP1", "LIP1 stands twice"),
            ("DEFINE C SIZE=1M LIPS=IOP1", "'IOP1'"),
            ("DEFINE SVP SIZE=1M", "part of the machine"),
            ("DEFINE IOP1 SIZE=1M", "part of the machine"),
            ("DEFINE LIP1 SIZE=1M", "part of the machine"),
            ("DEFINE END SIZE=1M", "command language"),
        ):
            await refused(trial, text, Result.CANNOT_DEFINE, word)
        await refused(trial, "ACTIVATE C", Result.UNKNOWN_LPAR)


async def test_there_must_be_room(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await completed(trial, "DEFINE C SIZE=3M", "DEFINE D SIZE=256K ORIGIN=1152K", "DEFINE E SIZE=1M")
        await refused(trial, "ACTIVATE C", Result.NO_ROOM, "3M")
        await refused(trial, "ACTIVATE D", Result.TARGET_OCCUPIED, "B")
        await completed(trial, "ACTIVATE E")
        assert trial.origins()["E"] == 1280 << 10


async def test_a_frame_out_of_use_is_given_to_nobody(autojump_clock):
    bad = fault("1ms", "storage", "1100K")
    async with trial_of(MACHINE.replace("[run]", bad + "\n[run]")) as trial:
        trial.machine.strike(trial.machine.scenario.faults[0])
        await refused(trial, "MVSTOR B HSA=2M", Result.STORAGE_FAULT)
        await completed(trial, "DEACTIVATE B")
        await refused(trial, "ACTIVATE B", Result.TARGET_FAULTY, "275")
        await completed(trial, "DEFINE B SIZE=1M", "ACTIVATE B", "IPL B")
        assert trial.origins()["B"] == 1104 << 10, "behind the faulty frame"


async def test_an_ipl_of_what_is_not_there_touches_nothing(autojump_clock):
    disks = device("0190"), device("0191")
    async with trial_of(scenario(*disks, A, lpar("B", "1M", devices=["0190"]))) as trial:
        await trial.sleep_ms(20)
        guest = trial.machine.assembly.guests["B"]
        for text, *words in (
            ("IPL B DEVICE=0190", "no guest can be loaded from a device"),
            ("IPL B DEVICE=0191", "0191 is none of B's"),
            ("IPL B DEVICE=9999", "there is no device 9999"),
            ("IPL B GUEST=nothing", "'nothing'"),
            ("IPL B GUEST=no.such:Guest", "no.such"),
        ):
            await refused(trial, text, Result.IPL_FAILED, *words)
            assert states(trial)["B"] == "active"
        assert trial.machine.assembly.guests["B"] is guest
        assert not trial.of("lip.stopped", lpar="B")
        await trial.works("A", "B")
        await completed(trial, "STOP B")
        await refused(trial, "IPL B GUEST=nothing", Result.IPL_FAILED)
        assert states(trial)["B"] == "stopped"
        await completed(trial, "START B", "DEACTIVATE B", "ACTIVATE B")
        await refused(trial, "IPL B GUEST=nothing", Result.IPL_FAILED)
        assert states(trial)["B"] == "not loaded"


@pytest.mark.parametrize("guest", ["machine_guests:Stillborn", "machine_guests:Programless"])
async def test_a_guest_that_fails_while_it_is_loaded_leaves_the_lpar_activated_without_one(
    guest: str, autojump_clock
):
    async with trial_of(MACHINE) as trial:
        problem = {
            "machine_guests:Stillborn": "LookupError: no boot record (machine_guests.py:",
            "machine_guests:Programless": "NotImplementedError",
        }[guest]
        await refused(trial, f"IPL B GUEST={guest}", Result.IPL_FAILED, problem)
        assert states(trial)["B"] == "not loaded"
        assert not trial.of("guest.loaded", op="op.1")
        assert not trial.of("operator.messaged", code="LVM071E")
        zone = trial.machine.assembly.zones.zone_of("B")
        assert not trial.machine.storage.frames[zone.origin : zone.end].any(), "what it had stored is gone"
        await completed(trial, "MVSTOR B HSA=2M", "SHRINK B SIZE=128K", "IPL B")
        await trial.works("A", "B")
    (reported,) = [one for one in trial.machine.report.guests if one.lpar == "B"]
    assert [life.guest for life in reported.lives] == ["hammer"], "one that was never loaded had no life"


async def test_a_built_in_guest_that_its_zone_is_too_small_for_is_not_loaded(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await completed(trial, "DEFINE K SIZE=4K GUEST=typist", "ACTIVATE K")
        await refused(trial, "IPL K", Result.IPL_FAILED, "K: IPL failed: ")
        assert states(trial)["K"] == "not loaded"


async def test_a_guest_that_fails_while_the_scenario_loads_it_fails_the_run(autojump_clock):
    async with trial_of(
        scenario(A, lpar("B", "1M", guest="machine_guests:Stillborn")), verdict="failed"
    ) as trial:
        await trial.sleep_ms(20)
        assert states(trial)["B"] == "failed"
        assert trial.of("operator.messaged", code="LVM071E")


async def test_a_second_operation_on_the_lpar_is_refused(autojump_clock):
    async with trial_of(MACHINE) as trial:
        first = trial.machine.svp.submit("IPL B")
        await trial.sleep_ms(3)
        for text in ("MVSTOR B HSA=2M", "DEACTIVATE B", "STOP B", "XCHSTOR A B"):
            await refused(trial, text, Result.LPAR_IN_OPERATION, first)
        assert (await trial.machine.svp.answer(first)).result is Result.COMPLETED


async def test_a_name_is_defined_once_at_a_time_and_counted_lips_are_nobody_elses(autojump_clock):
    async with trial_of(MACHINE) as trial:
        svp = trial.machine.svp
        ops = [svp.submit(f"DEFINE {name} SIZE=256K LIPS=2") for name in ("C", "D", "C")]
        results = [(await svp.answer(op)).result for op in ops]
        assert results == [Result.COMPLETED, Result.COMPLETED, Result.LPAR_IN_OPERATION]
        lips = [one["lips"] for one in trial.of("lpar.defined")]
        assert lips == [("LIP4", "LIP5"), ("LIP6", "LIP7")]
        await completed(trial, "DEFINE C SIZE=256K LIPS=1", "DEFINE E SIZE=256K LIPS=2")
        assert [one["lips"] for one in trial.of("lpar.defined")][2:] == [("LIP4",), ("LIP5", "LIP8")]
        await completed(trial, "DEFINE F SIZE=256K LIPS=LIP1,SPARE GUEST=hammer", "ACTIVATE F", "IPL F")
        await trial.works("A", "B", "F")


async def test_cancel_finds_it_as_before_until_the_reset_begins(autojump_clock):
    slow = lpar("B", "1M", guest="machine_guests:Slow", options={"words": 3_000})
    async with trial_of(scenario(A, slow)) as trial:
        for text in ("DEACTIVATE B", "IPL B", "STOP B"):
            op = trial.machine.svp.submit(text)
            await trial.sleep_ms(1)
            assert (await trial.give("CANCEL B")).result is Result.COMPLETED
            answer = await trial.machine.svp.answer(op)
            assert answer.result is Result.CANCELLED, text
            assert answer.message == "B: cancelled; it is active as before"
        op = trial.machine.svp.submit("IPL A")
        await trial.sleep_ms(8)
        assert (await trial.give("CANCEL A")).result is Result.NOT_CANCELLABLE
        assert (await trial.machine.svp.answer(op)).result is Result.COMPLETED
        await trial.works("A", "B")


@pytest.mark.parametrize("text", ["DEACTIVATE B", "IPL B", "STOP B"])
async def test_a_lip_that_does_not_stop_in_time_ends_the_operation_and_all_is_as_before(
    text: str, autojump_clock
):
    async with trial_of(MACHINE) as trial:
        lip = next(one for one in trial.machine.assembly.lips if one.name == "LIP3")
        lip.hang(20_000_000_000)
        await refused(trial, text, Result.STOP_TIMED_OUT, "B", "10 s")
        await trial.sleep_ms(11_000)
        assert states(trial)["B"] == "active"
        await trial.works("B")


async def test_sixty_four_lpars_at_once(autojump_clock):
    async with trial_of(scenario(lpar("A", "0", size="16K", guest="idle"), main_storage="8M")) as trial:
        svp = trial.machine.svp
        names = [f"L{number}" for number in range(63)]
        for verb, rest in (("DEFINE", " SIZE=64K LIPS=LIP1"), ("ACTIVATE", ""), ("IPL", "")):
            ops = [svp.submit(f"{verb} {name}{rest}") for name in names]
            results = {(await svp.answer(op)).result for op in ops}
            assert results == {Result.COMPLETED}, verb
        await refused(trial, "DEFINE ONE-TOO-MANY SIZE=64K", Result.CANNOT_DEFINE, "64 LPARs")
        assert len(trial.machine.rows()) == 64
        ops = [svp.submit(f"DEACTIVATE {name}") for name in names]
        assert {(await svp.answer(op)).result for op in ops} == {Result.COMPLETED}
        assert len(trial.machine.rows()) == 1


# --- what is shown ---------------------------------------------------------------------------------------------


async def test_display_frame_names_the_lpars_that_are_only_defined(autojump_clock):
    async with trial_of(MACHINE) as trial:
        before = (await trial.give("DISPLAY FRAME")).lines
        await completed(trial, "DEFINE Q SIZE=1M GUEST=hammer", "DEFINE R SIZE=64K", "DEACTIVATE B")
        lines = (await trial.give("DISPLAY FRAME")).lines
        assert lines[-1] == "defined: B (256K, hammer), Q (1M, hammer), R (64K, idle)"
        assert len(lines) == len(before), "B has no row any more"
        await completed(trial, "ACTIVATE B", "ACTIVATE Q", "ACTIVATE R")
        assert not [line for line in (await trial.give("DISPLAY FRAME")).lines if "defined" in line]


async def test_display_operations_calls_each_operation_by_its_command(autojump_clock):
    slow = lpar("B", "1M", guest="machine_guests:Slow", options={"words": 30_000})
    async with trial_of(scenario(A, slow)) as trial:
        await completed(trial, "DEFINE N SIZE=256K GUEST=hammer", "ACTIVATE N")
        for text in ("STOP B", "DEACTIVATE B", "IPL N"):
            op = trial.machine.svp.submit(text)
            await trial.sleep_ms(0.05)
            (line,) = (await trial.give("DISPLAY OPERATIONS")).lines
            assert line.split()[:3] == [op, *text.split()]
            await trial.give(f"CANCEL {op}")
            await trial.machine.svp.answer(op)


# --- failed and check-stopped -----------------------------------------------------------------------------------


async def test_ipl_is_the_way_out_of_a_failed_guest(autojump_clock):
    broken = lpar("B", "1M", guest="machine_guests:Raising")
    async with trial_of(scenario(A, broken), verdict="failed") as trial:
        await trial.sleep_ms(50)
        assert states(trial)["B"] == "failed"
        for text in ("STOP B", "START B", "ACTIVATE B", "DEFINE B SIZE=1M"):
            await refused(trial, text, Result.WRONG_STATE, "B is failed; ")
        await completed(trial, "IPL B GUEST=hammer")
        assert states(trial)["B"] == "active"
        await trial.works("A", "B")
    (guest,) = [one for one in trial.machine.report.guests if one.lpar == "B"]
    assert [life.failed for life in guest.lives] == [True]
    assert not guest.failed


@pytest.mark.parametrize("way", [("IPL B",), ("DEACTIVATE B", "ACTIVATE B", "IPL B")])
async def test_ipl_and_deactivate_are_the_ways_out_of_check_stop(way: tuple[str, ...], autojump_clock):
    disk = device("0190", latency="2ms")
    async with trial_of(scenario(disk, A, lpar("B", "1M", guest="journal", devices=["0190"]))) as trial:
        for _ in range(4):
            trial.machine.refuse_sale("IOP1")
        await refused(trial, "MVSTOR B HSA=2M", Result.CHECK_STOPPED)
        assert states(trial)["B"] == "check-stopped"
        await refused(trial, "MVSTOR B HSA=3M", Result.LPAR_CHECK_STOPPED)
        await refused(trial, "STOP B", Result.WRONG_STATE, "check-stopped")
        await completed(trial, *way)
        assert states(trial)["B"] == "active"
        await trial.works("A", "B")
        await completed(trial, "MVSTOR B HSA=2M", "MVSTOR A HSA=3M")
        await trial.works("A", "B")


async def _check_stop_with_iops_that_disagree(trial) -> None:
    """IOP1 refuses the target, IOP2 takes it, and then refuses the old zone."""
    trial.machine.refuse_sale("IOP1")

    def refuse(_event) -> None:
        for _ in range(3):
            trial.machine.refuse_sale("IOP2")

    trial.when("phase.entered", refuse, phase="BACKING_OUT")
    await refused(trial, "MVSTOR B END", Result.CHECK_STOPPED)
    iops = trial.machine.assembly.iops
    assert iops["IOP1"].zone_of("B") != iops["IOP2"].zone_of("B"), "they disagree"


TWO_IOPS = scenario(
    device("0190", iop=["IOP1", "IOP2"], latency="2ms"),
    A, lpar("B", "1M", guest="journal", devices=["0190"]), iops=2,
)  # fmt: skip


async def test_after_a_check_stop_ipl_tells_all_iops_the_zone_again(autojump_clock):
    async with trial_of(TWO_IOPS) as trial:
        await _check_stop_with_iops_that_disagree(trial)
        await completed(trial, "IPL B")
        iops = trial.machine.assembly.iops
        assert {iop.zone_of("B") for iop in iops.values()} == {trial.machine.assembly.zones.zone_of("B")}
        released = trial.of("area.released", lpar="B")[-1]
        assert trial.of("sale.set", lpar="B", iop="IOP2")[-1]["seq"] < released["seq"], (
            "before frames become free"
        )
        await trial.works("A", "B")
        await completed(trial, "MVSTOR A END")
        await trial.works("A", "B")


async def test_where_an_iop_refuses_the_zone_again_and_again_ipl_leaves_the_check_stop(autojump_clock):
    async with trial_of(TWO_IOPS) as trial:
        await _check_stop_with_iops_that_disagree(trial)
        for _ in range(4):
            trial.machine.refuse_sale("IOP2")
        await refused(trial, "IPL B", Result.IPL_FAILED, "IOP2 refused SALE again and again")
        assert states(trial)["B"] == "check-stopped"
        await completed(trial, "IPL B")
        await trial.works("A", "B")


# --- expanded storage -------------------------------------------------------------------------------------------


async def test_expanded_storage_is_given_up_and_given_again_empty(autojump_clock):
    swapping = lpar("B", "1M", guest="swapper", expanded_storage="128K")
    async with trial_of(scenario(lpar("A", "0", expanded_storage="64K"), swapping)) as trial:
        await trial.sleep_ms(200)
        await completed(trial, "DEACTIVATE B")
        expanded = trial.machine.assembly.expanded
        assert not expanded.blocks[16:48].any()
        await completed(trial, "ACTIVATE B")
        activated = trial.of("lpar.activated", lpar="B")[-1]
        assert (activated["expanded_first_block"], activated["expanded_blocks"]) == (16, 32)
        await completed(trial, "IPL B")
        await trial.works("B")
        await completed(trial, "IPL B")
        await trial.works("B")


# --- with other operations --------------------------------------------------------------------------------------


async def test_an_lpar_without_a_guest_and_one_that_is_stopped_are_expanded_and_shrunk(autojump_clock):
    async with trial_of(MACHINE) as trial:
        await completed(
            trial, "DEFINE NEW SIZE=256K ORIGIN=2M GUEST=hammer", "ACTIVATE NEW", "EXPAND NEW SIZE=512K"
        )
        await completed(trial, "SHRINK NEW SIZE=384K", "IPL NEW")
        assert trial.of("guest.loaded", lpar="NEW")[0]["extent_frames"] == 96
        await trial.works("A", "B", "NEW")
        await completed(trial, "STOP B", "EXPAND B SIZE=512K", "START B", "DEACTIVATE NEW")
        await trial.works("A", "B")
        await refused(trial, "EXPAND NEW SIZE=1M", Result.WRONG_STATE, "NEW is defined")
        await completed(trial, "IPL B", "EXPAND B SIZE=768K", "SHRINK B SIZE=256K")
        await trial.works("A", "B")


async def test_the_machine_ends_in_the_middle_of_every_command(autojump_clock):
    for text in ("DEACTIVATE B", "IPL B", "STOP B"):
        for wait_ms in (0, 0.001, 1, 5):
            async with trial_of(MACHINE) as trial:
                await trial.sleep_ms(20)
                trial.machine.svp.submit(text)
                await trial.sleep_ms(wait_ms)
                trial.machine.interrupted = True
            assert {one.lpar for one in trial.machine.report.guests} == {"A", "B"}


async def test_where_a_guest_has_no_handler_of_signals_the_proof_decides_what_shrink_takes(autojump_clock):
    async with trial_of(scenario(A, lpar("B", "1M", guest="machine_guests:Sleeping"))) as trial:
        await completed(trial, "EXPAND B SIZE=512K", "SHRINK B SIZE=256K", "SHRINK B SIZE=128K")
        trial.machine.storage.frames[256 + 31, 0] = 1
        await refused(trial, "SHRINK B SIZE=64K", Result.STORAGE_IN_USE, "in use, and no guest gave it up")
        assert not trial.of("guest.signalled", lpar="B")
