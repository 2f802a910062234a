"""Random commands, faults and cancels: after each, the machine is what a model of plain sets says it must be.

Hypothesis draws the commands and makes failing sequences short. The model (`lpar_model`) knows the result of each
command and the map after it; guests verify their storage all the time, and the rules of the trace look on.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, currently_in_test_context, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lpar_judge import judge
from lpar_model import GUESTS, Command, Model
from lpar_races import judge_cancelled, judge_together
from lparvm.machine import Parts
from lparvm.protocol import resizing_rules
from lparvm.protocol.results import Result
from modelled_machine import DEVICES, FRAMES, MACHINE, check, first_model, observed, text_of
from planted_map_faults import (
    ManagerThatKeepsWhatWasVacated,
    ManagerThatLosesAFrame,
    ManagerThatSwapsOrigins,
    advance_and_forget_cancels,
)
from stepped_machine import SteppedMachine
from trials import Trial

R = Result
ANSWER_NS = 60_000_000
PATIENCE_MS = 2_000

# D and E are not defined at first.
names = st.sampled_from("AAABBBCCCDE")
places = st.one_of(st.integers(0, 30), st.just(-1), st.just(-2))
sizes = st.integers(1, 24)
changes = st.integers(0, 9)
delays = st.one_of(st.sampled_from([0, 10, 100, 300]), st.integers(0, 4_000))
cancels = st.one_of(st.none(), st.none(), delays)


async def _answers(trial: Trial, texts: tuple[str, ...], delay_us: int | None) -> tuple[Result, ...]:
    """Give commands, the second one so long after the first; what each was answered."""
    svp = trial.machine.svp
    ops = []
    for number, text in enumerate(texts):
        if number and delay_us:
            await trial.sleep_ms(delay_us / 1_000)
        ops.append(svp.submit(text.format(op=ops[0] if ops else "")))
    waited = 0
    while any(op in svp.pending for op in ops) and waited < PATIENCE_MS:
        await trial.sleep_ms(0.2)
        waited += 1
    assert not svp.pending, f"{texts}: {svp.pending} had no answer; under way: {svp.operations()}"
    return tuple(svp.results[op].result for op in ops)


def _note(text: str) -> None:
    """Shown with the shortest sequence that fails."""
    if currently_in_test_context():
        note(text)


async def _observed(trial: Trial) -> dict[str, Any]:
    return observed(trial)


class LparMachine(RuleBasedStateMachine):
    """The machine and its model, side by side."""

    parts = Parts()

    def __init__(self) -> None:
        super().__init__()
        self.model = first_model()
        self.machine: SteppedMachine | None = None
        self._answer_ns = resizing_rules.SHRINK_ANSWER_NS

    @initialize(seed=st.integers(0, 1 << 16))
    def open(self, seed):
        resizing_rules.SHRINK_ANSWER_NS = ANSWER_NS
        self.machine = SteppedMachine(MACHINE, seed=seed, parts=self.parts)

    def teardown(self) -> None:
        resizing_rules.SHRINK_ANSWER_NS = self._answer_ns
        if self.machine is not None:
            self.machine.close()

    # --- carrying out -------------------------------------------------------------------------------------

    def give(self, command: Command, cancel_us: int | None = None) -> None:
        """Give a command, maybe with a CANCEL after a while; the outcome must be one of the model's."""
        text = text_of(command)
        outcomes = [((result,), after) for result, after in judge(self.model, command)]
        if cancel_us is None:
            _note(text)
            self._settle(text, self._step(partial(_answers, texts=(text,), delay_us=None)), outcomes)
            return
        _note(f"{text}; CANCEL {cancel_us} us later")
        texts = (text, "CANCEL {op}")
        result, cancelled = self._step(partial(_answers, texts=texts, delay_us=cancel_us))
        outcomes += [((given_up,), after) for given_up, after in judge_cancelled(self.model, command)]
        granted = cancelled is R.COMPLETED
        told = f"{text}: {result}, and CANCEL {cancelled}"
        assert granted or result is not R.CANCELLED, told
        assert not granted or result in (R.CANCELLED, R.CHECK_STOPPED), told
        self._settle(text, (result,), outcomes)

    def _step(self, step: Callable[[Trial], Any]) -> Any:
        assert self.machine is not None, "it was opened"
        return self.machine.step(step)

    def _settle(self, text: str, results: tuple[Result, ...], outcomes: list[tuple[Any, Model]]) -> None:
        """Go on with the outcome that came about."""
        found = self._step(_observed)
        for expected, after in outcomes:
            if expected == results and after.summary() == found:
                self.model = after
                return
        told = "\n  or ".join(f"{expected} with {after.summary()}" for expected, after in outcomes)
        raise AssertionError(f"{text}:\n     {results} with {found};\nnot {told}")

    @invariant()
    def all_is_as_the_model_says(self):
        if self.machine is not None:
            self._step(partial(check, model=self.model))

    def _place(self, lpar: str, number: int) -> tuple[str, Any]:
        """A target: the ends of what is free, so that an LPAR fits at one of its ends; or any frame."""
        if number < 0:
            return "END", None
        model = self.model
        extent = len(model.lpars[lpar].zone) if lpar in model.lpars else 1
        without = model.copy()
        without.lpars.pop(lpar, None)
        edges = [edge for gap in without.gaps() for edge in (gap.start, gap.stop - extent)]
        edges = [*(edge for edge in edges if edge >= 0), number, 2 * number]
        return "HSA", edges[number % len(edges)]

    def _size(self, lpar: str, by: int) -> int:
        """So many pages more or less than now."""
        extent = len(self.model.lpars[lpar].zone) if lpar in self.model.lpars else 1
        return max(1, extent + by)

    # --- commands -----------------------------------------------------------------------------------------

    @rule(lpar=names, place=places, cancel=cancels, test=st.integers(0, 9))
    def move(self, lpar, place, cancel, test):
        self.give(Command("MVSTOR", lpar, self._place(lpar, place), test=test == 9), cancel)

    @rule(lpar=names, beside=names, keyword=st.sampled_from(["BEFORE", "AFTER"]), cancel=cancels)
    def move_beside(self, lpar, beside, keyword, cancel):
        self.give(Command("MVSTOR", lpar, (keyword, beside)), cancel)

    @rule(
        lpar=names, place=places, other=names, by=st.one_of(st.none(), changes), cancel=cancels,
        test=st.integers(0, 3),
    )  # fmt: skip
    def move_and_expand(self, lpar, place, other, by, cancel, test):
        size = None if by is None else self._size(other, by)
        self.give(Command("MVSTOR", lpar, self._place(lpar, place), other, size, test=test == 3), cancel)

    @rule(lpar=names, other=names, cancel=cancels, test=st.integers(0, 9))
    def exchange(self, lpar, other, cancel, test):
        self.give(Command("XCHSTOR", lpar, other=other, test=test == 9), cancel)

    @rule(lpar=names, by=changes, cancel=cancels)
    def expand(self, lpar, by, cancel):
        self.give(Command("EXPAND", lpar, size=self._size(lpar, by)), cancel)

    @rule(lpar=names, by=changes, cancel=cancels)
    def shrink(self, lpar, by, cancel):
        self.give(Command("SHRINK", lpar, size=self._size(lpar, -by)), cancel)

    @rule(
        lpar=names, size=sizes, origin=st.one_of(st.none(), st.integers(0, FRAMES)),
        guest=st.one_of(st.none(), st.sampled_from((*GUESTS, "nosuch"))),
        iops=st.one_of(st.none(), st.sampled_from(list(DEVICES))), cancel=cancels,
    )  # fmt: skip
    def define(self, lpar, size, origin, guest, iops, cancel):
        if guest is None and lpar not in self.model.lpars:
            guest = "hammer"
        self.give(Command("DEFINE", lpar, size=size, origin=origin, guest=guest, iops=iops), cancel)

    @rule(lpar=names, verb=st.sampled_from(["ACTIVATE", "DEACTIVATE", "STOP", "START"]), cancel=cancels)
    def change_state(self, lpar, verb, cancel):
        self.give(Command(verb, lpar), cancel)

    @rule(lpar=names, guest=st.one_of(st.none(), st.sampled_from((*GUESTS, "nosuch"))), cancel=cancels)
    def ipl(self, lpar, guest, cancel):
        self.give(Command("IPL", lpar, guest=guest), cancel)

    @rule(lpar=names, more=changes, less=changes)
    def resize_while_stopped(self, lpar, more, less):
        """The guest learns of both when it starts again."""
        for verb, by in (("STOP", 0), ("EXPAND", more), ("SHRINK", -less), ("START", 0)):
            if by or verb in ("STOP", "START"):
                self.give(Command(verb, lpar, size=self._size(lpar, by) if by else None))

    @rule(lpar=names, size=sizes, origin=st.one_of(st.none(), st.integers(0, FRAMES - 1)))
    def come(self, lpar, size, origin):
        """All that makes an LPAR."""
        if lpar in self.model.lpars and self.model.lpars[lpar].active:
            self.give(Command("DEACTIVATE", lpar))
        guest = None if lpar in self.model.lpars else GUESTS[size % len(GUESTS)]
        self.give(Command("DEFINE", lpar, size=size, origin=origin, guest=guest))
        self.give(Command("ACTIVATE", lpar))
        self.give(Command("IPL", lpar))

    @precondition(lambda self: self.model.calm)
    @rule(size=st.integers(4, 40))
    def plan(self, size):
        """Where nothing stands in the way for good, there is a plan as long as enough is free in all."""
        model, text = self.model, f"PLAN FREE {4 * size}K GO"
        _note(text)
        (result,) = self._step(partial(_answers, texts=(text,), delay_us=None))
        after = model.copy()
        after.adopt({name: zone for name, (zone, _, _) in self._step(_observed)["lpars"].items()})
        fixed = model.retired or any(one.state == "check-stopped" for one in model.lpars.values())
        possible = len(model.free()) >= size
        expected = {R.COMPLETED} if possible else {R.NO_PLAN}
        assert result in expected | ({R.NO_PLAN} if fixed else set()), f"{text}: {result}, {model.summary()}"
        there = any(len(gap) >= size for gap in after.gaps())
        assert there is (result is R.COMPLETED), f"{text}: {result}, {after.summary()}"
        self._settle(text, (result,), [((result,), after if there else model)])

    @rule(name=st.sampled_from(["A", "B", "E", "op.1", "op.999", "nosuch"]))
    def cancel_nothing(self, name):
        results = self._step(partial(_answers, texts=(f"CANCEL {name}", "DISPLAY FRAME"), delay_us=None))
        assert results == (R.UNKNOWN_OPERATION, R.COMPLETED), f"CANCEL {name}: {results}"

    # --- faults -------------------------------------------------------------------------------------------

    @rule(fuse=st.integers(0, 60))
    def control_will_die(self, fuse):
        _note(f"LPAR control dies after {fuse} messages and orders")

        async def strike(trial: Trial) -> None:
            trial.machine.assembly.records.fuse = fuse

        self._step(strike)

    @rule(page=st.integers(0, 30))
    def mover_will_fail(self, page):
        _note(f"the mover fails after {page} pages")
        self.model.mover_fails = page

        async def strike(trial: Trial) -> None:
            trial.machine.assembly.work.fail_at = page

        self._step(strike)

    @precondition(lambda self: sum(self.model.refusals.values()) < 5)
    @rule(iop=st.sampled_from(["IOP1", "IOP2"]), times=st.sampled_from([1, 1, 1, 4]))
    def sale_will_be_refused(self, iop, times):
        _note(f"{iop} refuses SALE {times} times")
        self.model.refusals[iop] += times

        async def strike(trial: Trial) -> None:
            for _ in range(times):
                trial.machine.refuse_sale(iop)

        self._step(strike)

    @precondition(lambda self: len(self.model.retired) + len(self.model.faulty) < 4)
    @rule(frame=st.integers(0, FRAMES - 1))
    def frame_fails(self, frame):
        _note(f"frame {frame} fails")
        if frame not in self.model.retired:
            self.model.faulty.add(frame)

        async def strike(trial: Trial) -> None:
            trial.machine.fail_frame(frame * 4096)

        self._step(strike)

    # --- two at once --------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.calm)
    @rule(data=st.data(), delay=delays)
    def together(self, data, delay):
        first, second = (self._any(data, number) for number in (1, 2))
        texts = (text_of(first), text_of(second))
        _note(f"{texts[0]}; {texts[1]} {delay} us later")
        results = self._step(partial(_answers, texts=texts, delay_us=delay))
        self._settle("; ".join(texts), results, judge_together(self.model, first, second))

    def _any(self, data: Any, number: int) -> Command:
        draw = partial(data.draw, label=f"of command {number}")
        verb = draw(
            st.sampled_from(
                ["MVSTOR", "MVSTOR", "XCHSTOR", "EXPAND", "SHRINK", "IPL", "ACTIVATE", "DEACTIVATE"]
            )
        )
        lpar = draw(names)
        match verb:
            case "MVSTOR":
                return Command(verb, lpar, self._place(lpar, draw(places)))
            case "XCHSTOR":
                return Command(verb, lpar, other=draw(names))
            case "EXPAND" | "SHRINK":
                by = draw(changes)
                return Command(verb, lpar, size=self._size(lpar, by if verb == "EXPAND" else -by))
        return Command(verb, lpar)


def _run(machine: type[LparMachine], examples: int, steps: int, **more: Any) -> None:
    """Run a state machine; the same examples each time, where nothing else is said."""
    values = {"derandomize": True, "database": None, "report_multiple_bugs": False, **more}
    health = list(HealthCheck)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, suppress_health_check=health, **values
        ),
    )


def test_random_commands_do_what_the_model_says():
    _run(LparMachine, examples=30, steps=25)


@pytest.mark.sweep
def test_many_random_commands_do_what_the_model_says():
    _run(LparMachine, examples=2_000, steps=40, derandomize=False)


# --- what it must catch -------------------------------------------------------------------------------------


PLANTED = {
    "keeps what was vacated": (
        Parts(resource_manager=ManagerThatKeepsWhatWasVacated), Command("MVSTOR", "A"), None,
    ),
    "loses a frame": (Parts(resource_manager=ManagerThatLosesAFrame), Command("SHRINK", "A", size=8), None),
    "swaps origins": (Parts(resource_manager=ManagerThatSwapsOrigins), Command("XCHSTOR", "A", other="B"), None),
    "forgets cancels": (Parts(advance=advance_and_forget_cancels), Command("MVSTOR", "A"), 800),
}  # fmt: skip


def _play(parts: Parts, command: Command, cancel_us: int | None) -> None:
    """One command on a machine of these parts, judged as all are."""
    machine = type("PlantedMachine", (LparMachine,), {"parts": parts})()
    machine.open(seed=0)
    try:
        machine.give(command, cancel_us)
        machine.all_is_as_the_model_says()
    finally:
        machine.teardown()


@pytest.mark.parametrize("kind", PLANTED)
def test_a_machine_that_is_broken_on_purpose_is_found_out(kind: str):
    parts, command, cancel_us = PLANTED[kind]
    _play(Parts(), command, cancel_us)
    with pytest.raises(BaseException, match=r"not \(|verdict|beside|every frame|is at|CANCEL COMPLETED"):
        _play(parts, command, cancel_us)


def test_a_broken_machine_is_found_by_random_commands():
    parts = Parts(resource_manager=ManagerThatLosesAFrame)
    with pytest.raises(BaseException, match=r"not \("):
        _run(
            type("Planted", (LparMachine,), {"parts": parts}), examples=100, steps=30, phases=[Phase.generate]
        )
