"""Edits of the relocation's table that would change nothing are refused."""

import pytest

from lparvm.protocol import messages as m
from lparvm.protocol import relocation
from lparvm.protocol.phases import State
from lparvm.stress.mutants.tables import changed, without


def test_an_edit_changes_the_rows_that_it_names_and_no_other():
    edited = changed(State.MOVING, m.MoveEnded, was=State.NOTIFYING, to=State.RESTARTING)
    different = [row for row, before in zip(edited, relocation.TABLE, strict=True) if row != before]
    assert [(row.state, row.event, row.to) for row in different] == [
        (State.MOVING, m.MoveEnded, State.RESTARTING)
    ]


def test_an_edit_without_effect_is_refused():
    with pytest.raises(AssertionError, match="no row of MOVING"):
        changed(State.MOVING, m.StopTimedOut, to=State.RESTARTING)
    with pytest.raises(AssertionError, match="MOVING has no such row"):
        without(State.MOVING, m.StopTimedOut)
