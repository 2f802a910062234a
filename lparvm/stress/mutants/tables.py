"""The relocation's table with another row: what most errors of the protocol itself come down to.

The edits insist that there is something to edit: a table that has changed makes them fail, not do nothing.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from attrs import evolve

from lparvm.assembly import Parts
from lparvm.protocol import operations, relocation, standstill
from lparvm.protocol import orders as o
from lparvm.protocol.engine import Action, Machine, Row
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation

Table = tuple[Row, ...]
Prepare = Callable[[Any], Any]
Commands = tuple[o.Command, ...]


def parts_with(
    table: Table = relocation.TABLE,
    *,
    entry: Mapping[State, tuple[Action, ...]] | None = None,
    prepare: Mapping[State, Prepare] | None = None,
    ignored: Collection[tuple[State, type]] = (),
) -> Parts:
    """Parts of a machine whose relocations are turned by another table; other operations by their own.

    Args:
        table: every row.
        entry: what is ordered on entering these states; elsewhere as ever.
        prepare: how the record changes on entering these states; elsewhere as ever.
        ignored: events that mean nothing, beside those that never do.
    """
    machine: Machine[Relocation] = Machine(
        table,
        entry={**relocation.ENTRY, **(entry or {})},
        prepare={**standstill.PREPARE, **(prepare or {})},
        ignored={*relocation.IGNORED, *ignored},
    )

    def advance(record: Any, event: object) -> tuple[Any, Commands]:
        if isinstance(record, Relocation):
            return machine.advance(record, event)
        return operations.advance(record, event)

    return Parts(advance=advance)


def changed(
    state: State,
    event: type | None,
    *,
    to: State | None,
    was: State | None = None,
    table: Table = relocation.TABLE,
    **more: Any,
) -> Table:
    """The table with other rows for an event in a state.

    Args:
        state: where.
        event: what comes; None: nothing is needed.
        to: the state that these rows go to now.
        was: only the rows that went to this state; None: all.
        table: what is edited.
        more: what else is different in them.
    """
    edited = tuple(
        evolve(row, to=to, **more) if _is(row, state, event) and was in (None, row.to) else row
        for row in table
    )
    assert edited != table, f"no row of {state} is another one now"
    return edited


def without(state: State, event: type | None) -> Table:
    """The table without the rows for an event in a state."""
    edited = tuple(row for row in relocation.TABLE if not _is(row, state, event))
    assert edited != relocation.TABLE, f"{state} has no such row"
    return edited


def _is(row: Row, state: State, event: type | None) -> bool:
    return row.state is state and row.event is event
