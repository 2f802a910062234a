"""LPAR control in the model: the real actor, with its records as its state.

The actor holds nothing but its records (`actors.control_records`), so each message is handled by one that was just
made from them. Its helper tasks are steps: a timer that runs may be over at any time; the mover takes a page step,
meets a faulty frame, fails, sees that it is to stop, or ends, at any time; other work on storage is done at any time.
Where it may die, it does so at any order that it carries out; then all that is its own stands still until it is
started again, which is one step more, at any time.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, cast

from attrs import evolve, frozen

from lparvm.actors.control_records import ControlRecords, Operation, PartDied
from lparvm.actors.lpar_control import LparControl
from lparvm.actors.storage_work import StorageWork
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import LPAR_CONTROL
from lparvm.protocol.calibration import Calibration
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.progress import Gauge
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.resizing_record import Resizing
from lparvm.protocol.standstill_record import Standstill
from lparvm.stress.statespace import storage
from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.freezing import freeze
from lparvm.stress.statespace.part import Step
from lparvm.stress.statespace.surroundings import NO_TASKS, NO_TRACE, STANDING_CLOCK, Directory, envelope
from lparvm.stress.statespace.wording import told, with_sent

Advance = Callable[[Any, object], tuple[Any, tuple[o.Command, ...]]]
_NO_CALIBRATION = Calibration()


class _Storage:
    """As much of main storage as LPAR control asks for."""

    def __init__(self, frame_count: int) -> None:
        self.frame_count = frame_count


class _Work:
    """What LPAR control asks about work on storage."""

    def __init__(self, frame_count: int) -> None:
        self.storage = _Storage(frame_count)

    @staticmethod
    def work_bytes(*_zones: object) -> int:
        """How much is to be moved matters for predictions only."""
        return 0


class Control(LparControl):
    """The real one, that can be started again in one step."""

    def resume_all(self) -> None:
        """As `loop` begins."""
        for operation in tuple(self._records.operations.values()):
            self._resume(operation)


@frozen(eq=False)
class ControlState:
    """LPAR control, and what its helpers have come to.

    Attributes:
        records: LPAR control's; never changed.
        frames: what main storage holds.
        cursors: operation -> page steps that its mover has done.
        dead: it died, and was not started again yet.
        struck: frames at which the mover had a machine check.
        deaths, frame_faults, mover_failures, reminders: how many are left to happen.
    """

    records: ControlRecords
    frames: storage.Frames
    cursors: Mapping[str, int]
    dead: bool
    struck: tuple[int, ...]
    deaths: int
    frame_faults: int
    mover_failures: int
    reminders: int


@frozen
class ControlFacts:
    """What invariants look at.

    Attributes:
        frames: what main storage holds.
        entries: every LPAR as LPAR control knows it.
        held: LPARs that an operation holds.
        moving: LPARs whose pages the mover moves now.
        resizing: LPARs whose zones grow or shrink.
    """

    frames: storage.Frames
    entries: tuple[LparEntry, ...]
    held: tuple[str, ...]
    moving: tuple[str, ...]
    resizing: tuple[str, ...]


class ControlPart:
    """See the module."""

    name = LPAR_CONTROL
    sink = False

    def __init__(self, configuration: Configuration, make: type[Control], advance: Advance) -> None:
        """`make` makes LPAR control, `advance` turns the records of its operations."""
        self._configuration, self._make, self._advance = configuration, make, advance
        self._directory = Directory()
        self._work = cast("StorageWork", _Work(configuration.frames))
        # An operation: as in `assembly`; beside that, each command as it comes.
        commands = len(configuration.commands)
        self.in_flight_max = commands * (5 * len(configuration.iops) + 12) + commands

    def first(self) -> ControlState:
        """Every guest runs, and nothing is under way."""
        one = self._configuration
        lpars = {lpar.name: LparEntry(lpar.name, lpar.zone, lpar.iops, lpar.lips) for lpar in one.lpars}
        frames = storage.first_frames(one.frames, ((lpar.name, lpar.zone) for lpar in one.lpars))
        return ControlState(
            ControlRecords(lpars, calibration=_NO_CALIBRATION), frames, {}, False, (), one.control_deaths,
            one.frame_faults, one.mover_failures, one.reminders,
        )  # fmt: skip

    def key(self, state: ControlState) -> Hashable:
        """By all that decisions depend on."""
        operations = tuple(
            (
                freeze(one.record),
                freeze(one.orders),
                frozenset(one.deadlines),
                freeze(one.work),
                one.interrupt,
            )
            for one in state.records.operations.values()
        )
        budgets = (state.deaths, state.frame_faults, state.mover_failures, state.reminders)
        lpars, cursors = freeze(state.records.lpars), freeze(state.cursors)
        return operations, lpars, state.frames, cursors, state.dead, state.struck, budgets

    def facts(self, state: ControlState) -> ControlFacts:
        """See there."""
        held: list[str] = []
        moving: list[str] = []
        resizing: list[str] = []
        for one in state.records.operations.values():
            held += one.record.lpars
            if isinstance(one.work, o.BeginMove | o.MoveBack):
                moving += one.record.lpars
            if isinstance(one.record, Resizing):
                resizing += one.record.lpars
        entries = tuple(state.records.lpars.values())
        return ControlFacts(state.frames, entries, tuple(held), tuple(moving), tuple(resizing))

    def deaf(self, state: ControlState) -> bool:
        """Never."""
        del state
        return False

    def final(self, state: ControlState) -> tuple[int, ...]:
        """Frames at which the mover had a machine check."""
        return state.struck

    def owing(self, state: ControlState) -> str:
        """Operations that have not ended."""
        told = ", ".join(f"{op} is {one.record.state}" for op, one in state.records.operations.items())
        return f"{self.name}: {told}" if told else ""

    # --- messages -------------------------------------------------------------------------------------------

    def take(self, state: ControlState, message: Any) -> list[Step]:
        """Handle it, or die at one of the orders that follow from it."""
        if state.dead:
            return []
        steps = [self._handle(state, message, None)]
        fuse = 1  # with 0 it dies before it decides: as if the message had come later
        while state.deaths and (step := self._handle(state, message, fuse)).state.dead:
            steps.append(step)
            fuse += 1
        return steps

    def _handle(self, state: ControlState, message: Any, fuse: int | None) -> Step:
        records = _copy(state.records)
        records.fuse = fuse
        control = self._control(records)
        try:
            control.handle(envelope(message))
        except PartDied:
            dead = evolve(state, dead=True, deaths=state.deaths - 1)
            return self._step(f"takes {told(message)} and dies", dead, records)
        text = f"takes {told(message)}{_course(state.records, records)}"
        return self._step(text, state, records)

    def _step(self, text: str, state: ControlState, records: ControlRecords) -> Step:
        records.fuse = None
        records = _tidy(records)
        cursors = {op: cursor for op, cursor in state.cursors.items() if op in records.operations}
        sent, frames = self._directory.taken(), state.frames
        for _, message in sent:
            if isinstance(message, m.SetAddressLimits):
                for one in message.placements:
                    frames = storage.given(frames, one.lpar, one.zone)
        after = evolve(state, records=records, cursors=cursors, frames=frames)
        return Step(with_sent(text, sent), after, sent)

    def _control(self, records: ControlRecords) -> Control:
        self._directory.taken()
        control = self._make(self._directory, NO_TRACE, STANDING_CLOCK, records, self._work, self._advance)
        control.nursery = NO_TASKS
        return control

    # --- what happens by itself -------------------------------------------------------------------------------

    def act(self, state: ControlState) -> list[Step]:
        """Timers, work on storage; or the start of a new LPAR control."""
        if state.dead:
            records = _copy(state.records)
            self._control(records).resume_all()
            return [self._step("is started again", evolve(state, dead=False), records)]
        steps = []
        for op, operation in state.records.operations.items():
            steps += [self._over(state, op, timer) for timer in sorted(operation.deadlines)
                      if timer is not o.Timer.REMINDER or state.reminders]  # fmt: skip
            if operation.work is not None:
                steps += self._works(state, op, operation)
        return steps

    def _over(self, state: ControlState, op: str, timer: o.Timer) -> Step:
        records = _copy(state.records)
        del records.operations[op].deadlines[timer]
        message = o.TIMER_EVENTS[timer](op)
        reminders = state.reminders - (timer is o.Timer.REMINDER)
        after = evolve(state, records=records, reminders=reminders)
        return Step(f"{op}: the timer {timer} is over", after, ((self.name, message),))

    def _works(self, state: ControlState, op: str, operation: Operation) -> Iterator[Step]:
        match operation.work:
            case o.BeginMove() | o.MoveBack():
                yield from self._moves(state, op, operation)
            case o.PrepareTargets():
                yield self._done(state, op, "targets are prepared", m.TargetPrepared(op))
            case o.PoisonFrames(zones=zones):
                frames = state.frames
                for _, zone in zones:
                    frames = storage.filled(frames, zone, storage.POISON)
                poisoned = evolve(state, frames=frames)
                yield self._done(poisoned, op, "vacated frames are poisoned", m.FramesPoisoned(op))
            case o.ClearFrames(zone=zone):
                after = evolve(state, frames=storage.filled(state.frames, zone, storage.CLEARED))
                yield self._done(after, op, "frames are cleared", m.FramesCleared(op))
            case o.ProveUnused():
                yield self._done(state, op, "frames are unused", m.FramesProven(op, unused=True))
                yield self._done(state, op, "frames are in use", m.FramesProven(op, unused=False))
            case work:
                raise AssertionError(f"the model has no {work!r}")

    def _done(self, state: ControlState, op: str, text: str, message: object) -> Step:
        records = _copy(state.records)
        records.operations[op].work = None
        return Step(f"{op}: {text}", evolve(state, records=records), ((self.name, message),))

    def _moves(self, state: ControlState, op: str, operation: Operation) -> Iterator[Step]:
        """The mover: a page step, or an end."""
        record = operation.record
        assert isinstance(record, Relocation), "only relocations move pages"
        steps, cursor = storage.page_steps(record), state.cursors.get(op, 0)
        back = isinstance(operation.work, o.MoveBack)
        if cursor == (0 if back else len(steps)):
            yield self._done(state, op, "the mover has ended", m.MoveEnded(op, cursor, False, None))
            return
        if not back and operation.interrupt:
            yield self._done(state, op, "the mover has stopped", m.MoveEnded(op, cursor, True, None))
            return
        step = steps[cursor - 1].inverted() if back else steps[cursor]
        across = cursor + (-1 if back else 1)
        after = evolve(
            state, frames=storage.stepped(state.frames, step), cursors={**state.cursors, op: across}
        )
        yield Step(f"{op}: {across} pages are across", after, ((self.name, m.ChunkMoved(op, across)),))
        if back:
            return
        if state.frame_faults:
            for frame in (step.first_frame, step.second_frame):
                struck = tuple(sorted({*state.struck, frame}))
                faulty = evolve(state, frame_faults=state.frame_faults - 1, struck=struck)
                ended = m.MoveEnded(op, cursor, False, frame)
                yield self._done(faulty, op, f"the mover meets the faulty frame {frame}", ended)
        if state.mover_failures:
            failed = evolve(state, mover_failures=state.mover_failures - 1)
            ended = m.MoveEnded(op, cursor, False, None, failed=True)
            yield self._done(failed, op, "the mover fails", ended)


def _copy(records: ControlRecords) -> ControlRecords:
    """Records that may be changed."""
    operations = {
        op: Operation(
            one.record, phases=list(one.phases), orders=deque(one.orders), deadlines=dict(one.deadlines),
            work=one.work, interrupt=one.interrupt,
        ) for op, one in records.operations.items()
    }  # fmt: skip
    return ControlRecords(dict(records.lpars), operations, calibration=records.calibration)


def _tidy(records: ControlRecords) -> ControlRecords:
    """Forget what only messages to people tell: no decision looks at it.

    Those are the gauge, predictions and causes; of a record, its story, the names of busy devices, how far the mover
    ever was, and when LIPs left SIE.
    """
    records.calibration, records.in_hand = _NO_CALIBRATION, None
    for one in records.operations.values():
        one.phases, one.gauge, one.progress = one.phases[-1:], Gauge(), -1
        one.cause, one.prediction, one.work_bytes = None, None, 0
        record = evolve(one.record, story=())
        if isinstance(record, Standstill):
            record = evolve(record, busy_devices=(), still_busy=(), halted=(), cleared=(), standings=())
        if isinstance(record, Relocation):
            record = evolve(record, furthest=0)
        one.record = record
    return records


def _course(before: ControlRecords, after: ControlRecords) -> str:
    """Which operations changed their states, for people."""
    told = []
    for op in dict.fromkeys((*before.operations, *after.operations)):
        was = before.operations[op].record.state if op in before.operations else "new"
        now = after.operations[op].record.state if op in after.operations else "over"
        if was != now:
            told.append(f"{op}: {was} -> {now}")
    return f" ({', '.join(told)})" if told else ""
