"""Which rows of the operations' tables an exploration takes: what none takes, none has shown to be right."""

from collections.abc import Callable
from typing import Any

from lparvm.protocol import operations
from lparvm.protocol import orders as o
from lparvm.protocol.operation_record import OperationRecord

Taken = tuple[type[OperationRecord], str, str]
"""Kind of operation, state, and event's name."""


class RowsTaken:
    """Turns records, and remembers on what.

    Attributes:
        taken: all that came.
    """

    def __init__(self, advance: Callable[..., Any] = operations.advance) -> None:
        """`advance` does the work."""
        self._advance = advance
        self.taken: set[Taken] = set()

    def advance(
        self, record: OperationRecord, event: object
    ) -> tuple[OperationRecord, tuple[o.Command, ...]]:
        """As `operations.advance`."""
        self.taken.add((type(record), str(record.state), type(event).__name__))
        after: tuple[OperationRecord, tuple[o.Command, ...]] = self._advance(record, event)
        return after

    def missed(self, kind: type[OperationRecord]) -> list[tuple[str, str]]:
        """(state, event) of a kind's table that never came, in the table's order."""
        return [row for row in _rows(kind) if (kind, *row) not in self.taken]

    @staticmethod
    def rows_of(kind: type[OperationRecord]) -> int:
        """How many pairs of a state and an event its table has."""
        return len(_rows(kind))


def _rows(kind: type[OperationRecord]) -> list[tuple[str, str]]:
    table = operations.KINDS[kind].machine.table
    return list(dict.fromkeys((str(row.state), row.event.__name__) for row in table if row.event))
