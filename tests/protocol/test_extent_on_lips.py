"""A new extent for a guest's state descriptions: LIP control tells every LIP, and waits for all."""

from lparvm.arch.address import Zone
from lparvm.protocol import guest_control as gc
from lparvm.protocol import messages as m

OLD, NEW = Zone(0, 64), Zone(0, 32)
CHANGE = m.ChangeExtent("op.1", "LPAR1", NEW)


def control(*lips: str) -> gc.GuestControl:
    return gc.GuestControl("LPAR1", lips, OLD)


def test_every_lip_is_told_and_the_last_answer_is_the_end():
    state, orders = gc.advance(control("LIP1", "LIP2"), CHANGE)
    assert orders == (gc.OrderExtent("op.1", "LIP1", NEW), gc.OrderExtent("op.1", "LIP2", NEW))
    assert state.in_sie, "the guest runs on"
    state, orders = gc.advance(state, m.ExtentSet("op.1", "LPAR1", "LIP2"))
    assert orders == ()
    _, orders = gc.advance(state, m.ExtentSet("op.1", "LPAR1", "LIP1"))
    assert orders == (gc.AnswerExtent("op.1"),)


def test_the_next_sie_gives_the_new_extent():
    state, _ = gc.advance(control("LIP1"), CHANGE)
    assert state.zone == NEW


def test_an_lpar_without_a_guest_has_it_at_once():
    state, orders = gc.advance(control(), CHANGE)
    assert (state.zone, orders) == (NEW, (gc.AnswerExtent("op.1"),))


def test_a_guest_that_fails_meanwhile_is_stopped_and_the_extent_is_answered_all_the_same():
    state, _ = gc.advance(control("LIP1"), CHANGE)
    state, orders = gc.advance(state, m.GuestFailed(None, "LPAR1", "LIP1", "LVM070E", ""))
    assert orders == (gc.OrderStop(None, "LIP1"),)
    _, orders = gc.advance(state, m.ExtentSet("op.1", "LPAR1", "LIP1"))
    assert orders == (gc.AnswerExtent("op.1"),)
