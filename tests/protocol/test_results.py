import pytest

from lparvm.protocol.catalogue import BY_RESULT, Result
from lparvm.protocol.messages import BusyDevice
from lparvm.protocol.results import LipStop, Outcome, Totals, message_text


def test_a_value_with_braces_is_written_as_it_is():
    assert message_text("LVM025W", lpar="{target}") == "{target}: no such LPAR"


@pytest.mark.parametrize("result", Result)
def test_an_outcome_has_the_message_of_its_result(result: Result):
    outcome = Outcome(result, {"lpar": "LPAR1"})
    assert outcome.code == BY_RESULT[result].code
    assert outcome.message == message_text(outcome.code, lpar="LPAR1")


def test_a_command_that_completed_without_moving_anything_has_its_own_text():
    outcome = Outcome(Result.COMPLETED, {"text": "3 devices"})
    assert (outcome.code, outcome.message) == ("LVM011I", "3 devices")


def test_only_a_completed_command_has_its_own_text():
    outcome = Outcome(Result.UNKNOWN_LPAR, {"lpar": "LPAR9", "text": "something"})
    assert outcome.code == "LVM025W"


def test_an_outcome_may_be_told_by_another_message_than_its_result_s():
    outcome = Outcome(
        Result.COMPLETED, {"lpar": "A", "size": "64M", "target": "0", "text": "no"}, code="LVM013I"
    )
    assert (outcome.code, outcome.message) == ("LVM013I", "A: main storage is 64M now, from 0")


def test_several_operations_add_up_by_lip_and_phase():
    first = Outcome(Result.COMPLETED, {}, (LipStop("A", "LIP1", 30, {"STOPPING": 10, "MOVING": 20}),), 5)
    second = Outcome(
        Result.COMPLETED, {},
        (LipStop("A", "LIP1", 12, {"MOVING": 5, "RESTARTING": 7}), LipStop("B", "LIP1", 1, {"MOVING": 1})), 3,
    )  # fmt: skip
    outcome = Totals().plus(first).plus(second).outcome(Result.PLAN_STOPPED, {"goal": "x"})
    assert outcome.lips == (
        LipStop("A", "LIP1", 42, {"STOPPING": 10, "MOVING": 25, "RESTARTING": 7}), LipStop("B", "LIP1", 1, {"MOVING": 1}),
    )  # fmt: skip
    assert all(sum(stop.phases_ns.values()) == stop.stopped_ns for stop in outcome.lips)
    assert (outcome.pages, outcome.result) == (8, Result.PLAN_STOPPED)
    assert first.lips[0].phases_ns == {"STOPPING": 10, "MOVING": 20}, "what was reported is not changed"


def test_a_device_that_was_busy_in_two_operations_is_named_once_as_last_reported():
    before, after, other = (
        BusyDevice(number, "IOP1", 0, "READ", 2, 0, left, 5) for number, left in ((1, 9), (1, 4), (2, 4))
    )
    totals = Totals().plus(Outcome(Result.COMPLETED, busy_devices=(before, other))).plus(
        Outcome(Result.COMPLETED, busy_devices=(after,))
    )  # fmt: skip
    assert totals.busy_devices == (after, other)
