"""Turns an operation's record from state to state by a table: what all operations have in common.

A `Machine` is made of data. `table` has every transition as one row: in which state, on which event, under
which condition, to which state, with which result. `entry` says what is ordered on entering a state, and
`prepare` what changes in the record then. `ignored` has the events that may cross with a change of state and
mean nothing any more. What stands in none of them is a breach of protocol: `advance` raises and changes nothing.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from attrs import evolve, frozen

from lparvm.errors import ProtocolError
from lparvm.protocol import orders as o
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.phases import STEPS, Phase, State
from lparvm.protocol.results import Result

R = TypeVar("R", bound=OperationRecord)
Condition = Callable[[Any, Any], bool]
Learn = Callable[[Any, Any], Any]
Action = Callable[[Any, Any], "tuple[o.Command, ...]"]


def always(_record: object, _event: object) -> bool:
    """The condition of most rows."""
    return True


def same(record: Any, _event: object = None) -> Any:
    """Nothing is learnt."""
    return record


@frozen
class Row:
    """One transition. `event` None: taken at once when the condition holds. `to` None: the state stays."""

    state: State
    event: type | None
    to: State | None
    when: Condition = always
    result: Result | None = None
    learn: Learn = same
    do: tuple[Action, ...] = ()
    overrules: tuple[Result, ...] = ()


class Machine(Generic[R]):
    """One kind of operation.

    Attributes:
        table, entry, ignored: what it was made of, for diagrams and tests.
    """

    def __init__(
        self,
        table: tuple[Row, ...],
        *,
        entry: Mapping[State, tuple[Action, ...]],
        prepare: Mapping[State, Callable[[R], R]],
        ignored: Collection[tuple[State, type]],
    ) -> None:
        """See the module."""
        self.table, self.entry, self.ignored = table, entry, frozenset(ignored)
        self._prepare = prepare
        self._rows: dict[tuple[State, type], tuple[Row, ...]] = {}
        for row in table:
            key = (row.state, type(None) if row.event is None else row.event)
            self._rows[key] = (*self._rows.get(key, ()), row)

    def enter(self, record: R) -> tuple[R, tuple[o.Command, ...]]:
        """Begin: what is ordered on entering the first state."""
        return self._follow(*self._enter(record, record.state, previous=None))

    def advance(self, record: R, event: object) -> tuple[R, tuple[o.Command, ...]]:
        """The next state, and what to order, after an event.

        Args:
            record: the present state; it is not changed.
            event: a message of `protocol.messages`.

        Raises:
            ProtocolError: no row and no reason to ignore; with the story that led there.
        """
        if (record.state, type(event)) in self.ignored:
            return record, ()
        row = self._applicable(record, event)
        if row is None:
            problem = f"{record.op}: {type(event).__name__} in state {record.state} has no row"
            raise ProtocolError(problem, record.story)
        return self._follow(*self._take(row, record, event))

    def _follow(self, record: R, commands: tuple[o.Command, ...]) -> tuple[R, tuple[o.Command, ...]]:
        """Rows that need no event follow at once, as long as one applies."""
        while (row := self._applicable(record, None)) is not None:
            record, more = self._take(row, record, None)
            commands += more
        return record, commands

    def _applicable(self, record: R, event: object) -> Row | None:
        rows = self._rows.get((record.state, type(event)), ())
        return next((row for row in rows if row.when(record, event)), None)

    def _take(self, row: Row, record: R, event: object) -> tuple[R, tuple[o.Command, ...]]:
        previous = record.phase
        record = row.learn(record, event)
        # The first row that decides the outcome does so for good, save for those that may overrule it.
        if row.result is not None and record.result in (None, *row.overrules):
            record = evolve(record, result=row.result)
        commands = tuple(command for action in row.do for command in action(record, event))
        if row.to is not None:
            record, ordered = self._enter(record, row.to, previous)
            commands += ordered
        return record, commands

    def _enter(self, record: R, state: State, previous: Phase | None) -> tuple[R, tuple[o.Command, ...]]:
        record = evolve(record, state=state, story=(*record.story, str(state)))
        prepare = self._prepare.get(state)
        if prepare is not None:
            record = prepare(record)
        commands: tuple[o.Command, ...] = ()
        if record.phase != previous:
            commands = (o.EnterPhase(record.phase, STEPS[record.phase], state),)
        for action in self.entry.get(state, ()):
            commands += tuple(action(record, None))
        return record, commands
