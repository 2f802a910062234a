"""Two operations in conflict, in every pair of their phases: what is held is refused, and of two one wins.

An operation holds its LPARs from its acceptance to its report, and target frames from the check that counts on
(`gated_control` keeps them in a phase). Each test goes through all phases on one machine; after each
round everything is as it was, and nothing is held.
"""

from collections.abc import Iterator, Sequence

import pytest
from attrs import frozen

from conflict_rounds import CONTENDERS, MOVING, PAIRS, Round, gated, outcomes_of, rounds, who_is_cancelled
from gated_control import GATED, GatedControl, hold, release
from lparvm.protocol.phases import PHASES
from lparvm.protocol.results import Result
from trials import Trial, device, lpar, scenario, trial_of

R = Result
DEVICES = {"devices": ["0190"]}
TABLES = (
    device("0190", iop=["IOP1", "IOP2"], latency="100us"),
    lpar("A", "0", size="64K", **DEVICES),
    lpar("B", "128K", size="32K", lips=2, **DEVICES),
    lpar("C", "256K", size="64K", **DEVICES),
)
SIZES = {"main_storage": "512K", "rate": "40M", "iops": 2}


def machine(*parts: str) -> str:
    """Frames [16, 32) are free, behind A and before B; so are [40, 64) and what follows C from 80 on to 128."""
    return scenario(*(parts or TABLES), **SIZES).replace("[timing]", "[timing]\nlip_mips = 1.0")


@pytest.fixture(autouse=True)
def _no_gates() -> Iterator[None]:
    GatedControl.gates.clear()
    yield
    GatedControl.gates.clear()


async def completed(trial: Trial, *texts: str) -> None:
    for text in texts:
        answer = await trial.give(text)
        assert answer.result is R.COMPLETED, f"{text}: {answer.result} {answer.message}"


def frame(trial: Trial) -> dict[str, tuple[int, int, str]]:
    """Origin, extent and state of each LPAR."""
    return {row.name: (row.origin, row.size, str(row.state)) for row in trial.machine.rows()}


async def at_rest(trial: Trial, told: str) -> None:
    """Nothing is under way and nothing held, everybody says the same zones, and all guests work."""
    assembly, before = trial.machine.assembly, {}
    assert not trial.machine.svp.pending, f"{told}: {trial.machine.svp.pending} have no answer"
    assert not assembly.records.operations, told
    held = [one for one in assembly.zones.holdings() if one.kind != "zone"]
    assert not held, f"{told}: {held}"
    taken = sum(one.zone.extent for one in assembly.zones.holdings())
    free = sum(area.extent for area in assembly.zones.free_areas())
    assert taken + free == assembly.zones.frame_count, f"{told}: every frame is somebody's or free"
    for name, states in assembly.states.items():
        zone, entry = assembly.zones.zone_of(name), assembly.records.lpars[name]
        said = [
            entry.zone,
            *(state.zone for state in states),
            *(assembly.iops[iop].zone_of(name) for iop in entry.iops),
        ]
        assert set(said) == {zone}, f"{told}: {name} is at {zone}, but {said}"
        if entry.state == "active":
            before[name] = trial.steps(name)
    await trial.sleep_ms(1)
    idle = [name for name, steps in before.items() if trial.steps(name) == steps]
    assert not idle, f"{told}: {idle} did no verified step"
    trial.events.clear()


# --- on the same LPAR ---------------------------------------------------------------------------------------


@frozen
class Holding:
    """An operation that holds LPARs.

    Attributes:
        text: the command.
        phases: those in which it waits for anybody.
        undo: what makes all as it was.
        lpars: those that it holds.
        before: what must have been done.
        part: of a command of several operations, which one is meant.
    """

    text: str
    phases: tuple[str, ...]
    undo: tuple[str, ...] = ()
    lpars: tuple[str, ...] = ("B",)
    before: tuple[str, ...] = ()
    part: str = ""


GONE = ("ACTIVATE B", "IPL B")
HOLDING = {
    "move": Holding("MVSTOR B HSA=160K", MOVING, ("MVSTOR B HSA=128K",)),
    "exchange": Holding("XCHSTOR B C", MOVING, ("XCHSTOR B C",), ("B", "C")),
    "expand": Holding("EXPAND B SIZE=48K", ("ADMITTING", "EXTENDING"), ("SHRINK B SIZE=32K",)),
    "shrink": Holding("SHRINK B SIZE=16K", ("ASKING", "SHRINKING"), ("EXPAND B SIZE=32K",)),
    "shrink-of-one-that-stands": Holding(
        "SHRINK B SIZE=32K", ("ASKING", "STOPPING", "QUIESCING", "CHECKING", "NOTIFYING", "RESTARTING"),
        ("START B",), before=("STOP B", "EXPAND B SIZE=64K"),
    ),
    "move-then-expand": Holding(
        "MVSTOR B HSA=160K EXPAND=A,SIZE=80K", MOVING, ("MVSTOR B HSA=128K", "SHRINK A SIZE=64K"), part=".1"
    ),
    "expand-after-move": Holding(
        "MVSTOR B HSA=160K EXPAND=A,SIZE=80K", ("ADMITTING", "EXTENDING"),
        ("MVSTOR B HSA=128K", "SHRINK A SIZE=64K"), ("A",), part=".2",
    ),
    "step-of-a-plan": Holding("PLAN EXPAND A SIZE=144K GO", MOVING, ("SHRINK A SIZE=64K", "MVSTOR B HSA=128K"), part=".1"),
    "expansion-of-a-plan": Holding(
        "PLAN EXPAND A SIZE=144K GO", ("ADMITTING", "EXTENDING"), ("SHRINK A SIZE=64K", "MVSTOR B HSA=128K"), ("A",),
        part=".2",
    ),
    "define": Holding("DEFINE B SIZE=32K ORIGIN=128K", ("ADMITTING",), GONE, before=("DEACTIVATE B",)),
    "activate": Holding("ACTIVATE B", ("ADMITTING", "LOADING"), ("IPL B",), before=("DEACTIVATE B",)),
    "ipl": Holding("IPL B", ("ADMITTING", "STOPPING", "RESETTING", "LOADING")),
    "deactivate": Holding("DEACTIVATE B", ("STOPPING", "RESETTING"), GONE),
    "stop": Holding("STOP B", ("STOPPING",), ("START B",)),
    "start": Holding("START B", ("ADMITTING",), before=("STOP B",)),
}  # fmt: skip


def refused_on(name: str) -> list[str]:
    """Everything that can be ordered of an LPAR."""
    return [
        f"MVSTOR {name} HSA=448K", f"MVSTOR {name} END TEST", f"MVSTOR {name} END EXPAND=D", f"XCHSTOR {name} D",
        f"XCHSTOR D {name}", f"EXPAND {name} SIZE=128K", f"SHRINK {name} SIZE=20K", f"DEFINE {name} SIZE=64K",
        f"ACTIVATE {name}", f"IPL {name}", f"DEACTIVATE {name}", f"STOP {name}", f"START {name}",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", HOLDING)
async def test_in_each_phase_whatever_else_is_ordered_of_the_lpar_is_refused_at_once(
    autojump_clock, kind: str
):
    holding, seen = HOLDING[kind], set()
    parts = (*TABLES, lpar("D", "416K", size="32K"))
    async with trial_of(machine(*parts), parts=GATED) as trial:
        svp, base = trial.machine.svp, frame(trial)
        for phase in dict.fromkeys(PHASES.values()):
            await completed(trial, *holding.before)
            op = svp.submit(holding.text)
            held = await hold(trial, op + holding.part, phase)
            if held:
                seen.add(phase)
                texts = [text for name in holding.lpars for text in refused_on(name)]
                await _refused(trial, texts, op + holding.part, phase)
            release(trial, op + holding.part)
            answer = await svp.answer(op)
            assert answer.result is R.COMPLETED, f"{phase}: {answer.result} {answer.message}"
            await completed(trial, *holding.undo)
            assert frame(trial) == base, f"{phase}: nothing else was done"
            await at_rest(trial, f"{holding.text} in {phase}")
    assert seen == set(holding.phases), "these are its phases"


async def _refused(trial: Trial, texts: Sequence[str], op: str, phase: str) -> None:
    """These are refused without any time passing, by the operation that holds the LPAR; displays are not."""
    svp, now_ns = trial.machine.svp, trial.machine.clock.now_ns()
    given = {text: svp.submit(text) for text in texts}
    displays = [svp.submit(f"DISPLAY {what}") for what in ("FRAME", "STORAGE", "OPERATIONS")]
    for text, second in given.items():
        answer = await svp.answer(second)
        told = f"{text} while {op} is {phase}: {answer.result} {answer.message}"
        assert answer.result is R.LPAR_IN_OPERATION, told
        assert op in answer.message, f"the reason is named: {told}"
    assert [(await svp.answer(one)).result for one in displays] == [R.COMPLETED] * 3
    assert trial.machine.clock.now_ns() == now_ns, "at once"
    lines = (await trial.give("DISPLAY OPERATIONS")).lines
    assert any(op in line and phase in line for line in lines), lines


# --- on the same frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_of_two_that_want_the_same_frames_one_gets_them_in_whatever_phases_they_are(
    autojump_clock, first: str, second: str
):
    async with trial_of(machine(), parts=GATED) as trial:
        await completed(trial, "DEFINE N SIZE=64K ORIGIN=64K GUEST=hammer")
        base, count = frame(trial), 0
        for one in rounds(CONTENDERS[first], CONTENDERS[second]):
            told = f"{one.ops[0].text} in {one.first_phase}, {one.ops[1].text} in {one.second_phase}, "
            told += f"{one.cancel} cancelled, {one.released} released first"
            await _contend(trial, one, told)
            assert frame(trial) == base, told
            await at_rest(trial, told)
            count += 1
        assert count >= 2 * len(CONTENDERS[first].phases), "with each phase, and with and without a CANCEL"


async def _contend(trial: Trial, one: Round, told: str) -> None:
    svp, ops = trial.machine.svp, list[str]()
    for op, phase in zip(one.ops, one.phases, strict=True):
        ops.append(svp.submit(op.text))
        if phase is not None:
            assert await hold(trial, gated(op, ops[-1]), phase), f"{told}: {op.text} never was in {phase}"
    if one.second_phase is None:
        # Whatever holds the frames is in its phase still.
        assert (await svp.answer(ops[1])).result is one.ops[1].early, told
    cancel = None
    if one.cancel != "nobody":
        cancel = svp.submit(f"CANCEL {ops[who_is_cancelled(one)]}")
        await trial.sleep_ms(0.1)
    for number in (one.released, 1 - one.released):
        if one.phases[number] is not None:
            release(trial, gated(one.ops[number], ops[number]))
        await svp.answer(ops[number])
    results = [svp.results[op].result for op in ops]
    told += f": {[svp.results[op].message for op in ops]}"
    assert results == outcomes_of(one), f"{results}, expected {outcomes_of(one)}; {told}"
    if cancel is not None:
        granted = (await svp.answer(cancel)).result
        cancelled = results[who_is_cancelled(one)] is R.CANCELLED
        assert granted is (R.COMPLETED if cancelled else R.NOT_CANCELLABLE), f"CANCEL {granted}; {told}"
    await _undo(trial, one)


async def _undo(trial: Trial, one: Round) -> None:
    """All as it was before."""
    for op, result in zip(one.ops, one.expected(), strict=True):
        for text in op.undo if result is R.COMPLETED else ():
            if text.startswith("SHRINK C") and frame(trial)["C"][1] == 16:
                continue  # it was cancelled before that
            await completed(trial, text)


async def test_a_move_on_its_way_back_still_holds_its_target(autojump_clock):
    async with trial_of(machine(), parts=GATED) as trial:
        await completed(trial, "DEFINE N SIZE=64K ORIGIN=64K GUEST=hammer")
        for name in ("move down", "come"):
            other = CONTENDERS[name]
            trial.machine.assembly.work.fail_at = 5
            move = trial.machine.svp.submit("MVSTOR A HSA=64K")
            assert await hold(trial, move, "BACKING_OUT")
            assert (await trial.give(other.text)).result is other.early, other.text
            release(trial, move)
            assert (await trial.machine.svp.answer(move)).result is R.MOVE_FAILED
            await completed(trial, other.text, *other.undo)
            await at_rest(trial, other.text)


LEAVING = {
    "move": ("MVSTOR C HSA=384K", MOVING, ("MVSTOR C HSA=256K",)),
    "shrink": ("SHRINK C SIZE=32K", ("ASKING", "SHRINKING"), ("EXPAND C SIZE=64K",)),
    "deactivate": ("DEACTIVATE C", ("STOPPING", "RESETTING"), ("ACTIVATE C", "IPL C")),
    "exchange": ("XCHSTOR B C", MOVING, ("XCHSTOR B C",)),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEAVING)
async def test_frames_that_an_operation_will_free_are_nobodys_before_it_has_ended(autojump_clock, kind: str):
    text, phases, undo = LEAVING[kind]
    # C has [64, 80), B and C together [32, 80); what they free in any of these operations has frame 72 or 36.
    target = 72 if kind != "exchange" else 64
    async with trial_of(machine(*TABLES, lpar("D", "480K", size="16K")), parts=GATED) as trial:
        svp, base = trial.machine.svp, frame(trial)
        for phase in phases:
            op = svp.submit(text)
            assert await hold(trial, op, phase), f"{text} was never in {phase}"
            early = await trial.give(f"MVSTOR D HSA={4 * target}K")
            assert early.result is R.TARGET_OCCUPIED, f"{phase}: {early.message}"
            release(trial, op)
            assert (await svp.answer(op)).result is R.COMPLETED, phase
            if kind != "exchange":
                await completed(trial, f"MVSTOR D HSA={4 * target}K", "MVSTOR D HSA=480K")
            await completed(trial, *undo)
            assert frame(trial) == base, phase
            await at_rest(trial, f"{text} in {phase}")


@pytest.mark.parametrize("phase", MOVING)
async def test_a_plan_whose_frames_are_taken_plans_anew_and_one_that_holds_them_goes_through(
    autojump_clock, phase: str
):
    async with trial_of(machine(), parts=GATED) as trial:
        svp = trial.machine.svp
        plan = svp.submit("PLAN EXPAND A SIZE=144K GO")
        assert await hold(trial, f"{plan}.1", phase), "its first step moves B out of the way"
        (target,) = [one.parties[0].target for one in _records(trial) if one.op == f"{plan}.1"]
        await completed(trial, f"DEFINE N SIZE={target.extent * 4}K ORIGIN={target.origin * 4}K GUEST=hammer")
        taken = await trial.give("ACTIVATE N")
        release(trial, f"{plan}.1")
        answer = await svp.answer(plan)
        held = phase in MOVING[3:]
        assert taken.result is (R.TARGET_OCCUPIED if held else R.COMPLETED), taken.message
        assert answer.result is R.COMPLETED, answer.message
        assert frame(trial)["A"][1] == 36, "there is room for it either way"
        assert (frame(trial)["B"][0] == target.origin) is held, "planned anew, B goes elsewhere"
        await at_rest(trial, f"{phase}: {answer.message}")


def _records(trial: Trial) -> list:
    return [operation.record for operation in trial.machine.assembly.records.operations.values()]
